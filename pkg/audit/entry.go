package audit

// Version is the number of the format of entries.
const Version = 1

// Type says what an entry records.
type Type string

// Types of entries. The list only grows.
const (
	Genesis          Type = "genesis"            // the first entry of a log
	SegmentOpen      Type = "segment.open"       // the first entry of every other segment
	CheckResult      Type = "check.result"       // a readiness verdict
	ConfigChange     Type = "config.change"      // what changed in the configuration since the last such entry
	RequestEvaluated Type = "request.evaluated"  // a request and its approvals, as counted
	ExecutionIntent  Type = "execution.intent"   // what is about to be done, before it is
	StepResult       Type = "step.result"        // what one step did
	ExecutionOutcome Type = "execution.outcome"  // how a run ended
	BreakGlassUsed   Type = "breakglass.invoked" // an emergency with fewer people
	BreakGlassReview Type = "breakglass.review"  // what was found about it afterwards
	LockBroken       Type = "lock.broken"        // two persons take a lock from a run that cannot come back

	ProtectionRestored Type = "protection.restored" // what a run moved is protected again, as a person says and a check saw
	TrustUpdate        Type = "trust.update"        // a new version of the keys
	RedactionNotice    Type = "redaction.notice"    // something was taken out of a disclosure
	RecoveryImport     Type = "recovery.import"     // segments that could not be appended when they were written
	Heartbeat          Type = "heartbeat"           // nothing happened
)

// Entry is one record. Members that do not apply to its type are absent. The
// fields stand in the order of their names, which is the canonical order.
type Entry struct {
	Action      string            `json:"action,omitzero"` // what is done: switchover, check
	Actor       *Actor            `json:"actor,omitzero"`
	BreakGlass  *BreakGlass       `json:"breakGlass,omitzero"` // absent: it was none
	Change      *Change           `json:"change,omitzero"`
	CreatedAt   Time              `json:"createdAt,omitzero"`   // genesis
	Environment string            `json:"environment,omitzero"` // of the system
	Evidence    []Evidence        `json:"evidence,omitzero"`
	Frontier    []string          `json:"frontier,omitzero"` // SHA-256 of segments that were not sealed yet, sorted
	Log         string            `json:"log"`               // origin: the unique name of the log
	Nonce       string            `json:"nonce,omitzero"`    // genesis: makes two logs of one name different
	Outcome     Outcome           `json:"outcome,omitzero"`
	Plan        *Plan             `json:"plan,omitzero"` // execution.intent: what will be done
	Policy      *Policy           `json:"policy,omitzero"`
	PrevPart    string            `json:"prevPart,omitzero"` // SHA-256 of the run's segment before this one
	Reasons     []string          `json:"reasons,omitzero"`  // reason codes and rule ids
	Redacted    map[string]string `json:"redacted,omitzero"` // path of a member -> salted digest of what stood there
	Replication *Replication      `json:"replication,omitzero"`
	Request     *Request          `json:"request,omitzero"`
	Resolution  *Resolution       `json:"resolution,omitzero"` // step.result: a person said it; protection.restored: what one said of a backup
	Run         string            `json:"run"`                 // 32 hexadecimal digits
	Seen        *TreeHead         `json:"seen,omitzero"`       // the newest seal the writer knew
	Segment     string            `json:"segment"`
	Seq         int64             `json:"seq"` // counts the entries of a run from 0, over all its segments
	Signer      *SignerID         `json:"signer,omitzero"`
	Step        *Step             `json:"step,omitzero"`
	System      string            `json:"system,omitzero"`      // name of the resource or group
	Time        Time              `json:"time"`                 // the writer's clock: a claim
	Tool        string            `json:"tool,omitzero"`        // name and version of the writer
	Trust       *TrustRef         `json:"trust,omitzero"`       // trust.update
	TrustSHA256 string            `json:"trustSha256,omitzero"` // genesis: of the first version of the keys
	Type        Type              `json:"type"`
	V           int               `json:"v"`
	Verdict     *Verdict          `json:"verdict,omitzero"`
}

// Actor is who did it. ID is the number of the account at the host, which does
// not change when the account is renamed. In CI everything comes from the claims
// of the job's verified identity token, never the token itself.
type Actor struct {
	Environment  string `json:"environment,omitzero"`
	Event        string `json:"event,omitzero"`
	ID           string `json:"id"`
	Issuer       string `json:"issuer,omitzero"`
	Kind         string `json:"kind"` // ci, human or service
	Login        string `json:"login,omitzero"`
	Ref          string `json:"ref,omitzero"`
	RepositoryID string `json:"repositoryId,omitzero"`
	RunAttempt   string `json:"runAttempt,omitzero"`
	RunID        string `json:"runId,omitzero"`
	Runner       string `json:"runner,omitzero"`
	SHA          string `json:"sha,omitzero"`
	Subject      string `json:"subject,omitzero"`
	WorkflowRef  string `json:"workflowRef,omitzero"`
	WorkflowSHA  string `json:"workflowSha,omitzero"`
}

// Change is what changed in the configuration repository between two commits.
type Change struct {
	Authors []string `json:"authors"` // of the commits, as Git names them, sorted
	Commits int64    `json:"commits"`
	Files   []string `json:"files"` // sorted; what was cut off is counted in Omitted
	From    string   `json:"from"`  // exclusive; empty for the first entry
	Omitted int64    `json:"omitted,omitzero"`
	To      string   `json:"to"` // inclusive
}

// Verdict is what a check found.
type Verdict struct {
	Commit     string   `json:"commit,omitzero"` // of the configuration
	Kind       string   `json:"kind"`            // resource or group
	Members    []Member `json:"members,omitzero"`
	ObservedAt Time     `json:"observedAt,omitzero"` // the oldest reading it rests on
	Status     string   `json:"status"`              // green, yellow, red or unknown
	Tier       int64    `json:"tier,omitzero"`
	ValidUntil Time     `json:"validUntil,omitzero"`
}

// Member is the verdict of a member of a group.
type Member struct {
	Name    string   `json:"name"`
	Reasons []string `json:"reasons,omitzero"`
	Status  string   `json:"status"`
}

// Request is the pull request that asks for a run.
type Request struct {
	BaseSHA string            `json:"baseSha,omitzero"`
	By      string            `json:"by,omitzero"` // number of the account that asks; empty: the entry's actor
	Digest  string            `json:"digest"`      // SHA-256 of the canonical request document
	HeadSHA string            `json:"headSha,omitzero"`
	Params  map[string]string `json:"params,omitzero"`
	PR      int64             `json:"pr,omitzero"`
	Reason  string            `json:"reason,omitzero"`
	URL     string            `json:"url,omitzero"`
}

// Plan is what a run will do.
type Plan struct {
	Digest string   `json:"digest"`
	Steps  []string `json:"steps"`
}

// Policy is how the approvals were counted. Required has a role for each person that
// is needed; each is met by an approval in that role, by another person each.
type Policy struct {
	Approvals  []Approval `json:"approvals"`
	Digest     string     `json:"digest"`
	Exceptions []string   `json:"exceptions,omitzero"`
	Required   []string   `json:"required"`
	Rule       string     `json:"rule"`
	Satisfied  bool       `json:"satisfied"`
	Version    string     `json:"version,omitzero"`
}

// Approval is one review.
type Approval struct {
	At        Time   `json:"at"`
	CommitSHA string `json:"commitSha"`
	ID        string `json:"id"` // number of the account
	Login     string `json:"login,omitzero"`
	ReviewID  string `json:"reviewId,omitzero"`
	Role      string `json:"role,omitzero"`
	State     string `json:"state"`
}

// Outcome is how something ended.
type Outcome string

// Outcomes. Unknown is one: what is not known is not taken for a success.
const (
	Succeeded  Outcome = "succeeded"
	Failed     Outcome = "failed"
	Aborted    Outcome = "aborted"
	Refused    Outcome = "refused"
	RolledBack Outcome = "rolled-back"
	InDoubt    Outcome = "unknown"
)

// BreakGlass says that an emergency with fewer people was declared.
type BreakGlass struct {
	By        string `json:"by"`
	Code      string `json:"code"`
	Expires   Time   `json:"expires"`
	Reason    string `json:"reason"`
	ReviewDue Time   `json:"reviewDue"`
}

// Step is one step of a run.
type Step struct {
	Attempts     int64  `json:"attempts,omitzero"`
	Code         string `json:"code,omitzero"`
	EndedAt      Time   `json:"endedAt,omitzero"`
	Index        int64  `json:"index"`
	Mutating     bool   `json:"mutating"`
	Name         string `json:"name"`
	OutputDigest string `json:"outputDigest,omitzero"`
	StartedAt    Time   `json:"startedAt,omitzero"`
	Status       string `json:"status"`
}

// Resolution is what a person said of a step that nobody could tell about.
type Resolution struct {
	By        string `json:"by"`        // the person, by the id of the roster
	Reason    string `json:"reason"`    // in the person's words
	Signature string `json:"signature"` // of the statement: armored, of SSH
	Statement string `json:"statement"` // what the person signed
}

// Replication is where the nodes were before and after.
type Replication struct {
	After  []Marker `json:"after,omitzero"`
	Before []Marker `json:"before,omitzero"`
}

// Marker is a position of one node in its own terms.
type Marker struct {
	Kind       string `json:"kind"` // lsn, gtid, optime, offset
	LagMS      *int64 `json:"lagMs,omitzero"`
	Node       string `json:"node"`
	ObservedAt Time   `json:"observedAt"`
	Position   string `json:"position"`
	Role       string `json:"role"`
	System     string `json:"system"`
}

// Evidence is a document kept elsewhere, known by its digest.
type Evidence struct {
	MediaType string `json:"mediaType,omitzero"`
	Name      string `json:"name"`
	SHA256    string `json:"sha256"`
	URI       string `json:"uri,omitzero"`
}

// TreeHead is the tree over a number of leaves.
type TreeHead struct {
	Root string `json:"root"` // hexadecimal
	Size int64  `json:"size"`
}

// SignerID says who signed a segment. It is a hint: what is trusted is decided
// by the keys in force.
type SignerID struct {
	Backend string `json:"backend"` // ed25519, ssh, exec
	KeyID   string `json:"keyId"`
}

// TrustRef names a version of the keys.
type TrustRef struct {
	SHA256  string `json:"sha256"`
	Version int64  `json:"version"`
}

package approval

import (
	"time"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// EvidenceSchema names the form of an Evidence in JSON.
const EvidenceSchema = "bcctl-approval-evidence-v1"

// Evidence is everything that was read in order to decide about one request, as
// plain data. It holds no opinion: Verify alone decides what it means. It is kept in
// the audit log, so that the same verdict can be reached later, offline.
//
// Whatever was not read, could not be read or was null stays at its zero value, and
// a zero value never speaks for the request (API-01). A list says whether it was read
// to its end; an empty list that was not is not an empty list (PR-05).
type Evidence struct {
	Schema string `json:"schema"` // EvidenceSchema
	Source Source `json:"source"` // who was asked

	// ReadAt is the clock of this machine when reading ended, ServerDate the Date
	// header of an answer at the same moment (BIND-06).
	ReadAt     time.Time `json:"readAt,omitzero"`
	ServerDate time.Time `json:"serverDate,omitzero"`

	Repository Repository  `json:"repository,omitzero"`
	Main       Main        `json:"main,omitzero"`
	Pull       PullRequest `json:"pull,omitzero"`

	Files      List[ChangedFile]     `json:"files,omitzero"`      // of the pull request
	Commits    List[Commit]          `json:"commits,omitzero"`    // of the pull request
	Reviews    List[Review]          `json:"reviews,omitzero"`    // all of them, in any order
	Dismissals List[Dismissal]       `json:"dismissals,omitzero"` // of reviews
	Movements  List[Movement]        `json:"movements,omitzero"`  // of the head ref: repository activity
	Timeline   List[TimelineEvent]   `json:"timeline,omitzero"`   // of the pull request: the kinds that TimelineKind names
	Comments   List[Comment]         `json:"comments,omitzero"`   // of the pull request: withdrawals are among them
	RuleSuite  RuleSuite             `json:"ruleSuite,omitzero"`  // of the merge commit (ADM-02)
	Changes    List[AuthorityChange] `json:"changes,omitzero"`    // to rules, policy and roster in the last 24 h (ADM-03)

	// Teams holds every membership that was asked for: one for each team that a slot
	// of the policy's entry names and each user with a review (ID-07).
	Teams []TeamMembership `json:"teams,omitempty"`

	// Request holds the raw bytes of the request at the pull request's head; the file is
	// described at all three places where it must be the same (BIND-01).
	Request        []byte `json:"request,omitempty"`
	RequestPath    string `json:"requestPath,omitempty"`
	RequestAtHead  File   `json:"requestAtHead,omitzero"`
	RequestAtMerge File   `json:"requestAtMerge,omitzero"`
	RequestAtTip   File   `json:"requestAtTip,omitzero"`

	// Pins holds one fact for each path that the request pins (BIND-02).
	Pins []PinFact `json:"pins,omitempty"`

	// The documents that decide, by the commit they were read from (POL-01): every
	// file with an ApprovalPolicy and the roster at main's tip, and the roster at the
	// first parent of the merge commit (ID-03). What they say is decoded by the caller.
	Policies     List[DocumentAt] `json:"policies,omitzero"`
	Roster       DocumentAt       `json:"roster,omitzero"`
	RosterBefore DocumentAt       `json:"rosterBefore,omitzero"`

	Ledger Ledger     `json:"ledger,omitzero"`
	Ticket TicketFact `json:"ticket,omitzero"` // needed where the policy asks for states

	// Confirmation is the comment that asks for execution, fetched by its id
	// (CONF-01); Typed is what was typed at a terminal instead (CONF-08). Run is the
	// workflow run that bcctl is part of, when it runs in one (CONF-06, CONF-07).
	Confirmation *Comment     `json:"confirmation,omitempty"`
	Typed        *TypedLine   `json:"typed,omitempty"`
	Run          *WorkflowRun `json:"run,omitempty"`

	// Offline is what counts instead of the forge while it cannot be reached.
	Offline *OfflineEvidence `json:"offline,omitempty"`
}

// Source says who was asked.
type Source string

// Sources of evidence.
const (
	SourceGitHub  Source = "github"
	SourceOffline Source = "offline" // a clone, a trust snapshot and signed statements
)

// Fact is a yes or a no that somebody read. The zero value is neither: it was not
// read, or could not be.
type Fact string

// The two answers.
const (
	Yes Fact = "yes"
	No  Fact = "no"
)

// FactOf returns the answer for a value that was read.
func FactOf(yes bool) Fact {
	if yes {
		return Yes
	}
	return No
}

// List is a list that says whether all of it was read.
type List[T any] struct {
	Complete Fact `json:"complete,omitempty"` // yes: to the last page, without a limit being met
	Items    []T  `json:"items,omitempty"`
}

// Complete returns a list that was read to its end.
func Complete[T any](items ...T) List[T] { return List[T]{Yes, items} }

// UserType is the type of an account, as the forge gives it.
type UserType string

// UserTypeUser is the only type of account that belongs to a person (ID-02).
const UserTypeUser UserType = "User"

// User is an account as an answer gave it. Nil stands for null.
type User struct {
	ID    int64    `json:"id"`
	Type  UserType `json:"type,omitempty"`
	Login string   `json:"login,omitempty"` // for display only (ID-01)
}

// Repository is the repository as the answer's body names it, whatever was asked
// for: redirects after a rename or a transfer are followed silently (PR-01).
type Repository struct {
	ID            int64  `json:"id,omitempty"`
	FullName      string `json:"fullName,omitempty"` // for display only
	DefaultBranch string `json:"defaultBranch,omitempty"`
}

// Main is the default branch at the moment of reading.
type Main struct {
	Ref string `json:"ref,omitempty"` // short name, such as main
	Tip string `json:"tip,omitempty"` // commit

	// Checkout is the commit that would be executed from: where the configuration in
	// use was loaded. Empty while nothing is to be executed.
	Checkout string `json:"checkout,omitempty"`
}

// PullRequest is the pull request that added the request.
type PullRequest struct {
	Number int    `json:"number,omitempty"`
	ID     int64  `json:"id,omitempty"`
	URL    string `json:"url,omitempty"` // for display only
	Author *User  `json:"author,omitempty"`
	Base   Ref    `json:"base,omitzero"`
	Head   Ref    `json:"head,omitzero"`

	// FetchedHead is what the ref refs/pull/N/head was when it was fetched with git;
	// it must be Head.SHA (APP-10).
	FetchedHead string `json:"fetchedHead,omitempty"`

	Merged      Fact      `json:"merged,omitempty"`
	MergedAt    time.Time `json:"mergedAt,omitzero"`
	MergedBy    *User     `json:"mergedBy,omitempty"`
	MergeCommit string    `json:"mergeCommit,omitempty"`
	FirstParent string    `json:"firstParent,omitempty"` // of the merge commit

	// OnMain says whether the merge commit is an ancestor of main's tip, or the tip
	// itself, found in git (PR-04).
	OnMain Fact `json:"onMain,omitempty"`
}

// Ref is one side of a pull request.
type Ref struct {
	RepositoryID int64  `json:"repositoryId,omitempty"`
	Name         string `json:"name,omitempty"` // of the branch
	SHA          string `json:"sha,omitempty"`
}

// ChangedFile is one file that the pull request changes.
type ChangedFile struct {
	Path   string `json:"path"`
	Status string `json:"status,omitempty"` // added, modified, removed, renamed, ...
	Mode   string `json:"mode,omitempty"`   // at the head, in git's octal form: 100644
	Size   *int64 `json:"size,omitempty"`   // in bytes
}

// Commit is one commit of the pull request.
type Commit struct {
	SHA       string    `json:"sha,omitempty"`
	Parents   []string  `json:"parents,omitempty"`
	Author    Signature `json:"author,omitzero"`
	Committer Signature `json:"committer,omitzero"`

	// Message is the whole message; people it names as co-authors count as authors.
	Message string `json:"message,omitempty"`

	Verified Fact `json:"verified,omitempty"` // the forge verified the commit's signature
}

// Signature says who made a commit.
type Signature struct {
	User  *User  `json:"user,omitempty"` // the account to which the forge attributes the address
	Email string `json:"email,omitempty"`
}

// ReviewState is the state of a review.
type ReviewState string

// States of reviews.
const (
	Approved         ReviewState = "APPROVED"
	ChangesRequested ReviewState = "CHANGES_REQUESTED"
	Dismissed        ReviewState = "DISMISSED"
	Commented        ReviewState = "COMMENTED"
	Pending          ReviewState = "PENDING"
)

// Review is one review.
type Review struct {
	ID          int64       `json:"id,omitempty"`
	User        *User       `json:"user,omitempty"`
	State       ReviewState `json:"state,omitempty"`
	SubmittedAt time.Time   `json:"submittedAt,omitzero"`
	CommitID    string      `json:"commitId,omitempty"`
	Body        string      `json:"body,omitempty"`
	Edited      Fact        `json:"edited,omitempty"` // the body was changed after it was submitted (APP-06)
}

// Dismissal says that a review was dismissed.
type Dismissal struct {
	ReviewID int64     `json:"reviewId,omitempty"`
	Actor    *User     `json:"actor,omitempty"`
	At       time.Time `json:"at,omitzero"`
}

// Movement is a change of the head ref as the server recorded it. The dates of
// commits are made by their authors and say nothing (APP-04).
type Movement struct {
	ID     int64     `json:"id,omitempty"`
	Kind   string    `json:"kind,omitempty"` // push, force_push, branch_creation, branch_deletion, ...
	Actor  *User     `json:"actor,omitempty"`
	Before string    `json:"before,omitempty"` // all zeros: the ref was created
	After  string    `json:"after,omitempty"`  // all zeros: the ref was deleted
	At     time.Time `json:"at,omitzero"`
}

// TimelineKind is the kind of an event that makes approvals stale, or hides a refusal.
type TimelineKind string

// Kinds of events that are kept as evidence.
const (
	HeadForcePushed TimelineKind = "head_ref_force_pushed"
	HeadDeleted     TimelineKind = "head_ref_deleted"
	HeadRestored    TimelineKind = "head_ref_restored"
	BaseChanged     TimelineKind = "base_ref_changed"
	BaseForcePushed TimelineKind = "base_ref_force_pushed"

	// CommentDeleted is recorded where somebody deleted a comment of somebody else. What
	// it said is gone.
	CommentDeleted TimelineKind = "comment_deleted"
)

// TimelineEvent is one such event.
type TimelineEvent struct {
	Kind  TimelineKind `json:"kind"`
	Actor *User        `json:"actor,omitempty"`
	At    time.Time    `json:"at,omitzero"`
}

// Comment is a comment on the pull request.
type Comment struct {
	ID        int64     `json:"id,omitempty"`
	Pull      int       `json:"pull,omitempty"` // number of the pull request it stands on
	User      *User     `json:"user,omitempty"`
	Body      string    `json:"body,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	ViaApp    Fact      `json:"viaApp,omitempty"` // posted through an App (CONF-03)

	// Edited says whether the text was changed after it was posted. Former holds the lines
	// of earlier texts that ask bcctl for something, where the comment was edited: what
	// withdrew a request once cannot be taken back by an edit (RUN-03).
	Edited Fact         `json:"edited,omitempty"`
	Former List[string] `json:"former,omitzero"`
}

// SuiteResult is what the repository's rules said when the merge commit was pushed.
type SuiteResult string

// Results of rules.
const (
	SuitePass   SuiteResult = "pass"
	SuiteFail   SuiteResult = "fail"
	SuiteBypass SuiteResult = "bypass"
)

// RuleSuite is the entry of the merge commit among the evaluations of the
// repository's rules. An empty result means that it was not found or not readable.
type RuleSuite struct {
	ID     int64       `json:"id,omitempty"`
	Result SuiteResult `json:"result,omitempty"`
}

// AuthorityChange is a recent change to what decides: rules of branches, policy,
// roster. It stops nothing, and is shown before the confirmation (ADM-03).
type AuthorityChange struct {
	What  string    `json:"what"` // a path, or the name of a rule set
	Actor string    `json:"actor,omitempty"`
	At    time.Time `json:"at,omitzero"`
}

// Membership is what a team says about a user.
type Membership string

// Answers about memberships. The zero value is no answer: the team could not be
// read, for example because the token may not (ID-07).
const (
	MemberActive  Membership = "active"
	MemberPending Membership = "pending"
	MemberNone    Membership = "none" // the team was read, and the user is not in it
)

// TeamMembership is one answer.
type TeamMembership struct {
	Team       Team       `json:"team"`
	UserID     int64      `json:"userId"`
	Membership Membership `json:"membership,omitempty"`
}

// TicketFact is the change ticket as its system gave it.
type TicketFact struct {
	System    string `json:"system,omitempty"`
	Reference string `json:"reference,omitempty"`
	State     string `json:"state,omitempty"`
}

// FileState says whether a file was there.
type FileState string

// States of files. The zero value is: not read.
const (
	FilePresent FileState = "present"
	FileAbsent  FileState = "absent"
)

// File is a file of a commit, read from git objects by the commit's SHA (API-06).
type File struct {
	State  FileState      `json:"state,omitempty"`
	Mode   string         `json:"mode,omitempty"` // 100644
	Size   int64          `json:"size,omitempty"` // in bytes
	SHA256 runbook.Digest `json:"sha256,omitempty"`
}

// FileOf describes a file that was read.
func FileOf(mode string, data []byte) File {
	return File{FilePresent, mode, int64(len(data)), runbook.FileDigest(data)}
}

// PinFact is one pinned path as it was found. A path within bcctl itself
// (bcctl:runbooks/NAME) is found in the running program, for both.
type PinFact struct {
	Path    string `json:"path"`
	AtMerge File   `json:"atMerge,omitzero"`
	AtTip   File   `json:"atTip,omitzero"`
}

// DocumentAt is a file with a document, by commit.
type DocumentAt struct {
	Path   string `json:"path,omitempty"`
	Commit string `json:"commit,omitempty"`
	File   File   `json:"file,omitzero"`
}

// Ledger is what the ledger of runs knows about this request and its neighbors,
// without the claim that the present attempt itself has made.
type Ledger struct {
	// Paths are the requests the ledger has seen at this path or with this id (PR-07).
	Paths List[SeenRequest] `json:"paths,omitzero"`

	// Comments are ids of comments that were used as confirmations, of this request
	// and of others (CONF-05).
	Comments List[int64] `json:"comments,omitzero"`

	// Attempts are those of this request (CONF-05, RUN-02).
	Attempts List[Attempt] `json:"attempts,omitzero"`

	// Withdrawn says whether the ledger has a withdrawal of this request.
	Withdrawn Fact `json:"withdrawn,omitempty"`

	// OpenReviews are reviews of break-glass runs that are not done (BG-04).
	OpenReviews List[OpenReview] `json:"openReviews,omitzero"`

	// Unreconciled are offline runs that were not reconciled yet and that touch a key
	// of this request (OFF-06).
	Unreconciled List[string] `json:"unreconciled,omitzero"`

	// Ended are other requests that ran to their end. No rule here asks for them: what
	// they pause, calendars say (SI-33).
	Ended []EndedRequest `json:"-"`
}

// EndedRequest is a request that was carried out.
type EndedRequest struct {
	ID string
	At time.Time
}

// SeenRequest is a request in the ledger.
type SeenRequest struct {
	ID     string         `json:"id"`
	Path   string         `json:"path"`
	Digest runbook.Digest `json:"digest"`
}

// AttemptState is how an attempt ended.
type AttemptState string

// States of attempts. The last four end the request (RUN-02).
const (
	AttemptClaimed   AttemptState = "claimed" // it may be running
	AttemptStopped   AttemptState = "stopped" // it can be resumed
	AttemptRefused   AttemptState = "refused" // prechecks refused; nothing was changed
	AttemptDone      AttemptState = "done"
	AttemptFailed    AttemptState = "failed"
	AttemptAborted   AttemptState = "aborted"
	AttemptWithdrawn AttemptState = "withdrawn"
)

// Attempt is one attempt of this request.
type Attempt struct {
	Number int            `json:"number"`
	Digest runbook.Digest `json:"digest"`
	State  AttemptState   `json:"state,omitempty"`
	At     time.Time      `json:"at,omitzero"` // of the claim

	// PastNoReturn says whether the attempt passed the point of no return (RUN-06).
	PastNoReturn Fact `json:"pastNoReturn,omitempty"`
}

// OpenReview is the review of a break-glass run that is not done.
type OpenReview struct {
	Request   string    `json:"request"`
	Requester string    `json:"requester"` // person
	Due       time.Time `json:"due,omitzero"`
}

// TypedLine is a confirmation that was typed at a terminal, and signed (CONF-08).
type TypedLine struct {
	Terminal Fact `json:"terminal,omitempty"` // the line was read from a terminal

	// Statement is a TypedStatement in canonical form, Signature the armored SSH
	// signature over it.
	Statement []byte `json:"statement,omitempty"`
	Signature []byte `json:"signature,omitempty"`
}

// WorkflowRun is the run that bcctl is part of, as the API gives it. The run's own
// environment is not evidence.
type WorkflowRun struct {
	ID              int64  `json:"id,omitempty"`
	Attempt         int    `json:"attempt,omitempty"`
	Event           string `json:"event,omitempty"`
	Actor           *User  `json:"actor,omitempty"`
	TriggeringActor *User  `json:"triggeringActor,omitempty"`
	Workflow        string `json:"workflow,omitempty"` // path of the file
	RepositoryID    int64  `json:"repositoryId,omitempty"`
	HeadBranch      string `json:"headBranch,omitempty"`
	HeadSHA         string `json:"headSha,omitempty"`
	HeadOnMain      Fact   `json:"headOnMain,omitempty"` // HeadSHA is an ancestor of main's tip, or the tip
}

// OfflineEvidence is what counts while the forge cannot be reached.
type OfflineEvidence struct {
	// Asked says that a person asked for offline mode, Answered whether the forge
	// answered after all (OFF-01).
	Asked    Fact   `json:"asked,omitempty"`
	Answered Fact   `json:"answered,omitempty"`
	Host     string `json:"host,omitempty"`

	// Snapshot is the trust snapshot as its file holds it, with its signatures.
	// HighestSeen is the highest version this host ever accepted; it is kept on the host
	// (OFF-02).
	Snapshot    []byte   `json:"snapshot,omitempty"`
	Signatures  [][]byte `json:"signatures,omitempty"`
	HighestSeen *int64   `json:"highestSeen,omitempty"`

	// Statements are the approvals, vetoes and whatever else was handed over.
	Statements []SignedStatement `json:"statements,omitempty"`

	// HostLock says that this process keeps every other one of the host from running
	// anything offline, LocalClaim that the ledger of the host has the claim of this
	// attempt by this run (OFF-05).
	LocalClaim Fact `json:"localClaim,omitempty"`
	HostLock   Fact `json:"hostLock,omitempty"`

	// Begun says that an attempt of this run changed something and stopped, and that it
	// began offline, as the ledger of this host has it. Only such a run may go on offline
	// when the forge answers again.
	Begun Fact `json:"begun,omitempty"`
}

// SignedStatement is a statement as its file holds it, and its SSH signature in
// armored form.
type SignedStatement struct {
	Statement []byte `json:"statement"`
	Signature []byte `json:"signature"`
}

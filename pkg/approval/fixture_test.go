package approval

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/runbook"
)

const (
	repoID      = int64(4711)
	policyPath  = "policies/approval.yaml"
	rosterPath  = "roster.yaml"
	ledgerPath  = "resources/ledger.yaml"
	requestFile = "requests/2026/2026-001.yaml"
	workflow    = ".github/workflows/execute.yml"
)

// noon is the Now of every case; everything else happens around it.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

func ptr[T any](v T) *T { return &v }

func sha(c string) string { return strings.Repeat(c, 40) }

// persons of the roster by account: ann wrote the request, ben and cleo approve,
// dora runs it, eve may do both, finn and gus may only look.
var (
	ann   = User{101, UserTypeUser, "ann"}
	ben   = User{102, UserTypeUser, "ben"}
	cleo  = User{103, UserTypeUser, "cleo"}
	dora  = User{104, UserTypeUser, "dora"}
	eve   = User{105, UserTypeUser, "eve"}
	finn  = User{106, UserTypeUser, "finn"}
	gus   = User{107, UserTypeUser, "gus"}
	eve2  = User{205, UserTypeUser, "eve-at-home"}
	other = User{666, UserTypeUser, "mallory"}
	robot = User{900, "Bot", "bcctl[bot]"}
)

// keys are those of people and roots, by name; making one takes a while.
var keys = func() map[string]ssh.Signer {
	made := make(map[string]ssh.Signer)
	for _, name := range []string{"ann", "ben", "cleo", "dora", "eve", "finn", "gus", "root1", "root2", "root3"} {
		seed := make([]byte, ed25519.SeedSize)
		copy(seed, name)
		s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed))
		if err != nil {
			panic(err)
		}
		made[name] = s
	}
	return made
}()

func signer(name string) ssh.Signer { return keys[name] }

var publicKeys = func() map[string]string {
	made := make(map[string]string)
	for name, s := range keys {
		made[name] = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
	}
	return made
}()

func publicKey(name string) string { return publicKeys[name] }

func sign(name, namespace string, document []byte) []byte {
	sig, err := sshsig.Sign(bytes.NewReader(document), signer(name), sshsig.HashSHA512, namespace)
	if err != nil {
		panic(err)
	}
	return sshsig.Armor(sig)
}

func roster() Roster {
	person := func(u User, roles ...Role) Person {
		return Person{ID: u.Login, GitHub: []Account{{u.ID, u.Login}}, Emails: []string{u.Login + "@example.com"}, Roles: roles, SSHKeys: []SSHKey{{Key: publicKey(u.Login)}}}
	}
	r := Roster{People: []Person{
		person(ann, ApproverIT, ApproverBusiness, Operator), person(ben, ApproverIT), person(cleo, ApproverBusiness),
		person(dora, Operator, ApproverIT), person(eve, ApproverIT, ApproverBusiness), person(finn, Viewer), person(gus, Viewer),
	}}
	r.People[4].GitHub = append(r.People[4].GitHub, Account{eve2.ID, eve2.Login})
	return r
}

func policy() Policy {
	both := []Slot{{Role: SlotIT}, {Role: SlotBusiness}}
	return Policy{
		Entries: []Entry{
			{Tier: 1, Action: runbook.Switchover, Slots: both, Offline: true},
			{Tier: 1, Action: runbook.Failover, Slots: both},
			{Tier: 2, Action: runbook.Switchover, Slots: []Slot{{Role: SlotIT}}, DigestLine: DigestOptional},
			{Tier: 2, Action: runbook.Drill, Slots: []Slot{{Role: SlotIT}}},
		},
		BreakGlass: []BreakGlass{{Tier: 1, Action: runbook.Switchover, Slots: []Slot{{Role: SlotIT}}, IncidentPattern: "INC-[0-9]+", Relax: []RuleID{"APP-07", "APP-02"}}},
		Offline:    &Offline{Hosts: []string{"dr-host"}},
	}
}

func file(text string) File { return FileOf(regularFile, []byte(text)) }

// approved is a case in which everything holds: a tier 1 switchover, confirmed by a
// comment.
func approved() Case {
	pins := map[string]runbook.Digest{policyPath: file("policy").SHA256, ledgerPath: file("ledger").SHA256, "bcctl:runbooks/pg.native/switchover": file("runbook").SHA256}
	request := runbook.Request{
		Type: runbook.Switchover, Target: "pg/ledger", TargetSite: "fra", Reason: "maintenance", Requester: "ann",
		NotBefore: ago(2 * time.Hour), ExpiresAt: noon.Add(4 * time.Hour), Runbook: "pg.native/switchover", Pins: pins,
		Plan: file("plan").SHA256, Commit: sha("0"),
	}
	tip, parent := sha("a"), sha("b")
	c := Case{
		Mode: ModeConfirm, Now: noon, RepositoryID: repoID, Workflow: workflow, Plan: request.Plan, Attempt: 1,
		Request:      Decoded[runbook.Request]{Name: "2026-001", Path: requestFile, Commit: tip, Spec: request},
		Targets:      []Target{{"pg/ledger", 1, ledgerPath}},
		Policies:     []Decoded[Policy]{{"approval", policyPath, tip, file("policy").SHA256, policy()}},
		Roster:       Decoded[Roster]{"roster", rosterPath, tip, file("roster").SHA256, roster()},
		RosterBefore: Decoded[Roster]{"roster", rosterPath, parent, file("roster").SHA256, roster()},
	}
	c.Evidence = Evidence{
		Schema: EvidenceSchema, Source: SourceGitHub, ReadAt: noon, ServerDate: ago(time.Second),
		Repository: Repository{repoID, "acme/recovery", "main"},
		Main:       Main{"main", tip, tip},
		Pull: PullRequest{
			Number: 7, ID: 70, Author: ptr(ann), Base: Ref{repoID, "main", parent}, Head: Ref{repoID, "request", sha("c")}, FetchedHead: sha("c"),
			Merged: Yes, MergedAt: ago(20 * time.Minute), MergedBy: ptr(ben), MergeCommit: sha("d"), FirstParent: parent, OnMain: Yes,
		},
		Files:      Complete(ChangedFile{requestFile, "added", regularFile, nil}),
		Commits:    Complete(Commit{SHA: sha("c"), Parents: []string{parent}, Author: Signature{ptr(ann), "ann@example.com"}, Committer: Signature{ptr(ann), "ann@example.com"}, Message: "Ask", Verified: No}),
		Dismissals: Complete[Dismissal](),
		Movements:  Complete(Movement{ID: 1, Kind: "branch_creation", Actor: ptr(ann), Before: strings.Repeat("0", 40), After: sha("c"), At: ago(90 * time.Minute)}),
		Timeline:   Complete[TimelineEvent](),
		Comments:   Complete[Comment](),
		RuleSuite:  RuleSuite{5, SuitePass},
		Changes:    Complete[AuthorityChange](),
		Policies:   Complete(DocumentAt{policyPath, tip, file("policy")}),
		Roster:     DocumentAt{rosterPath, tip, file("roster")}, RosterBefore: DocumentAt{rosterPath, parent, file("roster")},
		RequestPath: requestFile,
		Ledger: Ledger{
			Paths: Complete[SeenRequest](), Comments: Complete[int64](), Attempts: Complete[Attempt](), Withdrawn: No,
			OpenReviews: Complete[OpenReview](), Unreconciled: Complete[string](),
		},
		Run: &WorkflowRun{1000, 1, "issue_comment", ptr(dora), ptr(dora), workflow, repoID, "main", tip, Yes},
	}
	for path := range maps.Keys(pins) {
		f := file(map[string]string{policyPath: "policy", ledgerPath: "ledger"}[path])
		if strings.HasPrefix(path, "bcctl:") {
			f = file("runbook")
		}
		c.Evidence.Pins = append(c.Evidence.Pins, PinFact{path, f, f})
	}
	slices.SortFunc(c.Evidence.Pins, func(a, b PinFact) int { return strings.Compare(a.Path, b.Path) })
	setBytes(&c, "the bytes of the request")
	c.Evidence.Reviews = Complete(
		Review{11, ptr(ben), Approved, ago(60 * time.Minute), sha("c"), "Looks right.\r\n" + ApprovalLine(digestIn(c), SlotIT) + "\r\n", No},
		Review{12, ptr(cleo), Approved, ago(50 * time.Minute), sha("c"), ApprovalLine(digestIn(c), SlotBusiness), No},
	)
	c.Evidence.Confirmation = &Comment{ID: 500, Pull: 7, User: ptr(dora), Body: confirmation(c), CreatedAt: ago(time.Minute), UpdatedAt: ago(time.Minute), ViaApp: No}
	return c
}

func setBytes(c *Case, text string) {
	raw := []byte(text)
	f := FileOf(regularFile, raw)
	c.Evidence.Request, c.Evidence.RequestAtHead, c.Evidence.RequestAtMerge, c.Evidence.RequestAtTip = raw, f, f, f
	c.Request.SHA256 = f.SHA256
	if len(c.Evidence.Files.Items) > 0 {
		c.Evidence.Files.Items[0].Size = ptr(int64(len(raw)))
	}
}

func digestIn(c Case) runbook.Digest {
	return runbook.RequestDigest(c.RepositoryID, c.Evidence.RequestPath, c.Evidence.Request)
}

func confirmation(c Case) string {
	verb := VerbExecute
	if c.Mode == ModeResume {
		verb = VerbResume
	}
	return ConfirmationLine(verb, c.Request.Name, c.Request.Spec, digestIn(c), c.Attempt)
}

// confirm writes the confirmation anew, after something it repeats was changed.
func confirm(c *Case) { c.Evidence.Confirmation.Body = confirmation(*c) }

// pending is a case before the merge: what is asked while approvals come in.
func pending() Case {
	c := approved()
	c.Mode, c.Attempt, c.Plan = ModeReview, 0, ""
	e := &c.Evidence
	e.Pull.Merged, e.Pull.MergedAt, e.Pull.MergedBy, e.Pull.MergeCommit, e.Pull.FirstParent, e.Pull.OnMain = No, time.Time{}, nil, "", "", No
	e.RequestAtMerge, e.RequestAtTip = File{State: FileAbsent}, File{State: FileAbsent}
	e.Main.Checkout, e.RuleSuite, e.Run, e.Confirmation, e.RosterBefore, c.RosterBefore = "", RuleSuite{}, nil, nil, DocumentAt{}, Decoded[Roster]{}
	return c
}

// ready asks about the case without running it.
func ready(c *Case) {
	c.Mode, c.Attempt, c.Evidence.Main.Checkout, c.Evidence.Run, c.Evidence.Confirmation = ModeReview, 0, "", nil, nil
}

// tier2 makes the case one of tier 2, with one slot.
func tier2(c *Case) {
	c.Targets[0].Tier = 2
	c.Evidence.Reviews.Items = c.Evidence.Reviews.Items[:1]
}

// emergency makes the case a break-glass request, approved by one person.
func emergency(c *Case) {
	c.Request.Spec.BreakGlass = &runbook.BreakGlass{Incident: "INC-7", Reason: "the site burns"}
	c.Request.Spec.NotBefore, c.Request.Spec.ExpiresAt = ago(30*time.Minute), noon.Add(30*time.Minute)
	c.Evidence.Reviews.Items = c.Evidence.Reviews.Items[:1]
	c.Evidence.Reviews.Items[0].SubmittedAt = ago(25 * time.Minute)
}

// resume makes the case one that goes on with attempt 1.
func resume(c *Case) {
	c.Mode, c.Attempt, c.Plan = ModeResume, 2, ""
	c.Evidence.Ledger.Attempts = Complete(Attempt{1, digestIn(*c), AttemptStopped, ago(10 * time.Minute), No})
	confirm(c)
}

// typed confirms at a terminal instead of by a comment.
func typed(c *Case, as string, at time.Time, line string) {
	text, err := EncodeTyped(TypedStatement{At: at, Line: line, Person: as})
	if err != nil {
		panic(err)
	}
	c.Evidence.Confirmation, c.Evidence.Run = nil, nil
	c.Evidence.Typed = &TypedLine{Yes, text, sign(as, NamespaceConfirm, text)}
}

func typedByDora(c *Case) { typed(c, "dora", ago(time.Minute), confirmation(*c)) }

// snapshotOf is a trust snapshot for a case.
func snapshotOf(c Case) Snapshot {
	return Snapshot{
		Expires: noon.Add(24 * time.Hour), Issued: ago(24 * time.Hour), Repository: repoID, Schema: SnapshotSchema, Version: 3,
		Roster: SnapshotFile{rosterPath, c.Roster.SHA256}, Policies: []SnapshotFile{{policyPath, c.Policies[0].SHA256}},
	}
}

func signSnapshot(c *Case, s Snapshot, by ...string) {
	text, err := EncodeSnapshot(s)
	if err != nil {
		panic(err)
	}
	c.Evidence.Offline.Snapshot, c.Evidence.Offline.Signatures = text, nil
	for _, name := range by {
		c.Evidence.Offline.Signatures = append(c.Evidence.Offline.Signatures, sign(name, NamespaceTrust, text))
	}
}

func statementBy(c Case, person string, role SlotRole, n int) Statement {
	return Statement{
		Action: c.Request.Spec.Type, Decision: Approve, Digest: digestIn(c), Expires: noon.Add(2 * time.Hour), Incident: "INC-9", Issued: ago(30 * time.Minute),
		Nonce: fmt.Sprintf("%032x", n), Person: person, Repository: repoID, Role: role, Schema: StatementSchema, Snapshot: 3, Target: c.Request.Spec.Target,
	}
}

// say hands over a statement signed by a person's key.
func say(c *Case, s Statement, key, namespace string) {
	text, err := EncodeStatement(s)
	if err != nil {
		panic(err)
	}
	c.Evidence.Offline.Statements = append(c.Evidence.Offline.Statements, SignedStatement{text, sign(key, namespace, text)})
}

// offline is a case in which the forge does not answer, and two people signed.
func offline() Case {
	c := approved()
	c.Mode, c.Claimed = ModeOffline, true
	e := &c.Evidence
	e.Source, e.ServerDate = SourceOffline, time.Time{}
	e.Pull, e.Files, e.Reviews, e.Dismissals, e.Movements, e.Timeline, e.Comments, e.RuleSuite, e.Changes = PullRequest{}, List[ChangedFile]{}, List[Review]{}, List[Dismissal]{}, List[Movement]{}, List[TimelineEvent]{}, List[Comment]{}, RuleSuite{}, List[AuthorityChange]{}
	e.RequestAtHead, e.RequestAtMerge, e.RosterBefore, c.RosterBefore = File{}, File{}, DocumentAt{}, Decoded[Roster]{}
	for i := range e.Commits.Items { // a clone knows addresses only
		e.Commits.Items[i].Author.User, e.Commits.Items[i].Committer.User, e.Commits.Items[i].Verified = nil, nil, ""
	}
	c.Trust = Trust{[]string{ssh.FingerprintSHA256(signer("root1").PublicKey()), ssh.FingerprintSHA256(signer("root2").PublicKey()), ssh.FingerprintSHA256(signer("root3").PublicKey())}, 2}
	e.Offline = &OfflineEvidence{Asked: Yes, Answered: No, Host: "dr-host", HighestSeen: ptr(int64(3)), LocalClaim: Yes, HostLock: Yes}
	signSnapshot(&c, snapshotOf(c), "root1", "root3")
	say(&c, statementBy(c, "ben", SlotIT, 1), "ben", NamespaceApproval)
	say(&c, statementBy(c, "cleo", SlotBusiness, 2), "cleo", NamespaceApproval)
	typedByDora(&c)
	return c
}

// offlineResume goes on with an attempt, while the forge does not answer.
func offlineResume() Case {
	c := offline()
	c.Mode, c.Attempt, c.Plan = ModeOfflineResume, 2, ""
	c.Evidence.Ledger.Attempts = Complete(Attempt{1, digestIn(c), AttemptStopped, ago(10 * time.Minute), No})
	c.Evidence.Offline.Begun = Yes
	line := ConfirmationLine(VerbResume, c.Request.Name, c.Request.Spec, digestIn(c), 2)
	typed(&c, "dora", ago(time.Minute), line)
	return c
}

// offlineReview asks how far statements are, on the machine of somebody who signs.
func offlineReview() Case {
	c := offline()
	c.Mode, c.Attempt, c.Plan, c.Claimed = ModeOfflineReview, 0, "", false
	e := &c.Evidence
	e.Main.Checkout, e.Typed = "", nil
	o := e.Offline
	o.Answered, o.LocalClaim, o.HostLock, o.Host = "", "", "", "laptop"
	return c
}

// toRun makes a look one that is made in order to run on this host.
func toRun(c *Case) {
	c.ToRun, c.Claimed = true, true
	o := c.Evidence.Offline
	o.Answered, o.Host, o.LocalClaim, o.HostLock = No, "dr-host", Yes, Yes
}

// denials are the rules against a case, those of single reviews included.
func denials(v Verdict) []RuleID {
	var list []RuleID
	for _, f := range v.Denials {
		list = append(list, f.Rule)
	}
	for _, r := range v.Reviews {
		if !r.Counted {
			list = append(list, r.Rule)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func wantAllowed(t *testing.T, what string, c Case) {
	t.Helper()
	if v := Verify(c); !v.Allowed {
		t.Fatalf("%s is denied:\n%v\nreviews: %v", what, v.Denials, v.Reviews)
	}
}

func wantDenied(t *testing.T, c Case, rule RuleID) {
	t.Helper()
	v := Verify(c)
	if v.Allowed || len(v.Denials) == 0 {
		t.Fatalf("it is allowed")
	}
	if got := denials(v); !slices.Contains(got, rule) {
		t.Fatalf("denied by %v, not by %s:\n%v\n%v", got, rule, v.Denials, v.Reviews)
	}
	if !v.ValidUntil.IsZero() {
		t.Errorf("a denied verdict is valid until %s", v.ValidUntil)
	}
}

func weeks(n int) *duration.Duration {
	return ptr(duration.Duration(time.Duration(n) * 7 * 24 * time.Hour))
}

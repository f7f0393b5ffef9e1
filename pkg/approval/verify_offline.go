package approval

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// offlineTrust checks that offline approvals may count at all, here and now (OFF-01,
// OFF-02, OFF-05).
func (j *judge) offlineTrust() {
	o := j.e.Offline
	if o == nil {
		j.hard("OFF-01", "", "there is no offline evidence")
		return
	}
	if o.Asked != Yes {
		j.hard("OFF-01", "", "nobody asked for offline mode")
	}
	here := j.running() || j.c.ToRun
	switch {
	case o.Answered == No, !here:
	case o.Answered == Yes && o.Begun == Yes && (j.resuming() || !j.running()):
		// Half a failover is worse than one that ends as it began.
		j.warn("OFF-01", "", "the forge answers again; the attempt began without it and goes on so")
	default:
		j.hard("OFF-01", "", "the forge answers, or whether it does is not known")
	}
	switch t := j.terms; {
	case !t.offline || t.offlinePolicy == nil:
		j.hard("OFF-01", "", fmt.Sprintf("the policy does not allow a tier %d %s to be approved offline", j.v.Tier, j.request().Type))
	case o.Host != "" && slices.Contains(t.offlinePolicy.Hosts, o.Host):
	case here:
		j.hard("OFF-01", "host "+o.Host, "the policy does not name this host")
	default:
		j.warn("OFF-01", "host "+o.Host, "it cannot run here: the policy names "+strings.Join(t.offlinePolicy.Hosts, ", "))
	}
	if here && o.HostLock != Yes {
		j.hard("OFF-05", "", "the lock of this host is not held")
	}
	if j.c.Claimed && o.LocalClaim != Yes {
		j.hard("OFF-05", "", "the attempt is not claimed in the ledger of this host")
	}
	if j.e.Repository.ID != j.c.RepositoryID {
		j.hard("PR-01", "", "the clone is of another repository")
	}
	if j.e.Commits.Complete != Yes || len(j.e.Commits.Items) == 0 {
		j.hard("PR-05", "commits", "who wrote the request could not be read")
	}
	if j.e.Comments.Complete == Yes || len(j.e.Comments.Items) > 0 {
		for _, c := range j.e.Comments.Items {
			j.withdrawal(c)
		}
	}
	s, err := VerifySnapshot(o.Snapshot, o.Signatures, j.c.Trust)
	if err != nil {
		j.hard("OFF-02", "", err.Error())
		return
	}
	name := fmt.Sprintf("snapshot %d", s.Version)
	if o.HighestSeen == nil || s.Version < *o.HighestSeen {
		j.hard("OFF-02", name, "this host has seen a later one, or does not know which it has seen")
	}
	if j.c.Now.Before(s.Issued) || !j.c.Now.Before(s.Expires) {
		j.hard("OFF-02", name, fmt.Sprintf("it counts from %s until %s", stamp(s.Issued), stamp(s.Expires)))
	} else {
		j.until(s.Expires)
	}
	if s.Repository != j.c.RepositoryID {
		j.hard("OFF-02", name, "it is of another repository")
	}
	if s.Roster != (SnapshotFile{j.c.Roster.Path, j.c.Roster.SHA256}) {
		j.hard("OFF-02", name, "the roster in use is not the one of the snapshot")
	}
	var files []SnapshotFile
	for _, p := range j.c.Policies {
		files = append(files, SnapshotFile{p.Path, p.SHA256})
	}
	slices.SortFunc(files, func(a, b SnapshotFile) int { return cmp.Compare(a.Path, b.Path) })
	if !slices.Equal(files, s.Policies) {
		j.hard("OFF-02", name, "the policies in use are not those of the snapshot")
	}
	j.snapshot = s.Version
}

// statements judges every statement and returns the approvals that count (OFF-03,
// OFF-04). A person is one person, whatever the number of keys.
func (j *judge) statements() []ballot {
	if j.e.Offline == nil {
		return nil
	}
	byPerson := make(map[string][]Statement)
	seen := make(map[string]string)
	sorted := slices.Clone(j.e.Offline.Statements)
	slices.SortFunc(sorted, func(a, b SignedStatement) int {
		return cmp.Or(bytes.Compare(a.Statement, b.Statement), bytes.Compare(a.Signature, b.Signature))
	})
	for _, raw := range sorted {
		s, err := DecodeStatement(raw.Statement)
		if err != nil {
			j.v.Reviews = append(j.v.Reviews, Counted{ID: "statement " + string(runbook.FileDigest(raw.Statement)), Rule: "OFF-03", Message: err.Error()})
			continue
		}
		if rule, why := j.statement(s, raw); rule != "" {
			j.spoken(s, Counted{Rule: rule, Message: why})
			continue
		}
		if other, twice := seen[s.Nonce]; twice {
			if other != string(raw.Statement) {
				j.hard("OFF-03", "statement "+s.Nonce, "two statements have the same nonce")
			}
			continue
		}
		seen[s.Nonce] = string(raw.Statement)
		byPerson[s.Person] = append(byPerson[s.Person], s)
	}
	var ballots []ballot
	for _, person := range slices.Sorted(maps.Keys(byPerson)) {
		list := byPerson[person]
		slices.SortFunc(list, func(a, b Statement) int {
			return cmp.Or(a.Issued.Compare(b.Issued), cmp.Compare(a.Decision, b.Decision), cmp.Compare(a.Nonce, b.Nonce)) // of one moment, the veto is last
		})
		objection := list[len(list)-1].Decision == Veto
		for i, s := range list {
			later := slices.ContainsFunc(list[i+1:], func(o Statement) bool { return o.Decision != s.Decision })
			switch {
			case later:
				j.spoken(s, Counted{Rule: "APP-01", Message: "a later statement of the same person decides"})
			case objection:
				j.deny("APP-02", "statement "+s.Nonce, person+" objects")
				j.spoken(s, Counted{Rule: "APP-02", Message: "an objection"})
			default:
				if b, ok := j.support(s); ok {
					ballots = append(ballots, b)
				}
			}
		}
	}
	return ballots
}

// statement checks what must hold for any statement to be heard, also for a veto.
func (j *judge) statement(s Statement, raw SignedStatement) (RuleID, string) {
	r := j.request()
	person, known := j.now.byID[s.Person]
	fp, err := verifySSH(raw.Statement, raw.Signature, NamespaceApproval)
	key, own := person.keyOf(fp)
	switch {
	case err != nil:
		return "OFF-03", err.Error()
	case !known:
		return "ID-03", s.Person + " is not on the roster"
	case !own:
		return "OFF-03", "it is not signed by a key of " + s.Person
	case !key.counts(s.Issued, j.c.Now):
		return "OFF-04", "the key that signed it does not count: revoked, or not valid when it signed"
	case s.Repository != j.c.RepositoryID || s.Digest != j.v.Digest || s.Action != r.Type || s.Target != r.Target:
		return "OFF-03", "it is about another request"
	case s.Issued.After(j.c.Now.Add(maxSkew)):
		return "OFF-03", "it was issued in the future"
	}
	return "", ""
}

// support judges an approval.
func (j *judge) support(s Statement) (ballot, bool) {
	no := func(rule RuleID, format string, args ...any) (ballot, bool) {
		j.spoken(s, Counted{Rule: rule, Message: fmt.Sprintf(format, args...)})
		return ballot{}, false
	}
	most := statementAge
	if o := j.terms.offlinePolicy; o != nil {
		most = min(most, orDefault(o.StatementMaxAge, statementAge))
	}
	switch now := j.c.Now; {
	case !now.Before(s.Expires) || now.Sub(s.Issued) > most:
		return no("OFF-03", "it no longer counts: issued %s, expires %s, and the policy allows %s", stamp(s.Issued), stamp(s.Expires), most)
	case now.Sub(s.Issued) > j.terms.maxAge:
		return no("APP-07", "it is older than the %s the policy allows", j.terms.maxAge)
	case s.Snapshot != j.snapshot || j.snapshot == 0:
		return no("OFF-03", "it was made with snapshot %d, and snapshot %d counts", s.Snapshot, j.snapshot)
	case len(j.excluded[s.Person]) > 0:
		return no("ID-04", "%s may not approve this request: %s", s.Person, j.excluded[s.Person][0])
	case !j.now.holds(s.Person, s.Role.Role(), now) || !j.now.holds(s.Person, s.Role.Role(), s.Issued):
		return no("APP-08", "%s does not hold the role %s", s.Person, s.Role)
	}
	j.until(earlier(s.Expires, s.Issued.Add(most)))
	j.spoken(s, Counted{Counted: true, Roles: []SlotRole{s.Role}})
	return ballot{person: s.Person, id: "statement " + s.Nonce, at: s.Issued, roles: []SlotRole{s.Role}}, true
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (j *judge) spoken(s Statement, c Counted) {
	c.ID, c.Person, c.At, c.State = "statement "+s.Nonce, s.Person, s.Issued, Approved
	if s.Decision == Veto {
		c.State = ChangesRequested
	}
	j.v.Reviews = append(j.v.Reviews, c)
}

package approval

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// ruleCase is one way in which a rule does not hold, and its twin, in which it does
// and that differs in one fact.
type ruleCase struct {
	name string      // rule, and what is wrong
	from func() Case // approved when nil
	pass func(*Case) // the twin; the case as it is when nil
	fail func(*Case) // what is wrong
	by   RuleID      // that denies; the name's when empty
}

func start(changes ...func(*Case)) func() Case {
	return func() Case {
		c := approved()
		for _, change := range changes {
			change(&c)
		}
		return c
	}
}

func review(c *Case, i int) *Review { return &c.Evidence.Reviews.Items[i] }

// instead has somebody else write the first review.
func instead(u User) func(*Case) {
	return func(c *Case) { review(c, 0).User = &u }
}

func person(r *Roster, id string) *Person {
	for i := range r.People {
		if r.People[i].ID == id {
			return &r.People[i]
		}
	}
	return nil
}

// both applies a change to the roster of now and to the one before the merge.
func both(change func(*Roster)) func(*Case) {
	return func(c *Case) { change(&c.Roster.Spec); change(&c.RosterBefore.Spec) }
}

func entry(c *Case) *Entry { return &c.Policies[0].Spec.Entries[0] }

func glass(c *Case) *BreakGlass { return &c.Policies[0].Spec.BreakGlass[0] }

// third adds a review beside the two that are needed.
func third(u *User, state ReviewState, body string) func(*Case) {
	return func(c *Case) {
		c.Evidence.Reviews.Items = append(c.Evidence.Reviews.Items, Review{13, u, state, ago(40 * time.Minute), sha("c"), body, No})
	}
}

func confirmed(change func(*Comment)) func(*Case) {
	return func(c *Case) { change(c.Evidence.Confirmation) }
}

func inRun(change func(*WorkflowRun)) func(*Case) {
	return func(c *Case) { change(c.Evidence.Run) }
}

func pushed(kind TimelineKind, at time.Time) func(*Case) {
	return func(c *Case) {
		c.Evidence.Timeline.Items = append(c.Evidence.Timeline.Items, TimelineEvent{kind, ptr(ann), at})
	}
}

// moved makes the head what it is at another time: a push, a rebase.
func moved(at time.Time) func(*Case) {
	return func(c *Case) {
		m := &c.Evidence.Movements.Items[0]
		m.Before, m.After = strings.Repeat("0", 40), sha("e")
		c.Evidence.Movements.Items = append(c.Evidence.Movements.Items, Movement{2, "force_push", ptr(ann), sha("e"), sha("c"), at})
	}
}

// through makes the head what it is by one movement of each, the first of which created
// the branch.
func through(users ...User) func(*Case) {
	return func(c *Case) {
		before := strings.Repeat("0", 40)
		c.Evidence.Movements.Items = nil
		for i, u := range users {
			after := fmt.Sprintf("%040x", i+1)
			if i == len(users)-1 {
				after = sha("c")
			}
			c.Evidence.Movements.Items = append(c.Evidence.Movements.Items, Movement{int64(i + 1), "push", &u, before, after, ago(time.Duration(90-i) * time.Minute)})
			before = after
		}
	}
}

// usedBefore lets another branch of the name have been there and be gone.
func usedBefore(c *Case) {
	none := strings.Repeat("0", 40)
	c.Evidence.Movements.Items = append(c.Evidence.Movements.Items,
		Movement{8, "branch_creation", ptr(finn), none, sha("e"), ago(200 * time.Minute)}, Movement{9, "branch_deletion", ptr(finn), sha("e"), none, ago(199 * time.Minute)})
}

// committed changes the only commit.
func committed(change func(*Commit)) func(*Case) {
	return func(c *Case) { change(&c.Evidence.Commits.Items[0]) }
}

// signedAgain replaces the statements of an offline case.
func signedAgain(change func(*Statement), key, namespace string) func(*Case) {
	return func(c *Case) {
		c.Evidence.Offline.Statements = c.Evidence.Offline.Statements[1:]
		s := statementBy(*c, "ben", SlotIT, 1)
		change(&s)
		if key == "" {
			key = s.Person
		}
		say(c, s, key, namespace)
	}
}

func newSnapshot(change func(*Snapshot), by ...string) func(*Case) {
	return func(c *Case) {
		s := snapshotOf(*c)
		change(&s)
		signSnapshot(c, s, by...)
	}
}

func team(c *Case) {
	entry(c).Slots = []Slot{{Role: SlotIT, Team: &Team{"acme", "dba"}}, {Role: SlotBusiness}}
	c.Evidence.Teams = []TeamMembership{{Team{"acme", "dba"}, ben.ID, MemberActive}}
}

func scheduled(c *Case) {
	c.Request.Spec.Schedule, c.ScheduleOwner = "quarterly", "finn"
	const path = "schedules/quarterly.yaml"
	c.Request.Spec.Pins[path] = file("schedule").SHA256
	c.Evidence.Pins = append(c.Evidence.Pins, PinFact{path, file("schedule"), file("schedule")})
	c.Schedule = Scheduled{Path: path, Type: c.Request.Spec.Type, Targets: []string{"other", c.Request.Spec.Target}, Site: c.Request.Spec.TargetSite}
	c.Evidence.Pull.Author = ptr(robot)
	c.Evidence.Movements.Items[0].Actor = ptr(robot)
	committed(func(k *Commit) {
		k.Author, k.Committer, k.Verified = Signature{ptr(robot), "bot@example.com"}, Signature{&User{webFlow, UserTypeUser, "web-flow"}, "noreply@github.com"}, Yes
	})(c)
}

var ruleCases = []ruleCase{
	// Identity and roles.
	{name: "ID-01 the login was taken over by another account", fail: instead(User{777, UserTypeUser, "ben"}), pass: instead(User{ben.ID, UserTypeUser, "renamed"})},
	{name: "ID-02 a bot approves", fail: instead(User{ben.ID, "Bot", "ben"})},
	{name: "ID-02 an organization approves", fail: instead(User{ben.ID, "Organization", "ben"})},
	{name: "ID-02 a mannequin approves", fail: instead(User{ben.ID, "Mannequin", "ben"})},
	{name: "ID-02 the account is gone", fail: func(c *Case) { review(c, 0).User = nil }},
	{name: "ID-02 the account has no id", fail: instead(User{0, UserTypeUser, "ben"})},
	{name: "ID-03 somebody on no roster approves", fail: instead(other)},
	{name: "ID-03 on the roster only since the merge", fail: func(c *Case) { person(&c.RosterBefore.Spec, "ben").GitHub = nil }},
	{name: "ID-03 the role was given after the review", fail: func(c *Case) { person(&c.RosterBefore.Spec, "ben").Roles = []Role{Viewer} }},
	{name: "ID-03 the role was taken since", fail: func(c *Case) { person(&c.Roster.Spec, "ben").Roles = []Role{Viewer} }},
	{name: "ID-03 active only after the review", pass: both(func(r *Roster) { person(r, "ben").ActiveFrom = ptr(ago(60 * time.Minute)) }),
		fail: both(func(r *Roster) { person(r, "ben").ActiveFrom = ptr(ago(60*time.Minute - time.Second)) })},
	{name: "ID-03 no longer active", pass: both(func(r *Roster) { person(r, "ben").ActiveUntil = ptr(noon.Add(time.Second)) }),
		fail: both(func(r *Roster) { person(r, "ben").ActiveUntil = ptr(noon) })},
	{name: "ID-03 the account belonged to somebody else", fail: func(c *Case) {
		person(&c.RosterBefore.Spec, "ben").GitHub, person(&c.RosterBefore.Spec, "finn").GitHub = nil, []Account{{ID: ben.ID}}
	}},
	{name: "ID-03 the roster before the merge was not read", fail: func(c *Case) { c.Evidence.RosterBefore = DocumentAt{} }},
	{name: "ID-04 the author of the pull request approves", fail: func(c *Case) { c.Evidence.Pull.Author = ptr(ben) }},
	{name: "ID-04 the author of the pull request is not known", fail: func(c *Case) { c.Evidence.Pull.Author = nil }},
	{name: "ID-04 the requester approves", fail: func(c *Case) { c.Request.Spec.Requester = "ben" }},
	{name: "ID-04 the requester is on no roster", fail: func(c *Case) { c.Request.Spec.Requester = "mallory" }},
	{name: "ID-04 the author of a commit approves", fail: committed(func(k *Commit) { k.Author = Signature{ptr(ben), "ben@example.com"} })},
	{name: "ID-04 the committer approves", fail: committed(func(k *Commit) { k.Committer = Signature{ptr(ben), "ben@example.com"} })},
	{name: "ID-04 a co-author approves", pass: committed(func(k *Commit) { k.Message = "x\n\nCo-authored-by: F <finn@example.com>" }),
		fail: committed(func(k *Commit) { k.Message = "x\n\nCo-authored-by: B <ben@example.com>" })},
	{name: "ID-04 a co-author by hidden address approves", fail: committed(func(k *Commit) { k.Message = "x\n\nco-authored-by: B <102+ben@users.noreply.github.com>\r\n" })},
	{name: "ID-04 the address of a commit is of an approver, the account is not", fail: committed(func(k *Commit) { k.Author = Signature{ptr(ann), "BEN@example.com"} })},
	{name: "ID-04 whoever pushed approves", fail: func(c *Case) { c.Evidence.Movements.Items[0].Actor = ptr(ben) }},
	{name: "ID-04 who pushed is not known", fail: func(c *Case) { c.Evidence.Movements.Items[0].Actor = nil }},
	{name: "ID-04 who pushed is on no roster", fail: func(c *Case) { c.Evidence.Movements.Items[0].Actor = ptr(other) }},
	{name: "ID-04 whoever pushed by force approves", pass: pushed(HeadForcePushed, ago(80*time.Minute)), fail: func(c *Case) {
		pushed(HeadForcePushed, ago(80*time.Minute))(c)
		c.Evidence.Timeline.Items[len(c.Evidence.Timeline.Items)-1].Actor = ptr(ben)
	}},
	{name: "ID-04 the movement that created the branch is missing", pass: through(ann, finn), fail: func(c *Case) {
		through(ann, finn)(c)
		c.Evidence.Movements.Items = c.Evidence.Movements.Items[1:]
	}},
	{name: "ID-04 a movement in between is missing", pass: through(ann, finn, ann), fail: func(c *Case) {
		through(ann, finn, ann)(c)
		c.Evidence.Movements.Items = slices.Delete(c.Evidence.Movements.Items, 1, 2)
	}},
	{name: "ID-04 whoever pushed first approves", pass: through(finn, ann), fail: through(ben, ann)},
	{name: "ID-04 the branch was used before, and its end is missing", pass: usedBefore, fail: func(c *Case) {
		usedBefore(c)
		c.Evidence.Movements.Items = slices.DeleteFunc(c.Evidence.Movements.Items, func(m Movement) bool { return zeros(m.After) })
	}},
	{name: "ID-04 the second account of whoever asked approves", pass: instead(eve2), fail: func(c *Case) { instead(eve2)(c); c.Request.Spec.Requester = "eve" }},
	{name: "ID-05 the author of a commit is on no roster", fail: committed(func(k *Commit) { k.Author = Signature{nil, "nobody@example.com"} })},
	{name: "ID-05 the account of the author is on no roster, the address is", fail: committed(func(k *Commit) { k.Author = Signature{ptr(other), "ann@example.com"} })},
	{name: "ID-05 a co-author is on no roster", fail: committed(func(k *Commit) { k.Message = "x\n\nCo-authored-by: X <x@example.com>" })},
	{name: "ID-05 a co-author has no address", fail: committed(func(k *Commit) { k.Message = "x\n\nCo-authored-by: X" })},
	{name: "ID-05 the web committer without verification", pass: committed(func(k *Commit) {
		k.Committer, k.Verified = Signature{&User{webFlow, UserTypeUser, "web-flow"}, "noreply@github.com"}, Yes
	}), fail: committed(func(k *Commit) {
		k.Committer, k.Verified = Signature{&User{webFlow, UserTypeUser, "web-flow"}, "noreply@github.com"}, No
	})},
	{name: "ID-05 the web committer as author", fail: committed(func(k *Commit) {
		k.Author, k.Verified = Signature{&User{webFlow, UserTypeUser, "web-flow"}, "noreply@github.com"}, Yes
	})},
	{name: "ID-06 two accounts of one person", pass: func(c *Case) { review(c, 0).User = &eve },
		fail: func(c *Case) { review(c, 0).User, review(c, 1).User = &eve, &eve2 }},
	{name: "ID-06 one person with both roles", pass: func(c *Case) {
		review(c, 0).User = &eve
		review(c, 0).Body = ApprovalLine(digestIn(*c), SlotIT) + "\n" + ApprovalLine(digestIn(*c), SlotBusiness)
	}, fail: func(c *Case) {
		review(c, 0).User = &eve
		review(c, 0).Body = ApprovalLine(digestIn(*c), SlotIT) + "\n" + ApprovalLine(digestIn(*c), SlotBusiness)
		c.Evidence.Reviews.Items = c.Evidence.Reviews.Items[:1]
	}},
	{name: "ID-06 the roster gives an account to two persons", fail: func(c *Case) { person(&c.Roster.Spec, "finn").GitHub = []Account{{ID: ben.ID}} }},
	{name: "ID-06 the roster has a person twice", fail: func(c *Case) { c.Roster.Spec.People = append(c.Roster.Spec.People, c.Roster.Spec.People[1]) }},
	{name: "ID-06 the roster gives a key to two persons", fail: func(c *Case) {
		person(&c.Roster.Spec, "finn").SSHKeys = []SSHKey{{Key: publicKey("ben") + " other comment"}}
	}},
	{name: "ID-07 the team could not be read", pass: team, fail: func(c *Case) { team(c); c.Evidence.Teams = nil }},
	{name: "ID-07 the answer of the team is none that is known", pass: team, fail: func(c *Case) { team(c); c.Evidence.Teams[0].Membership = "" }},
	{name: "ID-07 not in the team", pass: team, fail: func(c *Case) { team(c); c.Evidence.Teams[0].Membership = MemberNone }, by: "ID-06"},
	{name: "ID-07 invited only", pass: team, fail: func(c *Case) { team(c); c.Evidence.Teams[0].Membership = MemberPending }, by: "ID-06"},
	{name: "ID-07 in a team of the same name elsewhere", pass: team, fail: func(c *Case) { team(c); c.Evidence.Teams[0].Team.Org = "other" }},

	// Shape and state of the pull request.
	{name: "PR-01 the answer is about another repository", fail: func(c *Case) { c.Evidence.Repository.ID++ }},
	{name: "PR-01 the pull request is for another repository", fail: func(c *Case) { c.Evidence.Pull.Base.RepositoryID++; c.Evidence.Pull.Head.RepositoryID++ }},
	{name: "PR-01 another base branch", fail: func(c *Case) { c.Evidence.Pull.Base.Name = "release" }},
	{name: "PR-01 the default branch is another", fail: func(c *Case) { c.Evidence.Repository.DefaultBranch = "trunk" }},
	{name: "PR-01 the repository is not configured", fail: func(c *Case) { c.RepositoryID = 0 }},
	{name: "PR-02 from a fork", fail: func(c *Case) { c.Evidence.Pull.Head.RepositoryID++ }},
	{name: "PR-02 from a repository that is gone", fail: func(c *Case) { c.Evidence.Pull.Head.RepositoryID = 0 }},
	{name: "PR-03 a second file", fail: func(c *Case) {
		c.Evidence.Files.Items = append(c.Evidence.Files.Items, ChangedFile{rosterPath, "modified", regularFile, ptr(int64(6))})
	}},
	{name: "PR-03 no file", fail: func(c *Case) { c.Evidence.Files.Items = nil }},
	{name: "PR-03 the request is modified", fail: func(c *Case) { c.Evidence.Files.Items[0].Status = "modified" }},
	{name: "PR-03 the request is renamed", fail: func(c *Case) { c.Evidence.Files.Items[0].Status = "renamed" }},
	{name: "PR-03 a symbolic link", fail: func(c *Case) { c.Evidence.Files.Items[0].Mode = "120000" }},
	{name: "PR-03 an executable", fail: func(c *Case) { c.Evidence.Files.Items[0].Mode = "100755" }},
	{name: "PR-03 a link at the tip", fail: func(c *Case) { c.Evidence.RequestAtTip.Mode = "120000" }},
	{name: "PR-03 too long", pass: sized(maxRequestSize), fail: sized(maxRequestSize + 1)},
	{name: "PR-03 its size is not known", fail: func(c *Case) { c.Evidence.Files.Items[0].Size = nil }},
	{name: "PR-03 another folder", fail: func(c *Case) { at(c, "other/2026-001.yaml") }, pass: func(c *Case) { at(c, "requests/2027/2026-001.yaml") }},
	{name: "PR-03 another name", fail: func(c *Case) { at(c, "requests/2026/2026-002.yaml") }},
	{name: "PR-04 not merged", fail: func(c *Case) { c.Evidence.Pull.Merged = No }},
	{name: "PR-04 the merge is not on the branch any more", fail: func(c *Case) { c.Evidence.Pull.OnMain = No }},
	{name: "PR-04 reverted", fail: func(c *Case) { c.Evidence.RequestAtTip = File{State: FileAbsent} }},
	{name: "PR-04 merged in the future", pass: func(c *Case) { c.Evidence.Pull.MergedAt = ago(2 * time.Minute) }, fail: func(c *Case) { c.Evidence.Pull.MergedAt = noon.Add(2 * time.Minute) }},
	{name: "PR-05 reviews on a page that was not read", fail: func(c *Case) { c.Evidence.Reviews.Complete = "" }},
	{name: "PR-05 commits were cut off", fail: func(c *Case) { c.Evidence.Commits.Complete = No }},
	{name: "PR-05 too many commits", pass: manyCommits(maxCommits), fail: manyCommits(maxCommits + 1)},
	{name: "PR-05 too many reviews", pass: manyReviews(maxReviews), fail: manyReviews(maxReviews + 1)},
	{name: "PR-05 too many files", fail: func(c *Case) {
		for len(c.Evidence.Files.Items) <= maxFiles {
			c.Evidence.Files.Items = append(c.Evidence.Files.Items, c.Evidence.Files.Items[0])
		}
	}},
	{name: "PR-05 the head is not among the commits", fail: committed(func(k *Commit) { k.SHA = sha("e") })},
	{name: "PR-06 the base changed after an approval", pass: pushed(BaseChanged, ago(61*time.Minute)), fail: pushed(BaseChanged, ago(59*time.Minute))},
	{name: "PR-06 the base was pushed by force after an approval", pass: pushed(BaseForcePushed, ago(61*time.Minute)), fail: pushed(BaseForcePushed, ago(60*time.Minute))},
	{name: "PR-06 the branch was restored after an approval", pass: pushed(HeadRestored, ago(61*time.Minute)), fail: pushed(HeadRestored, ago(59*time.Minute))},
	{name: "PR-06 the branch was deleted before the merge", pass: pushed(HeadDeleted, ago(20*time.Minute)), fail: pushed(HeadDeleted, ago(21*time.Minute))},
	{name: "PR-06 the event has no time", fail: pushed(BaseChanged, time.Time{})},
	{name: "PR-07 the id was used for another content", pass: known("2026-001", requestFile, ""), fail: known("2026-001", requestFile, file("other").SHA256)},
	{name: "PR-07 the path was used by another id", fail: known("2026-000", requestFile, "")},
	{name: "PR-07 the id was used at another path", fail: known("2026-001", "requests/2025/2026-001.yaml", "")},
	{name: "PR-07 the ledger was not read", fail: func(c *Case) { c.Evidence.Ledger.Paths.Complete = "" }},

	// Content.
	{name: "BIND-01 other bytes in the merge commit", fail: func(c *Case) { c.Evidence.RequestAtMerge = file("other") }},
	{name: "BIND-01 other bytes at the tip", fail: func(c *Case) { c.Evidence.RequestAtTip = file("other") }},
	{name: "BIND-01 other bytes at the head", fail: func(c *Case) { c.Evidence.RequestAtHead = file("other") }},
	{name: "BIND-01 another request is in use", fail: func(c *Case) { c.Request.SHA256 = file("other").SHA256 }},
	{name: "BIND-01 run from another commit", fail: func(c *Case) { c.Evidence.Main.Checkout = sha("e") }},
	{name: "BIND-02 a pinned file changed since", fail: func(c *Case) { c.Evidence.Pins[0].AtTip = file("other") }},
	{name: "BIND-02 a pinned file was another one at the merge", fail: func(c *Case) { c.Evidence.Pins[0].AtMerge = file("other") }},
	{name: "BIND-02 a pinned file became a link", pass: func(c *Case) { c.Evidence.Pins[0].AtTip.Mode = executableFile }, fail: func(c *Case) { c.Evidence.Pins[0].AtTip.Mode = "120000" }},
	{name: "BIND-02 a pinned file is gone", fail: func(c *Case) { c.Evidence.Pins[1].AtTip = File{State: FileAbsent} }},
	{name: "BIND-02 a pinned file was not read", fail: func(c *Case) { c.Evidence.Pins = c.Evidence.Pins[1:] }},
	{name: "BIND-02 a pinned file was read twice", fail: func(c *Case) {
		p := c.Evidence.Pins[0]
		p.AtTip = file("other")
		c.Evidence.Pins = append([]PinFact{p}, c.Evidence.Pins...)
	}},
	{name: "BIND-03 the file of a target is not pinned", fail: func(c *Case) { c.Targets = append(c.Targets, Target{"pg/more", 1, "resources/more.yaml"}) }},
	{name: "BIND-03 the policy is not pinned", fail: func(c *Case) { delete(c.Request.Spec.Pins, policyPath) }},
	{name: "BIND-03 nothing is pinned", fail: func(c *Case) { c.Request.Spec.Pins = nil }},
	{name: "BIND-04 approved as the same bytes in another repository", fail: func(c *Case) {
		c.RepositoryID, c.Evidence.Repository.ID, c.Evidence.Pull.Base.RepositoryID, c.Evidence.Pull.Head.RepositoryID, c.Evidence.Run.RepositoryID = 9, 9, 9, 9, 9
		confirm(c)
	}, by: "APP-05"},
	{name: "BIND-04 approved as the same bytes at another path", fail: func(c *Case) {
		c.Evidence.RequestPath, c.Request.Path, c.Evidence.Files.Items[0].Path = "requests/2027/2026-001.yaml", "requests/2027/2026-001.yaml", "requests/2027/2026-001.yaml"
		confirm(c)
	}, by: "APP-05"},
	{name: "BIND-05 a document did not decode strictly", fail: func(c *Case) { c.Problems = []Finding{{"BIND-05", requestFile, "unknown field"}} }},
	{name: "BIND-06 not yet", pass: func(c *Case) { c.Request.Spec.NotBefore = noon }, fail: func(c *Case) { c.Request.Spec.NotBefore = noon.Add(time.Second) }},
	{name: "BIND-06 expired", pass: func(c *Case) { c.Request.Spec.ExpiresAt = noon.Add(time.Second) }, fail: func(c *Case) { c.Request.Spec.ExpiresAt = noon }},
	{name: "BIND-06 the window is longer than the default", pass: func(c *Case) { c.Request.Spec.NotBefore = c.Request.Spec.ExpiresAt.Add(-defaultWindow) },
		fail: func(c *Case) { c.Request.Spec.NotBefore = c.Request.Spec.ExpiresAt.Add(-defaultWindow - time.Second) }},
	{name: "BIND-06 the window is longer than the policy allows", pass: func(c *Case) { entry(c).WindowMax = weeks(1) }, fail: func(c *Case) { entry(c).WindowMax = minutes(5) }},
	{name: "BIND-06 the clocks differ", pass: func(c *Case) { c.Evidence.ServerDate = ago(time.Minute) }, fail: func(c *Case) { c.Evidence.ServerDate = ago(time.Minute + time.Second) }},
	{name: "BIND-06 the clocks differ the other way", pass: func(c *Case) { c.Evidence.ServerDate = noon.Add(time.Minute) }, fail: func(c *Case) { c.Evidence.ServerDate = noon.Add(5 * time.Minute) }},

	// Policy.
	{name: "POL-01 another policy is in use", fail: func(c *Case) { c.Policies[0].SHA256 = file("other").SHA256 }},
	{name: "POL-01 the policy is of another commit", fail: func(c *Case) { c.Policies[0].Commit, c.Evidence.Policies.Items[0].Commit = sha("c"), sha("c") }},
	{name: "POL-01 a policy at the tip is not in use", fail: func(c *Case) {
		c.Evidence.Policies.Items = append(c.Evidence.Policies.Items, DocumentAt{"policies/more.yaml", sha("a"), file("more")})
	}},
	{name: "POL-01 a policy is in use that is not at the tip", fail: func(c *Case) {
		c.Policies = append(c.Policies, Decoded[Policy]{"more", "policies/more.yaml", sha("a"), file("more").SHA256, Policy{}})
	}},
	{name: "POL-01 the policies were not all listed", fail: func(c *Case) { c.Evidence.Policies.Complete = "" }},
	{name: "POL-01 the roster is of the request's own branch", fail: func(c *Case) { c.Roster.Commit, c.Evidence.Roster.Commit = sha("c"), sha("c") }},
	{name: "POL-01 another roster is in use", fail: func(c *Case) { c.Roster.SHA256 = file("other").SHA256 }},
	{name: "POL-02 no entry is about the action", fail: func(c *Case) { c.Policies[0].Spec.Entries = c.Policies[0].Spec.Entries[1:] }},
	{name: "POL-02 two entries are about the action", fail: func(c *Case) { c.Policies[0].Spec.Entries = append(c.Policies[0].Spec.Entries, *entry(c)) }},
	{name: "POL-02 the highest tier of all targets decides", pass: func(c *Case) {
		tier2(c)
		c.Targets = append(c.Targets, Target{"pg/more", 2, ledgerPath})
	}, fail: func(c *Case) {
		tier2(c)
		c.Targets = append(c.Targets, Target{"pg/more", 1, ledgerPath})
	}, by: "ID-06"},
	{name: "POL-02 a tier that does not exist", fail: func(c *Case) { c.Targets[0].Tier = 0 }},
	{name: "POL-02 an action that does not exist", fail: func(c *Case) { c.Request.Spec.Type = "reboot"; confirm(c) }},
	{name: "POL-02 the ticket is missing", pass: ticket("CHG-[0-9]+", "CHG-1"), fail: ticket("CHG-[0-9]+", "")},
	{name: "POL-02 the ticket does not match", fail: ticket("CHG-[0-9]+", "see CHG-1")},
	{name: "POL-02 the ticket is in another state", pass: ticketIn("implement"), fail: ticketIn("draft")},
	{name: "POL-02 the ticket was not read", pass: ticketIn("implement"), fail: ticketIn("")},
	{name: "POL-03 no slot", fail: func(c *Case) { entry(c).Slots = nil }},
	{name: "POL-03 tier 1 without business", fail: func(c *Case) { entry(c).Slots = []Slot{{Role: SlotIT}} }},
	{name: "POL-03 tier 1 without it", fail: func(c *Case) { entry(c).Slots = []Slot{{Role: SlotBusiness}} }},
	{name: "POL-04 an unknown role", fail: func(c *Case) { entry(c).Slots = append(entry(c).Slots, Slot{Role: "boss"}) }},

	// Counting.
	{name: "APP-01 dismissed, and no earlier one counts", pass: third(&ben, Commented, "fine"), fail: third(&ben, Dismissed, "")},
	{name: "APP-01 the state says approved, the record says dismissed", fail: func(c *Case) { c.Evidence.Dismissals.Items = []Dismissal{{11, ptr(ann), ago(30 * time.Minute)}} }},
	{name: "APP-01 pending", fail: func(c *Case) { review(c, 0).State = Pending }},
	{name: "APP-01 a later approval without the line decides", fail: third(&ben, Approved, "again"), by: "APP-05"},
	{name: "APP-02 somebody on the roster objects", pass: third(&other, ChangesRequested, "no"), fail: third(&finn, ChangesRequested, "no")},
	{name: "APP-02 the requester objects", fail: third(&ann, ChangesRequested, "stop")},
	{name: "APP-02 the other account of an approver objects", pass: instead(eve), fail: func(c *Case) { instead(eve)(c); third(&eve2, ChangesRequested, "no")(c) }},
	{name: "APP-02 somebody who has left since objects", fail: func(c *Case) {
		c.Roster.Spec.People = c.Roster.Spec.People[:5]
		third(&finn, ChangesRequested, "no")(c)
	}},
	{name: "APP-02 the state says changes requested, a record says dismissed", fail: func(c *Case) {
		third(&finn, ChangesRequested, "")(c)
		c.Evidence.Dismissals.Items = []Dismissal{{13, ptr(ann), ago(30 * time.Minute)}}
	}},
	{name: "APP-03 of an older head", fail: func(c *Case) { review(c, 0).CommitID = sha("e") }},
	{name: "APP-03 of no commit", fail: func(c *Case) { review(c, 0).CommitID = "" }},
	{name: "APP-04 the head moved after the approval", pass: moved(ago(61 * time.Minute)), fail: moved(ago(59 * time.Minute))},
	{name: "APP-04 the head moved in the second of the approval", fail: moved(ago(60 * time.Minute))},
	{name: "APP-04 pushed by force after the approval", pass: pushed(HeadForcePushed, ago(61*time.Minute)), fail: pushed(HeadForcePushed, ago(60*time.Minute))},
	{name: "APP-04 when the head became what it is was not found", fail: func(c *Case) { c.Evidence.Movements.Items = nil }},
	{name: "APP-04 the last movement led elsewhere", fail: func(c *Case) {
		c.Evidence.Movements.Items = append(c.Evidence.Movements.Items, Movement{2, "push", ptr(ann), sha("c"), sha("e"), ago(70 * time.Minute)})
	}},
	{name: "APP-04 a movement has no time", fail: func(c *Case) { c.Evidence.Movements.Items[0].At = time.Time{} }},
	{name: "APP-05 no line", fail: func(c *Case) { review(c, 0).Body = "LGTM" }},
	{name: "APP-05 a line with another digest", fail: func(c *Case) { review(c, 0).Body = ApprovalLine(file("x").SHA256, SlotIT) }},
	{name: "APP-05 a short digest", fail: func(c *Case) { review(c, 0).Body = "bcctl-approve " + string(digestIn(*c))[:30] + " as it" }},
	{name: "APP-05 no role", fail: func(c *Case) { review(c, 0).Body = "bcctl-approve " + string(digestIn(*c)) }},
	{name: "APP-05 a role that does not exist", fail: func(c *Case) { review(c, 0).Body = ApprovalLine(digestIn(*c), "boss") }},
	{name: "APP-05 a quoted line", fail: func(c *Case) { review(c, 0).Body = "> " + ApprovalLine(digestIn(*c), SlotIT) }},
	{name: "APP-05 a right line and a wrong one", pass: func(c *Case) { review(c, 0).Body += "\n" + ApprovalLine(digestIn(*c), SlotIT) },
		fail: func(c *Case) { review(c, 0).Body += "\n" + ApprovalLine(file("x").SHA256, SlotIT) }},
	{name: "APP-05 optional for tier 2 only", pass: func(c *Case) { tier2(c); review(c, 0).Body = "fine" },
		fail: func(c *Case) { entry(c).DigestLine = DigestOptional; review(c, 0).Body = "fine" }},
	{name: "APP-05 optional, but wrong", pass: tier2, fail: func(c *Case) { tier2(c); review(c, 0).Body = ApprovalLine(file("x").SHA256, SlotIT) }},
	{name: "APP-06 edited", fail: func(c *Case) { review(c, 0).Edited = Yes }},
	{name: "APP-06 tier 1, whether it was edited is not known", pass: func(c *Case) { tier2(c); review(c, 0).Edited = "" }, fail: func(c *Case) { review(c, 0).Edited = "" }},
	{name: "APP-07 after the merge", pass: func(c *Case) { review(c, 0).SubmittedAt = ago(20*time.Minute + time.Second) }, fail: func(c *Case) { review(c, 0).SubmittedAt = ago(20 * time.Minute) }},
	{name: "APP-07 too old", pass: func(c *Case) { entry(c).ApprovalMaxAge = minutes(60) }, fail: func(c *Case) { entry(c).ApprovalMaxAge = minutes(59) }},
	{name: "APP-08 a role the person does not hold", fail: func(c *Case) { review(c, 0).Body = ApprovalLine(digestIn(*c), SlotBusiness) }},
	{name: "APP-08 one person, two lines, two slots", pass: instead(eve), fail: func(c *Case) {
		instead(eve)(c)
		review(c, 0).Body += "\n" + ApprovalLine(digestIn(*c), SlotBusiness)
		c.Evidence.Reviews.Items = c.Evidence.Reviews.Items[:1]
	}, by: "ID-06"},
	{name: "APP-09 a comment with the line is no approval", fail: func(c *Case) {
		c.Evidence.Comments.Items = []Comment{{ID: 1, Pull: 7, User: ptr(ben), Body: ApprovalLine(digestIn(*c), SlotIT), CreatedAt: ago(time.Hour), UpdatedAt: ago(time.Hour), ViaApp: No}}
		c.Evidence.Reviews.Items = c.Evidence.Reviews.Items[1:]
	}, by: "ID-06"},
	{name: "APP-09 a review that only comments is no approval", fail: func(c *Case) { review(c, 0).State = Commented }, by: "ID-06"},
	{name: "APP-10 the fetched head is another", fail: func(c *Case) { c.Evidence.Pull.FetchedHead = sha("e") }},
	{name: "APP-10 the second read differs", pass: func(c *Case) { c.Claimed, c.First = true, c.Evidence.Fingerprint() },
		fail: func(c *Case) {
			c.Claimed, c.First = true, c.Evidence.Fingerprint()
			third(&finn, Approved, "")(c)
		}},
	{name: "APP-10 claimed, and no first read", fail: func(c *Case) { c.Claimed = true }},
	{name: "APP-10 read too long ago", pass: func(c *Case) { c.Evidence.ReadAt, c.Evidence.ServerDate = ago(5*time.Minute), ago(5*time.Minute) },
		fail: func(c *Case) { c.Evidence.ReadAt, c.Evidence.ServerDate = ago(6*time.Minute), ago(6*time.Minute) }},

	// Who merged.
	{name: "ADM-01 merged by an administrator, without reviews", fail: func(c *Case) { c.Evidence.Reviews.Items = nil }, by: "ID-06"},
	{name: "ADM-02 the rules were bypassed", fail: func(c *Case) { c.Evidence.RuleSuite.Result = SuiteBypass }},
	{name: "ADM-02 the rules failed", fail: func(c *Case) { c.Evidence.RuleSuite.Result = SuiteFail }},
	{name: "ADM-02 tier 1, and whether they were bypassed is not known", pass: func(c *Case) { tier2(c); c.Evidence.RuleSuite = RuleSuite{} }, fail: func(c *Case) { c.Evidence.RuleSuite = RuleSuite{} }},
	{name: "ADM-03 who merged is not known", fail: func(c *Case) { c.Evidence.Pull.MergedBy = nil }},
	{name: "ADM-03 recent changes were not read", pass: func(c *Case) { c.Evidence.Changes.Items = []AuthorityChange{{rosterPath, "ann", ago(time.Hour)}} }, fail: func(c *Case) { c.Evidence.Changes.Complete = "" }},

	// What was decoded.
	{name: "API-01 the head is not a commit id", fail: func(c *Case) { c.Evidence.Pull.Head.SHA, c.Evidence.Pull.FetchedHead = "main", "main" }},
	{name: "API-01 the tip is not a commit id", fail: func(c *Case) { c.Evidence.Main.Tip, c.Evidence.Main.Checkout = "main", "main" }},
	{name: "API-01 a review without time", fail: func(c *Case) { review(c, 0).SubmittedAt = time.Time{} }},
	{name: "API-01 a review without id", fail: func(c *Case) { review(c, 0).ID = 0 }},
	{name: "API-01 a review in a state nobody knows", fail: third(&finn, "ENDORSED", "")},
	{name: "API-01 an objection by an account of unread type", pass: third(&finn, Commented, ""), fail: third(&User{finn.ID, "", "finn"}, ChangesRequested, "")},
	{name: "API-01 one review, two contents", pass: func(c *Case) { c.Evidence.Reviews.Items = append(c.Evidence.Reviews.Items, *review(c, 0)) },
		fail: func(c *Case) {
			r := *review(c, 0)
			r.Body = "other"
			c.Evidence.Reviews.Items = append(c.Evidence.Reviews.Items, r)
		}},
	{name: "API-01 the pull request has no id", fail: func(c *Case) { c.Evidence.Pull.ID = 0 }},
	{name: "API-01 evidence of another form", fail: func(c *Case) { c.Evidence.Schema = "v0" }},
	{name: "API-04 offline evidence decides nothing online", fail: func(c *Case) { c.Evidence.Source = SourceOffline }},

	// Confirmation.
	{name: "CONF-01 none", fail: func(c *Case) { c.Evidence.Confirmation = nil }},
	{name: "CONF-01 on another pull request", fail: confirmed(func(k *Comment) { k.Pull = 8 })},
	{name: "CONF-01 without id", fail: confirmed(func(k *Comment) { k.ID = 0 })},
	{name: "CONF-02 one character off", fail: confirmed(func(k *Comment) { k.Body = strings.Replace(k.Body, "2026-001", "2026-002", 1) }), pass: confirmed(func(k *Comment) { k.Body += "\r\n" })},
	{name: "CONF-02 another case", fail: confirmed(func(k *Comment) { k.Body = strings.ToLower(k.Body) })},
	{name: "CONF-02 a second line", fail: confirmed(func(k *Comment) { k.Body += "\nplease" })},
	{name: "CONF-02 a space too many", fail: confirmed(func(k *Comment) { k.Body += " " })},
	{name: "CONF-02 another site", fail: confirmed(func(k *Comment) { k.Body = strings.Replace(k.Body, "@fra", "@ams", 1) })},
	{name: "CONF-03 by somebody who is no operator", fail: confirmed(func(k *Comment) { k.User = &finn }), pass: confirmed(func(k *Comment) { k.User = &ann })},
	{name: "CONF-03 by somebody on no roster", fail: confirmed(func(k *Comment) { k.User = &other })},
	{name: "CONF-03 by a bot", fail: confirmed(func(k *Comment) { k.User = &User{dora.ID, "Bot", "dora"} })},
	{name: "CONF-03 by nobody", fail: confirmed(func(k *Comment) { k.User = nil })},
	{name: "CONF-03 through an App", fail: confirmed(func(k *Comment) { k.ViaApp = Yes })},
	{name: "CONF-03 through who knows what", fail: confirmed(func(k *Comment) { k.ViaApp = "" })},
	{name: "CONF-03 no longer an operator", fail: func(c *Case) { person(&c.Roster.Spec, "dora").ActiveUntil = ptr(noon) }},
	{name: "CONF-04 edited", fail: confirmed(func(k *Comment) { k.UpdatedAt = noon })},
	{name: "CONF-04 too old", pass: confirmedAt(15 * time.Minute), fail: confirmedAt(15*time.Minute + time.Second)},
	{name: "CONF-04 before the merge", pass: func(c *Case) { c.Evidence.Pull.MergedAt = ago(11 * time.Minute); confirmedAt(10 * time.Minute)(c) },
		fail: func(c *Case) { c.Evidence.Pull.MergedAt = ago(10 * time.Minute); confirmedAt(10 * time.Minute)(c) }},
	{name: "CONF-04 before the last approval", from: start(emergency, func(c *Case) { review(c, 0).SubmittedAt = ago(5 * time.Minute) }),
		pass: confirmedAt(5*time.Minute - time.Second), fail: confirmedAt(5 * time.Minute)},
	{name: "CONF-04 in the future", pass: confirmedAt(-time.Minute), fail: confirmedAt(-2 * time.Minute)},
	{name: "CONF-05 the comment was used", pass: func(c *Case) { c.Evidence.Ledger.Comments.Items = []int64{499} }, fail: func(c *Case) { c.Evidence.Ledger.Comments.Items = []int64{499, 500} }},
	{name: "CONF-05 used comments were not read", fail: func(c *Case) { c.Evidence.Ledger.Comments.Complete = "" }},
	{name: "CONF-05 the attempt was used", pass: attempted(AttemptRefused, 2), fail: attempted(AttemptRefused, 1)},
	{name: "CONF-05 an attempt is left out", fail: attempted(AttemptRefused, 3)},
	{name: "CONF-05 attempts were not read", fail: func(c *Case) { c.Evidence.Ledger.Attempts.Complete = "" }},
	{name: "CONF-06 the run is run again", fail: inRun(func(w *WorkflowRun) { w.Attempt = 2 })},
	{name: "CONF-06 started by one, triggered by another", fail: inRun(func(w *WorkflowRun) { w.TriggeringActor = &ben })},
	{name: "CONF-06 who started the run is not known", fail: inRun(func(w *WorkflowRun) { w.Actor, w.TriggeringActor = nil, nil })},
	{name: "CONF-07 another workflow", fail: inRun(func(w *WorkflowRun) { w.Workflow = ".github/workflows/other.yml" })},
	{name: "CONF-07 no workflow may execute", fail: func(c *Case) { c.Workflow = ""; c.Evidence.Run.Workflow = "" }},
	{name: "CONF-07 on a branch", fail: inRun(func(w *WorkflowRun) { w.HeadBranch = "topic" })},
	{name: "CONF-07 of a commit that is not on the branch", fail: inRun(func(w *WorkflowRun) { w.HeadOnMain = No })},
	{name: "CONF-07 of another repository", fail: inRun(func(w *WorkflowRun) { w.RepositoryID++ })},
	{name: "CONF-07 triggered by something else", pass: inRun(func(w *WorkflowRun) { w.Event = "workflow_dispatch" }), fail: inRun(func(w *WorkflowRun) { w.Event = "pull_request_target" })},
	{name: "CONF-07 which run this is could not be read", fail: func(c *Case) { c.Evidence.Run = nil }},
	{name: "CONF-08 not at a terminal", pass: typedByDora, fail: func(c *Case) { typedByDora(c); c.Evidence.Typed.Terminal = No }},
	{name: "CONF-08 signed by somebody else", pass: typedByDora, fail: func(c *Case) {
		typedByDora(c)
		c.Evidence.Typed.Signature = sign("finn", NamespaceConfirm, c.Evidence.Typed.Statement)
	}},
	{name: "CONF-08 signed for something else", pass: typedByDora, fail: func(c *Case) {
		typedByDora(c)
		c.Evidence.Typed.Signature = sign("dora", NamespaceApproval, c.Evidence.Typed.Statement)
	}},
	{name: "CONF-08 typed in a workflow", fail: func(c *Case) {
		k, w := c.Evidence.Confirmation, c.Evidence.Run
		typedByDora(c)
		c.Evidence.Confirmation, c.Evidence.Run = k, w
	}},
	{name: "CONF-10 an environment was approved, and nobody reviewed", fail: func(c *Case) { c.Evidence.Reviews.Items = nil; c.Evidence.Run.Event = "workflow_dispatch" }, by: "ID-06"},

	// Withdrawal, attempts, resume: what the executor asks again.
	{name: "RUN-02 it is done", fail: attempted(AttemptDone, 2)},
	{name: "RUN-02 it failed for good", fail: attempted(AttemptFailed, 2)},
	{name: "RUN-02 it was aborted", fail: attempted(AttemptAborted, 2)},
	{name: "RUN-02 how it ended is not known", fail: attempted("", 2)},
	{name: "RUN-03 the requester withdraws", pass: withdrawnBy(other), fail: withdrawnBy(ann)},
	{name: "RUN-03 an approver withdraws", pass: withdrawnBy(finn), fail: withdrawnBy(ben)},
	{name: "RUN-03 an operator withdraws", fail: withdrawnBy(dora)},
	{name: "RUN-03 a withdrawal that was edited away", pass: editedBy(ann, "x", "hello"), fail: editedBy(ann, WithdrawalLine("2026-001"), "hello")},
	{name: "RUN-03 a text that was edited into a withdrawal", pass: editedBy(finn, "x", WithdrawalLine("2026-001")), fail: editedBy(ann, "x", WithdrawalLine("2026-001"))},
	{name: "RUN-03 what an edited comment said is not known", pass: func(c *Case) { editedBy(ann, "x", "hello")(c); tier2(c); forgotten(c) }, fail: func(c *Case) { editedBy(ann, "x", "hello")(c); forgotten(c) }},
	{name: "RUN-03 what an edited comment said is not known, and nor whether it was edited", pass: func(c *Case) { editedBy(finn, "x", "hello")(c); forgotten(c); comment(c).Edited = "" },
		fail: func(c *Case) { editedBy(ann, "x", "hello")(c); forgotten(c); comment(c).Edited = "" }},
	{name: "RUN-03 a comment of the App is edited by the App", pass: func(c *Case) { editedBy(robot, "x", "hello")(c); forgotten(c); c.Evidence.Pull.Author = ptr(ann) },
		fail: func(c *Case) { editedBy(ann, "x", "hello")(c); forgotten(c) }},
	{name: "RUN-03 withdrawn by an account that is gone", pass: func(c *Case) { withdrawnBy(finn)(c); comment(c).User = nil; comment(c).Body = "hello" }, fail: func(c *Case) { withdrawnBy(finn)(c); comment(c).User = nil }},
	{name: "RUN-03 a comment was deleted", pass: pushed(HeadForcePushed, ago(80*time.Minute)), fail: pushed(CommentDeleted, ago(80*time.Minute))},
	{name: "RUN-03 the ledger has a withdrawal", fail: func(c *Case) { c.Evidence.Ledger.Withdrawn = Yes }},
	{name: "RUN-03 whether it was withdrawn is not known", fail: func(c *Case) { c.Evidence.Ledger.Withdrawn = "" }},
	{name: "RUN-06 expired before the point of no return", from: start(resume), pass: expiredAfter(Yes), fail: expiredAfter(No)},
	{name: "RUN-06 nothing to resume", from: start(resume), fail: func(c *Case) { c.Evidence.Ledger.Attempts = Complete[Attempt](); c.Attempt = 1; confirm(c) }},
	{name: "RUN-06 an unfinished attempt is resumed, not executed again", fail: attempted(AttemptStopped, 2)},
	{name: "RUN-06 an attempt for other bytes", from: start(resume), fail: func(c *Case) { c.Evidence.Ledger.Attempts.Items[0].Digest = file("x").SHA256 }},
	{name: "RUN-07 no target", fail: func(c *Case) { c.Targets = nil }, by: "RUN-07"},

	// Offline.
	{name: "OFF-01 the forge answers", from: offline, fail: func(c *Case) { c.Evidence.Offline.Answered = Yes }},
	{name: "OFF-01 whether the forge answers is not known", from: offline, fail: func(c *Case) { c.Evidence.Offline.Answered = "" }},
	{name: "OFF-01 the forge answers again, and the attempt began with it", from: offlineResume, pass: func(c *Case) { c.Evidence.Offline.Answered = Yes },
		fail: func(c *Case) { c.Evidence.Offline.Answered, c.Evidence.Offline.Begun = Yes, No }},
	{name: "OFF-01 looking needs no host, running does", from: offlineReview, fail: func(c *Case) {
		c.Mode = ModeOffline
	}},
	{name: "OFF-01 the action may not be approved offline, when somebody looks", from: offlineReview, fail: func(c *Case) { entry(c).Offline = false }},
	{name: "OFF-04 looking lifts nothing", from: offlineReview, fail: vetoBy("finn"), by: "APP-02"},
	{name: "OFF-04 one statement is not enough, when somebody looks", from: offlineReview, fail: func(c *Case) {
		c.Evidence.Offline.Statements = c.Evidence.Offline.Statements[:1]
	}, by: "ID-06"},
	{name: "OFF-01 nobody asked for it", from: offline, fail: func(c *Case) { c.Evidence.Offline.Asked = No }},
	{name: "OFF-01 another host", from: offline, fail: func(c *Case) { c.Evidence.Offline.Host = "laptop" }},
	{name: "OFF-01 the action may not be approved offline", from: offline, fail: func(c *Case) { entry(c).Offline = false }},
	{name: "OFF-01 the policy says nothing about it", from: offline, fail: func(c *Case) { c.Policies[0].Spec.Offline = nil }},
	{name: "OFF-02 too few root keys", from: offline, fail: newSnapshot(func(*Snapshot) {}, "root1"), pass: newSnapshot(func(*Snapshot) {}, "root2", "root3")},
	{name: "OFF-02 one root key twice", from: offline, fail: newSnapshot(func(*Snapshot) {}, "root1", "root1")},
	{name: "OFF-02 keys that are no roots", from: offline, fail: newSnapshot(func(*Snapshot) {}, "root1", "dora")},
	{name: "OFF-02 no roots are configured", from: offline, fail: func(c *Case) { c.Trust = Trust{} }},
	{name: "OFF-02 an older snapshot", from: offline, fail: func(c *Case) { c.Evidence.Offline.HighestSeen = ptr(int64(4)) }, pass: func(c *Case) { c.Evidence.Offline.HighestSeen = ptr(int64(2)) }},
	{name: "OFF-02 which snapshots were seen is not known", from: offline, fail: func(c *Case) { c.Evidence.Offline.HighestSeen = nil }},
	{name: "OFF-02 an expired snapshot", from: offline, fail: newSnapshot(func(s *Snapshot) { s.Expires = noon }, "root1", "root2"), pass: newSnapshot(func(s *Snapshot) { s.Expires = noon.Add(time.Second) }, "root1", "root2")},
	{name: "OFF-02 of another repository", from: offline, fail: newSnapshot(func(s *Snapshot) { s.Repository++ }, "root1", "root2")},
	{name: "OFF-02 the operator added a key to the clone", from: offline, fail: func(c *Case) { c.Roster.SHA256, c.Evidence.Roster.File = file("mine").SHA256, file("mine") }},
	{name: "OFF-02 the operator changed the policy of the clone", from: offline, fail: func(c *Case) {
		c.Policies[0].SHA256, c.Evidence.Policies.Items[0].File = file("mine").SHA256, file("mine")
		c.Request.Spec.Pins[policyPath] = file("mine").SHA256
	}},
	{name: "OFF-03 a signature for git", from: offline, pass: signedAgain(func(*Statement) {}, "", NamespaceApproval), fail: signedAgain(func(*Statement) {}, "", "git")},
	{name: "OFF-03 of another request", from: offline, fail: signedAgain(func(s *Statement) { s.Digest = file("x").SHA256 }, "", NamespaceApproval)},
	{name: "OFF-03 of another repository", from: offline, fail: signedAgain(func(s *Statement) { s.Repository++ }, "", NamespaceApproval)},
	{name: "OFF-03 of another action", from: offline, fail: signedAgain(func(s *Statement) { s.Action = runbook.Failover }, "", NamespaceApproval)},
	{name: "OFF-03 of another target", from: offline, fail: signedAgain(func(s *Statement) { s.Target = "pg/other" }, "", NamespaceApproval)},
	{name: "OFF-03 of another snapshot", from: offline, fail: signedAgain(func(s *Statement) { s.Snapshot = 2 }, "", NamespaceApproval)},
	{name: "OFF-03 expired", from: offline, pass: signedAgain(func(s *Statement) { s.Expires = noon.Add(time.Second) }, "", NamespaceApproval), fail: signedAgain(func(s *Statement) { s.Expires = noon }, "", NamespaceApproval)},
	{name: "OFF-03 older than the policy allows", from: offline, pass: func(c *Case) { c.Policies[0].Spec.Offline.StatementMaxAge = minutes(30) }, fail: func(c *Case) { c.Policies[0].Spec.Offline.StatementMaxAge = minutes(29) }},
	{name: "OFF-03 signed by somebody else's key", from: offline, fail: signedAgain(func(*Statement) {}, "finn", NamespaceApproval)},
	{name: "OFF-03 damaged", from: offline, fail: func(c *Case) {
		c.Evidence.Offline.Statements[0].Statement = append([]byte(" "), c.Evidence.Offline.Statements[0].Statement...)
	}},
	{name: "OFF-04 the requester signs", from: offline, fail: signedAgain(func(s *Statement) { s.Person = "ann" }, "", NamespaceApproval), by: "ID-04"},
	{name: "OFF-04 somebody without the role signs", from: offline, fail: signedAgain(func(s *Statement) { s.Person = "finn" }, "", NamespaceApproval), by: "APP-08"},
	{name: "OFF-04 one person for two slots", from: offline, fail: func(c *Case) {
		c.Evidence.Offline.Statements = nil
		say(c, statementBy(*c, "eve", SlotIT, 1), "eve", NamespaceApproval)
		say(c, statementBy(*c, "eve", SlotBusiness, 2), "eve", NamespaceApproval)
	}, by: "ID-06"},
	{name: "OFF-04 the key was revoked", from: offline, fail: func(c *Case) { person(&c.Roster.Spec, "ben").SSHKeys[0].RevokedAt = ptr(noon) }, pass: func(c *Case) { person(&c.Roster.Spec, "ben").SSHKeys[0].RevokedAt = ptr(noon.Add(time.Second)) }},
	{name: "OFF-04 the key was not valid yet", from: offline, fail: func(c *Case) { person(&c.Roster.Spec, "ben").SSHKeys[0].ValidFrom = ptr(ago(29 * time.Minute)) }, pass: func(c *Case) { person(&c.Roster.Spec, "ben").SSHKeys[0].ValidFrom = ptr(ago(30 * time.Minute)) }},
	{name: "OFF-04 the key was no longer valid", from: offline, fail: func(c *Case) { person(&c.Roster.Spec, "ben").SSHKeys[0].ValidUntil = ptr(ago(30 * time.Minute)) }, pass: func(c *Case) { person(&c.Roster.Spec, "ben").SSHKeys[0].ValidUntil = ptr(ago(29 * time.Minute)) }},
	{name: "OFF-04 a veto", from: offline, fail: vetoBy("finn"), by: "APP-02"},
	{name: "OFF-04 a pinned file changed", from: offline, fail: func(c *Case) { c.Evidence.Pins[0].AtTip = file("other") }, by: "BIND-02"},
	{name: "OFF-04 expired request", from: offline, fail: func(c *Case) { c.Request.Spec.ExpiresAt = noon }, by: "BIND-06"},
	{name: "OFF-04 the operator signs", from: offline, fail: signedAgain(func(s *Statement) { s.Person = "dora" }, "", NamespaceApproval), by: "ID-04"},
	{name: "OFF-05 no local claim", from: offline, fail: func(c *Case) { c.Evidence.Offline.LocalClaim = No }},
	{name: "OFF-05 the claim comes after the start was verified", from: offline, pass: func(c *Case) { c.Claimed, c.Evidence.Offline.LocalClaim = false, No },
		fail: func(c *Case) { c.Claimed, c.Evidence.Offline.LocalClaim = true, No }},
	{name: "OFF-05 no lock of the host before the first change", from: offlineReview, pass: toRun, fail: func(c *Case) {
		toRun(c)
		c.Evidence.Offline.HostLock = ""
	}},
	{name: "OFF-01 the forge answers, before anybody types", from: offlineReview, pass: toRun, fail: func(c *Case) {
		toRun(c)
		c.Evidence.Offline.Answered = Yes
	}},
	{name: "OFF-01 another host, before anybody types", from: offlineReview, pass: toRun, fail: func(c *Case) {
		toRun(c)
		c.Evidence.Offline.Host = "laptop"
	}},
	{name: "RUN-06 an offline run that stopped is not begun again", from: offlineResume, fail: func(c *Case) {
		c.Mode, c.Plan = ModeOffline, c.Request.Spec.Plan
	}},
	{name: "OFF-05 no lock of the host", from: offline, fail: func(c *Case) { c.Evidence.Offline.HostLock = "" }},
	{name: "OFF-06 an offline run is not reconciled", fail: func(c *Case) { c.Evidence.Ledger.Unreconciled.Items = []string{"2026-000"} }},
	{name: "OFF-06 whether one is, is not known", fail: func(c *Case) { c.Evidence.Ledger.Unreconciled.Complete = "" }},

	// Break-glass and schedules.
	{name: "BG-01 no entry", from: start(emergency), fail: func(c *Case) { c.Policies[0].Spec.BreakGlass = nil }},
	{name: "BG-01 two entries", from: start(emergency), fail: func(c *Case) { c.Policies[0].Spec.BreakGlass = append(c.Policies[0].Spec.BreakGlass, *glass(c)) }},
	{name: "BG-01 no slot", from: start(emergency), fail: func(c *Case) { glass(c).Slots = nil }},
	{name: "BG-01 the requester alone", from: start(emergency), fail: func(c *Case) { c.Request.Spec.Requester = "ben" }, by: "ID-04"},
	{name: "BG-01 another incident", from: start(emergency), fail: func(c *Case) { c.Request.Spec.BreakGlass.Incident = "see INC-7" }},
	{name: "BG-01 no reason", from: start(emergency), fail: func(c *Case) { c.Request.Spec.BreakGlass.Reason = " " }},
	{name: "BG-02 used before", from: start(emergency), fail: attempted(AttemptRefused, 2)},
	{name: "BG-02 the grant is over", from: start(emergency), pass: func(c *Case) { glass(c).Relax = []RuleID{"BIND-06"}; glass(c).ValidFor = minutes(25) },
		fail: func(c *Case) { glass(c).Relax = []RuleID{"BIND-06", "APP-07"}; glass(c).ValidFor = minutes(24) }},
	{name: "BG-02 a window longer than the grant", from: start(emergency), pass: func(c *Case) { glass(c).ValidFor = minutes(60) }, fail: func(c *Case) { glass(c).ValidFor = minutes(59) }, by: "BIND-06"},
	{name: "BG-02 never longer than an hour", from: start(emergency), fail: func(c *Case) { glass(c).ValidFor = weeks(1); c.Request.Spec.ExpiresAt = noon.Add(time.Hour) }, by: "BIND-06"},
	{name: "BG-02 lifts a listed rule only", from: start(emergency), pass: third(&finn, ChangesRequested, "no"), fail: func(c *Case) { third(&finn, ChangesRequested, "no")(c); glass(c).Relax = []RuleID{"APP-07"} }, by: "APP-02"},
	{name: "BG-02 lifts what always holds", from: start(emergency), fail: func(c *Case) { glass(c).Relax = []RuleID{"BIND-01"} }},
	{name: "BG-04 a review is overdue", from: start(emergency), pass: overdue("ann", noon), fail: overdue("ann", ago(time.Second))},
	{name: "BG-04 a review of the same requester has no date", from: start(emergency), pass: overdue("ben", ago(time.Hour)), fail: overdue("ann", time.Time{})},
	{name: "BG-04 whether one is overdue is not known", from: start(emergency), fail: func(c *Case) { c.Evidence.Ledger.OpenReviews.Complete = "" }},
	{name: "SCH-01 a schedule starts the run", fail: inRun(func(w *WorkflowRun) { w.Event = "schedule" })},
	{name: "SCH-01 the schedule is for another type", pass: scheduled, fail: func(c *Case) { scheduled(c); c.Schedule.Type = runbook.Drill }},
	{name: "SCH-01 the schedule is about other targets", pass: scheduled, fail: func(c *Case) { scheduled(c); c.Schedule.Targets = []string{"other"} }},
	{name: "SCH-01 the schedule leads to another site", pass: scheduled, fail: func(c *Case) { scheduled(c); c.Schedule.Site = "elsewhere" }},
	{name: "SCH-01 the schedule was not read", pass: scheduled, fail: func(c *Case) { scheduled(c); c.Schedule = Scheduled{} }},
	{name: "SCH-01 a production drill is asked for by a schedule", pass: scheduled, fail: func(c *Case) { scheduled(c); c.Request.Spec.ProductionDrill = true }},
	{name: "BIND-03 the schedule is not pinned", pass: scheduled, fail: func(c *Case) { scheduled(c); delete(c.Request.Spec.Pins, c.Schedule.Path) }},
	{name: "BIND-02 the schedule has changed since", pass: scheduled, fail: func(c *Case) { scheduled(c); c.Evidence.Pins[len(c.Evidence.Pins)-1].AtTip = file("other") }},
	{name: "SCH-02 the owner of the schedule approves", pass: scheduled, fail: func(c *Case) { scheduled(c); c.ScheduleOwner = "ben" }, by: "ID-04"},
	{name: "SCH-02 the owner is not known", pass: scheduled, fail: func(c *Case) { scheduled(c); c.ScheduleOwner = "" }},
	{name: "SCH-02 the schedule's commit is not verified", pass: scheduled, fail: func(c *Case) { scheduled(c); c.Evidence.Commits.Items[0].Verified = No }, by: "ID-05"},
	{name: "SCH-02 a bot without schedule", pass: scheduled, fail: func(c *Case) { scheduled(c); c.Request.Spec.Schedule = "" }, by: "ID-05"},

	// Safety rules.
	{name: "SI-14 the plan is another", fail: func(c *Case) { c.Plan = file("other").SHA256 }},
	{name: "SI-14 the plan was not compiled", fail: func(c *Case) { c.Plan = "" }},
	{name: "SI-15 the operator approves", pass: func(c *Case) { instead(dora)(c); c.Evidence.Confirmation.User = ptr(ann) }, fail: instead(dora), by: "ID-04"},
	{name: "SI-22 an unproven writer takes one more person", pass: func(c *Case) { unproven(c); third(&eve, Approved, ApprovalLine(digestIn(*c), SlotIT))(c) }, fail: unproven, by: "ID-06"},
}

func unproven(c *Case) { c.Request.Spec.AcceptUnprovenWriter = true }

func sized(n int) func(*Case) {
	return func(c *Case) {
		setBytes(c, strings.Repeat("x", n))
		reapprove(c)
	}
}

// reapprove writes all lines anew, after the request was changed.
func reapprove(c *Case) {
	review(c, 0).Body, review(c, 1).Body = ApprovalLine(digestIn(*c), SlotIT), ApprovalLine(digestIn(*c), SlotBusiness)
	confirm(c)
}

func at(c *Case, path string) {
	c.Evidence.RequestPath, c.Request.Path, c.Evidence.Files.Items[0].Path = path, path, path
	reapprove(c)
}

func manyCommits(n int) func(*Case) {
	return func(c *Case) {
		for len(c.Evidence.Commits.Items) < n {
			c.Evidence.Commits.Items = append(c.Evidence.Commits.Items, c.Evidence.Commits.Items[0])
		}
	}
}

func manyReviews(n int) func(*Case) {
	return func(c *Case) {
		for i := len(c.Evidence.Reviews.Items); i < n; i++ {
			c.Evidence.Reviews.Items = append(c.Evidence.Reviews.Items, Review{int64(1000 + i), ptr(other), Commented, ago(time.Hour), sha("c"), "x", No})
		}
	}
}

func known(id, path string, digest runbook.Digest) func(*Case) {
	return func(c *Case) {
		if digest == "" {
			digest = digestIn(*c)
		}
		c.Evidence.Ledger.Paths.Items = []SeenRequest{{id, path, digest}}
	}
}

func ticket(pattern, reference string) func(*Case) {
	return func(c *Case) {
		entry(c).Ticket = &Ticket{System: "itsm", Pattern: pattern}
		c.Request.Spec.Ticket = reference
	}
}

func ticketIn(state string) func(*Case) {
	return func(c *Case) {
		ticket("", "CHG-1")(c)
		entry(c).Ticket.States = []string{"scheduled", "implement"}
		c.Evidence.Ticket = TicketFact{"itsm", "CHG-1", state}
	}
}

func confirmedAt(d time.Duration) func(*Case) {
	return confirmed(func(k *Comment) { k.CreatedAt, k.UpdatedAt = ago(d), ago(d) })
}

// attempted has one attempt in the ledger, and makes another one.
func attempted(state AttemptState, next int) func(*Case) {
	return func(c *Case) {
		c.Evidence.Ledger.Attempts = Complete(Attempt{1, digestIn(*c), state, ago(10 * time.Minute), No})
		c.Attempt = next
		confirm(c)
	}
}

func withdrawnBy(u User) func(*Case) {
	return func(c *Case) {
		c.Evidence.Comments.Items = []Comment{{ID: 400, Pull: 7, User: &u, Body: WithdrawalLine(c.Request.Name) + "\r\n", CreatedAt: ago(5 * time.Minute), UpdatedAt: ago(5 * time.Minute), ViaApp: No, Edited: No}}
	}
}

func comment(c *Case) *Comment { return &c.Evidence.Comments.Items[0] }

// editedBy is a comment whose text was another one.
func editedBy(u User, before, after string) func(*Case) {
	return func(c *Case) {
		c.Evidence.Comments.Items = []Comment{{ID: 400, Pull: 7, User: &u, Body: after, CreatedAt: ago(5 * time.Minute), UpdatedAt: ago(4 * time.Minute), ViaApp: No, Edited: Yes, Former: Complete(before)}}
	}
}

// forgotten is what could not be read of an edited comment.
func forgotten(c *Case) { comment(c).Former = List[string]{} }

func expiredAfter(past Fact) func(*Case) {
	return func(c *Case) {
		c.Request.Spec.ExpiresAt = ago(time.Minute)
		c.Evidence.Ledger.Attempts.Items[0].PastNoReturn = past
	}
}

func vetoBy(who string) func(*Case) {
	return func(c *Case) {
		s := statementBy(*c, who, SlotIT, 9)
		s.Decision = Veto
		say(c, s, who, NamespaceApproval)
	}
}

func overdue(who string, due time.Time) func(*Case) {
	return func(c *Case) { c.Evidence.Ledger.OpenReviews.Items = []OpenReview{{"2026-000", who, due}} }
}

func minutes(n int) *duration.Duration { return ptr(duration.Duration(time.Duration(n) * time.Minute)) }

// Each way in which a rule does not hold denies, by that rule, and its twin that
// differs in one fact is allowed.
func TestRules(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, r := range ruleCases {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			from := r.from
			if from == nil {
				from = approved
			}
			twin := from()
			if r.pass != nil {
				r.pass(&twin)
			}
			wantAllowed(t, "the twin", twin)
			by := r.by
			if by == "" {
				by = RuleID(strings.Fields(r.name)[0])
			}
			c := from()
			r.fail(&c)
			wantDenied(t, c, by)
		})
		if names[r.name] {
			t.Errorf("two cases are named %q", r.name)
		}
		names[r.name] = true
	}
}

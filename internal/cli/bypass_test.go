package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/pkg/approval"
)

// The twin of all bypasses below: nothing is wrong, and the answer is yes.
func TestApprovedRequestIsApproved(t *testing.T) {
	t.Parallel()
	g := approved(t)
	out := g.run("root", "", "explain", gateID)
	if out.code != exitOK || !strings.Contains(out.stdout, "APPROVED until") {
		t.Fatalf("code %d:\n%s%s", out.code, out.stdout, out.stderr)
	}
	out = g.run("root", "", "explain", gateID, "-o", "json")
	var v struct {
		Allowed bool
		Schema  string
	}
	if err := json.Unmarshal([]byte(out.stdout), &v); err != nil || !v.Allowed || v.Schema != approval.VerdictSchema || out.code != exitOK {
		t.Errorf("code %d, %v: %s", out.code, err, out.stdout)
	}
}

// Ways around the gate that have been tried elsewhere. Each changes one thing of the
// approved request, and each is denied with the number of its rule.
func TestBypassesAreDenied(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rule string
		do   func(t *testing.T) *gate
	}{
		"APP-04 approve, then push": {"APP-03", func(t *testing.T) *gate {
			g := newGate(t)
			g.approve("ben", approval.SlotIT)
			g.approve("cleo", approval.SlotBusiness)
			g.must(g.As("ann").Commit(gateBranch, github.Change{Files: map[string]string{g.path: strings.Replace(g.show(), "maintenance", "something else", 1)}}))
			g.later(time.Minute)
			g.merge("root")
			return g
		}},
		"APP-04 force-push of the identical change": {"APP-04", func(t *testing.T) *gate {
			g := newGate(t)
			ids := []int64{g.approve("ben", approval.SlotIT), g.approve("cleo", approval.SlotBusiness)}
			g.must(g.As("root").Commit("main", github.Change{Files: map[string]string{"README.md": "x\n"}}))
			head := g.must(g.As("ann").Rebase(gateBranch, "main"))
			for _, id := range ids {
				g.Repoint(id, head) // as GitHub does when the patch is the same
			}
			g.later(time.Minute)
			g.merge("root")
			return g
		}},
		"APP-01 a dismissed objection does not bring an approval back": {"APP-01", func(t *testing.T) *gate {
			g := newGate(t)
			g.approve("ben", approval.SlotIT)
			g.approve("cleo", approval.SlotBusiness)
			id := g.id(g.As("ben").Review(g.pull, github.RequestChanges, "wait"))
			g.later(time.Minute)
			g.ok(g.As("root").Dismiss(g.pull, id, "no time"))
			g.later(time.Minute)
			g.merge("root")
			return g
		}},
		"ID-04 a co-author approves": {"ID-04", func(t *testing.T) *gate {
			g := newGate(t)
			g.must(g.As("ann").Commit(gateBranch, github.Change{Files: map[string]string{g.path: g.show() + "\n"}, Message: "Ask\n\nCo-authored-by: Ben <" + g.users["ben"].Email + ">"}))
			g.later(time.Minute)
			g.approve("ben", approval.SlotIT)
			g.approve("cleo", approval.SlotBusiness)
			g.merge("root")
			return g
		}},
		"ID-04 the first push of the branch is not on record": {"ID-04", func(t *testing.T) *gate {
			g := newGate(t)
			begun := g.Now()
			g.must(g.As("ann").Commit(gateBranch, github.Change{Files: map[string]string{g.path: g.show() + "\n"}, Message: "Ask"}))
			g.later(time.Minute)
			g.approve("ben", approval.SlotIT)
			g.approve("cleo", approval.SlotBusiness)
			g.merge("ben")
			if out := g.run("root", "", "explain", gateID); out.code != exitOK {
				t.Fatalf("with it: code %d\n%s%s", out.code, out.stdout, out.stderr)
			}
			g.ForgetActivity(gateBranch, begun)
			return g
		}},
		"PR-05 a veto on page two": {"APP-02", func(t *testing.T) *gate {
			g := newGate(t)
			g.approve("ben", approval.SlotIT)
			g.approve("cleo", approval.SlotBusiness)
			for range 105 {
				g.id(g.As("finn").Review(g.pull, github.Comment, "hm"))
			}
			g.id(g.As("dora").Review(g.pull, github.RequestChanges, "not today"))
			g.later(time.Minute)
			g.merge("root")
			return g
		}},
		"ADM-01 an administrator merges without reviews": {"ID-06", func(t *testing.T) *gate {
			g := newGate(t)
			g.merge("root")
			return g
		}},
		"ADM-02 the rules were bypassed for the merge": {"ADM-02", func(t *testing.T) *gate {
			g := approved(t)
			g.SetSuiteResult(g.Head("main"), "bypass")
			return g
		}},
		"ID-01 a login that somebody else took over": {"ID-03", func(t *testing.T) *gate {
			g := newGate(t)
			g.Rename("ben", "benjamin")
			g.AddUser("ben")
			g.approve("ben", approval.SlotIT)
			g.approve("cleo", approval.SlotBusiness)
			g.merge("root")
			return g
		}},
		"PR-03 the policy is edited in the same request": {"PR-03", func(t *testing.T) *gate {
			g := newGate(t)
			g.must(g.As("ann").Commit(gateBranch, github.Change{Files: map[string]string{"policies/approvals.yaml": strings.Replace(gatePolicy, ", {role: business}", "", 1)}}))
			g.later(time.Minute)
			g.approve("ben", approval.SlotIT)
			g.merge("root")
			return g
		}},
		"BIND-02 a pinned file is edited after the approval": {"BIND-02", func(t *testing.T) *gate {
			g := approved(t)
			g.must(g.As("root").Commit("main", github.Change{Files: map[string]string{"resources/ledger.yaml": g.files["resources/ledger.yaml"] + "# other\n"}}))
			g.later(time.Minute)
			return g
		}},
		"BIND-01 something got into the merge commit": {"BIND-01", func(t *testing.T) *gate {
			g := newGate(t)
			g.approve("ben", approval.SlotIT)
			g.approve("cleo", approval.SlotBusiness)
			g.must(g.As("root").Merge(g.pull, github.MergeOptions{Alter: map[string]string{g.path: strings.Replace(g.show(), "maintenance", "anything", 1)}}))
			g.later(time.Minute)
			return g
		}},
		"RUN-07 no targets": {"RUN-07", func(t *testing.T) *gate {
			return approved(t, func(_ *gate, r map[string]string) { r["target"] = "nothing" })
		}},
		"APP-06 somebody edits another's text into an approval": {"APP-06", func(t *testing.T) *gate {
			g := newGate(t)
			id := g.id(g.As("ben").Review(g.pull, github.Approve, "looks fine"))
			g.later(time.Minute)
			g.ok(g.As("ben").EditReview(g.pull, id, approval.ApprovalLine(g.digest(), approval.SlotIT)))
			g.later(time.Minute)
			g.approve("cleo", approval.SlotBusiness)
			g.merge("root")
			return g
		}},
		"APP-09 a status, a label and a comment are no approvals": {"ID-06", func(t *testing.T) *gate {
			g := newGate(t)
			g.ok(g.As("ben").Status(g.Head(gateBranch), "approved", "success"))
			g.ok(g.As("ben").Label(g.pull, "approved"))
			g.id(g.As("ben").Comment(g.pull, approval.ApprovalLine(g.digest(), approval.SlotIT)))
			g.later(time.Minute)
			g.approve("cleo", approval.SlotBusiness)
			g.merge("root")
			return g
		}},
		"RUN-03 a withdrawal is edited away": {"RUN-03", func(t *testing.T) *gate {
			g := approved(t)
			id := g.id(g.As("ann").Comment(g.pull, approval.WithdrawalLine(gateID)))
			g.later(time.Minute)
			g.ok(g.As("ann").EditComment(id, "never mind"))
			return g
		}},
		"RUN-03 a withdrawal is deleted by somebody else": {"RUN-03", func(t *testing.T) *gate {
			g := approved(t)
			id := g.id(g.As("ann").Comment(g.pull, approval.WithdrawalLine(gateID)))
			g.ok(g.As("root").DeleteComment(id))
			return g
		}},
		"RUN-03 its author deletes a withdrawal that bcctl withdraw has written down": {"RUN-03", func(t *testing.T) *gate {
			g := approved(t)
			id := g.id(g.As("ann").Comment(g.pull, approval.WithdrawalLine(gateID)))
			if out := g.run("ann", "", "withdraw", gateID); out.code != exitOK || strings.Contains(out.stderr, "not in the ledger") {
				t.Fatalf("code %d\n%s%s", out.code, out.stdout, out.stderr)
			}
			g.ok(g.As("ann").DeleteComment(id))
			return g
		}},
		"PR-04 the request is taken off main again": {"PR-04", func(t *testing.T) *gate {
			g := approved(t)
			g.must(g.As("root").Commit("main", github.Change{Delete: []string{g.path}}))
			return g
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.do(t).denied(tt.rule)
		})
	}
}

// The twin of the withdrawals above: people comment, edit and delete, and none of it
// withdraws anything.
func TestCommentsThatWithdrawNothing(t *testing.T) {
	t.Parallel()
	g := approved(t)
	id := g.id(g.As("ann").Comment(g.pull, "shall we?"))
	own := g.id(g.As("ben").Comment(g.pull, "no idea"))
	g.id(g.As("finn").Comment(g.pull, approval.WithdrawalLine(gateID)))
	g.later(time.Minute)
	g.ok(g.As("ann").EditComment(id, "we shall"))
	g.ok(g.As("ben").DeleteComment(own))
	if out := g.run("root", "", "explain", gateID); out.code != exitOK {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if out := g.run("finn", "", "withdraw", gateID); out.code != exitNotApproved || !strings.Contains(out.stderr, "withdraws nothing") {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
}

// show is the request as it is on the branch.
func (g *gate) show() string {
	g.t.Helper()
	raw, err := gitShow(g.GitDir(), gateBranch+":"+g.path)
	g.ok(err)
	return raw
}

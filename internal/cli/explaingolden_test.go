package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/pkg/approval"
)

var (
	commitWords = regexp.MustCompile(`\b[0-9a-f]{12}\b`)
	reviewWords = regexp.MustCompile(`\b(review|account) [0-9]+`)
)

// What an approver reads, for each kind of thing that may be wrong with reviews.
func TestAPP11ExplainGolden(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(g *gate){
		"open":     func(*gate) {},
		"half":     func(g *gate) { g.approve("ben", approval.SlotIT) },
		"complete": func(g *gate) { g.approve("ben", approval.SlotIT); g.approve("cleo", approval.SlotBusiness) },
		"objection": func(g *gate) {
			g.approve("ben", approval.SlotIT)
			g.approve("cleo", approval.SlotBusiness)
			g.id(g.As("dora").Review(g.pull, github.RequestChanges, "not today"))
			g.later(time.Minute)
		},
		"not-counted": func(g *gate) {
			g.id(g.As("ben").Review(g.pull, github.Approve, "LGTM")) // APP-05
			g.later(time.Minute)
			g.approve("finn", approval.SlotIT) // APP-08
			g.AddUser("mallory")
			g.approve("mallory", approval.SlotIT) // ID-03
			id := g.id(g.As("dora").Review(g.pull, github.Approve, "text"))
			g.later(time.Minute)
			g.ok(g.As("dora").EditReview(g.pull, id, approval.ApprovalLine(g.digest(), approval.SlotIT))) // APP-06
			g.later(time.Minute)
		},
		"late": func(g *gate) {
			g.approve("ben", approval.SlotIT)
			g.merge("root")
			g.approve("cleo", approval.SlotBusiness) // APP-07
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			do(g)
			out := g.run("root", "", "explain", gateID)
			got := strings.NewReplacer(g.URL(), "https://github.example", string(g.digest()), "DIGEST", g.digest().Short(), "DIGEST").Replace(out.stdout)
			got = commitWords.ReplaceAllString(reviewWords.ReplaceAllString(got, "$1 N"), "COMMIT")
			path := filepath.Join("testdata", "explain", name+".golden")
			if os.Getenv("UPDATE_SCRIPTS") != "" {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" || out.code != exitNotApproved {
				t.Errorf("code %d\n%s%s", out.code, diff, out.stderr)
			}
		})
	}
}

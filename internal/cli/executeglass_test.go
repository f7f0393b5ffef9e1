//go:build unix

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/gitstore"
	"github.com/bcctl/bcctl/pkg/approval"
)

// newEmergency is a stage on which ann asked for an emergency, and ben approved it.
func newEmergency(t *testing.T, entry string) *stage {
	t.Helper()
	s := newStage(t, func(g *gate) {
		g.files["policies/approvals.yaml"] = gatePolicy + "  breakGlass:\n    - {tier: 1, action: switchover, slots: [{role: it}], incidentPattern: 'INC-[0-9]+'" + entry + "}\n"
	})
	s.askEmergency()
	return s
}

func (s *stage) askEmergency() {
	s.t.Helper()
	s.ask(map[string]approval.SlotRole{"ben": approval.SlotIT}, "--break-glass", "INC-7", "--break-glass-reason", "the site burns")
}

func (s *stage) comments() string {
	s.t.Helper()
	var list []struct{ Body string }
	s.ok(s.As("ann").Do("GET", fmt.Sprintf("/issues/%d/comments", s.pull), nil, &list))
	var b strings.Builder
	for _, c := range list {
		b.WriteString(c.Body + "\n")
	}
	return b.String()
}

func (s *stage) records(kind ledger.Kind) []ledger.Record {
	s.t.Helper()
	all, err := (&gitstore.Store{Dir: s.dir, Remote: "origin", Now: s.Now}).All(s.t.Context())
	s.ok(err)
	var list []ledger.Record
	for _, r := range all {
		if r.Kind == kind {
			list = append(list, r)
		}
	}
	return list
}

// An emergency runs with the one approval of its entry; with the claim it is recorded
// with incident, expiry and the day its review is due, and people are told before the
// first change. It is good once. The review is somebody else's, and closes it.
func TestBG02EmergencyRunsOnce(t *testing.T) {
	t.Parallel()
	s := newEmergency(t, ", reviewWithin: 2")
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(hook), 0o600))
	used := s.Now()
	out := s.want(exitOK, s.line("execute", 1), "approved      it by ben", "SUCCEEDED", "its review is due by", "bcctl review "+s.id)
	if strings.Contains(out.stdout+out.stderr, "business") {
		t.Errorf("business was asked:\n%s", out.stderr)
	}
	emergencies := s.records(ledger.Emergency)
	if len(emergencies) != 1 {
		t.Fatalf("%d uses are recorded", len(emergencies))
	}
	e := emergencies[0]
	// Two working days after a Tuesday: the end of Thursday.
	if e.Request != s.id || e.Reason != "INC-7" || fmt.Sprint(e.Persons) != "[ann]" || e.Due.Format(time.RFC3339) != "2026-03-12T23:59:59Z" || e.At.Before(used) {
		t.Errorf("%+v", e)
	}
	csv := s.bcctl("root", "", "audit", "export", "--format", "json")
	for _, text := range []string{"breakglass.invoked", "INC-7", "the site burns", "2026-03-12T23:59:59", "execution.outcome"} {
		if !strings.Contains(csv.stdout, text) {
			t.Errorf("the audit log has no %q", text)
		}
	}
	if text := s.comments(); strings.Count(text, "Break-glass: please review") != 1 || !strings.Contains(text, "INC-7") || !strings.Contains(text, "It ended: succeeded") {
		t.Errorf("%s", text)
	}
	s.verified()
	s.want(exitNotApproved, s.line("execute", 2), "never runs again")

	review := func(code int, typed, says string, more ...string) {
		t.Helper()
		out := s.bcctl("root", typed, append([]string{"review"}, more...)...)
		if out.code != code || !strings.Contains(out.stdout+out.stderr, says) {
			t.Fatalf("review: code %d, want %d with %q:\n%s%s", out.code, code, says, out.stdout, out.stderr)
		}
	}
	line := "/bcctl review " + s.id + " INC-7\n"
	done := []string{s.id, "--result", "justified"}
	review(exitOK, "", "asked by ann, due 2026-03-12")
	review(exitFailed, "", "CONF-08", done...)
	review(exitFailed, line, "--result", s.id)
	review(exitNotApproved, line, "dora ran it", done...)
	s.vars["BCCTL_OPERATOR_KEY"] = "file:" + s.keys["ben"]
	review(exitNotApproved, "yes\n", "not the line", done...)
	review(exitOK, line, "reviewed: "+s.id+", by ben", done...)
	review(exitOK, "", "no review of break-glass is open")
	review(exitFailed, line, "no review of", done...)
	s.later(100 * time.Hour)
	s.verified() // and nothing is overdue
}

// Who cannot be told before the first change is told at the end; that it was so is on
// record, and the run does not wait (BG-03).
func TestBG03NobodyCouldBeTold(t *testing.T) {
	t.Parallel()
	s := newEmergency(t, ", notify: [pager]")
	s.Inject(github.Fault{Match: "POST /repos/*/issues/*/comments", Times: 1, Status: 422})
	s.want(exitOK, s.line("execute", 1), "nobody could be told before the first change", "tells nobody through pager", "SUCCEEDED")
	if !strings.Contains(s.comments(), "It ended: succeeded") {
		t.Error("nobody was told at the end")
	}
	out := s.bcctl("root", "", "audit", "export", "--format", "json")
	if !strings.Contains(out.stdout, "BG-03") {
		t.Error("that nobody was told is not on record")
	}
	s.verified()
}

// One attempt is all: after a precheck that refused it is used. While its review is
// overdue, who asked gets no other emergency; after the review, another one.
func TestBG04OverdueReview(t *testing.T) {
	t.Parallel()
	s := newEmergency(t, ", reviewWithin: 1")
	s.put("unfit")
	s.want(exitRefused, s.line("execute", 1), "nothing was changed")
	s.ok(os.Remove(filepath.Join(s.world, "unfit")))
	s.want(exitNotApproved, s.line("execute", 2), "BG-02")
	if s.holds("fence") || len(s.records(ledger.Emergency)) != 1 {
		t.Error("it was used twice, or not recorded")
	}
	first := s.id
	s.later(48 * time.Hour)
	s.askEmergency()
	s.want(exitNotApproved, s.line("execute", 1), "BG-04")
	s.vars["BCCTL_OPERATOR_KEY"] = "file:" + s.keys["ben"]
	if out := s.bcctl("root", "/bcctl review "+first+" INC-7\n", "review", first, "--result", "a false alarm"); out.code != exitOK {
		t.Fatalf("%d %s%s", out.code, out.stdout, out.stderr)
	}
	s.vars["BCCTL_OPERATOR_KEY"] = "file:" + s.keys["dora"]
	s.want(exitOK, s.line("execute", 1), "SUCCEEDED")
}

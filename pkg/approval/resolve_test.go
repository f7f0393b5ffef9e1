package approval

import (
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// TestRUN05AnswersOnRecord: what an audit log has of an answer is what an operator signed
// about this step, at its time, and nothing else passes for it.
func TestRUN05AnswersOnRecord(t *testing.T) {
	t.Parallel()
	digest := runbook.Digest("sha256:" + strings.Repeat("ab", 32))
	about := runbook.StepRef{Member: "ledger", Step: "promote"}
	statement := func(change func(*ResolvedStatement)) ResolvedStatement {
		s := ResolvedStatement{After: strings.Repeat("0", 64), At: noon, Line: ResolveLine("2026-001-ledger", digest, about, true), Person: "dora", Reason: "I looked"}
		if change != nil {
			change(&s)
		}
		return s
	}
	record := func(by string, s ResolvedStatement) RecordedAnswer {
		text, err := EncodeResolved(s)
		if err != nil {
			t.Fatal(err)
		}
		return RecordedAnswer{By: "dora", Reason: "I looked", Statement: string(text), Signature: string(sign(by, NamespaceResolve, text)),
			Digest: digest, Step: "ledger/promote", Status: "done", At: noon.Add(time.Hour), Since: noon.Add(-time.Hour)}
	}
	without := func(id string) Roster {
		r := roster()
		for i := range r.People {
			if r.People[i].ID == id {
				r.People[i].SSHKeys = nil
			}
		}
		return r
	}
	unrolled := func(id string) Roster {
		r := roster()
		for i := range r.People {
			if r.People[i].ID == id {
				r.People[i].Roles = nil
			}
		}
		return r
	}
	for name, c := range map[string]struct {
		record RecordedAnswer
		change func(*RecordedAnswer)
		roster Roster
		says   string // empty: it counts
	}{
		"as it was":                    {record: record("dora", statement(nil)), roster: roster()},
		"of a step taken back":         {record: record("dora", statement(func(s *ResolvedStatement) { s.Line = strings.Replace(s.Line, " done ", " not-taken-back ", 1) })), change: func(r *RecordedAnswer) { r.Status = "undo-not-done" }, roster: roster()},
		"a key of nobody":              {record: record("root1", statement(nil)), roster: roster(), says: "nobody's alone"},
		"a key of somebody else":       {record: record("ben", statement(nil)), roster: roster(), says: "RUN-05"},
		"a key that was not there yet": {record: record("dora", statement(nil)), roster: without("dora"), says: "nobody's alone"},
		"a person without the role":    {record: record("dora", statement(nil)), roster: unrolled("dora"), says: "dora is no operator"},
		"about another step":           {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.Step = "ledger/fence" }, roster: roster(), says: "about something else"},
		"about another resource":       {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.Step = "orders/promote" }, roster: roster(), says: "about something else"},
		"the other answer":             {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.Status = "not-done" }, roster: roster(), says: "another answer"},
		"of another request":           {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.Digest = "sha256:" + runbook.Digest(strings.Repeat("cd", 32)) }, roster: roster(), says: "about something else"},
		"in the name of another":       {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.By = "ben" }, roster: roster(), says: "who decided"},
		"another reason":               {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.Reason = "because" }, roster: roster(), says: "who decided, or why"},
		"a statement that was altered": {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) {
			r.Statement, r.Reason = strings.Replace(r.Statement, "I looked", "I dreamt", 1), "I dreamt"
		}, roster: roster(), says: "verify the signature"},
		"for another purpose":    {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.Signature = string(sign("dora", NamespaceConfirm, []byte(r.Statement))) }, roster: roster(), says: "was made for"},
		"for an earlier attempt": {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.Since = noon.Add(30 * time.Minute) }, roster: roster(), says: "earlier attempt"},
		"after it was recorded":  {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.At = noon.Add(-time.Hour) }, roster: roster(), says: "after it was recorded"},
		"nonsense":               {record: record("dora", statement(nil)), change: func(r *RecordedAnswer) { r.Statement = "{}" }, roster: roster(), says: "not what bcctl resolve writes"},
	} {
		if c.change != nil {
			c.change(&c.record)
		}
		signed, err := c.record.Signed()
		if err == nil {
			err = signed.Allowed(c.roster)
		}
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

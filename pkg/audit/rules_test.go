package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
)

// fixture is one tampering that breaks one rule and no other. Key says which keys
// its attacker holds: none, the writer's, or that of the log.
type fixture struct {
	rule, name, key string
	do              func(x *attack, o *audit.Options) audit.Archive
}

// changed is a way to change the files alone.
func changed(do func(x *attack)) func(x *attack, o *audit.Options) audit.Archive {
	return func(x *attack, _ *audit.Options) audit.Archive {
		do(x)
		return x.files
	}
}

// fork is an attack that is a log of its own, made by who holds the keys.
func fork(do func(b *book, o *audit.Options)) func(x *attack, o *audit.Options) audit.Archive {
	return func(x *attack, o *audit.Options) audit.Archive {
		b := x.b.clone()
		do(b, o)
		if o.Now.Before(b.now) {
			o.Now = b.now.Add(time.Minute)
		}
		return b.files
	}
}

// withHistory is an archive that knows of odd events.
type withHistory struct {
	audit.Memory
	past audit.History
}

func (w withHistory) History(context.Context) (audit.History, error) { return w.past, nil }

// last is the newest segment of the log, which is not sealed.
func (x *attack) last() string { return audit.SegmentPath(x.b.pending[len(x.b.pending)-1].ID) }

// sealed goes back to the newest seal: nothing is left that is not sealed.
func (x *attack) sealed() {
	for _, p := range x.b.pending {
		delete(x.files, audit.SegmentPath(p.ID))
		delete(x.files, audit.SegmentPath(p.ID)+p.Sidecar.Ext)
	}
}

func replace(from, to string) func([]byte) []byte {
	return func(d []byte) []byte { return bytes.Replace(d, []byte(from), []byte(to), 1) }
}

// approved is a run that was approved by two people, begun and ended.
func approved(change func(e *audit.Entry)) []audit.Entry {
	digest := audit.SHA256(nil)
	intent := audit.Entry{Type: audit.ExecutionIntent, System: "ledger", Action: "switchover", Actor: &audit.Actor{Kind: "human", ID: "7"},
		Request: &audit.Request{By: "5", Digest: digest, HeadSHA: "c0ffee"}, Plan: &audit.Plan{Digest: digest, Steps: []string{"promote"}},
		Policy: &audit.Policy{Digest: digest, Required: []string{"business", "it"}, Satisfied: true, Approvals: []audit.Approval{
			{ID: "1", Role: "it", CommitSHA: "c0ffee", State: "APPROVED"}, {ID: "2", Role: "business", CommitSHA: "c0ffee", State: "APPROVED"}}}}
	if change != nil {
		change(&intent)
	}
	return []audit.Entry{intent, {Type: audit.StepResult, Step: &audit.Step{Name: "promote", Status: "done"}}, {Type: audit.ExecutionOutcome, Outcome: audit.Succeeded}}
}

// answered is a run whose step a person settled.
func answered(change func(e *audit.Entry)) []audit.Entry {
	run := approved(nil)
	run[1].Actor = &audit.Actor{Kind: "human", ID: "7", Login: "dora"}
	run[1].Resolution = &audit.Resolution{By: "dora", Reason: "I looked", Statement: "{}", Signature: "signed"}
	if change != nil {
		change(&run[1])
	}
	return run
}

// emergency is one that was to be reviewed an hour after it was declared.
func emergency(at time.Time) audit.Entry {
	return audit.Entry{Type: audit.BreakGlassUsed, Actor: &audit.Actor{Kind: "human", ID: "7"},
		BreakGlass: &audit.BreakGlass{By: "7", Code: "SITE_LOST", Reason: "INC-1", Expires: audit.At(at), ReviewDue: audit.At(at.Add(time.Hour))}}
}

func writes(entries ...audit.Entry) func(b *book, o *audit.Options) {
	return func(b *book, _ *audit.Options) { b.write(entries...) }
}

var fixtures = []fixture{
	{"AUD-01", "another log than the expected one", "none", func(x *attack, o *audit.Options) audit.Archive {
		o.LogID = audit.SHA256([]byte("the log that is expected"))
		return x.files
	}},
	{"AUD-02", "a smuggled file", "none", changed(func(x *attack) { x.files["audit/README.md"] = []byte("x\n") })},
	{"AUD-02", "a segment under another name, signed for it", "writer", changed(func(x *attack) {
		s := x.sign(x.b.writer, origin, x.b.now, x.b.view(), verdict("payments"))
		s.ID.Run = strings.Repeat("0", 32)
		path := audit.SegmentPath(s.ID)
		x.files[path] = s.Raw
		x.resign(path)
	})},
	{"AUD-03", "a seal with a space", "none", changed(func(x *attack) {
		x.sealed()
		x.edit(audit.SealPath(x.b.head.Size), replace(`"v":1`, `"v": 1`))
	})},
	{"AUD-03", "an entry with a space", "writer", changed(func(x *attack) { x.edit(x.last(), replace(`"v":1`, `"v": 1`)); x.resign(x.last()) })},
	{"AUD-03", "line endings of another system", "writer", changed(func(x *attack) {
		x.edit(x.last(), func(d []byte) []byte { return bytes.ReplaceAll(d, []byte("\n"), []byte("\r\n")) })
		x.resign(x.last())
	})},
	{"AUD-04", "a stripped signature", "none", changed(func(x *attack) { delete(x.files, x.sidecar(x.last())) })},
	{"AUD-04", "a second signature", "writer", changed(func(x *attack) { x.files[x.last()+".sig"] = []byte("x\n") })},
	{"AUD-05", "an edited word", "none", changed(func(x *attack) { x.edit(x.last(), replace("saw", "was")) })},
	{"AUD-05", "a good signature of something else", "writer", changed(func(x *attack) {
		s := x.sign(x.b.writer, origin, x.b.now, x.b.view(), verdict("payments"))
		x.files[x.sidecar(x.last())] = s.Sidecar.Data
	})},
	{"AUD-06", "a key nobody trusts", "none", changed(func(x *attack) { x.forge(newSigner(x.b.t, audit.BackendEd25519), origin) })},
	{"AUD-06", "a key that is retired", "writer", changed(func(x *attack) { x.forge(x.b.retired, origin) })},
	{"AUD-06", "a key whose time is to come", "writer", changed(func(x *attack) { x.forge(x.b.future, origin) })},
	{"AUD-08", "a segment of another log with the same keys", "writer", changed(func(x *attack) { x.forge(x.b.writer, "example.com/acme/another") })},
	{"AUD-09", "a segment that is sealed twice", "log", fork(func(b *book, _ *audit.Options) {
		b.pending = append(b.pending, b.pending[0])
		b.seal()
	})},
	{"AUD-10", "the first part of a run is gone", "none", fork(func(b *book, _ *audit.Options) {
		view, run := b.view(), audit.NewRun(origin, b.now, "bcctl test")
		for part := range 2 {
			s, err := run.Open(b.now, view, b.writer.ID(), verdict("payments"))
			if err != nil {
				b.t.Fatal(err)
			}
			if part == 1 {
				b.sign(s, b.writer)
			}
		}
	})},
	{"AUD-10", "an entry inside a run is gone", "writer", changed(func(x *attack) {
		x.add(x.b.writer, origin, x.b.now, x.b.view(), verdict("a"), verdict("b"))
		s := slices.DeleteFunc(x.segments(), func(p string) bool { return x.b.files[p] != nil })[0]
		x.edit(s, func(d []byte) []byte { return cutLine(d, 1) })
		x.resign(s)
	})},
	{"AUD-11", "a sealed segment is gone", "none", changed(func(x *attack) { x.sealed(); x.drop(x.first()) })},
	{"AUD-11", "a sealed segment is another one", "writer", changed(func(x *attack) {
		x.sealed()
		x.edit(x.first(), replace(`"green"`, `"red"`))
		b := *x.b
		b.writer = x.b.retired // the key of that time
		(&attack{b: &b, files: x.files}).resign(x.first())
	})},
	{"AUD-12", "a checkpoint by a key nobody trusts", "none", changed(func(x *attack) {
		x.sealed()
		key, _ := newLogKey(x.b.t, origin)
		text, err := key.Checkpoint(x.b.head)
		if err != nil {
			x.b.t.Fatal(err)
		}
		x.files[audit.NotePath(x.b.head.Size)] = text
	})},
	{"AUD-13", "a seal that a writer saw is gone", "none", changed(func(x *attack) {
		delete(x.files, audit.SealPath(x.b.head.Size))
		delete(x.files, audit.NotePath(x.b.head.Size))
	})},
	{"AUD-13", "a writer that saw another root", "writer", changed(func(x *attack) {
		view := x.b.view()
		view.Seen.Root = strings.Repeat("0", 64)
		x.add(x.b.writer, origin, x.b.now, view, verdict("payments"))
	})},
	{"AUD-14", "a segment that a writer saw is gone", "none", changed(func(x *attack) { x.drop(audit.SegmentPath(x.b.pending[0].ID)) })},
	{"AUD-14", "a writer that saw what was never there", "writer", changed(func(x *attack) {
		view := x.b.view()
		view.Frontier = []string{strings.Repeat("0", 64)}
		x.add(x.b.writer, origin, x.b.now, view, verdict("payments"))
	})},
	{"AUD-14", "a segment that was brought late and is gone", "writer", fork(func(b *book, _ *audit.Options) {
		b.write(audit.Entry{Type: audit.RecoveryImport, Evidence: []audit.Evidence{{Name: audit.SegmentPath(b.pending[0].ID), SHA256: strings.Repeat("0", 64)}}})
	})},
	{"AUD-15", "nobody seals", "none", func(x *attack, o *audit.Options) audit.Archive {
		o.Now, o.MaxAge = x.b.now.Add(25*time.Hour), -1
		return x.files
	}},
	{"AUD-16", "cut off at a seal", "none", func(x *attack, o *audit.Options) audit.Archive {
		o.Pin = x.b.files[audit.NotePath(x.b.head.Size)]
		x.truncate(1)
		return x.files
	}},
	{"AUD-16", "rewritten from the first entry on", "log", func(x *attack, o *audit.Options) audit.Archive {
		o.Pin = x.b.files[audit.NotePath(x.b.head.Size)]
		return x.b.rewritten().files
	}},
	{"AUD-17", "the witnesses' lines are gone", "log", fork(func(b *book, _ *audit.Options) {
		next := b.trust.Next()
		if err := next.AddWitness(newWitness(b.t, "w.example.net").key); err != nil {
			b.t.Fatal(err)
		}
		b.bring(b.propose(next), b.admin)
		b.seal()
	})},
	{"AUD-18", "an old log", "none", func(x *attack, o *audit.Options) audit.Archive {
		o.Now = x.b.now.Add(3 * time.Hour)
		return x.files
	}},
	{"AUD-19", "an entry of tomorrow", "writer", changed(func(x *attack) {
		x.add(x.b.writer, origin, x.b.now.Add(24*time.Hour), x.b.view(), verdict("payments"))
	})},
	{"AUD-19", "an entry of yesterday", "writer", changed(func(x *attack) {
		x.add(x.b.writer, origin, x.b.now.Add(-24*time.Hour), x.b.view(), verdict("payments"))
	})},
	{"AUD-20", "an entry of last week, by an old view", "writer", fork(func(b *book, _ *audit.Options) {
		b.seal()
		when, old := b.now, b.view()
		b.now = b.now.Add(7 * 24 * time.Hour)
		b.write(verdict("payments"))
		b.seal()
		s, err := audit.NewRun(origin, when, "bcctl test").Open(when, old, b.writer.ID(), verdict("payments"))
		if err != nil {
			b.t.Fatal(err)
		}
		b.sign(s, b.writer)
		b.seal()
	})},
	{"AUD-21", "another history was shown to somebody", "log", func(x *attack, o *audit.Options) audit.Archive {
		other := x.b.rewritten()
		o.Others = [][]byte{other.files[audit.NotePath(other.head.Size)]}
		return x.files
	}},
	{"AUD-22", "keys that nobody signed", "none", changed(func(x *attack) {
		next := x.b.trust.Next()
		x.files[audit.TrustPath(next.Version)] = x.b.must(audit.EncodeTrust(next))
	})},
	{"AUD-22", "keys that a writer signed", "writer", changed(func(x *attack) {
		next := x.b.trust.Next()
		text := x.b.must(audit.EncodeTrust(next))
		x.files[audit.TrustPath(next.Version)] = text
		x.add(x.b.writer, origin, x.b.now, x.b.view(), audit.Entry{Type: audit.TrustUpdate, Trust: &audit.TrustRef{Version: next.Version, SHA256: audit.SHA256(text)}})
	})},
	{"AUD-23", "an entry by a thief, found out later", "writer", fork(func(b *book, _ *audit.Options) {
		b.write(verdict("by a thief"))
		b.seal()
		next := b.trust.Next()
		if err := next.MarkSuspect(b.writer.ID().KeyID, audit.Range{From: b.head.Size - 3, To: b.head.Size}); err != nil {
			b.t.Fatal(err)
		}
		b.bring(b.propose(next), b.admin)
	})},
	{"AUD-30", "a run without an end", "writer", fork(writes(approved(nil)[:2]...))},
	{"AUD-30", "an end without a beginning", "writer", fork(writes(approved(nil)[2]))},
	{"AUD-30", "a step that was not planned", "writer", fork(writes(approved(func(e *audit.Entry) { e.Plan.Steps = []string{"demote"} })...))},
	{"AUD-31", "approved by who asked", "writer", fork(writes(approved(func(e *audit.Entry) { e.Request.By = "1" })...))},
	{"AUD-31", "approved was another commit", "writer", fork(writes(approved(func(e *audit.Entry) { e.Request.HeadSHA = "f00d" })...))},
	{"AUD-31", "one person in two roles", "writer", fork(writes(approved(func(e *audit.Entry) { e.Policy.Approvals[1].ID = "1" })...))},
	{"AUD-31", "a role that is missing", "writer", fork(writes(approved(func(e *audit.Entry) { e.Policy.Approvals = e.Policy.Approvals[:1] })...))},
	{"AUD-32", "an emergency that nobody reviewed", "writer", fork(func(b *book, o *audit.Options) {
		b.write(emergency(b.now))
		o.Now, o.MaxAge = b.now.Add(2*time.Hour), -1
	})},
	{"AUD-35", "one signature for two attempts", "writer", fork(func(b *book, _ *audit.Options) {
		for _, run := range [][]audit.Entry{answered(nil), approved(nil), answered(nil)} {
			b.write(run...)
			b.seal()
		}
	})},
	{"AUD-35", "one signature for two answers", "writer", fork(func(b *book, _ *audit.Options) {
		b.write(answered(nil)...)
		b.write(answered(func(e *audit.Entry) { e.Step.Status = "not-done" })...)
	})},
	{"AUD-35", "recorded as somebody else's word", "writer", fork(writes(answered(func(e *audit.Entry) { e.Actor.Login = "ben" })...))},
	{"AUD-35", "one that whoever knows the roster does not accept", "writer", func(x *attack, o *audit.Options) audit.Archive {
		o.Answer = func(a audit.Answer) (string, error) {
			if a.Step != "promote" || a.Status != "done" || a.Request != audit.SHA256(nil) || !a.Since.IsZero() || a.Offline || a.By != "dora" {
				return "", fmt.Errorf("asked about %+v", a)
			}
			return "c0ffee", errors.New("dora is no operator")
		}
		return fork(writes(answered(nil)...))(x, o)
	}},
	{"AUD-40", "a branch that lost a file once", "none", func(x *attack, _ *audit.Options) audit.Archive {
		return withHistory{x.files, audit.History{Odd: []audit.OddEvent{{Path: x.first(), What: "commit 1 removed it"}}}}
	}},
}

// first is the oldest segment with a verdict.
func (x *attack) first() string {
	return slices.DeleteFunc(x.segments(), func(p string) bool { return !bytes.Contains(x.b.files[p], []byte(`"check.result"`)) })[0]
}

func (x *attack) drop(segment string) {
	delete(x.files, x.sidecar(segment))
	delete(x.files, segment)
}

// fixtureBook has all that the fixtures need: two seals, a key that is retired, and
// two segments that are not sealed, of which the second saw the first.
func fixtureBook(t testing.TB) *book {
	b := newBook(t, audit.BackendEd25519)
	b.write(verdict("payments"), verdict("shop"))
	b.seal()
	b.rotate()
	b.write(verdict("payments"))
	b.seal()
	b.write(verdict("last"))
	b.write(verdict("saw the last"))
	return b
}

// Each rule has a tampering that breaks it and no other: what a rule stops is stopped
// by that rule.
func TestEachRuleByItself(t *testing.T) {
	t.Parallel()
	b := fixtureBook(t)
	if r := b.verify(audit.Options{}); r.Result != audit.Verified {
		t.Fatalf("the log of the fixtures: %s, %+v", r.Result, r.Findings)
	}
	have := map[string]bool{}
	for _, f := range fixtures {
		have[f.rule] = true
		x := &attack{b: b, files: maps.Clone(b.files)}
		o := audit.Options{Now: b.now.Add(time.Minute)}
		archive := f.do(x, &o)
		r, err := audit.Verify(context.Background(), archive, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Findings) == 0 || slices.ContainsFunc(r.Findings, func(g audit.Finding) bool { return g.Rule != f.rule }) {
			t.Errorf("%s (keys: %s): want %s and nothing else, have %s: %+v", f.name, f.key, f.rule, r.Result, r.Findings)
		}
	}
	for _, rule := range audit.Rules() {
		if !have[rule.ID] {
			t.Errorf("%s has no fixture", rule.ID)
		}
	}
}

// A run in order, and an emergency that was reviewed, are no findings.
func TestRunsInOrderVerify(t *testing.T) {
	t.Parallel()
	b := fixtureBook(t)
	b.write(approved(nil)...)
	b.seal()
	// A start that was killed once its answer was there has left it to the next one as well.
	b.write(answered(nil)...)
	b.write(answered(nil)...)
	e := emergency(b.now)
	var invoked audit.Evidence
	s := b.write(e)
	first, err := audit.Decode(bytes.Split(s.Raw, []byte("\n"))[1])
	if err != nil {
		t.Fatal(err)
	}
	if invoked, err = audit.OfRun(first); err != nil {
		t.Fatal(err)
	}
	b.write(audit.Entry{Type: audit.BreakGlassReview, Actor: &audit.Actor{Kind: "human", ID: "1"}, Evidence: []audit.Evidence{invoked}})
	b.seal()
	if r := b.verify(audit.Options{Now: b.now.Add(2 * time.Hour), MaxAge: -1}); r.Result != audit.Verified {
		t.Errorf("%s, %+v", r.Result, r.Findings)
	}
}

// Truncation by an entry, a segment, a seal and many: what tells at each anchor.
func TestTruncationAtEachAnchor(t *testing.T) {
	t.Parallel()
	b := fixtureBook(t)
	pin := b.files[audit.NotePath(b.head.Size)]
	for _, tt := range []struct {
		name            string
		cut             func(x *attack)
		without, pinned string // the rule that tells, empty: none does
	}{
		{"an entry", func(x *attack) {
			x.edit(x.last(), func(d []byte) []byte { return cutLine(d, 1) })
			x.resign(x.last())
		}, "", ""}, // the newest, not sealed, by who holds its key: nothing can tell
		{"the newest segment", func(x *attack) { x.drop(x.last()) }, "", ""},
		{"a segment that another saw", func(x *attack) { x.drop(audit.SegmentPath(x.b.pending[0].ID)) }, "AUD-14", "AUD-14"},
		{"a seal", func(x *attack) { x.truncate(1) }, "", "AUD-16"},
		{"many seals", func(x *attack) {
			x.truncate(3)
			delete(x.files, audit.TrustPath(2)) // its entry is gone too
		}, "", "AUD-16"},
	} {
		for _, anchor := range []struct {
			pin  []byte
			want string
			tier int
		}{{nil, tt.without, 0}, {pin, tt.pinned, 1}} {
			x := &attack{b: b, files: maps.Clone(b.files)}
			tt.cut(x)
			r, err := audit.Verify(context.Background(), x.files, audit.Options{Now: b.now.Add(time.Minute), Pin: anchor.pin})
			if err != nil {
				t.Fatal(err)
			}
			found := ""
			for _, f := range r.Findings {
				if f.Rule == anchor.want || found == "" {
					found = f.Rule
				}
			}
			if found != anchor.want {
				t.Errorf("%s, with pin %t: %q tells, want %q: %+v", tt.name, anchor.pin != nil, found, anchor.want, r.Findings)
			}
			if anchor.want == "" && r.Tier != anchor.tier {
				t.Errorf("%s: tier %d, want %d", tt.name, r.Tier, anchor.tier)
			}
		}
	}
}

package runbook

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
)

// The form is fixed for ever: approvals name digests of it. The expected value was
// worked out by another program.
func TestBIND04RequestDigest(t *testing.T) {
	t.Parallel()
	raw := []byte("apiVersion: bcctl/v1\n")
	const want Digest = "sha256:3c8806002f155b1f7b9b51e9682e8a85406deb968c531107d7ebc11d8ae40d77"
	if got := RequestDigest(123456, "requests/2026/a.yaml", raw); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	if !want.Valid() || len(want.Short()) != 12 {
		t.Errorf("%q is not well formed; short %q", want, want.Short())
	}
	for name, other := range map[string]Digest{
		"repository": RequestDigest(123457, "requests/2026/a.yaml", raw),
		"path":       RequestDigest(123456, "requests/2026/b.yaml", raw),
		"bytes":      RequestDigest(123456, "requests/2026/a.yaml", append(raw, '\n')),
		"no domain":  FileDigest(raw),
	} {
		if other == want {
			t.Errorf("another %s has the same digest", name)
		}
	}
}

func TestDigestForm(t *testing.T) {
	t.Parallel()
	for _, d := range []Digest{"", "sha256:", "sha256:12", Digest("sha256:" + string(make([]byte, 64))), FileDigest(nil)[7:], FileDigest(nil) + "0"} {
		if d.Valid() || d.Short() != "" {
			t.Errorf("%q is taken for a digest", d)
		}
	}
	if d := FileDigest(nil); d != "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" || d.Short() != "e3b0c44298fc" {
		t.Errorf("digest of nothing is %s, short %s", d, d.Short())
	}
}

func fullPlan() Plan {
	five := duration.Duration(5 * time.Minute)
	never := false
	return Plan{
		Schema: PlanSchema, Request: "r-1", Type: Switchover, Target: "ledger", From: "fra", To: "ams", Tier: 1,
		Waves: []Wave{{Members: []MemberPlan{{
			Resource: "ledger", Platform: "postgresql", Environment: "production", Tier: 1,
			Identity: map[string]string{"systemIdentifier": "1"}, Topology: map[string]string{"a": "primary", "b": "standby"},
			From: "fra", To: "ams", Runbook: "pg.native/switchover", Source: "bcctl:runbooks/pg.native/switchover",
			Parameters: map[string]string{"hook": "/hook <&>"},
			Prechecks:  []Check{{ID: "one", Operation: Operation{Uses: "pg.native/single-primary"}}},
			Steps:      []Step{{ID: "promote", Operation: Operation{Uses: "pg.native/promote", With: map[string]string{"a": "b"}}, Timeout: &five, Mutates: &never}},
		}}}},
		Pins: map[string]Digest{"resources/ledger.yaml": FileDigest(nil)}, Commit: "0123", Bcctl: "1.0.0",
	}
}

// Any change of what is fixed is another plan.
func TestSI14DigestOfAPlanCoversItsFixedPart(t *testing.T) {
	t.Parallel()
	sum := func(change func(*Plan)) Digest {
		t.Helper()
		p := fullPlan()
		change(&p)
		d, err := p.Sum()
		if err != nil || !d.Valid() {
			t.Fatalf("%q, %v", d, err)
		}
		return d
	}
	base := sum(func(*Plan) {})
	member := func(f func(*MemberPlan)) func(*Plan) { return func(p *Plan) { f(&p.Waves[0].Members[0]) } }
	for name, change := range map[string]func(*Plan){
		"request": func(p *Plan) { p.Request = "r-2" }, "type": func(p *Plan) { p.Type = Failover }, "target": func(p *Plan) { p.Target = "x" },
		"from": func(p *Plan) { p.From = "x" }, "to": func(p *Plan) { p.To = "x" }, "tier": func(p *Plan) { p.Tier = 2 },
		"wave": func(p *Plan) { p.Waves = append(p.Waves, Wave{}) }, "pin": func(p *Plan) { p.Pins["resources/ledger.yaml"] = FileDigest([]byte("x")) },
		"another pin": func(p *Plan) { p.Pins["x"] = FileDigest(nil) }, "commit": func(p *Plan) { p.Commit = "1" }, "version": func(p *Plan) { p.Bcctl = "1.0.1" },
		"identity": member(func(m *MemberPlan) { m.Identity["systemIdentifier"] = "2" }), "topology": member(func(m *MemberPlan) { m.Topology["b"] = "primary" }),
		"parameter": member(func(m *MemberPlan) { m.Parameters["hook"] = "/other" }), "environment": member(func(m *MemberPlan) { m.Environment = "test" }),
		"precheck": member(func(m *MemberPlan) { m.Prechecks = nil }), "argument": member(func(m *MemberPlan) { m.Steps[0].With["a"] = "c" }),
		"timeout": member(func(m *MemberPlan) { m.Steps[0].Timeout = nil }), "step": member(func(m *MemberPlan) { m.Steps = append(m.Steps, Step{ID: "x"}) }),
	} {
		if sum(change) == base {
			t.Errorf("another %s, the same digest", name)
		}
	}
	for name, change := range map[string]func(*Plan){
		"measurements": func(p *Plan) { p.Live.At = time.Unix(1, 0); p.Live.Members = []LiveMember{{Resource: "ledger"}} },
		"digest":       func(p *Plan) { p.Digest = FileDigest(nil) },
	} {
		if sum(change) != base {
			t.Errorf("other %s, another digest", name)
		}
	}
}

// What stands in the plan's JSON is what is hashed: reading it back changes nothing.
func TestSI14DigestSurvivesJSON(t *testing.T) {
	t.Parallel()
	p := fullPlan()
	want, err := p.Sum()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(p, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if got, err := back.Sum(); err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

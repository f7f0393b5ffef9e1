package observe_test

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func TestBook(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	seen := &observe.Node{Endpoint: connectors.Endpoint{Name: "a", Optional: true}, At: now.Add(-2 * time.Second), CollectedAt: now.Add(-time.Second)}
	unseen := &observe.Node{Endpoint: connectors.Endpoint{Name: "b"}}
	b := observe.Book{Target: "ledger", Nodes: []*observe.Node{seen, unseen}, Now: now}
	b.Add(seen, "x", readiness.Num(1))
	b.AddAt(seen, now.Add(-time.Hour), "y", readiness.Num(2))
	b.Fail(unseen, "x", observe.Finding(readiness.VisDR, "%s is silent", "b"))
	b.Add(nil, "topology", readiness.Str("one"))
	if !b.Blame(seen, "x", observe.Finding(readiness.Conflict, "odd")) || b.Blame(seen, "z", readiness.Finding{}) {
		t.Error("Blame does not say what it found")
	}
	if !b.Has(unseen, "x") || b.Has(unseen, "y") || !b.Has(nil, "topology") {
		t.Error("Has is wrong")
	}
	all := b.Observations()
	if o := all[0]; o.ObservedAt != seen.At || o.CollectedAt != seen.CollectedAt || !o.Optional || o.Findings[0].Code != readiness.Conflict {
		t.Errorf("a reading: %+v", o)
	}
	if o := all[1]; o.ObservedAt != now.Add(-time.Hour) {
		t.Errorf("a remembered value: %+v", o)
	}
	if o := all[2]; !o.ObservedAt.IsZero() || o.Failure == nil || o.Failure.Message != "b is silent" || o.Value.Kind() != readiness.Absent {
		t.Errorf("a failed reading: %+v", o)
	}
	if o := all[3]; o.ObservedAt != seen.At || o.Endpoint != "" {
		t.Errorf("the whole is as old as its oldest part: %+v", o)
	}
}

func TestSides(t *testing.T) {
	t.Parallel()
	home := connectors.Home{Primary: "fra", DR: "ams"}
	for _, tt := range []struct {
		site     string
		siteSeen bool
		want     readiness.Code
	}{
		{"fra", false, readiness.VisPrimary}, {"ams", false, readiness.VisDR}, {"par", false, readiness.VisEndpoint}, {"fra", true, readiness.VisEndpoint},
	} {
		if got := observe.SideCode(home, connectors.Endpoint{Site: tt.site}, tt.siteSeen); got != tt.want {
			t.Errorf("a node at %s (its site seen: %v): %s, want %s", tt.site, tt.siteSeen, got, tt.want)
		}
	}
	if observe.FarSite(home, "fra") != "ams" || observe.FarSite(home, "ams") != "fra" || observe.FarSite(home, "par") != "ams" {
		t.Error("the far site is not the other one")
	}
}

package check

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/config"
)

// Without keeping connections each sweep opens its own connectors and closes each
// exactly once, though the goodbye fails.
func TestConnectorsAreClosedOnceAfterEachSweep(t *testing.T) {
	t.Parallel()
	f := &fleet{}
	b := newBench(t, repository([]*config.Resource{resource("a"), resource("b")}), f)
	for range 3 {
		b.run(t)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if len(f.opened) != 6 {
		t.Errorf("%d connectors were opened, want 6", len(f.opened))
	}
	for _, c := range f.opened {
		closes(t, c, 1)
		if collected, _ := c.counts(); collected != 1 {
			t.Errorf("the connector of %s was used %d times", c.spec.Target, collected)
		}
		if c.spec.KeepOpen {
			t.Error("a connector was told to keep its connections")
		}
	}
}

// With keeping connections every sweep uses the same connectors, and Close closes
// each exactly once, however often it is called.
func TestConnectorsAreKeptAndClosedOnceAtTheEnd(t *testing.T) {
	t.Parallel()
	f := &fleet{}
	b := newBench(t, repository([]*config.Resource{resource("a"), resource("b")}), f)
	b.KeepOpen = true
	for range 3 {
		b.run(t)
	}
	if len(f.opened) != 2 {
		t.Errorf("%d connectors were opened, want 2", len(f.opened))
	}
	for _, c := range f.opened {
		closes(t, c, 0)
		if collected, _ := c.counts(); collected != 3 || !c.spec.KeepOpen {
			t.Errorf("the connector of %s was used %d times, keep open %v", c.spec.Target, collected, c.spec.KeepOpen)
		}
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, c := range f.opened {
		closes(t, c, 1)
	}
	expect(t, find(t, b.run(t), "a"), green, "") // a runner may go on after Close
	_ = b.Close()
}

// A target that is not part of a sweep keeps its connector for the next one.
func TestConnectorOfAnotherTargetIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := &fleet{}
	b := newBench(t, repository([]*config.Resource{resource("a"), resource("b")}), f)
	b.KeepOpen = true
	all := b.sweep.Targets
	b.run(t)
	b.sweep.Targets = all[:1]
	b.run(t)
	b.sweep.Targets = all
	b.run(t)
	if len(f.opened) != 2 {
		t.Errorf("%d connectors were opened, want 2", len(f.opened))
	}
	_ = b.Close()
}

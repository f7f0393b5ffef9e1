package postgres

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// gone is a host that nobody reaches: it notes when it was asked and for how long it
// would have been waited for, and lets that time pass at once.
type gone struct {
	mu       sync.Mutex
	err      error
	passed   time.Duration
	patience []time.Duration
}

func (g *gone) lookup(ctx context.Context, _ string) ([]string, error) {
	at, _ := ctx.Deadline()
	g.mu.Lock()
	defer g.mu.Unlock()
	left := time.Until(at)
	g.patience = append(g.patience, left)
	g.passed += left
	return nil, g.err
}

func (g *gone) now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Add(g.passed)
}

// asked is how often so far, and whether never for longer than a host that was given its
// whole time before.
func (g *gone) asked() (times int, briefly bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.patience[min(1, len(g.patience)):] {
		if p > connectAgain {
			return len(g.patience), false
		}
	}
	return len(g.patience), true
}

// away is a hand whose old primary is lost, and is a host of that kind for bcctl.
func away(t *testing.T, lab *pgpair.Lab, g *gone) *hand {
	t.Helper()
	h := newHand(t, lab, "run-1", "fra", "ams", func(s *connectors.ActorSpec) {
		s.Now = g.now
		s.EndpointTimeout = defaultEndpointTimeout
	})
	h.actor.(*actor).c.dialers[0].base.LookupFunc = g.lookup
	return h
}

// TestSI22ALostHostIsAskedWhereItCounts: an emergency failover away from a host that drops
// every packet. It has its whole time once; after that a short one, each time that a rule
// rests on what it would say, and none where nothing does.
func TestSI22ALostHostIsAskedWhereItCounts(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	relayed(t, lab)
	if err := lab.KillNode(t.Context(), pgpair.Primary); err != nil {
		t.Fatal(err)
	}
	g := &gone{err: context.DeadlineExceeded}
	h := away(t, lab, g)
	asked := func(want int, what string) {
		t.Helper()
		if n, briefly := g.asked(); n != want || !briefly {
			t.Errorf("after %s the lost host was asked %d times, want %d; briefly: %v of %s", what, n, want, briefly, g.patience)
		}
	}
	eventually(t, "the standby hears nothing", func() bool {
		return ask[bool](t, lab, pgpair.Standby, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
	})
	for _, check := range []string{"primary-gone", "target-is-standby", "same-lineage", "most-advanced", "gap", "replay-running", "not-fenced", "no-ha-manager", "privileges"} {
		if f := h.actor.Check(t.Context(), h.call(check, "type", "failover")); f.Result != connectors.Passed && f.Result != connectors.Warned {
			t.Errorf("%s: %+v", check, f)
		}
	}
	asked(1, "the prechecks")
	if g.patience[0] < defaultEndpointTimeout-time.Second {
		t.Errorf("the first time it had %s", g.patience[0])
	}
	h.actor.Markers(t.Context())
	h.do("mark")
	asked(1, "what is only written down")
	h.hook("controldata", pgpair.Standby)
	anew := h.call("parameters", "type", "failover", "parameters", "$controldata.parameters")
	anew.Anew = true
	if f := h.actor.Check(t.Context(), anew); f.Result != connectors.Passed {
		t.Errorf("parameters: %+v", f)
	}
	asked(1, "what is about the target")
	h.outcome(connectors.Failed, readiness.WriterUnproven, "promote", "parameters", "$controldata.parameters")
	asked(2, "a promotion without evidence")
	h.hook("fence", pgpair.Primary)
	proof := h.call("writer-fenced", "type", "failover", "evidence", "$fence.evidence")
	proof.Anew = true
	if f := h.actor.Check(t.Context(), proof); f.Result != connectors.Passed {
		t.Errorf("writer-fenced: %+v", f)
	}
	asked(3, "the proof of the fence")
	h.do("detach")
	asked(3, "what changes the target alone")
	h.do("promote", "evidence", "$fence.evidence", "parameters", "$controldata.parameters")
	asked(4, "the promotion")
	h.do("reign")
	h.do("checkpoint-new")
	h.do("repoint-siblings")
	h.pass("write-probe")
	h.check(connectors.Passed, "", "fork-point", "replay", "$detach.replay", "have", "$detach.have")
	h.check(connectors.Passed, "", "client-path", "address", lab.ClientAddress())
	asked(4, "what is about the new primary")
	h.check(connectors.Passed, "", "one-primary", "evidence", "$fence.evidence")
	asked(5, "that there is one primary")
}

// TestSI23ANameThatDoesNotResolve: where a server is, is not known. That is no more than
// not to reach it: it is never taken for being down.
func TestSI23ANameThatDoesNotResolve(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	for name, test := range map[string]struct {
		err  *net.DNSError
		says string
	}{
		"no such name":   {&net.DNSError{Err: "no such host", Name: "ledger-a.example.net", IsNotFound: true}, "no such name"},
		"no name server": {&net.DNSError{Err: "i/o timeout", Name: "ledger-a.example.net", IsTimeout: true}, "no name server answered in time"},
	} {
		h := away(t, lab, &gone{err: test.err})
		h.check(connectors.Unknown, readiness.VisPrimary, "single-primary")
		f := h.check(connectors.Unknown, readiness.VisPrimary, "same-lineage")
		if !strings.Contains(f.Message, "does not resolve (DNS: "+test.says+")") {
			t.Errorf("%s: %s", name, f.Message)
		}
		// It lives, and the standby hears from it.
		h.check(connectors.Refused, readiness.PrimaryPathLost, "primary-gone", "type", "failover")
		h.check(connectors.Refused, readiness.WriterUnproven, "writer-fenced", "type", "failover")
		h.outcome(connectors.Failed, readiness.WriterUnproven, "promote")
		h.outcome(connectors.InDoubt, readiness.ShutdownUnproven, "prove-shutdown-checkpoint", "state", "shut down", "checkpoint", "0/1", "drained", "0/1")
	}
	if err := lab.KillNode(t.Context(), pgpair.Primary); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the standby hears nothing", func() bool {
		return ask[bool](t, lab, pgpair.Standby, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
	})
	h := away(t, lab, &gone{err: &net.DNSError{Err: "no such host", Name: "ledger-a.example.net", IsNotFound: true}})
	if f := h.check(connectors.Passed, "", "primary-gone", "type", "failover"); !strings.Contains(f.Message, "DNS: no such name") {
		t.Errorf("why it is not reached is not said: %s", f.Message)
	}
	h.check(connectors.Refused, readiness.WriterUnproven, "writer-fenced", "type", "failover")
}

package mongodb

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func beating(write bool) func(*connectors.Spec) {
	return func(spec *connectors.Spec) {
		spec.Heartbeat = &connectors.Heartbeat{Write: write, Interval: 10 * time.Second}
	}
}

// TestHeartbeat writes the one document, and only where that is asked for and
// clear.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	step(t, "nobody has written one", func(t *testing.T) {
		v := newDesk(t, set, beating(false)).sweep(t)
		v.want(t, readiness.Yellow, readiness.HeartbeatMissing)
		if changes := set.Changes(); len(changes) > 0 {
			t.Errorf("a check changed something: %v", changes)
		}
	})
	step(t, "written, and seen by the next check", func(t *testing.T) {
		d := newDesk(t, set, beating(true))
		d.sweep(t)
		v := d.sweep(t)
		v.wantGreen(t)
		if got := v.number(t, "catalog-b", heartbeatSeqID); got != 1 {
			t.Errorf("the sequence is %v after one write", got)
		}
		v.number(t, "catalog-b", heartbeatLagID)
		v.number(t, "catalog-b", committedLagID)
		if got := d.sweep(t).number(t, "catalog-a", heartbeatSeqID); got != 2 {
			t.Errorf("the sequence is %v after two writes", got)
		}
	})
	step(t, "written and not acknowledged by a majority", func(t *testing.T) {
		if err := set.Break("commit-lag"); err != nil {
			t.Fatal(err)
		}
		v := newDesk(t, set, beating(true)).sweep(t)
		v.want(t, readiness.Red, readiness.HeartbeatWrite)
		if text := v.message(t, readiness.HeartbeatWrite); !strings.Contains(text, "was written on catalog-a") || !strings.Contains(text, "not protected") {
			t.Errorf("it says %q", text)
		}
		if err := set.Repair("commit-lag"); err != nil {
			t.Fatal(err)
		}
	})
	step(t, "written, and the answer is lost", func(t *testing.T) {
		if err := set.Drop("catalog-a", "update", true); err != nil {
			t.Fatal(err)
		}
		before := set.Changes()["update"]
		v := newDesk(t, set, beating(true)).sweep(t)
		wantMessage(t, v, readiness.HeartbeatWrite, "is not known")
		if sent := set.Changes()["update"] - before; sent != 1 {
			t.Errorf("%d writes arrived, want the one", sent)
		}
		if err := set.Drop("catalog-a", "update", false); err != nil {
			t.Fatal(err)
		}
	})
	step(t, "not written on another server than the one read", func(t *testing.T) {
		before := set.Changes()["update"]
		opened, err := Factory{}.Open(newDesk(t, set, beating(true)).spec)
		if err != nil {
			t.Fatal(err)
		}
		c := opened.(*Connector)
		straight := c.open
		c.open = func(i int, cred *connectors.Credential, budget time.Duration) (server, error) {
			if cred != nil && cred.Username == mongoset.UserHeartbeat {
				i = 1 // the address was moved meanwhile
			}
			return straight(i, cred, budget)
		}
		all, err := c.Collect(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if sent := set.Changes()["update"] - before; sent != 0 {
			t.Errorf("%d writes arrived", sent)
		}
		if !slices.ContainsFunc(all, func(o readiness.Observation) bool {
			return o.Failure != nil && o.Failure.Code == readiness.HeartbeatWrite
		}) {
			t.Error("that it was not written is not said")
		}
	})
	step(t, "a login that may not write it", func(t *testing.T) {
		v := newDesk(t, set, beating(true), func(spec *connectors.Spec) {
			spec.Credential = labCredential(set, mongoset.UserMonitor)
			inner := spec.Credential
			spec.Credential = func(ctx context.Context, _ connectors.Purpose) (connectors.Credential, error) {
				return inner(ctx, connectors.Monitor)
			}
		}).sweep(t)
		v.want(t, readiness.Yellow, readiness.HeartbeatWrite)
		wantMessage(t, v, readiness.HeartbeatWrite, "could not be written")
	})
	step(t, "not written where two write, nor into a foreign set", func(t *testing.T) {
		before := set.Changes()["update"]
		if err := set.Break("split-brain"); err != nil {
			t.Fatal(err)
		}
		newDesk(t, set, beating(true)).sweep(t).want(t, readiness.Red, readiness.TwoWriters)
		if err := set.Repair("split-brain"); err != nil {
			t.Fatal(err)
		}
		newDesk(t, set, beating(true), func(spec *connectors.Spec) {
			spec.Identity = map[string]string{"replicaSetId": anotherID}
		}).sweep(t).want(t, readiness.Red, readiness.IdentityMismatch)
		if after := set.Changes()["update"]; after != before {
			t.Errorf("%d writes arrived", after-before)
		}
	})
}

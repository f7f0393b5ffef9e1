package mongodb

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestCausesComeFirst is about who reads a verdict at night: the first reason says
// what broke, and what follows from it comes later.
func TestCausesComeFirst(t *testing.T) {
	t.Parallel()
	for fault, first := range map[string]readiness.Code{
		"split-brain": readiness.TwoWriters, "stop-member": readiness.NodeDown, "cut-network": readiness.PartitionOneWay, "cut-one-way": readiness.PartitionOneWay,
		"stale-view": readiness.PartitionOneWay, "initial-sync": readiness.InitialSync, "no-majority": readiness.QuorumLost, "wrong-set": readiness.IdentityMismatch,
	} {
		t.Run(fault, func(t *testing.T) {
			set := startSet(t, mongoset.Options{})
			d := newDesk(t, set, identified(t, set))
			d.sweep(t)
			if err := set.Break(fault); err != nil {
				t.Fatal(err)
			}
			if v := d.sweep(t); len(v.Reasons) == 0 || v.Reasons[0].Code != first {
				t.Errorf("the first reason is not %s:\n%s", first, v)
			}
		})
	}
}

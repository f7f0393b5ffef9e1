package mongodb

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/execute/executetest"
	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// stage is a run of a built-in runbook on a set.
type stage struct {
	*executetest.Stage
	set *mongoset.Set
}

func newStage(t *testing.T, procedure string) *stage {
	t.Helper()
	set := startSet(t, mongoset.Options{})
	spec := newHand(t, set, "fra", "ams").spec
	s := executetest.New(t, executetest.Options{Factory: Factory{}, Spec: spec.Spec, Book: procedure + "/switchover", Wish: runbook.Wish{To: "ams"}, Member: runbook.Member{
		Name: "catalog", Platform: "mongodb", Environment: "lab", Primary: "fra", DR: "ams", Tier: 2, ClientAddress: spec.Endpoints[2].Address,
		Identity: spec.Identity, Topology: map[string]string{"catalog-a": runbook.RolePrimary},
	}})
	s.Secrets = set.Secrets()
	return &stage{s, set}
}

// TestSI03SI34MongoDBKilledAtEachStep ends the process after the intent of each step and
// before its outcome is written. The same command then ends where an undisturbed run
// does, and nothing that moves the role was sent more often than there.
func TestSI03SI34MongoDBKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for _, procedure := range []string{"mongodb.stepdown", "mongodb.priority-move"} {
		t.Run(procedure, func(t *testing.T) {
			t.Parallel()
			whole := newStage(t, procedure)
			whole.Must(runbook.EndSucceeded)
			want := whole.set.Changes()
			if whole.set.Primary() != "catalog-b" || want["replSetReconfig"] == 0 {
				t.Fatalf("%s is primary after %v", whole.set.Primary(), want)
			}
			if whole.Moments != 2*len(whole.Plan.Waves[0].Members[0].Steps) {
				t.Fatalf("%d moments\n%s", whole.Moments, whole.Journal())
			}
			for at := 1; at <= whole.Moments; at++ {
				t.Run(fmt.Sprint(at), func(t *testing.T) {
					t.Parallel()
					s := newStage(t, procedure)
					s.EndAt = at
					if _, err := s.Start(); !errors.Is(err, executetest.ErrEnded) {
						t.Fatalf("the process did not end: %v\n%s", err, s.Journal())
					}
					s.Must(runbook.EndSucceeded)
					if s.set.Primary() != "catalog-b" {
						t.Errorf("%s is primary\n%s", s.set.Primary(), s.Journal())
					}
					got := s.set.Changes()
					for _, command := range []string{"replSetStepDown", "replSetReconfig"} {
						if got[command] != want[command] {
							t.Errorf("%s arrived %d times, undisturbed %d\n%s", command, got[command], want[command], s.Journal())
						}
					}
					// No status shows a freeze: it is sent once more, which does no harm.
					if n := got["replSetFreeze"]; n < want["replSetFreeze"] || n > want["replSetFreeze"]+1 {
						t.Errorf("replSetFreeze arrived %d times, undisturbed %d\n%s", n, want["replSetFreeze"], s.Journal())
					}
				})
			}
		})
	}
}

// TestSI34MongoDBCutOffAtEachStep: the members are out of reach from a step or a command on.
func TestSI34MongoDBCutOffAtEachStep(t *testing.T) {
	t.Parallel()
	for procedure, once := range map[string]map[string]string{
		"mongodb.stepdown":      {"step-down": "replSetStepDown"},
		"mongodb.priority-move": {"priorities": "replSetReconfig"},
	} {
		t.Run(procedure, func(t *testing.T) {
			t.Parallel()
			executetest.CutOff(t, executetest.Subject{Once: once,
				Begin: func(t *testing.T) executetest.Scene {
					s := newStage(t, procedure)
					return executetest.Scene{Stage: s.Stage, Clients: s.set, Standing: func() string {
						var roles strings.Builder
						for _, n := range s.set.Nodes() {
							fmt.Fprintf(&roles, "%s %s; ", n.Name, n.Role)
						}
						return roles.String()
					}}
				},
				Own:   func(text string) bool { return strings.HasSuffix(text, "update") },
				Again: func(text string) bool { return strings.HasSuffix(text, "replSetFreeze") }, // no status shows one
			})
		})
	}
}

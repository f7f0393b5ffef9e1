package postgres

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Where two sources of one fact disagree, the worse one counts, whichever of the two it
// is: a fresh heartbeat makes up for no position, and no position for a receiver that
// is silent.
func TestSI10TheWorseOfTwoSourcesCounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*recording)
		status readiness.Status
		codes  []readiness.Code
	}{
		"the heartbeat is fresh, the position is old": {func(r *recording) {
			r.heartbeats(pointer(1.0), pointer(1.0))
			r.behind(1 << 20)
			r.before("db-a", positionID, 90*time.Second, readiness.Num(float64(r.a.position.Flush-4096)))
		}, readiness.Red, []readiness.Code{readiness.LagOverRPO}},
		"the position is equal, the heartbeat is old": {func(r *recording) {
			r.heartbeats(pointer(1.0), pointer(90.0))
		}, readiness.Yellow, nil},
		"the standby says that it streams, the primary lists nobody": {func(r *recording) {
			r.a.senders, r.a.slots[0].Active = nil, false
		}, readiness.Unknown, []readiness.Code{readiness.Conflict}},
		"the primary lists a standby that says it does not stream": {func(r *recording) {
			r.b.replay.Receiver = nil
		}, readiness.Red, nil},
		"one function says primary, the setting says standby": {func(r *recording) {
			r.b.inHotStandby = "off"
		}, readiness.Unknown, []readiness.Code{readiness.Conflict}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := healthyPair()
			c.change(r)
			r.judge(t).want(t, c.status, c.codes...)
		})
	}
}

package mongodb

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// stillWrites is for how long a primary may write nothing: several of the entries
// that an idle one writes (Server Manual, periodicNoopIntervalSecs: 10 seconds).
const stillWrites = time.Minute

// stateName is a state as MongoDB writes it, with its number.
func stateName(state int64) string {
	name, ok := map[int64]string{
		stateStartup: "STARTUP", statePrimary: "PRIMARY", stateSecondary: "SECONDARY", stateRecovering: "RECOVERING", stateStartup2: "STARTUP2",
		stateUnknown: "UNKNOWN", stateArbiter: "ARBITER", stateDown: "DOWN", stateRollback: "ROLLBACK", stateRemoved: "REMOVED",
	}[state]
	if !ok {
		return fmt.Sprintf("in state %d", state)
	}
	return fmt.Sprintf("%s (%d)", name, state)
}

// state is what the member says of itself.
func (s *set) state(n *node) {
	if n.arbiter() {
		s.book.Add(&n.Node, stateID, readiness.Str(stateName(stateArbiter)))
		return
	}
	if s.failedReading(n, stateID) {
		return
	}
	if n.status == nil || n.status.State == nil {
		s.book.Fail(&n.Node, stateID, observe.Finding(readiness.ValueInvalid, "%s did not tell its state", n.Name))
		return
	}
	var findings []readiness.Finding
	if f, bad := s.stateFinding(n, *n.status.State); bad {
		findings = append(findings, f)
	}
	s.book.Add(&n.Node, stateID, readiness.Str(stateName(*n.status.State)), findings...)
}

func (s *set) stateFinding(n *node, state int64) (readiness.Finding, bool) {
	say := func(code readiness.Code, format string, args ...any) (readiness.Finding, bool) {
		return observe.Finding(code, "%s is %s: %s", n.Name, stateName(state), fmt.Sprintf(format, args...)), true
	}
	detail := ""
	if self := n.status.self(); self != nil && self.Info != "" {
		detail = "; it says " + self.Info
	}
	switch state {
	case statePrimary:
		if !n.hello.Writable {
			return say(readiness.NodeResolving, "and does not accept writes: it is on its way into the role or out of it")
		}
		if st := n.newest(); st.Date != nil && st.AppliedWall != nil && st.Date.Sub(*st.AppliedWall) > stillWrites {
			return say(readiness.Conflict, "and has written nothing for %s, although an idle primary writes an entry every ten seconds: it may be locked, or its disk may hang", st.Date.Sub(*st.AppliedWall).Round(time.Second))
		}
		return readiness.Finding{}, false
	case stateSecondary:
		if !n.hello.Secondary && !n.hello.Writable {
			return say(readiness.NodeResolving, "and not by hello: it is on its way into the state or out of it")
		}
		return readiness.Finding{}, false
	case stateStartup:
		return say(readiness.NodeStarting, "it has not loaded its configuration yet%s", detail)
	case stateRecovering:
		if n.status.TooStale {
			return say(readiness.NodeRecovering, "too stale: no oplog has what it needs, so it needs a full copy%s", detail)
		}
		return say(readiness.NodeRecovering, "it holds no copy that can be read, and may be too far behind to come back by itself%s", detail)
	case stateStartup2:
		sync := n.status.InitialSync
		if sync == "" {
			sync = "it starts, or makes its first copy"
		}
		return say(readiness.InitialSync, "%s; it votes and is no copy yet%s", sync, detail)
	case stateRollback:
		return say(readiness.NodeRollback, "it undoes writes the others never had; they are in its rollback directory, which is not visible from here%s", detail)
	case stateRemoved:
		return say(readiness.NodeRemoved, "the configuration does not have it%s", detail)
	default:
		return say(readiness.NodeResolving, "that is no state a member works in%s", detail)
	}
}

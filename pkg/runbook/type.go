package runbook

// Type is what a request, a runbook or a schedule is for.
type Type string

// The four types.
const (
	Switchover Type = "switchover" // planned, without loss, both sides alive
	Failover   Type = "failover"   // the primary is lost; may lose data
	Failback   Type = "failback"   // back to the home site after either
	Drill      Type = "drill"      // an exercise that leaves production where it is
)

// Types returns the four types.
func Types() []Type { return []Type{Switchover, Failover, Failback, Drill} }

// Package pgpair is a laboratory: a real PostgreSQL primary and its streaming
// standby, on loopback, in one directory, with faults that can be put in and
// taken out again.
//
// It serves the tests, `bcctl lab` and the demonstration. The servers run in
// sessions of their own and outlive the process that started them; Open finds
// them again by their directory. Everything a laboratory has is below that
// directory, but for its sockets when the path is too long for one.
//
// The package knows PostgreSQL and nothing of how bcctl judges it: a Fault
// names reason codes only to say what a reader should expect to see.
//
// A laboratory is made to be thrown away: fsync is off, so no data in it
// survives a crash of the machine. Logins over TCP need TLS and SCRAM all the
// same, with passwords made for this laboratory alone, so that what works here
// works against a real server.
package pgpair

// The nodes of a laboratory. Each is a site away from its upstream.
const (
	Primary = "ledger-a" // the primary, at site fra
	Standby = "ledger-b" // its streaming standby, at site ams
	Cascade = "ledger-c" // optional: follows Standby, at site ams
)

// Sites of the nodes.
const (
	primarySite = "fra"
	standbySite = "ams"
)

// The roles of a laboratory that log in over TCP.
const (
	RoleMonitor     = "bcctl_monitor"     // pg_monitor and REPLICATION: what `bcctl check` should have
	RoleLimited     = "bcctl_limited"     // may log in and nothing else
	RoleHeartbeat   = "bcctl_heartbeat"   // may update bcctl.heartbeat and nothing else
	RoleExecute     = "bcctl_execute"     // what `bcctl execute` needs for a switchover, and no more
	RoleReplication = "bcctl_replication" // with which the standbys follow
)

func roles() []string {
	return []string{RoleMonitor, RoleLimited, RoleHeartbeat, RoleExecute, RoleReplication}
}

// superuser has no password: it logs in through the private socket only.
const superuser = "postgres"

// database is where the laboratory's own tables are.
const database = "postgres"

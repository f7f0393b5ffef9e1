// Package lab says what all systems of the laboratory have in common: they stand
// on loopback, can be looked at, broken and repaired, and describe themselves as
// a resource that bcctl can check.
//
// PostgreSQL is real and runs in processes of its own (package pgpair). Of the
// other platforms no server can be installed everywhere, so packages mongoset,
// sqlag and snowpair speak their wire protocols from inside this process, from a
// model of the real system's state. They serve tests, `bcctl lab` and the
// demonstration, and nothing that judges a database imports them.
package lab

import "github.com/bcctl/bcctl/pkg/readiness"

// Fault is something that can be broken in a laboratory.
type Fault struct {
	Name       string           `json:"name"`
	Help       string           `json:"help"`       // one line: what is done
	Shows      []readiness.Code `json:"shows"`      // what a check should say, among other things; empty: nothing may be said
	Repairable bool             `json:"repairable"` // whether Repair can undo it
}

// Node is one server of a system, as a person should see it.
type Node struct {
	Name    string `json:"name"`
	Site    string `json:"site"`
	Address string `json:"address"` // host:port, or a URL
	State   string `json:"state"`   // running, stopped, hung
	Role    string `json:"role"`    // in the platform's own words, such as SECONDARY
	Detail  string `json:"detail"`  // position, term, schedule: whatever helps
}

// System is a database system that runs inside this process. Its methods may be
// called by several goroutines at once.
type System interface {
	// Name is the name of the system, and of its resource.
	Name() string

	// Platform is what Resource.spec.platform says.
	Platform() string

	// Nodes lists the servers as they are now.
	Nodes() []Node

	// Faults lists what Break knows.
	Faults() []Fault

	// Break puts a fault in. A check right after sees it.
	Break(fault string) error

	// Repair takes a fault out again. A check right after no longer sees it.
	Repair(fault string) error

	// Broken lists the faults that are in.
	Broken() []string

	// Secrets returns the system's secrets by name: passwords and private keys, made
	// for this system alone. Somebody has to keep them where Resource refers to.
	Secrets() map[string]string

	// Resource returns the system as a Resource document, with comments for a reader
	// who has never seen one. ref turns the name of a secret into a reference to it,
	// such as file:/path; ca is the path of the laboratory's CA certificate in the
	// configuration repository.
	Resource(ref func(secret string) string, ca string) string

	// Close ends the servers. Connections are closed.
	Close() error
}

// Sites of the laboratory. The first is where primaries belong.
const (
	PrimarySite = "fra"
	DRSite      = "ams"
)

// Watch is told of each statement or command that would change something: the server it
// came to, its text, and whether it was carried out by now. What it returns says whether
// the connection ends then, in place of carrying it out or in place of an answer.
type Watch func(server, text string, done bool) (lost bool)

// Clients are between whoever uses a system and its servers.
type Clients interface {
	// Watch has somebody told; nil ends it.
	Watch(Watch)

	// Unplug cuts all clients off: connections end, and new ones are refused. Among
	// themselves the servers go on.
	Unplug()

	// Plug lets them through again.
	Plug() error
}

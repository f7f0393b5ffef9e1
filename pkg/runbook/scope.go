package runbook

import "time"

// Scope is what Compile needs to know of a configuration and of the servers. It
// holds copies: package config knows this one, not the other way round.
type Scope struct {
	// Wish is what is asked for.
	Wish Wish

	// Members are all resources of the configuration that the target may reach, by
	// name. Groups are all groups, by name.
	Members map[string]Member
	Groups  map[string]Group

	// Actions looks an action of a platform up. The second result is false where this
	// version of bcctl cannot run the action.
	Actions func(platform, name string) (ActionFacts, bool)

	// Policies are the pins of documents that hold for every target: approval and
	// status policies, sites.
	Policies map[string]Digest

	// Commit and Bcctl say what the plan is made from and by what.
	Commit, Bcctl string
}

// Wish is what a plan is asked for: what a request says, or a command line.
type Wish struct {
	Request              string // id of the request; empty without one
	Type                 Type
	Target               string
	To                   string // site that shall write; empty: the other one
	Runbook              string // must be what every member names; empty: whatever it is
	Parameters           map[string]string
	MaxLoss              *time.Duration
	AcceptUnprovenWriter bool
	Accept               []Acceptance
	ProductionDrill      bool
	Schedule             string // Schedule document that asks; empty: a person
}

// Member is a resource as Compile sees it.
type Member struct {
	Name, Platform, Environment string

	Tier        int
	Primary, DR string // sites of normal operation
	Endpoints   []Endpoint
	Identity    map[string]string
	DependsOn   []string

	// Topology is the role of each endpoint, as seen. An endpoint that was not seen
	// has the role unknown.
	Topology map[string]string

	// ClientAddress is how applications reach the database, Integrity its declared
	// checks as JSON; both empty where there are none.
	ClientAddress, Integrity string

	// Book is the runbook for the type of the wish; nil where the resource has no
	// procedure for it. Why says what is missing then.
	Book *Book
	Why  string

	// Pins are the digests of the files that this resource was read from.
	Pins map[string]Digest
}

// Endpoint is a node as Compile sees it.
type Endpoint struct {
	Name, Site, Address string
	Optional            bool
}

// Book is a runbook with the values that a resource gives its parameters.
type Book struct {
	Name   string
	Source string // path, or bcctl:runbooks/NAME
	Spec   Runbook
	Given  map[string]string
	Pin    Digest
}

// Group is a group as Compile sees it.
type Group struct {
	Name      string
	Members   []string // resources and groups
	DependsOn []string
	Tier      int // 0: that of its members
	PerRun    int // caps; 0: none
	PerSite   int
	PerWindow bool // there is a cap over time, which only a ledger can answer
	Pins      map[string]Digest
}

// ActionFacts is what a plan needs to know of an action of a platform.
type ActionFacts struct {
	Summary    string
	Changes    bool
	Lossy      bool
	Parameters []string // all it takes
	Required   []string // those without which it does nothing
	Outputs    []string
}

// Roles of nodes in a topology. A platform's own word for the follower is shown as
// it is.
const (
	RolePrimary = "primary"
	RoleUnknown = "unknown"
)

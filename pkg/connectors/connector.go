// Package connectors defines what bcctl asks of a database platform.
//
// A Factory describes a platform and opens Connectors; a Connector reads one
// resource, all of its endpoints, and says what it saw as observations. The
// package knows no driver: those live in the platform packages below it, and
// only package all imports every one of them.
package connectors

import (
	"context"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Connector reads one resource. It is used by one goroutine at a time; Collect
// may be called many times in continuous mode, and may keep connections open
// between calls.
type Connector interface {
	// Collect probes every endpoint, in parallel, and returns what it saw. It
	// must return soon after ctx is done, with what it has. A reading that failed
	// is an Observation with a Failure, not a missing one; an endpoint that does
	// not answer must not cost the readings of the others.
	//
	// The error is for the case that nothing at all could be attempted. It never
	// contains a secret. Collect changes nothing on the servers it reads.
	Collect(ctx context.Context) ([]readiness.Observation, error)

	// Close releases connections. It is called once, after the last Collect, and
	// must return promptly even when the servers hang.
	Close() error
}

// Factory describes a platform and opens connectors to its resources.
type Factory interface {
	// Platform is the name used in Resource.spec.platform.
	Platform() string

	// Indicators lists everything the platform's connectors may observe.
	Indicators() []readiness.Indicator

	// Capabilities is the platform's matrix: in which forms it is run, and how far
	// bcctl goes with each. It is shown by `bcctl explain platform/NAME`.
	Capabilities() []Capability

	// Validate checks the parts of a spec that only the platform understands. It
	// makes no connection. Each problem names the field it is about.
	Validate(Spec) []Problem

	// Open prepares a connector. It makes no connection; the error is about the
	// spec, as found by Validate.
	Open(Spec) (Connector, error)
}

// Problem is one thing wrong with a Spec.
type Problem struct {
	Path []any // where below Resource.spec, as keys (string) and positions (int)
	What string
	Hint string // what to write instead
}

// Spec is everything a connector needs to know about its resource.
type Spec struct {
	Target    string            // name of the resource
	Home      Home              // which site is which
	Endpoints []Endpoint        // direct node addresses; never a pooler or virtual IP
	Identity  map[string]string // native identity, keys as the platform names them
	Options   map[string]string // Resource.spec.connection.options
	Database  string            // database to connect to; empty is the platform's default
	TLS       TLS
	Heartbeat *Heartbeat // nil when the resource has none

	// RPO is the resource's recovery point objective, zero when it has none. It is
	// for planning what to read and when; to judge by it is for the rules.
	RPO time.Duration

	// Credential resolves the credential for a purpose, as late as possible.
	// It is called for every connection, so that a rotated secret is picked up.
	Credential func(ctx context.Context, p Purpose) (Credential, error)

	// EndpointTimeout bounds all work on one endpoint, including the connect. It
	// is shorter than the deadline of the whole target, so that a hung endpoint
	// leaves time to report the others.
	EndpointTimeout time.Duration

	// KeepOpen asks for connections to be kept between calls of Collect.
	KeepOpen bool

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// Previous finds the newest earlier reading of a series, from any run; it
	// lets a connector turn two positions into a rate. It may be nil, and what it
	// returns is never proof of the present.
	Previous func(endpoint string, id readiness.ID) (readiness.Observation, bool)
}

// Home names the sites of normal operation.
type Home struct{ Primary, DR string }

// Endpoint is the address of one node.
type Endpoint struct {
	Name     string
	Site     string
	Address  string // host:port, or what the platform takes
	Options  map[string]string
	Optional bool // what happens here makes the resource at most yellow
}

// TLS says how a connection is secured. The zero value is the strictest:
// verify the chain against the system's roots, and the name.
type TLS struct {
	Mode       TLSMode
	CA         []byte // PEM; empty means the system's roots
	ServerName string // name to verify instead of the address's host
}

// TLSMode is how strictly a server's certificate is verified.
type TLSMode string

// TLS modes, strictest first. There is no mode that falls back to clear text.
const (
	VerifyFull TLSMode = "verify-full" // chain and name; the default
	VerifyCA   TLSMode = "verify-ca"   // chain only
	Disable    TLSMode = "disable"     // clear text; refused except on loopback
)

// Purpose says what a credential is for. Each purpose has its own credential.
type Purpose string

// Purposes. `bcctl check` asks for Monitor only, and for HeartbeatWriter where a
// resource opts in.
const (
	Monitor         Purpose = "monitor"
	Execute         Purpose = "execute"
	Manager         Purpose = "manager" // of the program that manages the roles, such as Patroni
	HeartbeatWriter Purpose = "heartbeat"
)

// Credential is a resolved login. Its secrets are never printed: format it only
// through String, which hides them.
type Credential struct {
	Username string
	Password string

	// PrivateKey is a key in PEM form, for platforms that log in with one, with the
	// certificate where one belongs to it; empty otherwise.
	PrivateKey string
}

// String hides the secrets.
func (c Credential) String() string { return c.Username + ":***" }

// GoString hides the secrets from %#v.
func (c Credential) GoString() string { return "connectors.Credential{" + c.String() + "}" }

// Heartbeat is the opt-in marker row of a resource.
type Heartbeat struct {
	Write    bool          // let check write it, with the heartbeat credential
	Interval time.Duration // how often somebody writes it
}

package connectortest

import (
	"net"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// Subject is a connector with servers to read.
//
// A field that is a function and nil makes the clauses that need it be skipped,
// with a reason that names the field. A laboratory must not skip anything; see
// Laboratory and Exempt.
type Subject struct {
	Factory connectors.Factory

	// Spec returns a new description of a healthy resource with its monitor
	// credential. The suite changes what it gets.
	Spec func(t testing.TB) connectors.Spec

	// Secrets are values that may appear nowhere: passwords and private keys. Those
	// of Spec's credential are added.
	Secrets []string

	// Objectives are what the rules are given; zero is none.
	Objectives rules.Objectives

	// Tolerated are codes that the healthy resource has nonetheless, as three
	// members on one machine depend on that machine. With it the suite accepts a
	// baseline that is not green, and everywhere else asks for more than the baseline.
	Tolerated []readiness.Code

	// Joint are indicators of one endpoint that another endpoint's answer is needed
	// for, so that they may fail when only the other one hangs; or that the other one
	// tells as well, so that they may be known when their own endpoint hangs.
	Joint []readiness.ID

	// Remembered are required indicators whose time is when a server noted them,
	// which is before the call.
	Remembered []readiness.ID

	// Timeout is the deadline of an endpoint where one hangs: long for the servers
	// at hand, short for a test. Zero is 1.5 s.
	Timeout time.Duration

	// Goroutines are functions in which goroutines of the driver stay for ever, each
	// with the reason why that cannot be helped.
	Goroutines map[string]string

	// Foreign is a well-formed native identity that is not the resource's.
	Foreign map[string]string

	// Invalid are changes to Spec that Validate must object to, beside those that
	// hold for every platform.
	Invalid []Invalid

	// Reroute replaces where an endpoint is found by another host:port. Nil is for
	// addresses that are host:port or a URL.
	Reroute func(e *connectors.Endpoint, hostport string)

	// BeforeTLS answers, as a server, what a client sends before its TLS handshake,
	// and returns the connection for the handshake. Nil is TLS from the first byte.
	BeforeTLS func(net.Conn) (net.Conn, error)

	// RefuseTLS answers, as a server that offers no TLS, and returns when it has.
	// Nil hangs up, as servers do that expect no TLS and are sent a handshake.
	RefuseTLS func(net.Conn) error

	// Version makes the servers say they are of a version that the connector does
	// not support. This and the next hooks undo what they did with t.Cleanup.
	Version func(t *testing.T)

	// Mask takes privileges from the monitoring user, so that servers hide things
	// from it instead of refusing them.
	Mask func(t *testing.T)

	// Oddities make the servers say what is no measurement.
	Oddities []Oddity

	// Changes describes everything a client could have changed on the servers. It
	// differs whenever something was.
	Changes func(t *testing.T) string

	// Laboratory says that the servers are ours, so that none of the hooks may be
	// missing but those in Exempt.
	Laboratory bool

	// Exempt are hooks a laboratory cannot have, by their field's name, each with
	// the reason.
	Exempt map[string]string
}

// Invalid is a wrong Spec.
type Invalid struct {
	Name string
	Make func(*connectors.Spec)
	Path []any // where the problem must be said to be, or a beginning of it
}

// Oddity makes servers say something odd about what an indicator shows.
type Oddity struct {
	Name      string       // such as "NULL" or "a future time"
	Indicator readiness.ID // what must not become a number of it; empty: only the verdict is looked at
	Endpoint  string       // where; empty is everywhere
	Make      func(t *testing.T)
}

func (s *Subject) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return 1500 * time.Millisecond
}

// hooks lists what the subject may leave out, and whether it did.
func (s *Subject) hooks() map[string]bool {
	return map[string]bool{
		"Foreign":  len(s.Foreign) > 0,
		"Invalid":  len(s.Invalid) > 0,
		"Version":  s.Version != nil,
		"Mask":     s.Mask != nil,
		"Oddities": len(s.Oddities) > 0,
		"Changes":  s.Changes != nil,
	}
}

// Package observe is where a connector writes down what it saw in one sweep of
// one resource: readings, readings that failed, and conclusions about them.
//
// It decides nothing about health. It keeps two promises for every connector: a
// reading that failed stays a reading, and each carries the time of its node.
package observe

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Node is an endpoint as one sweep found it.
type Node struct {
	connectors.Endpoint

	// At is the collector's clock at the middle of the first request; zero when the
	// node was not reached.
	At time.Time

	// CollectedAt is when the last answer was there.
	CollectedAt time.Time
}

// Book holds the observations of a sweep. It is used by one goroutine.
type Book struct {
	Target string
	Nodes  []*Node
	Now    time.Time

	observations []readiness.Observation
}

// Observations returns what was written down so far.
func (b *Book) Observations() []readiness.Observation { return b.observations }

// Add records a reading of a node; n nil is the resource as a whole.
func (b *Book) Add(n *Node, id readiness.ID, v readiness.Value, findings ...readiness.Finding) {
	o := readiness.Observation{Target: b.Target, Indicator: id, Value: v, Findings: findings, ObservedAt: b.Now, CollectedAt: b.Now}
	b.place(n, &o)
	b.observations = append(b.observations, o)
}

// AddAt is Add for a value that was true at another moment.
func (b *Book) AddAt(n *Node, at time.Time, id readiness.ID, v readiness.Value, findings ...readiness.Finding) {
	b.Add(n, id, v, findings...)
	b.observations[len(b.observations)-1].ObservedAt = at
}

// Fail records a reading that could not be made.
func (b *Book) Fail(n *Node, id readiness.ID, why readiness.Finding) {
	o := readiness.Observation{Target: b.Target, Indicator: id, Failure: &why, CollectedAt: b.Now}
	b.place(n, &o)
	o.ObservedAt = time.Time{}
	b.observations = append(b.observations, o)
}

// Blame adds a finding to a reading that was recorded already. It reports
// whether there is one.
func (b *Book) Blame(n *Node, id readiness.ID, f readiness.Finding) bool {
	name, found := "", false
	if n != nil {
		name = n.Name
	}
	for i := range b.observations {
		if b.observations[i].Endpoint == name && b.observations[i].Indicator == id {
			b.observations[i].Findings = append(b.observations[i].Findings, f)
			found = true
		}
	}
	return found
}

// Has reports whether a reading of n was recorded, failed or not.
func (b *Book) Has(n *Node, id readiness.ID) bool {
	name := ""
	if n != nil {
		name = n.Name
	}
	for i := range b.observations {
		if b.observations[i].Endpoint == name && b.observations[i].Indicator == id {
			return true
		}
	}
	return false
}

func (b *Book) place(n *Node, o *readiness.Observation) {
	if n == nil {
		o.ObservedAt = b.Oldest()
		return
	}
	o.Endpoint, o.Optional = n.Name, n.Optional
	if !n.At.IsZero() {
		o.ObservedAt = n.At
	}
	if !n.CollectedAt.IsZero() {
		o.CollectedAt = n.CollectedAt
	}
}

// Oldest is the moment from which a statement about all nodes holds.
func (b *Book) Oldest() time.Time {
	oldest := b.Now
	for _, n := range b.Nodes {
		if !n.At.IsZero() && n.At.Before(oldest) {
			oldest = n.At
		}
	}
	return oldest
}

// Finding is a conclusion in words.
func Finding(code readiness.Code, format string, args ...any) readiness.Finding {
	return readiness.Finding{Code: code, Message: fmt.Sprintf(format, args...)}
}

// SideCode names the side that is not seen when n is not. It is VIS_ENDPOINT
// when another node of its site was, or when n stands for neither home site.
func SideCode(home connectors.Home, n connectors.Endpoint, siteSeen bool) readiness.Code {
	switch {
	case siteSeen:
		return readiness.VisEndpoint
	case n.Site == home.Primary:
		return readiness.VisPrimary
	case n.Site == home.DR:
		return readiness.VisDR
	default:
		return readiness.VisEndpoint
	}
}

// FarSite is where a copy must be for the resource to survive the loss of the
// site that its primary is at.
func FarSite(home connectors.Home, primarySite string) string {
	if primarySite == home.DR {
		return home.Primary
	}
	return home.DR
}

package sqlag

import (
	"errors"

	"github.com/bcctl/bcctl/internal/lab"
)

// Watch has somebody told of every batch that could change state; nil ends it.
func (g *Group) Watch(w lab.Watch) {
	g.counting.Lock()
	defer g.counting.Unlock()
	g.watch = w
}

// watched tells of a batch. It reports whether the connection ends in place of an answer.
func (g *Group) watched(instance, text string, done bool) bool {
	g.counting.Lock()
	watch := g.watch
	g.counting.Unlock()
	return watch != nil && watch(instance, text, done)
}

// Unplug cuts all clients off: connections end, and new ones are refused. Among themselves
// the replicas go on.
func (g *Group) Unplug() {
	for _, n := range g.nodes {
		n.shut(true)
	}
}

// Plug undoes Unplug.
func (g *Group) Plug() error {
	var errs []error
	for _, n := range g.nodes {
		if n.state() != "stopped" {
			errs = append(errs, n.reopen())
		}
	}
	return errors.Join(errs...)
}

package connectors

import (
	"maps"
	"slices"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Registry maps platform names to factories. It is built by hand in package all,
// so that reading one file tells what a binary can do.
type Registry map[string]Factory

// NewRegistry returns a registry of the given factories.
func NewRegistry(factories ...Factory) Registry {
	r := make(Registry, len(factories))
	for _, f := range factories {
		r[f.Platform()] = f
	}
	return r
}

// Platforms returns the names in alphabetical order.
func (r Registry) Platforms() []string { return slices.Sorted(maps.Keys(r)) }

// Indicators returns the catalog of a platform: what may be given thresholds.
func (r Registry) Indicators(platform string) []readiness.Indicator {
	if f, ok := r[platform]; ok {
		return f.Indicators()
	}
	return nil
}

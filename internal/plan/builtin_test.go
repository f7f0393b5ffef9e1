package plan

import (
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/all"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Runbooks and platforms know the same actions: what bcctl brings along uses what a
// platform offers, with arguments that it takes. Platforms that offer nothing in this
// version are left out; plans say so of each use.
func TestSI39RunbooksUseWhatPlatformsOffer(t *testing.T) {
	t.Parallel()
	registry := all.Registry()
	for _, name := range runbook.BuiltinNames() {
		book, ok := config.BuiltinRunbook(name)
		if !ok {
			t.Errorf("%s does not load", name)
			continue
		}
		platform := book.Spec.For.Platform
		if _, can := registry[platform].(connectors.Operator); !can {
			continue
		}
		if missing := config.MissingActions(book.Spec, registry); len(missing) > 0 {
			t.Errorf("%s uses %s, which %s does not offer", name, strings.Join(missing, ", "), platform)
		}
		given := map[string]string{}
		for _, p := range book.Spec.Parameters {
			if p.Default == nil {
				given[p.Name] = "value"
			}
		}
		m := runbook.Member{
			Name: "x", Platform: platform, Environment: "test", Primary: "fra", DR: "ams", Tier: 1,
			Endpoints: []runbook.Endpoint{{Name: "a", Site: "fra", Address: "a:1"}, {Name: "b", Site: "ams", Address: "b:1"}},
			Book:      &runbook.Book{Name: name, Source: runbook.BuiltinPrefix + name, Spec: book.Spec, Given: given, Pin: runbook.FileDigest(nil)},
		}
		maker := Maker{Registry: registry}
		_, err := runbook.Compile(runbook.Scope{Wish: runbook.Wish{Type: book.Spec.For.Type, Target: "x"}, Members: map[string]runbook.Member{"x": m}, Actions: maker.actions()})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package mongodb

import (
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
)

// resourceOf reads the document that a laboratory describes itself with: what a
// test declares is what a person would write.
func resourceOf(t testing.TB, set *mongoset.Set) (document struct {
	Spec struct {
		Identity  map[string]string
		Endpoints []struct {
			Name    string
			Options map[string]string
		}
	}
}) {
	t.Helper()
	text := set.Resource(func(secret string) string { return "env:SECRET" }, "ca.pem")
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func declaredIdentity(t testing.TB, set *mongoset.Set) map[string]string {
	t.Helper()
	return resourceOf(t, set).Spec.Identity
}

func declaredOptions(t testing.TB, set *mongoset.Set) map[string]map[string]string {
	t.Helper()
	options := map[string]map[string]string{}
	for _, e := range resourceOf(t, set).Spec.Endpoints {
		options[e.Name] = e.Options
	}
	return options
}

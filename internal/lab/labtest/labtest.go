// Package labtest turns what a laboratory says of itself into what a connector and
// the rules are given, for tests. It goes the way of `bcctl check`: the system's
// Resource document is loaded like anybody's, so that one which nobody could use
// is noticed.
package labtest

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/secret"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/rules"
)

// sites are those that a laboratory may mention.
const sites = `
apiVersion: bcctl/v1
kind: SiteList
metadata: {name: sites}
spec:
  sites:
    - {name: fra}
    - {name: ams}
    - {name: par}
`

// authorityPath is where the repository has the laboratory's CA.
const authorityPath = "certs/lab-ca.pem"

// Described is a system that describes itself, as lab.System does.
type Described interface {
	Secrets() map[string]string
	Resource(ref func(secret string) string, ca string) string
}

// Read returns the system as a connector's spec and as the rules' subject. The
// credential is resolved when the connector asks for it. authority is the CA
// certificate of the servers, in PEM form.
func Read(t testing.TB, system Described, authority []byte, factory connectors.Factory) (connectors.Spec, rules.Subject) {
	t.Helper()
	variable := func(name string) string {
		return "LAB_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_", "/", "_").Replace(name))
	}
	values := map[string]string{}
	for name, value := range system.Secrets() {
		values[variable(name)] = value
	}
	document := system.Resource(func(name string) string { return "env:" + variable(name) }, authorityPath)
	registry := connectors.NewRegistry(factory)
	repo, problems := config.Load(fstest.MapFS{
		"bcctl.yaml":         {Data: []byte("repository: lab\n")},
		"sites.yaml":         {Data: []byte(sites)},
		"resources/lab.yaml": {Data: []byte(document)},
		authorityPath:        {Data: authority},
	}, config.Options{Catalog: registry})
	if len(problems) > 0 {
		t.Fatalf("the laboratory's document has problems: %v\n%s", problems, document)
	}
	if _, problems := check.Validate(repo, registry); len(problems) > 0 {
		t.Fatalf("the laboratory's document has problems: %v\n%s", problems, document)
	}
	if len(repo.Resources) != 1 {
		t.Fatalf("the laboratory describes %d resources", len(repo.Resources))
	}
	resource := repo.Resources[0]
	resolver := secret.NewResolver(func(name string) (string, bool) { value, ok := values[name]; return value, ok })
	return check.Spec(repo, resource, resolver), check.Subject(repo, resource)
}

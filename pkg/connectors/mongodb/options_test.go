package mongodb

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	member := func(options map[string]string) connectors.Endpoint {
		return connectors.Endpoint{Name: "db-a", Address: "db-a.example.net", Options: options}
	}
	one := func(ep connectors.Endpoint) connectors.Spec {
		return connectors.Spec{Endpoints: []connectors.Endpoint{ep}}
	}
	cluster := connectors.Spec{Endpoints: []connectors.Endpoint{
		member(map[string]string{"role": "config"}), member(map[string]string{"shard": "s1"}), member(map[string]string{"role": "router"})}}
	with := func(spec connectors.Spec, change func(*connectors.Spec)) connectors.Spec { change(&spec); return spec }
	for name, c := range map[string]struct {
		spec connectors.Spec
		path []any
	}{
		"a set":                    {spec: one(member(nil))},
		"a member by another name": {spec: one(member(map[string]string{"member": "db-a.internal:27017"}))},
		"a cluster":                {spec: cluster},
		"identity of a set":        {spec: with(one(member(nil)), func(s *connectors.Spec) { s.Identity = map[string]string{"replicaSetId": recordedID, "setName": "x"} })},
		"identity of a shard": {spec: with(cluster, func(s *connectors.Spec) {
			s.Identity = map[string]string{"replicaSetId/s1": recordedID, "setName/config": "x"}
		})},
		"no address":                 {one(connectors.Endpoint{Name: "db-a"}), []any{"endpoints", 0}},
		"a connection string":        {one(connectors.Endpoint{Name: "db-a", Address: "mongodb://db-a/"}), []any{"endpoints", 0}},
		"an unknown option":          {one(member(map[string]string{"slot": "x"})), []any{"endpoints", 0, "options", "slot"}},
		"a role nobody has":          {one(member(map[string]string{"role": "arbiter"})), []any{"endpoints", 0, "options", "role"}},
		"a shard without a name":     {one(member(map[string]string{"role": "shard"})), []any{"endpoints", 0, "options", "role"}},
		"neither shard nor router":   {with(cluster, func(s *connectors.Spec) { s.Endpoints = append(slices.Clone(s.Endpoints), member(nil)) }), []any{"endpoints", 3, "options"}},
		"a mechanism in the clear":   {with(one(member(nil)), func(s *connectors.Spec) { s.Options = map[string]string{"authMechanism": "PLAIN"} }), []any{"connection", "options", "authMechanism"}},
		"a heartbeat of a cluster":   {with(cluster, func(s *connectors.Spec) { s.Heartbeat = &connectors.Heartbeat{} }), []any{"heartbeat"}},
		"identity without a shard":   {with(cluster, func(s *connectors.Spec) { s.Identity = map[string]string{"setName": "x"} }), []any{"identity", "setName"}},
		"identity of nobody":         {with(cluster, func(s *connectors.Spec) { s.Identity = map[string]string{"setName/s9": "x"} }), []any{"identity", "setName/s9"}},
		"identity that is none":      {with(one(member(nil)), func(s *connectors.Spec) { s.Identity = map[string]string{"replicaSetId": "catalog"} }), []any{"identity", "replicaSetId"}},
		"another product's":          {with(one(member(nil)), func(s *connectors.Spec) { s.Identity = map[string]string{"systemIdentifier": "1"} }), []any{"identity", "systemIdentifier"}},
		"clear text to another host": {with(one(member(nil)), func(s *connectors.Spec) { s.TLS.Mode = connectors.Disable }), []any{"connection", "tls"}},
	} {
		problems := Factory{}.Validate(c.spec)
		switch {
		case c.path == nil && len(problems) > 0:
			t.Errorf("%s: %+v", name, problems)
		case c.path != nil && (len(problems) != 1 || fmt.Sprint(problems[0].Path) != fmt.Sprint(c.path)):
			t.Errorf("%s: %+v, want one problem at %v", name, problems, c.path)
		}
	}
}

// TestValidateKeepsPasswords: a login in an address is refused, and not repeated.
func TestValidateKeepsPasswords(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"bcctl:S3cret-word@db-a.example.net", "bcctl:S3cret-word@db-a.example.net:27017", "mongodb://bcctl:S3cret-word@db-a.example.net:27017/?x=1"} {
		for _, ep := range []connectors.Endpoint{{Name: "a", Site: "fra", Address: text}, {Name: "a", Site: "fra", Address: "db-a.example.net", Options: map[string]string{"member": text}}} {
			problems := (Factory{}).Validate(connectors.Spec{Endpoints: []connectors.Endpoint{ep}})
			if len(problems) == 0 {
				t.Errorf("%v is accepted", ep)
			}
			for _, p := range problems {
				if strings.Contains(p.What+p.Hint, "S3cret-word") {
					t.Errorf("%q repeats a password", p.What)
				}
			}
		}
	}
}

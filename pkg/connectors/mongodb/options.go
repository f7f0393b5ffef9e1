package mongodb

import (
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

// Options that Resource.spec.connection.options and endpoints[].options may hold.
var (
	resourceOptions = []string{"authMechanism", "authSource"}
	endpointOptions = []string{"member", "role", "shard"}
)

// Login mechanisms. Both keep the password from the server.
const (
	scramSHA256 = "SCRAM-SHA-256"
	scramSHA1   = "SCRAM-SHA-1"
)

// Values of the endpoint option role.
const (
	roleConfig = "config"
	roleShard  = "shard"
	roleRouter = "router"
)

// setKey names the replica set an endpoint belongs to in a sharded cluster: the
// shard, or config. It is empty in a resource of one set, and for routers.
func setKey(ep connectors.Endpoint) string {
	if ep.Options["role"] == roleConfig && ep.Options["shard"] == "" {
		return roleConfig
	}
	return ep.Options["shard"]
}

func isRouter(ep connectors.Endpoint) bool { return ep.Options["role"] == roleRouter }

// isShard reports whether a node is of a shard and not of the config servers, which
// may be a shard as well from 8.0 and are called config then.
func (n *node) isShard() bool {
	key := setKey(n.Endpoint)
	return key != "" && key != roleConfig && n.Options["role"] != roleConfig
}

// sharded reports whether a resource is a sharded cluster.
func sharded(spec connectors.Spec) bool {
	return slices.ContainsFunc(spec.Endpoints, func(ep connectors.Endpoint) bool { return setKey(ep) != "" || isRouter(ep) })
}

// Validate implements connectors.Factory.
func (Factory) Validate(spec connectors.Spec) []connectors.Problem {
	v := &validation{}
	for i, ep := range spec.Endpoints {
		v.endpoint(spec, i, ep)
	}
	endpoint.UnknownOptions(spec.Options, resourceOptions, func(key, hint string) {
		v.add("unknown option \""+key+"\" of a mongodb connection", hint, "connection", "options", key)
	})
	if m := spec.Options["authMechanism"]; m != "" && m != scramSHA256 && m != scramSHA1 {
		v.add("authentication mechanism \""+m+"\" is not allowed", "write "+scramSHA256+" (default) or "+scramSHA1, "connection", "options", "authMechanism")
	}
	if spec.Heartbeat != nil && sharded(spec) {
		v.add("a heartbeat of a sharded cluster would show one shard only", "leave it out; each set's own positions are used", "heartbeat")
	}
	v.identity(spec)
	return v.problems
}

type validation struct{ problems []connectors.Problem }

func (v *validation) add(what, hint string, path ...any) {
	v.problems = append(v.problems, connectors.Problem{Path: path, What: what, Hint: hint})
}

func (v *validation) endpoint(spec connectors.Spec, i int, ep connectors.Endpoint) {
	address, err := endpoint.Parse(ep.Address, defaultPort)
	if strings.ContainsAny(ep.Address, "/,@?") { // never repeated: it may hold a password
		v.add("endpoint \""+ep.Name+"\" has a connection string or a list as its address", "write the member's own host:port; each member is an endpoint", "endpoints", i)
		return
	}
	if err != nil {
		v.add("endpoint \""+ep.Name+"\" "+err.Error(), "write the member's own host:port, for example db-a.example.net:27017", "endpoints", i)
		return
	}
	if _, err := endpoint.TLSConfig(spec.TLS, address); err != nil {
		v.add(err.Error(), "", "connection", "tls")
	}
	endpoint.UnknownOptions(ep.Options, endpointOptions, func(key, hint string) {
		v.add("unknown option \""+key+"\" of a mongodb endpoint", hint, "endpoints", i, "options", key)
	})
	if member := ep.Options["member"]; member != "" {
		if _, err := endpoint.Parse(member, defaultPort); err != nil || strings.ContainsAny(member, "/,@?") {
			v.add("option member of endpoint \""+ep.Name+"\" is no name of a member", "write host:port as rs.conf() shows it", "endpoints", i, "options", "member")
		}
	}
	role := ep.Options["role"]
	switch {
	case role != "" && role != roleConfig && role != roleShard && role != roleRouter:
		v.add("role \""+role+"\" is not known", "write config, shard or router", "endpoints", i, "options", "role")
	case role == roleShard && ep.Options["shard"] == "":
		v.add("a member of a shard does not say which", "add shard: as listShards names it", "endpoints", i, "options", "role")
	case role == "" && ep.Options["shard"] == "" && sharded(spec):
		v.add("endpoint \""+ep.Name+"\" does not say what it is in a sharded cluster", "add shard: NAME, role: config or role: router", "endpoints", i, "options")
	}
}

// identity keys are replicaSetId and setName; of a sharded cluster each with the
// name of the set: replicaSetId/shard01.
func (v *validation) identity(spec connectors.Spec) {
	for key, value := range spec.Identity {
		name, which, _ := strings.Cut(key, "/")
		known := slices.ContainsFunc(spec.Endpoints, func(ep connectors.Endpoint) bool { return !isRouter(ep) && setKey(ep) == which })
		switch {
		case name != "replicaSetId" && name != "setName":
			v.add("unknown identity \""+key+"\" of a mongodb resource", "write replicaSetId and setName, as rs.conf() shows them", "identity", key)
		case !known && which == "":
			v.add("identity \""+key+"\" does not say of which set", "write "+name+"/SHARD or "+name+"/config", "identity", key)
		case !known:
			v.add("identity \""+key+"\" is of a set no endpoint belongs to", "", "identity", key)
		case name == "replicaSetId" && !isObjectID(value):
			v.add("replicaSetId \""+value+"\" is not 24 hexadecimal digits", "write settings.replicaSetId as rs.conf() shows it", "identity", key)
		}
	}
}

func isObjectID(text string) bool {
	return len(text) == 24 && strings.Trim(text, "0123456789abcdef") == ""
}

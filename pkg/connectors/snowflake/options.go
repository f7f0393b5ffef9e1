package snowflake

import (
	"slices"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
)

// Options that Resource.spec.connection.options and endpoints[].options may hold.
var (
	resourceOptions = slices.Concat([]string{"role", "executeRole", "warehouse", "login", "ocsp", "probeTables", "needsWarehouses", "needsRoles"}, failover.ResourceOptions)
	endpointOptions = slices.Concat([]string{"role", "executeRole", "warehouse"}, failover.EndpointOptions)
)

const defaultPort = 443

// Validate implements connectors.Factory.
func (Factory) Validate(spec connectors.Spec) []connectors.Problem {
	_, problems := failover.ParseSettings(spec)
	add := func(what, hint string, path ...any) {
		problems = append(problems, connectors.Problem{Path: path, What: what, Hint: hint})
	}
	for i, ep := range spec.Endpoints {
		addr, err := endpoint.Parse(failover.Host(ep.Address), defaultPort)
		if err != nil {
			add("endpoint \""+ep.Name+"\" "+err.Error(), "write the account's own URL, for example https://myorg-account1.snowflakecomputing.com", "endpoints", i)
			continue
		}
		if _, err := endpoint.TLSConfig(spec.TLS, addr); err != nil {
			add(err.Error(), "", "connection", "tls")
		}
		endpoint.UnknownOptions(ep.Options, endpointOptions, func(key, hint string) {
			add("unknown option \""+key+"\" of a snowflake endpoint", hint, "endpoints", i, "options", key)
		})
	}
	endpoint.UnknownOptions(spec.Options, resourceOptions, func(key, hint string) {
		add("unknown option \""+key+"\" of a snowflake connection", hint, "connection", "options", key)
	})
	if login := spec.Options["login"]; login != "" && login != "password" && login != "token" {
		add("login \""+login+"\" is not known", "write password (the default) or token, for a programmatic access token; a private key needs no option", "connection", "options", "login")
	}
	if ocsp := spec.Options["ocsp"]; ocsp != "" && ocsp != "off" && ocsp != "strict" {
		add("ocsp \""+ocsp+"\" is not known", "write off (the default) or strict", "connection", "options", "ocsp")
	}
	for _, text := range endpoint.SplitList(spec.Options["probeTables"]) {
		if _, err := parseWork(text); err != nil {
			add(err.Error(), "write each table with its database and schema: SALES.BCCTL.PROBE", "connection", "options", "probeTables")
		}
	}
	if spec.Heartbeat != nil {
		add("a snowflake resource has no heartbeat row", "remove heartbeat: the snapshots of refreshes say more", "heartbeat")
	}
	return problems
}

// option is an endpoint's own value of an option, or that of the resource.
func option(spec connectors.Spec, ep connectors.Endpoint, key string) string {
	if own := ep.Options[key]; own != "" {
		return own
	}
	return spec.Options[key]
}

package sqlserver

import (
	"fmt"
	"slices"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

// Options of Resource.spec.connection.options and of endpoints[].options.
const (
	groupOption     = "availabilityGroup"  // name of the group, where an instance has several
	formOption      = "form"               // how the databases get to the other side
	databasesOption = "databases"          // databases that must be there
	beatsOption     = "heartbeatDatabases" // databases that have a heartbeat table
	commitOption    = "commit"             // how commits are meant to be: synchronous or asynchronous
	encryptOption   = "encrypt"            // mandatory or strict
	replicaOption   = "replica"            // name of the instance as the group knows it
)

// Values of formOption.
const (
	formGroup    = "availability-group"
	formShipping = "log-shipping"
)

// groupIdentity is the native identity of an availability group.
const groupIdentity = "groupId"

func (c *Connector) form() string { return form(c.spec) }

func form(spec connectors.Spec) string {
	if f := spec.Options[formOption]; f != "" {
		return f
	}
	return formGroup
}

// Validate implements connectors.Factory.
func (Factory) Validate(spec connectors.Spec) []connectors.Problem {
	var problems []connectors.Problem
	add := func(what, hint string, path ...any) {
		problems = append(problems, connectors.Problem{Path: path, What: what, Hint: hint})
	}
	for i, ep := range spec.Endpoints {
		address, err := endpoint.Parse(ep.Address, defaultPort)
		if err != nil {
			add(fmt.Sprintf("endpoint %q %v", ep.Name, err), "write the instance's own host:port, for example sql-a.example.net:1433; a named instance has a port of its own, and a listener is no instance", "endpoints", i)
			continue
		}
		if _, err := endpoint.TLSConfig(spec.TLS, address); err != nil {
			add(err.Error(), "", "connection", "tls")
		}
		endpoint.UnknownOptions(ep.Options, []string{replicaOption}, func(key, hint string) {
			add(fmt.Sprintf("unknown option %q of a sqlserver endpoint", key), hint, "endpoints", i, "options", key)
		})
	}
	known := []string{groupOption, formOption, databasesOption, beatsOption, commitOption, encryptOption}
	endpoint.UnknownOptions(spec.Options, known, func(key, hint string) {
		add(fmt.Sprintf("unknown option %q of a sqlserver connection", key), hint, "connection", "options", key)
	})
	option := func(key string) []any { return []any{"connection", "options", key} }
	if f := form(spec); f != formGroup && f != formShipping {
		add(fmt.Sprintf("form %q is not known", f), "write availability-group (default) or log-shipping", option(formOption)...)
	}
	if form(spec) == formShipping {
		if len(endpoint.SplitList(spec.Options[databasesOption])) == 0 {
			add("log shipping needs the names of its databases", "write databases: orders, ledger", option(databasesOption)...)
		}
		if spec.Options[groupOption] != "" {
			add("log shipping has no availability group", "leave the option out", option(groupOption)...)
		}
		if spec.Heartbeat != nil {
			add("a database that is being restored cannot be read, so log shipping has no heartbeat", "leave heartbeat out", "heartbeat")
		}
	}
	if e := spec.Options[encryptOption]; e != "" && e != "mandatory" && e != "strict" {
		add(fmt.Sprintf("encrypt %q is not known", e), "write mandatory (default) or strict (SQL Server 2022 and later); how the certificate is verified is said under tls", option(encryptOption)...)
	}
	if spec.Options[encryptOption] == "strict" && spec.TLS.Mode == connectors.Disable {
		add("encrypt strict and tls disable contradict each other", "", option(encryptOption)...)
	}
	if v := spec.Options[commitOption]; v != "" && v != "synchronous" && v != "asynchronous" {
		add(fmt.Sprintf("commit %q is not known", v), "write synchronous (default), or asynchronous where the DR replica is meant to lag", option(commitOption)...)
	}
	for key := range spec.Identity {
		if key != groupIdentity || form(spec) == formShipping {
			add(fmt.Sprintf("unknown identity %q of a sqlserver resource", key), "write groupId, as sys.availability_groups shows it; log shipping has none", "identity", key)
		}
	}
	for _, key := range []string{databasesOption, beatsOption} {
		if slices.Contains(endpoint.SplitList(spec.Options[key]), "") {
			add("a name in the list is empty", "write databases: orders, ledger", option(key)...)
		}
	}
	return problems
}

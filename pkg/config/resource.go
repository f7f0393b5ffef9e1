package config

import (
	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// ResourceSpec is one database system with its sides: a PostgreSQL primary and
// its standbys, a replica set, an availability group, a failover group.
type ResourceSpec struct {
	// Platform is the kind of database.
	Platform string `json:"platform" jsonschema:"enum=postgresql,enum=sqlserver,enum=mongodb,enum=snowflake"`
	// Tier is how critical the resource is: 1 or 2, 1 is the most critical.
	Tier int `json:"tier" jsonschema:"enum=1,enum=2"`
	// Environment is where the resource belongs, such as production or test.
	Environment string `json:"environment" jsonschema:"format=bcctl-name"`
	// Owner is the team or person who answers for the resource.
	Owner string `json:"owner" jsonschema:"minLength=1"`
	// Description says what the resource is for.
	Description string `json:"description,omitempty"`
	// Contacts are the people to call, in this order.
	Contacts []Contact `json:"contacts,omitempty"`
	// CMDB is the id of the configuration item in the CMDB.
	CMDB string `json:"cmdb,omitempty" jsonschema:"minLength=1"`
	// Objectives are the recovery objectives. What is not given here comes from the
	// resource's groups.
	Objectives Objectives `json:"objectives,omitzero"`
	// Thresholds are limits for this resource alone; they win over every
	// StatusPolicy.
	Thresholds map[readiness.ID]rules.Threshold `json:"thresholds,omitempty"`
	// Require says whether an indicator is required (true) or optional (false),
	// where the platform's default does not fit.
	Require map[readiness.ID]bool `json:"require,omitempty"`
	// Home names the sites of normal operation.
	Home Home `json:"home"`
	// Endpoints are the nodes, each by its own address: never a virtual IP, a pooler
	// or a load balancer.
	Endpoints []Endpoint `json:"endpoints" jsonschema:"minItems=1"`
	// Identity is how the platform itself tells this system from every other:
	// systemIdentifier for PostgreSQL, groupId for SQL Server, replicaSetId for
	// MongoDB, organization and failoverGroup for Snowflake.
	Identity map[string]string `json:"identity,omitempty"`
	// Connection says how to connect to the endpoints.
	Connection Connection `json:"connection,omitzero"`
	// Credentials are the logins, one for each purpose.
	Credentials Credentials `json:"credentials,omitzero"`
	// Procedures say how the resource is switched over, failed over, failed back
	// and exercised.
	Procedures Procedures `json:"procedures,omitzero"`
	// Heartbeat describes the marker row that is written on the primary and seen at
	// DR.
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
	// Integrity lists the checks of the data after a run.
	Integrity *Integrity `json:"integrity,omitempty"`
	// ClientPath is how applications reach the database.
	ClientPath *ClientPath `json:"clientPath,omitempty"`
	// DependsOn names resources and groups that must be ready before this one.
	DependsOn []string `json:"dependsOn,omitempty" jsonschema:"format=bcctl-name,uniqueItems=true"`
}

// Contact is a person or team to call.
type Contact struct {
	// Name of the person or team.
	Name string `json:"name" jsonschema:"minLength=1"`
	// Role says what the contact is for, such as primary on-call.
	Role string `json:"role,omitempty"`
	// Email is the e-mail address.
	Email string `json:"email,omitempty" jsonschema:"format=bcctl-email"`
	// Phone is the telephone number.
	Phone string `json:"phone,omitempty"`
	// Chat is the channel or handle.
	Chat string `json:"chat,omitempty"`
}

// Objectives are how much may be lost and how long recovery may take.
type Objectives struct {
	// RPO is the recovery point objective: how much may be lost, as time.
	RPO *duration.Duration `json:"rpo,omitempty"`
	// RTO is the recovery time objective: how long recovery may take.
	RTO *duration.Duration `json:"rto,omitempty"`
}

// Home names the sites of normal operation.
type Home struct {
	// Primary is the site of the primary.
	Primary string `json:"primary" jsonschema:"format=bcctl-name"`
	// DR is the site that takes over.
	DR string `json:"dr" jsonschema:"format=bcctl-name"`
}

// Endpoint is one node.
type Endpoint struct {
	// Name identifies the node in this resource.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Site is where the node stands.
	Site string `json:"site" jsonschema:"format=bcctl-name"`
	// Address is host:port.
	Address string `json:"address,omitempty" jsonschema:"format=bcctl-address"`
	// URL is the address of platforms that are reached by one, without user name
	// and password.
	URL string `json:"url,omitempty" jsonschema:"format=bcctl-url"`
	// Options are what the platform needs to know about this node.
	Options map[string]string `json:"options,omitempty"`
	// Optional says that what happens here makes the resource at most yellow.
	Optional bool `json:"optional,omitempty"`
}

// Where returns the address or the URL, whichever is given.
func (e Endpoint) Where() string {
	if e.Address != "" {
		return e.Address
	}
	return e.URL
}

// Connection says how to connect.
type Connection struct {
	// Database is the database to connect to; default that of the platform.
	Database string `json:"database,omitempty"`
	// TLS says how connections are secured. Default: verify the chain and the name
	// against the machine's own roots.
	TLS TLS `json:"tls,omitzero"`
	// Options are what the platform needs to know about every node.
	Options map[string]string `json:"options,omitempty"`
}

// TLS says how connections are secured.
type TLS struct {
	// Mode is verify-full (the default: chain and name), verify-ca (chain only) or
	// disable (clear text; for loopback addresses only).
	Mode connectors.TLSMode `json:"mode,omitempty" jsonschema:"enum=verify-full,enum=verify-ca,enum=disable"`
	// CA is the path, in this repository, of a PEM file with the certificates to
	// trust. Default: the machine's own roots.
	CA string `json:"ca,omitempty" jsonschema:"minLength=1"`
	// ServerName is the name to verify instead of the address's host.
	ServerName string `json:"serverName,omitempty"`
}

// Credentials are the logins of a resource. Each purpose has its own.
type Credentials struct {
	// Monitor reads; bcctl check uses no other.
	Monitor *Credential `json:"monitor,omitempty"`
	// Execute is used by bcctl execute alone.
	Execute *Credential `json:"execute,omitempty"`
	// Manager changes roles through the program that manages them: Patroni's REST
	// API. bcctl execute alone uses it.
	Manager *Credential `json:"manager,omitempty"`
	// Heartbeat writes the heartbeat row.
	Heartbeat *Credential `json:"heartbeat,omitempty"`
}

// Credential is a login.
type Credential struct {
	// Username is the name itself or a reference such as env:LEDGER_USER.
	Username Login `json:"username" jsonschema:"minLength=1"`
	// Password is a reference such as env:LEDGER_PASSWORD or
	// file:/run/secrets/ledger, never the password itself.
	Password SecretRef `json:"password,omitempty"`
	// PrivateKey is a reference to a key in PEM form, such as
	// file:/run/secrets/ledger.p8, for platforms that log in with a key pair. For
	// Patroni it holds a client certificate and its key, where the REST API asks for
	// one.
	PrivateKey SecretRef `json:"privateKey,omitempty"`
}

package mongodb

import "github.com/bcctl/bcctl/pkg/connectors"

// Capabilities implements connectors.Factory.
func (Factory) Capabilities() []connectors.Capability {
	return []connectors.Capability{
		{
			Form: "replica set", Monitor: connectors.Full, Prove: connectors.Partial, Execute: connectors.Partial,
			Against: "laboratory",
			Note:    "never run against a real mongod; lag is bounded in seconds, and a loss by positions where the old primary was recorded; a forced configuration is for people",
		},
		{
			Form: "sharded cluster", Monitor: connectors.Full, Prove: connectors.Partial, Execute: connectors.None,
			Against: "laboratory",
			Note:    "config servers and every shard as replica sets of their own, with logins of their own; no point in time common to all shards is known",
		},
		{
			Form: "Atlas M10 and larger", Monitor: connectors.Full, Prove: connectors.Partial, Execute: connectors.None,
			Against: "documentation",
			Note:    "each member by its own address; what needs the Atlas API is not read",
		},
		{
			Form: "Atlas shared tiers", Monitor: connectors.None, Prove: connectors.None, Execute: connectors.None,
			Against: "documentation",
			Note:    "the service answers neither replSetGetStatus nor replSetGetConfig",
		},
	}
}

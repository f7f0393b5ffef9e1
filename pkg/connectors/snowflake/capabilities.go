package snowflake

import "github.com/bcctl/bcctl/pkg/connectors"

// Capabilities implements connectors.Factory.
func (Factory) Capabilities() []connectors.Capability {
	const laboratory = "laboratory; never a real account"
	return []connectors.Capability{
		{
			Form: "failover group", Monitor: connectors.Full, Prove: connectors.Partial, Execute: connectors.Partial, Against: laboratory,
			Note: "needs Business Critical or higher in both accounts; a loss is bounded by the newest snapshot, a planned switchover proves that the copy is later than the moment writing stopped, as far as the role sees what writes; applications are stopped by people",
		},
		{
			Form: "replication group", Monitor: connectors.Partial, Prove: connectors.None, Execute: connectors.None, Against: laboratory,
			Note: "every edition has it, and it cannot be promoted: always red as a means of recovery",
		},
		{
			Form: "connection (client redirect)", Monitor: connectors.Partial, Prove: connectors.None, Execute: connectors.Partial, Against: laboratory,
			Note: "beside a failover group, by options.connection: which account it leads to, and whether the other may take over; moved by a run and proved by a login; not private links",
		},
		{
			Form: "database replication without a group", Monitor: connectors.None, Prove: connectors.None, Execute: connectors.None, Against: "documentation",
			Note: "the older form, database by database; put the databases into a failover group",
		},
	}
}

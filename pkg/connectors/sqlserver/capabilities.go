package sqlserver

import "github.com/bcctl/bcctl/pkg/connectors"

// Capabilities implements connectors.Factory.
func (Factory) Capabilities() []connectors.Capability {
	const laboratory = "laboratory and recorded answers"
	return []connectors.Capability{
		{
			Form: "availability group on a Windows cluster", Monitor: connectors.Full, Prove: connectors.Full, Execute: connectors.Full, Against: laboratory,
			Note: "loss can be excluded for synchronous replicas under normal quorum; for asynchronous ones it is bounded from below only. Changes were tried on the laboratory alone; forcing quorum is done on a host",
		},
		{
			Form: "availability group without a cluster (CLUSTER_TYPE = NONE)", Monitor: connectors.Full, Prove: connectors.Full, Execute: connectors.None, Against: laboratory,
			Note: "nothing keeps two primaries from existing: every instance must be an endpoint",
		},
		{
			Form: "availability group under Pacemaker (CLUSTER_TYPE = EXTERNAL)", Monitor: connectors.Partial, Prove: connectors.Full, Execute: connectors.None, Against: "recorded answers",
			Note: "the cluster itself is not looked at: neither its quorum nor a constraint that was left behind",
		},
		{
			Form: "distributed availability group", Monitor: connectors.Full, Prove: connectors.Partial, Execute: connectors.Partial, Against: laboratory,
			Note: "every instance of both groups must be an endpoint; between the groups loss is bounded from below only. Planned changes, tried on the laboratory alone; no failover",
		},
		{
			Form: "basic availability group", Monitor: connectors.Full, Prove: connectors.Full, Execute: connectors.None, Against: "recorded answers",
			Note: "its secondary cannot be read, so there is no heartbeat",
		},
		{
			Form: "log shipping", Monitor: connectors.Full, Prove: connectors.Partial, Execute: connectors.None, Against: laboratory,
			Note: "form: log-shipping; what was restored is taken from the restore history, not from what jobs report",
		},
		{
			Form: "failover cluster instance", Monitor: connectors.None, Prove: connectors.None, Execute: connectors.None, Against: "documentation",
			Note: "as a replica of an availability group it is seen like any other instance; its own nodes and storage are not",
		},
		{
			Form: "Azure SQL Database and Managed Instance failover group", Monitor: connectors.None, Prove: connectors.None, Execute: connectors.None, Against: "documentation",
			Note: "Entra ID logins and the state of geo-replication links are not supported",
		},
		{
			Form: "database mirroring", Monitor: connectors.None, Prove: connectors.None, Execute: connectors.None, Against: "documentation",
		},
	}
}

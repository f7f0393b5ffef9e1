package postgres

import "github.com/bcctl/bcctl/pkg/connectors"

// Capabilities implements connectors.Factory.
func (Factory) Capabilities() []connectors.Capability {
	return []connectors.Capability{
		{
			Form: "streaming replication, direct or cascading", Monitor: connectors.Full, Prove: connectors.Full, Execute: connectors.Partial,
			Against: "real servers, PostgreSQL 15",
			Note:    "versions 12 to 14 and 16 to 18 are written from documentation; to stop, start and copy servers a program of yours at the hosts is needed",
		},
		{
			Form: "Patroni cluster", Monitor: connectors.Full, Prove: connectors.Partial, Execute: connectors.Full,
			Against: "real servers, Patroni 3.0.2 with etcd 3.4 and PostgreSQL 15",
			Note:    "roles are moved by Patroni's REST API; other versions of Patroni, other stores and two clusters at two sites were never tried",
		},
		{
			Form: "WAL archive without streaming", Monitor: connectors.Partial, Prove: connectors.None, Execute: connectors.None,
			Against: "real servers, PostgreSQL 15",
			Note:    "transport: archive; the standby's distance is known only as far as it has replayed",
		},
		{
			Form: "managed services", Monitor: connectors.None, Prove: connectors.None, Execute: connectors.None,
			Against: "documentation",
			Note:    "they hide nodes or WAL views; what is hidden stays unknown",
		},
	}
}

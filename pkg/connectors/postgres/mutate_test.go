package postgres

import "github.com/bcctl/bcctl/pkg/connectors/connectortest"

// mutate changes a decoded JSON document as edits say, with values of this platform.
func mutate(document any, edits []byte) any {
	return connectortest.Mutate(document, edits, connectortest.Odd{
		Texts: []any{nil, "", "0/0", "0/3000147", "0/3000148", "0/3000149", "0/2000000", "FFFFFFFF/FFFFFFFF",
			"streaming", "catchup", "startup", "waiting", "paused", "not paused", "on", "off", "lost", "unreserved", "sync", "async",
			"10.0.1.5", "10.0.2.5", "10.9.9.9", "db-a", "db-b", "db_b", "fra", "ams", "74", "75", "r1", "r2", "0", "1", "100",
			"2026-03-01T00:00:00Z", "2026-03-14T09:26:53Z", "2026-03-14T09:27:53Z", "2036-01-01T00:00:00Z", "1\t0/3000148\tx", "NODE_STARTING", "VIS_AUTH"},
		Numbers: []any{nil, 0.0, 1.0, 2.0, -1.0, -3.0, 3.5, 45.0, 90.0, 5432.0, 5433.0, 811.0, 1e9, 1e300, -1e300, 110000.0, 120000.0, 190000.0},
	})
}

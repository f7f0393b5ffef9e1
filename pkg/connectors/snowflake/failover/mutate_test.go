package failover

import "github.com/bcctl/bcctl/pkg/connectors/connectortest"

// mutate changes a decoded JSON document as edits say, with values of this platform.
func mutate(document any, edits []byte) any {
	return connectortest.Mutate(document, edits, connectortest.Odd{
		Texts: []any{nil, "", "FG", "OTHER", "FAILOVER", "REPLICATION", "ACME.PROD_FRA.FG", "ACME.PROD_AMS.FG", "ACME.PROD_PAR.FG", "PROD_FRA", "PROD_AMS", "ACME",
			"STARTED", "SUSPENDED", "10 MINUTE", "20000 MINUTE", "120 MINUTE", "USING CRON */10 * * * * UTC", "USING CRON 0 0 30 FEB * UTC", "often",
			"COMPLETED", "FAILED", "CANCELED", "SECONDARY_DOWNLOADING_DATA", "AB10001", "AB10002", "fra", "ams",
			"0001-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-14T07:26:53Z", "2026-03-14T09:20:53Z", "2026-03-14T09:26:53Z", "2026-03-14T09:30:00Z", "2036-01-01T00:00:00Z"},
		Numbers: []any{nil, 0.0, 1.0, -1.0, 3e7, 1e9, 1e12, 9e18, -9e18},
	})
}

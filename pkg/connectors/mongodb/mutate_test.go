package mongodb

import "github.com/bcctl/bcctl/pkg/connectors/connectortest"

// mutate changes a decoded JSON document as edits say, with values of this platform.
func mutate(document any, edits []byte) any {
	return connectortest.Mutate(document, edits, connectortest.Odd{
		Texts: []any{nil, "", "db-a:27017", "db-b:27017", "db-c:27017", "db-h:27017", "192.0.2.7:27017", "fra", "ams", "par", "catalog", "orders",
			recordedID, anotherID, "7.0.14", "4.4.29", "9.0.0", "8", "majority", "1", "implicit", "db-a-process", "db-b-process",
			"2026-03-14T09:26:49Z", "2026-03-14T09:26:53Z", "2026-03-14T09:27:53Z", "2026-03-14T09:20:00Z", "1970-01-01T00:00:00Z", "2036-01-01T00:00:00Z",
			"NODE_STARTING", "VIS_AUTH", "find", "replSetGetStatus"},
		Numbers: []any{nil, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, -1.0, 77.0, 5e9, 1e15, 10e9, 3600e9, 1773480000.0, 1773480413.0, 1773480500.0},
	})
}

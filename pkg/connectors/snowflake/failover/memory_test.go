package failover

import (
	"reflect"
	"testing"
	"time"
)

// What is remembered comes back as it was, whatever groups are called.
func TestSnapshotsComeBack(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 14, 9, 20, 59, 123456789, time.UTC)
	for _, list := range [][]snapshot{
		{{"FG", at, "ACME.PROD_FRA.FG", "ACME.PROD_AMS"}},
		{{"FG", at, "ACME.PROD_FRA.FG", "ACME.PROD_AMS"}, {"FG2", at.Add(time.Hour), "ACME.PROD_FRA.FG2", "ACME.PROD_AMS"}},
		{{`my "odd", group of '1'`, at, `ACME.PROD_FRA."x" of "y"`, `ACME."in"`}, {"", at, "", ""}},
	} {
		got, ok := parseSnapshots(formatSnapshots(list))
		if !ok || !reflect.DeepEqual(got, list) {
			t.Errorf("%+v came back as %+v (%v)", list, got, ok)
		}
	}
	for _, text := range []string{"", "FG", `"FG"`, `"FG" today of "A"`, `"FG" 2026-03-14T09:20:59Z`, `"FG" 2026-03-14T09:20:59Z of A`, `"FG" 2026-03-14T09:20:59Z of "A"`, `"FG" 2026-03-14T09:20:59Z of "A" in B`, `"FG" 2026-03-14T09:20:59Z of "A" in "B" and more`} {
		if list, ok := parseSnapshots(text); ok {
			t.Errorf("%q was read as %+v", text, list)
		}
	}
}

package snowflake

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/snowpair"
)

// trap is a situation that looks better than it is, with the tests that show that
// it does not mislead.
type trap struct {
	what  string
	tests []string // Test, or Test/subtest
}

// traps lists what can go wrong unnoticed, by where it would be looked for.
func traps() map[string][]trap {
	return map[string][]trap{
		"indicators": {
			{"lag by the snapshot, never by the end of a refresh", []string{"TestRecorded/lag by the snapshot, not by the end", "TestFaults/lag"}},
			{"never refreshed", []string{"TestRecorded/never refreshed", "TestRecorded/none completed in the range that was asked for", "TestFaults/never-refreshed"}},
			{"a missed schedule, seen without a warehouse", []string{"TestRecorded/a refresh was missed", "TestRecorded/the next refresh is not said and was missed", "TestFaults/missed-refresh"}},
			{"a late start that is documented", []string{"TestRecorded/a refresh is late, as documented"}},
			{"a suspended schedule", []string{"TestRecorded/the schedule is suspended", "TestFaults/suspend-schedule", "TestWhatIsSeenWithoutAWarehouse"}},
			{"no schedule", []string{"TestRecorded/no schedule", "TestFaults/no-schedule"}},
			{"a schedule that cannot meet the objective", []string{"TestRecorded/a schedule too slow for the objective", "TestRecorded/a schedule that is too slow at weekends", "TestFaults/slow-schedule"}},
			{"failing refreshes", []string{"TestRecorded/refreshes fail", "TestRecorded/a failure before the last good one", "TestFaults/failing-refresh"}},
			{"a stuck refresh", []string{"TestRecorded/a refresh is stuck", "TestRecorded/a refresh does not advance from check to check", "TestFaults/stuck-refresh"}},
			{"a running refresh", []string{"TestRecorded/a refresh runs", "TestRecorded/a refresh runs longer than usual", "TestRecorded/a refresh runs while the primary is not seen", "TestFaults/running-refresh"}},
			{"an inconsistent target", []string{"TestRecorded/canceled while it downloaded", "TestRecorded/failed while it committed", "TestRecorded/canceled, and how far it had come is not known", "TestFaults/inconsistent-target"}},
			{"dangling references", []string{"TestRecorded/references dangle", "TestRecorded/references dangle and block nothing", "TestRecorded/references cannot be read", "TestFaults/dangling"}},
			{"the wrong primary", []string{"TestRecorded/the primary is at the DR site", "TestFaults/wrong-primary"}},
			{"two primaries", []string{"TestRecorded/two primaries", "TestFaults/two-primaries"}},
			{"no primary", []string{"TestRecorded/no primary", "TestFaults/no-primary"}},
			{"a connection beside its group", []string{"TestRecorded/the connection leads elsewhere", "TestRecorded/the group moved and the connection did not", "TestFaults/connection-split"}},
			{"groups of one application at different snapshots", []string{"TestRecorded/two groups", "TestRecorded/two groups far apart", "TestFaults/snapshot-skew"}},
			{"the age that a schedule means", []string{"TestLagWithinTheScheduleIsNormal", "TestTheWarehouseIsSeldomWoken"}},
			{"a history that was read earlier", []string{"TestHistoryOfAnEarlierCheckIsABound", "TestSI8AnEarlierHistoryDoesNotStandForEverything", "TestWhatIsSeenWithoutAWarehouse"}},
		},
		"one side": {
			{"the source is not seen", []string{"TestRecorded/the source is not seen", "TestFaults/source-down", "TestFaults/hang-source"}},
			{"the target is not seen", []string{"TestRecorded/the target is not seen", "TestFaults/target-down", "TestFaults/hang-target", "TestFaults/http-503", "TestFaults/http-429"}},
			{"neither is seen", []string{"TestRecorded/neither is seen", "TestFaults/both-down"}},
			{"a refused login is no outage", []string{"TestRecorded/the login is refused", "TestRefusals/wrong password", "TestFaults/login-refused", "TestLogins"}},
			{"a network policy is no outage", []string{"TestRefusals/network policy", "TestFaults/network-policy"}},
			{"something else answers", []string{"TestRefusals/a login page", "TestRefusals/unavailable"}},
			{"an account hangs", []string{"TestHungServer", "TestFaults/hang-target"}},
		},
		"failure modes": {
			{"a deadline that would cancel a refresh: nothing is refreshed here, and nothing repeated", []string{"TestSessionsAreKept"}},
			{"FAILED counts as running in the documented query", []string{"TestRecorded/refreshes fail"}},
			{"the history covers twelve hours by default", []string{"TestForms/the history takes the name alone", "TestRecorded/none completed in the range that was asked for"}},
			{"schedules stay suspended after a failover", []string{"TestRecorded/failed over, and the way back is suspended"}},
			{"groups promoted in part", []string{"TestRecorded/one of two groups was promoted", "TestFaults/groups-split"}},
			{"one of several groups lags or is not seen", []string{"TestRecorded/one of two groups is not seen", "TestRecorded/one of two groups was never refreshed"}},
			{"an object that makes a whole group fail", []string{"TestFaults/failing-refresh"}},
			{"a database taken out of the group", []string{"TestRecorded/a database is missing in the group", "TestRecorded/a database more in the group", "TestRecorded/members cannot be read", "TestFaults/members-drift"}},
			{"the same name in two accounts", []string{"TestRecorded/a group of the same name beside the copy", "TestRecorded/a row of a namesake in another region"}},
			{"quoted names, and other names in the other account", []string{"TestForms/a mixed-case name", "TestForms/another name in the other account", "TestRecorded/the secondary has another name"}},
			{"a schedule over 11520 minutes never runs", []string{"TestWhatNeverRuns", "TestRecorded/a schedule of more than eight days", "TestRecorded/a date that never comes", "TestFaults/never-runs"}},
			{"SHOW without privileges is empty, without an error", []string{"TestRecorded/SHOW is empty", "TestRecorded/SHOW is empty in both accounts", "TestRecorded/only rows about the other account", "TestRecorded/SHOW fails", "TestFaults/drop-privilege", "TestLogins"}},
			{"a login through the connection URL", []string{"TestRecorded/login through the connection URL", "TestRecorded/another account than declared", "TestFaults/wrong-account"}},
			{"a type that cannot be promoted", []string{"TestRecorded/a replication group", "TestRecorded/a group of no known type", "TestFaults/replication-group"}},
			{"the group of a listing", []string{"TestRecorded/the group of a listing", "TestFaults/auto-fulfillment"}},
			{"rows about other accounts are hints", []string{"TestRecorded/the other account's row says otherwise", "TestFaults/stale-rows"}},
			{"columns by name, whichever there are", []string{"TestForms/columns that are missing", "TestForms/an organization of several regions", "TestRecorded/columns of another edition"}},
			{"a phase of another release", []string{"TestRecorded/a refresh runs in a phase of another release", "TestForms/no committing phase"}},
			{"day of month or day of week, clocks that change", []string{"TestNext", "TestLongestAcrossAChangeOfClocks"}},
			{"what the copy follows", []string{"TestRecorded/the copy follows a stranger", "TestFaults/wrong-upstream", "TestRecorded/the copy follows another group", "TestRecorded/what the copy follows is not said", "TestRecorded/a primary that names another one"}},
			{"accounts that are allowed, or not", []string{"TestRecorded/the primary does not allow the copy", "TestRecorded/allowed accounts with a third part"}},
			{"no connection, or one that may not move", []string{"TestRecorded/no secondary connection", "TestRecorded/the redirect is not allowed", "TestFaults/connection-missing", "TestFaults/redirect-not-allowed"}},
			{"a schedule that was changed", []string{"TestRecorded/another schedule than declared", "TestFaults/schedule-drift"}},
		},
		"values": {
			{"NULL, the future and what cannot be read", []string{"TestRecorded/NULL snapshot", "TestRecorded/a snapshot in the future", "TestRecorded/a start in the future", "TestRecorded/NULL start", "TestRecorded/NULL phase", "TestRecorded/NULL clock",
				"TestRecorded/the next refresh is no time", "TestRecorded/the next refresh lies too far ahead", "TestRecorded/neither true nor false", "TestRecorded/the state of the schedule is not said", "TestRecorded/a schedule that cannot be read"}},
			{"two rows about one thing, or two that run", []string{"TestRecorded/two rows about one group", "TestRecorded/a running one that is not the newest", "TestRecorded/the connection is primary twice", "TestRecorded/the connection is primary nowhere"}},
			{"clocks that differ", []string{"TestRecorded/the clock is wrong", "TestFaults/clock-skew"}},
			{"facts nobody thought of", []string{"TestDeriveOfOddFacts", "FuzzDerive", "FuzzParse"}},
		},
		"the driver": {
			{"linking it leaves traces", []string{"TestOrderOfInitialization", "TestTheEnvironmentIsBack"}},
			{"the environment leads elsewhere", []string{"TestEnvironmentChangesNoConnection", "TestEnvironmentLeadsNowhere"}},
			{"tokens expire, and sessions end", []string{"TestSessionsAreKept", "TestFaults/expire-tokens"}},
			{"a revoked certificate", []string{"TestRevocation"}},
			{"an odd key", []string{"TestSI5KeyErrorsHoldNoKey", "TestLogins"}},
			{"no warehouse", []string{"TestRecorded/no warehouse", "TestFaults/no-warehouse"}},
		},
	}
}

// TestEveryTrapHasATest finds each test named above in the source: a renamed or
// removed one leaves its trap open.
func TestEveryTrapHasATest(t *testing.T) {
	t.Parallel()
	known := testNames(t)
	pair := start(t, snowpair.Options{Groups: []snowpair.Group{{Name: "A"}, {Name: "B"}}})
	for _, f := range pair.Faults() {
		known["TestFaults"] = append(known["TestFaults"], f.Name)
	}
	named := map[string]bool{}
	for section, list := range traps() {
		for _, trap := range list {
			if len(trap.tests) == 0 {
				t.Errorf("%s: %q has no test", section, trap.what)
			}
			for _, name := range trap.tests {
				named[name] = true
				test, sub, _ := strings.Cut(name, "/")
				names, ok := known[test]
				if !ok || sub != "" && !slices.Contains(names, sub) {
					t.Errorf("%s: %q names the test %q, which does not exist", section, trap.what, name)
				}
			}
		}
	}
	// And the other way round: a fault that shows nothing from the list is one
	// nobody will look for.
	for _, f := range pair.Faults() {
		if !named["TestFaults/"+f.Name] {
			t.Errorf("fault %s is in no list of traps", f.Name)
		}
	}
}

// testNames returns the tests of the connector's packages with the texts that are
// keys of their tables.
func testNames(t *testing.T) map[string][]string {
	t.Helper()
	known := map[string][]string{}
	for _, pattern := range []string{"*_test.go", "*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") && !strings.HasPrefix(f.Name.Name, "Fuzz") {
					continue
				}
				known[f.Name.Name] = append(known[f.Name.Name], "")
				ast.Inspect(f, func(n ast.Node) bool {
					if kv, ok := n.(*ast.KeyValueExpr); ok {
						if lit, ok := kv.Key.(*ast.BasicLit); ok && lit.Kind == token.STRING {
							if text, err := strconv.Unquote(lit.Value); err == nil {
								known[f.Name.Name] = append(known[f.Name.Name], text)
							}
						}
					}
					return true
				})
			}
		}
	}
	return known
}

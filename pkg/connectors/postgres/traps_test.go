package postgres

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// trap is something in PostgreSQL that has misled somebody's monitoring, with the
// tests that show it does not mislead this one. Those of TestRecorded judge facts
// written by hand, because no server here can be made to say them; all others
// sweep real servers.
type trap struct {
	what  string
	tests []string
}

// traps is the list to look at when a verdict is doubted.
func traps() map[string][]trap {
	return map[string][]trap{
		"figures that mislead": {
			{"the age of the last replayed transaction grows on an idle primary", []string{"TestReplay/the last transaction is old on an idle primary"}},
			{"it is NULL after a restart that replayed nothing", []string{"TestReplay/no transaction was replayed since the standby started"}},
			{"receive equals replay while the receiver is dead", []string{"TestLinks/the receiver is gone and receive equals replay"}},
			{"receive equals replay while the link is silent", []string{"TestHungServers/the receiver hangs and is shown as streaming"}},
			{"the receive position restarts at the beginning of its segment", []string{"TestReplay/the receive position restarts at the beginning of its segment"}},
			{"replay_lag freezes while replay is paused", []string{"TestReplay/replay is paused by somebody"}},
			{"replay_lag freezes with an apply delay", []string{"TestReplay/replay is delayed on purpose"}},
			{"replay_lag freezes when the standby stops answering", []string{"TestHungServers/the standby hangs and is shown as streaming"}},
			{"streaming survives a hung standby", []string{"TestHungServers/the standby hangs and is shown as streaming"}},
			{"streaming survives a hung primary", []string{"TestHungServers/the primary hangs and is shown as streaming"}},
			{"latest_end_time is no sign of life", []string{"TestQuietPair/keepalives alone keep the link fresh"}},
			{"negative bytes are divergence", []string{"TestHistory/a former primary that was not rewound", "TestRecorded/standby ahead of the primary in one row"}},
			{"missing privileges mask instead of failing", []string{"TestAccess/privileges mask the views", "TestAccess/a role that may log in and nothing else", "TestRecorded/receiver row of NULLs"}},
			{"a slot becomes lost, and its standby looks connected now and then", []string{"TestLinks/the slot is lost"}},
			{"safe_wal_size counts down before a slot is lost", []string{"TestLinks/a slot is about to lose WAL", "TestRecorded/slot close to losing WAL"}},
			{"without max_slot_wal_keep_size an absent standby fills the disk", []string{"TestLinks/nobody can reach the standby", "TestLinks/a slot is left over"}},
			{"replay paused by an operator", []string{"TestReplay/replay is paused by somebody"}},
			{"replay paused by a parameter", []string{"TestReplay/replay is paused by a parameter"}},
			{"clocks differ", []string{"TestSettings/the collector's clock is wrong", "TestRecorded/clock of the standby's host is an hour off", "TestRecorded/slow answer that reads like skew"}},
		},
		"one side unreachable": {
			{"the primary is, and the standby hears it", []string{"TestLinks/bcctl cannot reach the primary and the standby can", "TestRecorded/primary unreachable and the receiver fresh"}},
			{"the primary is, and the receiver is gone", []string{"TestLinks/nobody can reach the primary", "TestLinks/nobody can reach the primary and the standby lacks what was seen"}},
			{"the primary is, and the receiver is stale", []string{"TestHungServers/the receiver hangs and is shown as streaming", "TestRecorded/primary unreachable and the receiver stale"}},
			{"the primary is, and the standby hears a stranger", []string{"TestReplay/a parameter is compared with the last recorded primary", "TestRecorded/primary unreachable and the standby fed by a stranger"}},
			{"the standby is, and the primary hears it", []string{"TestLinks/bcctl cannot reach the standby and the primary can", "TestRecorded/unseen standby that catches up"}},
			{"the standby is, and nobody hears it", []string{"TestLinks/nobody can reach the standby", "TestRecorded/unseen standby that stopped replying"}},
			{"a server accepts and hangs", []string{"TestHungServers/the standby hangs and is shown as streaming", "TestHungServers/the primary hangs and is shown as streaming", "TestAccess/a listener that never answers"}},
			{"both are", []string{"TestAccess/a port nobody listens on"}},
		},
		"split brain": {
			{"actual", []string{"TestHistory/two writers", "TestRecorded/two writers of which one descends from the other"}},
			{"actual, after the old primary was restarted", []string{"TestHistory/two standbys promoted from the same point"}},
			{"actual, with timelines of the same number", []string{"TestHistory/two standbys promoted from the same point", "TestRecorded/two writers with timelines of the same number"}},
			{"potential", []string{"TestHistory/two writers", "TestRecorded/potential split brain after a failover"}},
			{"one server behind two names is none", []string{"TestLinks/one server behind two names"}},
		},
		"the same cluster?": {
			{"another system identifier than declared", []string{"TestAccess/another cluster than declared"}},
			{"two clusters behind the endpoints", []string{"TestRecorded/two clusters, none declared"}},
			{"no system identifier", []string{"TestRecorded/no system identifier"}},
			{"a clone with the same identifier", []string{"TestLinks/a standby of a clone of the cluster", "TestRecorded/standby streams from a clone of the primary"}},
			{"a node past the switch of timelines", []string{"TestHistory/a former primary that was not rewound"}},
			{"a node ahead on the same timeline", []string{"TestHistory/two standbys promoted from the same point", "TestRecorded/ahead on the same timeline"}},
			{"a busy node that was read later", []string{"TestBusyPair", "TestRecorded/busy primary of which the second reading failed"}},
			{"a node on a newer timeline than the primary", []string{"TestHistory/two writers", "TestRecorded/stale primary"}},
			{"a timeline that is not in the history", []string{"TestRecorded/timeline of a stranger"}},
			{"the same number, history and identifier, another reign", []string{"TestHistory/two standbys promoted from the same point",
				"TestRecorded/all received from another of the same number", "TestRecorded/all received from another of the same number, without reigns"}},
			{"no right to read histories", []string{"TestHistory/a former primary that was not rewound", "TestAccess/a role that may log in and nothing else"}},
			{"one node behind two names", []string{"TestLinks/one server behind two names"}},
		},
		"who follows whom": {
			{"a cascading standby", []string{"TestLinks/a cascading standby alone at the DR site", "TestLinks/the receiver is gone and receive equals replay"}},
			{"the default application name and no slot", []string{"TestLinks/a standby with the default application name and no slot", "TestRecorded/two standbys with the default application name"}},
			{"a standby that knows its upstream by another name", []string{"TestRecorded/standby of another name for its upstream", "TestRecorded/slow connection from an unknown address"}},
			{"an upstream that does not list its standby", []string{"TestRecorded/the primary does not list a standby that says it streams"}},
			{"the slot of a standby is gone", []string{"TestLinks/the slot does not exist", "TestRecorded/slot of the standby is gone"}},
			{"a standby fed by the archive alone", []string{"TestRecorded/fed by the archive", "TestSettings/archiving fails"}},
			{"replies that do not arrive", []string{"TestRecorded/standby whose replies do not arrive"}},
			{"timeouts that differ between the ends", []string{"TestRecorded/keepalives of a patient primary", "TestRecorded/idle link of a primary without keepalives"}},
			{"a primary at the DR site", []string{"TestHistory/a former primary that was not rewound", "TestRecorded/switched over"}},
			{"no standby configured at the DR site", []string{"TestRecorded/no standby at the DR site"}},
			{"nobody writes", []string{"TestRecorded/all in recovery"}},
			{"an optional endpoint", []string{"TestRecorded/optional endpoint that cannot be seen"}},
		},
		"would it work?": {
			{"a parameter lower than the primary's", []string{"TestReplay/replay is paused by a parameter", "TestReplay/a parameter is compared with the last recorded primary"}},
			{"a fence that was left", []string{"TestSettings/a fence was left on the standby", "TestSettings/a fence was left for one role or database"}},
			{"a read-only monitoring role is no fence", []string{"TestSettings/the monitoring role is read-only by its owner's wish"}},
			{"synchronous standbys that are not there", []string{"TestSettings/no synchronous standby is there", "TestSettings/one synchronous standby too few is there", "TestSettings/the standby would wait for one that will not be there"}},
			{"archiving fails", []string{"TestSettings/archiving fails"}},
			{"an apply delay", []string{"TestReplay/replay is delayed on purpose"}},
			{"replay that stands still", []string{"TestReplay/replay waits for a query", "TestRecorded/replay that stands still"}},
			{"versions outside the range", []string{"TestRecorded/version 11", "TestRecorded/version 19 on the standby alone", "TestRecorded/version 19 on the primary alone", "TestRecorded/version 11 beside another that writes"}},
			{"different majors", []string{"TestRecorded/different majors"}},
			{"collations", []string{"TestRecorded/collation versions differ"}},
			{"no way back by rewinding", []string{"TestRecorded/old primary that could not be rewound"}},
			{"no standbys of its own", []string{"TestRecorded/standby that could not serve standbys"}},
		},
		"heartbeat": {
			{"stopped, missing, late or not readable", []string{"TestSettings/the heartbeat"}},
			{"NULL or in the future", []string{"TestRecorded/NULL heartbeat time", "TestRecorded/heartbeat in the future"}},
			{"not written into a foreign cluster", []string{"TestAccess/another cluster does not get the heartbeat"}},
		},
		"access": {
			{"a wrong password", []string{"TestAccess/a wrong password"}},
			{"a credential that cannot be resolved", []string{"TestAccess/a credential that cannot be resolved"}},
			{"an untrusted CA", []string{"TestAccess/an authority nobody trusts"}},
			{"a wrong server name", []string{"TestAccess/a name the certificate does not have"}},
			{"no TLS", []string{"TestAccess/one side speaks no TLS", "TestAccess/clear text to a server that wants none"}},
			{"starting, or not open for reading (57P03)", []string{"TestAccess/a server that is not open for reading"}},
			{"a refused port", []string{"TestAccess/a port nobody listens on"}},
			{"no connection left", []string{"TestAccess/no login left"}},
			{"a database that does not exist", []string{"TestAccess/a database that does not exist"}},
			{"a hostile server", []string{"TestHostileServerGetsNoPasswordOut"}},
			{"variables of the environment", []string{"TestEnvironmentChangesNoConnection", "TestQuietPair/the environment leads elsewhere"}},
		},
		"the sweep itself": {
			{"it writes nothing", []string{"TestQuietPair/nothing is written"}},
			{"an idle pair stays green", []string{"TestQuietPair/idle for some seconds ", "TestQuietPair/idle for ten minutes "}},
			{"a busy pair stays green", []string{"TestBusyPair"}},
			{"it is interrupted", []string{"TestHungServers/a check that is interrupted"}},
			{"connections are kept", []string{"TestQuietPair/connections are kept", "TestQuietPair/a kept connection is lost on the way"}},
			{"values no sound server sends", []string{"TestDeriveOfOddFacts", "FuzzDerive"}},
			{"readings that fail", []string{"TestRecorded/the primary's position cannot be read", "TestRecorded/settings of roles cannot be read", "TestRecorded/waiting commits cannot be counted", "TestRecorded/the reign cannot be read"}},
		},
	}
}

// TestEveryTrapHasATest finds each test named above in the source: a renamed or
// removed one leaves its trap open.
func TestEveryTrapHasATest(t *testing.T) {
	t.Parallel()
	known := testNames(t)
	for section, list := range traps() {
		seen := map[string]bool{}
		for _, trap := range list {
			if len(trap.tests) == 0 || seen[trap.what] {
				t.Errorf("%s: %q has no test, or is listed twice", section, trap.what)
			}
			seen[trap.what] = true
			for _, name := range trap.tests {
				test, sub, _ := strings.Cut(name, "/")
				names, ok := known[test]
				if !ok || sub != "" && !names[sub] {
					t.Errorf("%s: %q names the test %q, which does not exist", section, trap.what, name)
				}
			}
		}
	}
	// And the other way round: a recording that shows nothing from the list is one
	// nobody will look for.
	named := map[string]bool{}
	for _, list := range traps() {
		for _, trap := range list {
			for _, name := range trap.tests {
				named[name] = true
			}
		}
	}
	for _, test := range []string{"TestReplay", "TestLinks", "TestHistory", "TestHungServers", "TestSettings", "TestAccess", "TestQuietPair"} {
		for sub := range known[test] {
			if !named[test+"/"+sub] {
				t.Errorf("%s/%s is in no list of traps", test, sub)
			}
		}
	}
}

// testNames returns the tests of this package with the subtests each starts by
// name or has in a table.
func testNames(t *testing.T) map[string]map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				known[f.Name.Name] = subtests(f)
			}
		}
	}
	return known
}

// subtests finds the names given to step, and the keys of a table that holds
// functions named change.
func subtests(f *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	add := func(e ast.Expr) {
		if sum, ok := e.(*ast.BinaryExpr); ok {
			e = sum.X // a name with something appended
		}
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if name, err := strconv.Unquote(lit.Value); err == nil {
				names[name] = true
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.CallExpr:
			if fun, ok := x.Fun.(*ast.Ident); ok && fun.Name == "step" && len(x.Args) == 3 {
				add(x.Args[1])
			}
		case *ast.KeyValueExpr:
			if row, ok := x.Value.(*ast.CompositeLit); ok && hasChange(row) {
				add(x.Key)
			}
		}
		return true
	})
	return names
}

func hasChange(row *ast.CompositeLit) bool {
	for _, e := range row.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "change" {
				return true
			}
		}
	}
	return false
}

package mongodb

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// trap is something in MongoDB that has misled somebody's monitoring, with the
// tests that show it does not mislead this one. Those of TestRecorded judge facts
// written by hand, all others sweep the laboratory's sets. No real mongod is
// among them.
type trap struct {
	what  string
	tests []string
}

// traps is the list to look at when a verdict is doubted.
func traps() map[string][]trap {
	return map[string][]trap{
		"figures that mislead": {
			{"an idle set is ten seconds behind right after its own entry", []string{"TestRecorded/read right after an idle entry", "TestConfirmIdleSet", "TestIdleEntryIsNoLag"}},
			{"a negative lag turned round raises a false alarm", []string{"TestRecorded/ahead of the primary by a moment"}},
			{"a member that is down shows 1970", []string{"TestRecorded/a position of 1970", "TestFaults/stop-member", "TestFaults/null-optime"}},
			{"lag of a member that left is stale", []string{"TestRecorded/secondary unreachable and its last heartbeat old", "TestFaults/stale-view"}},
			{"a failed heartbeat has a fresh date", []string{"TestRecorded/a failed attempt is no reply"}},
			{"a heartbeat from a member's own future", []string{"TestRecorded/a heartbeat from the future"}},
			{"a larger time of an older term is behind", []string{"TestRecorded/a later time of an older term"}},
			{"wall times agree and positions do not", []string{"TestRecorded/wall times that hide what positions show"}},
			{"the primary's view of a member is older than the member", []string{"TestRecorded/a member contradicts the primary's view of it"}},
			{"no primary, or no position, is no lag", []string{"TestRecorded/the primary has no position", "TestRecorded/primary unreachable and heard by nobody"}},
			{"a delayed member is behind on purpose", []string{"TestRecorded/delayed member beside one that could take over", "TestRecorded/delayed member at the DR site", "TestFaults/delayed-member"}},
			{"lag is bought by slowing the primary down", []string{"TestRecorded/the primary is slowed down", "TestFaults/flow-control", "TestRecorded/flow control is not told"}},
			{"acknowledged writes that no majority holds", []string{"TestRecorded/acknowledged and held by no majority", "TestFaults/commit-lag", "TestRecorded/no commit point"}},
			{"really behind", []string{"TestRecorded/behind by more than may be lost", "TestRecorded/behind by half of what may be lost", "TestFaults/lag"}},
			{"another member at the site is closer", []string{"TestRecorded/the best of two at the DR site counts"}},
			{"clocks differ", []string{"TestRecorded/a clock an hour off", "TestRecorded/a slow answer that reads like skew", "TestRecorded/no clock", "TestFaults/clock-skew"}},
			{"ages are by one clock, that of the member which tells", []string{"TestRecorded/the status has no time"}},
		},
		"split brain": {
			{"two primaries of different terms, which a client of the set hides", []string{"TestRecorded/two primaries of different terms", "TestFaults/split-brain", "TestClusterFaults/split-brain"}},
			{"one of them refuses the login", []string{"TestRecorded/a second primary that refuses the login", "TestAccess/split brain behind a wrong password", "TestRecorded/a secondary that refuses the login"}},
			{"a second primary could be a member nobody listed", []string{"TestRecorded/a hidden primary that no endpoint is listed for", "TestRecorded/none writes and a member is not listed",
				"TestRecorded/an unlisted member is heard as the primary", "TestFaults/unlisted-member"}},
			{"one server behind two endpoints is none", []string{"TestRecorded/one server behind two endpoints"}},
			{"two processes under one name", []string{"TestRecorded/two processes under one name"}},
			{"a primary steps down in the middle of a check", []string{"TestRecorded/a primary steps down while it is read"}},
			{"a balancer in front of two members", []string{"TestRecorded/two servers behind one address"}},
			{"primary lost, and another member elected where nobody looks", []string{"TestRecorded/primary lost, and another silent that may have been elected", "TestRecorded/primary lost, and another silent that was heard following"}},
			{"hello and status disagree", []string{"TestRecorded/hello and status disagree", "TestRecorded/primary by state and not writable yet"}},
			{"members that know another primary, or a later term", []string{"TestRecorded/a member takes another one for the primary", "TestRecorded/an election the primary does not know of"}},
			{"a configuration was forced on the other side", []string{"TestRecorded/secondary unreachable and heard with another configuration", "TestRecorded/a forced configuration",
				"TestRecorded/a forced configuration has a member nobody listed"}},
			{"the configuration was edited by hand", []string{"TestRecorded/one version of the configuration with two contents"}},
		},
		"the same set?": {
			{"an empty member initiated anew under the same name", []string{"TestRecorded/another set under the same name", "TestFaults/wrong-set"}},
			{"two sets and none declared", []string{"TestRecorded/two sets and none declared"}},
			{"another name", []string{"TestRecorded/another name of the set"}},
			{"initiated anew or restored as a whole", []string{"TestRecorded/the term went back", "TestRecorded/the primary has less than at the last check", "TestRecorded/another replicaSetId than at the last check"}},
			{"no replicaSetId", []string{"TestRecorded/no replicaSetId"}},
			{"a standalone server takes writes, and is no second primary", []string{"TestRecorded/a standalone server"}},
			{"a router in place of a member", []string{"TestRecorded/a router in place of a member"}},
			{"an arbiter tells no identity", []string{"TestRecorded/an arbiter whose set is vouched for", "TestRecorded/an arbiter that nobody hears"}},
			{"the name in the set is not the address", []string{"TestRecorded/another address than the set's", "TestRecorded/another address, and the resource says so", "TestFaults/wrong-name"}},
			{"an endpoint that is no member", []string{"TestRecorded/not in the configuration", "TestRecorded/an endpoint under an unknown name"}},
			{"a member that was removed", []string{"TestRecorded/removed from its set", "TestRecorded/removed by state", "TestFaults/removed-member"}},
		},
		"one side unreachable": {
			{"the primary is, and the others hear it", []string{"TestRecorded/primary unreachable and still heard as primary"}},
			{"the primary is, and nobody hears it", []string{"TestRecorded/primary unreachable and heard by nobody", "TestRecorded/primary unreachable and its last heartbeat old", "TestFaults/kill-primary"}},
			{"a secondary is, and the primary hears it", []string{"TestRecorded/secondary unreachable and heard by the primary", "TestAccess/a member that hangs in the middle"}},
			{"a secondary is, and an election may have been held since", []string{"TestRecorded/secondary unreachable and heard long enough ago for an election"}},
			{"a secondary is, and nobody hears it", []string{"TestRecorded/secondary unreachable and heard by nobody", "TestFaults/stop-member"}},
			{"a member is, and is heard as a primary", []string{"TestRecorded/member unreachable and heard as a primary"}},
			{"an arbiter is", []string{"TestRecorded/arbiter unreachable"}},
			{"a member hangs", []string{"TestFaults/hang-member", "TestFaults/hang-primary", "TestFaults/hang-all", "TestAccess/a listener that never answers"}},
			{"all but one that does not write", []string{"TestRecorded/none writes and who is silent may", "TestFaults/no-majority"}},
			{"all are", []string{"TestRecorded/nobody can be reached", "TestFaults/all-down"}},
			{"all reached and none writes", []string{"TestRecorded/all reached and none writes", "TestFaults/no-primary"}},
			{"an optional endpoint", []string{"TestRecorded/optional endpoint that cannot be seen"}},
			{"the certificate is not accepted", []string{"TestRecorded/the certificate of a member is not accepted"}},
		},
		"majorities": {
			{"an arbiter keeps a primary alive that cannot acknowledge", []string{"TestRecorded/an arbiter keeps a primary alive", "TestFaults/arbiter-majority"}},
			{"two sites always depend on one", []string{"TestRecorded/two sites", "TestSites/two sites"}},
			{"an arbiter at a third site", []string{"TestSites/an arbiter at a third site"}},
			{"members without a vote", []string{"TestSites/hidden, delayed and voteless members beside three"}},
			{"a member down makes a site indispensable", []string{"TestRecorded/one member down makes a site indispensable", "TestFaults/stop-witness"}},
			{"a majority is gone", []string{"TestRecorded/a majority is gone", "TestFaults/no-majority"}},
			{"bcctl reaches members that do not reach each other", []string{"TestRecorded/bcctl reaches all and they do not hear each other", "TestFaults/cut-network"}},
			{"a member that makes its first copy votes and holds nothing", []string{"TestRecorded/making its first copy", "TestFaults/initial-sync"}},
			{"heartbeats in one direction", []string{"TestRecorded/heartbeats in one direction", "TestFaults/cut-one-way"}},
			{"a member that has just started has heard nobody yet", []string{"TestRecorded/a member that has just started"}},
			{"who hears whom is not told", []string{"TestRecorded/who hears whom is not told"}},
			{"the server counts otherwise", []string{"TestRecorded/the server counts another majority"}},
		},
		"would it work?": {
			{"hidden members counted as targets", []string{"TestRecorded/hidden member at the DR site", "TestFaults/hidden-member"}},
			{"priority 0, arbiters, nobody", []string{"TestRecorded/priority 0 at the DR site", "TestRecorded/arbiter alone at the DR site", "TestRecorded/no member at the DR site"}},
			{"the third site would win the election", []string{"TestRecorded/a third site would take the role"}},
			{"settings that turn failover off", []string{"TestRecorded/an election timeout of a day", "TestRecorded/heartbeats that would count for a day"}},
			{"a majority that acknowledges from memory", []string{"TestRecorded/majority writes that are not journaled"}},
			{"a primary that is locked", []string{"TestRecorded/a primary that writes nothing"}},
			{"a higher priority takes the role back", []string{"TestRecorded/a higher priority than the primary's", "TestFaults/step-down", "TestFaults/priority-bounce", "TestRecorded/switched over, and priorities with it"}},
			{"rolling back", []string{"TestRecorded/rolling back", "TestFaults/rollback"}},
			{"recovering, or too stale", []string{"TestRecorded/recovering", "TestRecorded/too stale", "TestFaults/recovering"}},
			{"states nobody works in", []string{"TestRecorded/starting", "TestRecorded/a state nobody knows", "TestRecorded/no state"}},
			{"an election between two checks", []string{"TestRecorded/the term grew", "TestRecorded/the term stayed", "TestFaults/term-grew"}},
			{"the configuration differs, or has no majority", []string{"TestRecorded/a member with an older configuration", "TestRecorded/a configuration no majority has", "TestFaults/config-drift", "TestFaults/config-uncommitted"}},
			{"the configuration cannot be read", []string{"TestRecorded/the configuration cannot be read"}},
			{"what an acknowledged write means by default", []string{"TestRecorded/write concern of one", "TestRecorded/implied write concern of one", "TestRecorded/a named write concern", "TestRecorded/a number that is a majority", "TestFaults/weak-write-concern"}},
			{"versions outside the range", []string{"TestRecorded/version 4.4", "TestRecorded/version 9 everywhere", "TestRecorded/a version that is none"}},
			{"releases or features differ", []string{"TestRecorded/another release on one member", "TestRecorded/another feature compatibility version", "TestFaults/version-differs"}},
		},
		"who follows whom": {
			{"no sync source in an idle set", []string{"TestRecorded/nothing to replicate from", "TestFaults/sync-source-missing"}},
			{"a source that is away, or gives nothing", []string{"TestRecorded/follows a member that is down", "TestRecorded/follows a member that rolls back"}},
			{"a source that is a stranger", []string{"TestRecorded/follows a stranger"}},
			{"chains and circles", []string{"TestRecorded/chained", "TestRecorded/two that follow each other"}},
			{"a short oplog", []string{"TestRecorded/a short oplog", "TestFaults/oplog-short"}},
			{"a new oplog is short and loses nothing", []string{"TestRecorded/a new oplog that is far from full"}},
			{"an oplog that tells nonsense", []string{"TestRecorded/an oplog that runs backwards"}},
			{"close to a full copy", []string{"TestRecorded/close to the end of the oplog", "TestFaults/oplog-headroom"}},
		},
		"sharded clusters": {
			{"a router works while a shard has no primary", []string{"TestClusterFaults/shard-without-primary"}},
			{"the config servers lost their majority", []string{"TestClusterFaults/config-servers-down"}},
			{"no router answers", []string{"TestClusterFaults/router-down"}},
			{"one shard lags", []string{"TestClusterFaults/lag"}},
			{"data is on the move", []string{"TestClusterFaults/balancer", "TestClusterFaults/draining-shard"}},
			{"a shard nobody listed", []string{"TestSites/a shard nobody listed"}},
			{"a shard that is another set than the cluster's", []string{"TestSites/endpoints of two shards mixed up"}},
			{"a copy of the cluster with the same names", []string{"TestSites/a router of a cluster with the same names", "TestSites/two routers of two clusters"}},
			{"nobody tells which shards there are", []string{"TestSites/a cluster without a router"}},
		},
		"heartbeat": {
			{"written without a majority is not protected, and did happen", []string{"TestHeartbeat/written and not acknowledged by a majority", "TestRecorded/heartbeat not acknowledged by a majority"}},
			{"written where it should not be", []string{"TestHeartbeat/not written where two write, nor into a foreign set"}},
			{"missing, late, stopped", []string{"TestHeartbeat/nobody has written one", "TestRecorded/no heartbeat document", "TestRecorded/heartbeat late at the DR site", "TestRecorded/nobody writes the heartbeat"}},
			{"the first one is none yet", []string{"TestRecorded/this check wrote the first heartbeat there is", "TestRecorded/the heartbeat is gone", "TestRecorded/the first heartbeat could not be written"}},
			{"without a time, or from the future", []string{"TestRecorded/heartbeat without a time", "TestRecorded/heartbeat from the future"}},
			{"fresh, and the data is not", []string{"TestRecorded/a fresh heartbeat proves no position"}},
			{"in order", []string{"TestRecorded/heartbeat in time", "TestHeartbeat/written, and seen by the next check"}},
			{"the address leads elsewhere when it is written", []string{"TestHeartbeat/not written on another server than the one read"}},
			{"the answer to the write is lost", []string{"TestHeartbeat/written, and the answer is lost"}},
			{"a login that may not write", []string{"TestHeartbeat/a login that may not write it"}},
		},
		"access": {
			{"the driver says no more than that time was up", []string{"TestAccess/a port nobody listens on", "TestAccess/a listener that hangs up"}},
			{"a bad password while the topology is fine", []string{"TestAccess/a wrong password", "TestAccess/an unknown user", "TestFaults/wrong-password"}},
			{"a credential that cannot be resolved", []string{"TestAccess/a credential that cannot be resolved"}},
			{"an untrusted CA, a wrong name, no TLS", []string{"TestAccess/an authority nobody trusts", "TestAccess/a name the certificate does not have",
				"TestAccess/a listener that talks nonsense", "TestAccess/clear text to a server that wants none"}},
			{"single commands are refused", []string{"TestAccess/a role that may log in and nothing else", "TestRecorded/a login without clusterMonitor", "TestRecorded/privileges are not told",
				"TestFaults/drop-privilege", "TestFaults/drop-oplog-privilege", "TestRecorded/the oplog may not be read"}},
			{"answers without a topology version", []string{"TestFaults/no-topology-version"}},
			{"connections that were kept and lost", []string{"TestAccess/a kept connection is lost on the way"}},
			{"an interrupted check", []string{"TestAccess/a check that is interrupted"}},
			{"goroutines and logs of the driver", []string{"TestNothingIsLeftBehind", "TestEnvironmentChangesNothing"}},
			{"a password in an address", []string{"TestValidateKeepsPasswords"}},
			{"what is read first at night", []string{"TestCausesComeFirst"}},
			{"bytes that are no document", []string{"FuzzDecode"}},
			{"facts no sound server tells", []string{"TestDeriveOfOddFacts", "FuzzDerive"}},
		},
	}
}

// TestEveryTrapHasATest finds each test named above in the source: a renamed or
// removed one leaves its trap open.
func TestEveryTrapHasATest(t *testing.T) {
	t.Parallel()
	known, named := testNames(t), map[string]bool{}
	for section, list := range traps() {
		seen := map[string]bool{}
		for _, trap := range list {
			if len(trap.tests) == 0 || seen[trap.what] {
				t.Errorf("%s: %q has no test, or is listed twice", section, trap.what)
			}
			seen[trap.what] = true
			for _, name := range trap.tests {
				named[name] = true
				test, sub, _ := strings.Cut(name, "/")
				names, ok := known[test]
				if !ok || sub != "" && !names[sub] {
					t.Errorf("%s: %q names the test %q, which does not exist", section, trap.what, name)
				}
			}
		}
	}
	// And the other way round: a test that shows nothing from the list is one nobody
	// will look for.
	for _, test := range []string{"TestRecorded", "TestFaults", "TestClusterFaults", "TestHeartbeat", "TestAccess", "TestSites"} {
		if len(known[test]) == 0 {
			t.Errorf("%s has no subtests", test)
		}
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

// subtests finds the names given to step, and the keys of tables: those that hold
// functions named change, and those of expectations.
func subtests(f *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	add := func(e ast.Expr) {
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
		case *ast.CompositeLit:
			m, ok := x.Type.(*ast.MapType)
			if !ok {
				break
			}
			if of, ok := m.Value.(*ast.Ident); ok && of.Name == "expectation" {
				for _, e := range x.Elts {
					add(e.(*ast.KeyValueExpr).Key)
				}
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

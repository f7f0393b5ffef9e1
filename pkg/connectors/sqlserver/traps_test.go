package sqlserver

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// trap is something in SQL Server that has misled somebody's monitoring, with the
// tests that show it does not mislead this one. Those of TestLaboratoryFaults go
// over the protocol to a model of the server; all others judge answers written by
// hand. No real server was asked.
type trap struct {
	what  string
	tests []string
}

// traps is the list to look at when a verdict is doubted.
func traps() map[string][]trap {
	return map[string][]trap{
		"figures that mislead": {
			{"the lag of a suspended database is 0", []string{"TestRecorded/suspended, with a lag of zero", "TestLaboratoryFaults"}},
			{"it climbs with the clock, or latches and stays", []string{"TestLaboratoryFaults"}},
			{"a database is suspended and shown as synchronizing", []string{"TestRecorded/suspended, and still shown as synchronizing"}},
			{"only one end says that it is suspended", []string{"TestRecorded/suspended by the replica's own word only", "TestRecorded/suspended on the primary"}},
			{"the send queue turns NULL", []string{"TestRecorded/NULL send queue", "TestRecorded/NULL send queue of one that is SYNCHRONIZED", "TestDistributed/NULL queue between the groups"}},
			{"the redo queue is NULL", []string{"TestRecorded/NULL redo queue on both ends"}},
			{"a queue is negative", []string{"TestRecorded/negative send queue", "TestRecorded/negative redo queue"}},
			{"now minus the last commit grows on a quiet database", []string{"TestRecordedHealthyPairIsGreen", "TestRecorded/asynchronous as declared, with nothing to send"}},
			{"the time of the last commit is NULL", []string{"TestRecorded/asynchronous without the time of the last commit"}},
			{"a replica seems ahead of its primary", []string{"TestRecorded/asynchronous and ahead of its primary"}},
			{"HEALTHY and SYNCHRONIZING promise nothing", []string{"TestRecorded/asynchronous and called HEALTHY", "TestRecorded/asynchronous and nobody said so", "TestRecorded/asynchronous and over the objective"}},
			{"is_failover_ready is stale after forced quorum", []string{"TestRecorded/quorum was forced and the flag says ready", "TestNothingMissingHasToBeProved"}},
			{"is_failover_ready is stale for a node that was down", []string{"TestNothingMissingHasToBeProved"}},
			{"a synchronous replica leaves and the primary goes on", []string{"TestRecorded/synchronous that left"}},
			{"a synchronous replica of an asynchronous primary", []string{"TestRecorded/synchronous to an asynchronous primary"}},
			{"SYNCHRONIZED is hardened, not redone", []string{"TestRecorded/redo takes longer than the objective", "TestRecorded/redo stands still"}},
			{"whole-number division says 0 s", []string{"TestRedoTimeIsARealNumber"}},
			{"one database of many is behind", []string{"TestTheWorstCounts"}},
			{"times without a zone, of another host", []string{"TestRecorded/a clock that is wrong", "TestLogShippingIsGreen"}},
			{"positions of two forks, or subtracted", []string{"TestCompareLSN", "TestMostLogIsNamedPerDatabase"}},
			{"the joined database is named otherwise here", []string{"TestRecorded/a database of another name on the instance"}},
			{"the log cannot be truncated while a replica is suspended", []string{"TestRecorded/a replica pins the log", "TestRecorded/a replica holds the log for a moment", "TestRecorded/the log is full"}},
			{"a state nobody documented", []string{"TestRecorded/a state nobody documented", "TestRecorded/NULL state"}},
		},
		"states": {
			{"NOT SYNCHRONIZING", []string{"TestRecorded/NOT SYNCHRONIZING", "TestRecorded/NOT SYNCHRONIZING by the replica's own word only"}},
			{"REVERTING, as after a failover in the middle of a large transaction", []string{"TestRecorded/REVERTING", "TestLaboratoryFaults"}},
			{"INITIALIZING", []string{"TestRecorded/INITIALIZING", "TestLaboratoryFaults"}},
			{"no common point of the logs", []string{"TestRecorded/suspended without a common point of the logs"}},
			{"primary, with a database that does not serve", []string{"TestRecorded/a database that does not serve on the primary", "TestRecorded/the primary still recovers"}},
			{"a database is half joined", []string{"TestRecorded/a database that is not joined", "TestRecorded/a database of which the replica has no row at all"}},
			{"a database was never added", []string{"TestRecorded/a required database outside the group"}},
			{"resuming a former primary discards log", []string{"TestRecorded/a former primary whose log would be discarded", "TestWhatIsProvedIsSaid"}},
			{"a failed seeding is left over", []string{"TestRecorded/seeding failed once and the database is there", "TestRecorded/seeding failed and the database is missing"}},
		},
		"roles": {
			{"both sides are RESOLVING during a change", []string{"TestRecorded/both resolving", "TestConfirmWaitsForAChangeOfRoles"}},
			{"RESOLVING is not down", []string{"TestRecorded/the secondary resolving"}},
			{"two primaries", []string{"TestRecorded/two primaries", "TestRecorded/two primaries that have parted", "TestLaboratoryFaults"}},
			{"nobody is primary", []string{"TestRecorded/nobody is primary", "TestRecorded/nobody is primary and no cluster decides"}},
			{"a secondary shows its own side only", []string{"TestRecorded/primary unreachable and the secondary connected to it"}},
			{"the forwarder is primary of its own group", []string{"TestDistributed/the forwarder is primary of its own group and does not write", "TestDistributedHealthyIsGreen"}},
			{"a distributed switch stops half way", []string{"TestDistributed/both sides secondary", "TestDistributed/resolving between the halves of a switch"}},
			{"both sides of a distributed group are primary", []string{"TestDistributed/both sides primary", "TestDistributed/two primaries of one member group"}},
			{"replicas at home keep up while the other group does not", []string{"TestDistributedExposureIsBetweenTheGroups"}},
			{"one instance behind two endpoints", []string{"TestRecorded/one instance behind two endpoints"}},
			{"two instances of one name", []string{"TestRecorded/two instances of one name"}},
		},
		"one side unreachable": {
			{"the primary is, and the secondary is connected to it", []string{"TestRecorded/primary unreachable and the secondary connected to it", "TestLaboratoryFaults"}},
			{"the primary is, and the secondary is disconnected with quorum", []string{"TestRecorded/primary unreachable and the secondary disconnected", "TestRecorded/primary unreachable and the secondary resolving"}},
			{"the secondary has no quorum", []string{"TestRecorded/primary unreachable and no quorum here", "TestRecorded/no quorum on the secondary"}},
			{"the secondary is, and the primary is connected to it", []string{"TestRecorded/secondary unreachable and connected", "TestLaboratoryFaults"}},
			{"the secondary is, and disconnected", []string{"TestRecorded/secondary unreachable and disconnected", "TestWhatIsProvedIsSaid"}},
			{"nothing is told of a connection", []string{"TestRecorded/primary unreachable and no word of a connection", "TestRecorded/secondary unreachable of a name nobody knows"}},
			{"both are", []string{"TestRecorded/both unreachable"}},
			{"the forwarder is", []string{"TestDistributed/the forwarder unreachable and connected", "TestDistributed/the forwarder unreachable and disconnected"}},
			{"the primary of a distributed group is", []string{"TestDistributed/the primary unreachable and the forwarder connected", "TestDistributed/the primary's group unreachable and the forwarder disconnected"}},
			{"a replica is no endpoint", []string{"TestRecorded/a replica that is no endpoint and not connected"}},
			{"an optional endpoint", []string{"TestRecorded/an optional replica unreachable and disconnected"}},
		},
		"the same databases?": {
			{"names repeat in other clusters", []string{"TestRecorded/two groups of one name", "TestRecorded/another group than declared"}},
			{"several groups on one instance", []string{"TestRecorded/several groups and none is named", "TestRecorded/one group and none is named"}},
			{"an instance of another name", []string{"TestRecorded/an instance of another name than declared"}},
			{"recovery forks differ", []string{"TestRecorded/a secondary on another recovery fork", "TestDistributed/the forwarder on another recovery fork"}},
			{"a recovery fork is not told", []string{"TestRecorded/a recovery fork that is not told while log flows", "TestRecorded/a recovery fork that is not told and no log flows"}},
			{"the distributed group is not proved", []string{"TestDistributed/no primary of the other group proves which one it is", "TestDistributed/a local primary that does not show the distributed group"}},
		},
		"rights": {
			{"without VIEW ANY DEFINITION there are no groups and no error", []string{"TestRecorded/no VIEW ANY DEFINITION anywhere", "TestRecorded/no VIEW ANY DEFINITION on the secondary", "TestLaboratoryFaults"}},
			{"no group where there is none", []string{"TestRecorded/an instance without the group", "TestRecorded/availability groups not enabled"}},
			{"without the right to see states the views fail", []string{"TestRecorded/no right to see states", "TestLaboratoryFaults"}},
			{"msdb cannot be read", []string{"TestRecorded/no right to see jobs and backups", "TestLaboratoryFaults"}},
			{"a database that cannot be read hides nothing else", []string{"TestHeartbeat/unreadable secondary", "TestLaboratoryFaults"}},
			{"a statement that fails hides nothing else", []string{"TestRecorded/the database states of the primary cannot be read", "TestOneRefusalHidesNothingElse"}},
		},
		"would it work?": {
			{"commits wait for secondaries that are not there", []string{"TestRecorded/more synchronous secondaries required than keep up", "TestRecorded/more synchronous secondaries required than are left after a failover"}},
			{"no vote at DR", []string{"TestRecorded/no vote at DR"}},
			{"quorum was forced", []string{"TestRecorded/quorum was forced and the flag says ready"}},
			{"major versions differ", []string{"TestRecorded/different major versions"}},
			{"logins with another SID", []string{"TestRecorded/a login with another SID", "TestRecorded/a login that is missing", "TestRecorded/a login that is missing from a contained group"}},
			{"jobs, linked servers, credentials", []string{"TestRecorded/a job that is missing", "TestRecorded/a linked server that is missing", "TestRecorded/a credential that is missing"}},
			{"an encrypted database without its certificate", []string{"TestRecorded/an encrypted database that could not be opened", "TestRecorded/a certificate without its private key"}},
			{"the mirroring endpoint", []string{"TestRecorded/the mirroring endpoint stopped", "TestRecorded/no mirroring endpoint"}},
			{"its certificate", []string{"TestRecorded/the endpoint's certificate expires soon", "TestRecorded/the endpoint's certificate has expired"}},
			{"the listener", []string{"TestRecorded/no address of the listener is online"}},
			{"log backups", []string{"TestRecorded/log backups stopped", "TestRecorded/log backups are taken on the secondary", "TestRecorded/nobody remembers a log backup"}},
		},
		"versions and forms": {
			{"columns that a version lacks", []string{"TestColumnsByVersion", "TestRecorded/2016, without the columns of later versions", "TestLaboratoryIsGreen"}},
			{"unknown versions, and Azure", []string{"TestRecorded/version 12", "TestRecorded/version 18 beside a primary", "TestRecorded/a managed instance"}},
			{"no cluster, Pacemaker, basic", []string{"TestRecorded/no cluster decides", "TestRecorded/Pacemaker decides", "TestRecorded/a basic group", "TestHeartbeat/a basic group's secondary has none"}},
			{"log shipping by the time of the restore", []string{"TestLogShipping/the newest restored backup is old, however late it was restored", "TestLogShippingIsGreen"}},
			{"a shipped copy that was opened", []string{"TestLogShipping/the copy was opened for writing", "TestLogShipping/one of two databases was opened"}},
		},
		"heartbeat": {
			{"one database says nothing about another", []string{"TestHeartbeat/late in one database"}},
			{"it proves no absence of loss", []string{"TestHeartbeat/fresh while the database is suspended", "TestHeartbeat/fresh while the send queue is NULL"}},
			{"nobody writes it", []string{"TestHeartbeat/nobody writes it"}},
			{"NULL or in the future", []string{"TestHeartbeat/NULL", "TestHeartbeat/from the future"}},
			{"it is not written where it must not be", []string{"TestHeartbeatIsWrittenOnOnePrimaryOnly"}},
		},
		"access": {
			{"a refused login, a certificate, a hung server, the environment", []string{"TestConformance"}},
			{"a Windows account", []string{"TestWindowsAccountIsRefusedBeforeAnythingIsSent"}},
			{"a server that sends clients on", []string{"TestNoOtherServerIsDialled"}},
			{"the driver's own default trusts any certificate", []string{"TestEncryptionIsAlwaysSet", "TestConformance"}},
			{"values no sound server sends", []string{"TestDeriveOfOddFacts", "FuzzDerive"}},
		},
	}
}

// TestEveryTrapHasATest finds each test named above in the source: a renamed or
// removed one leaves its trap open.
func TestEveryTrapHasATest(t *testing.T) {
	t.Parallel()
	known := testNames(t)
	named := map[string]bool{}
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
	if len(named) < 100 {
		t.Errorf("only %d tests are named", len(named))
	}
}

// testNames returns the tests of this folder with the keys of the table that each
// has.
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
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") && !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			keys := map[string]bool{}
			ast.Inspect(f, func(n ast.Node) bool {
				if pair, ok := n.(*ast.KeyValueExpr); ok {
					if lit, ok := pair.Key.(*ast.BasicLit); ok && lit.Kind == token.STRING {
						if key, err := strconv.Unquote(lit.Value); err == nil {
							keys[key] = true
						}
					}
				}
				return true
			})
			known[f.Name.Name] = keys
		}
	}
	return known
}

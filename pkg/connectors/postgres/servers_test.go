package postgres

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// patienceOfServers is how long the servers of most laboratories here wait for a
// silent peer: PostgreSQL's default of a minute would make every test wait for it.
const patienceOfServers = 3 * time.Second

// during puts a fault in for the time of a test. Afterwards the pair must be
// judged green again, so that no verdict sticks and no test meets what another
// left.
func during(t *testing.T, lab *pgpair.Lab, fault string, test func()) {
	t.Helper()
	if err := lab.Break(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
	test()
	if err := lab.Repair(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
	newDesk(t, lab).awaitGreen(t)
}

// step is t.Run for tests that share a laboratory: after one that failed, the next
// would meet what it left.
func step(t *testing.T, name string, test func(*testing.T)) {
	t.Helper()
	if !t.Run(name, test) {
		t.FailNow()
	}
}

func exec(t *testing.T, lab *pgpair.Lab, node string, statements ...string) {
	t.Helper()
	if err := lab.Exec(t.Context(), node, statements...); err != nil {
		t.Fatal(err)
	}
}

// ask reads one value as superuser.
func ask[T any](t *testing.T, lab *pgpair.Lab, node, query string) (value T) {
	t.Helper()
	if err := lab.QueryRow(t.Context(), node, query, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// eventually asks the servers until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func reloadAfter(statements ...string) []string {
	return append(statements, `SELECT pg_reload_conf()`)
}

func green(v verdict) bool { return v.Status == readiness.Green }

// waitForServers bounds how long something servers do by themselves may take.
const waitForServers = 20 * time.Second

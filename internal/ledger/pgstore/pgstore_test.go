package pgstore_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/ledgertest"
	"github.com/bcctl/bcctl/internal/ledger/pgstore"
)

const password = "canary-ledger"

// database makes the ledger as the documentation says, on a real server.
func database(t *testing.T) (lab *pgpair.Lab, at func(node string) string) {
	t.Helper()
	lab = pgpairtest.Start(t, pgpair.Options{})
	if err := lab.Exec(t.Context(), pgpair.Primary, pgstore.Schema, `ALTER ROLE bcctl_ledger PASSWORD '`+password+`'`); err != nil {
		t.Fatal(err)
	}
	return lab, func(name string) string {
		n, err := lab.Node(name)
		if err != nil {
			t.Fatal(err)
		}
		return "postgres://bcctl_ledger:" + password + "@" + n.Address() + "/postgres?sslrootcert=" + url.QueryEscape(lab.CAFile())
	}
}

func store(lab *pgpair.Lab, address, repository string) *pgstore.Store {
	return &pgstore.Store{URL: func(context.Context) (string, error) { return address, nil }, SystemIdentifier: lab.SystemIdentifier(), Repository: repository}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	lab, at := database(t)
	var tests atomic.Int64
	rounds := 40
	if testing.Short() {
		rounds = 5
	}
	ledgertest.Run(t, ledgertest.Options{Rounds: rounds, Open: func(*testing.T) func() ledgertest.Store {
		// Each test has the ledger of a repository of its own, in the same tables.
		repository := "repo-" + string(rune('a'+tests.Add(1)))
		return func() ledgertest.Store { return store(lab, at(pgpair.Primary), repository) }
	}})
}

// Who is led elsewhere finds nothing free there.
func TestAnotherServerIsNotBelieved(t *testing.T) {
	t.Parallel()
	lab, at := database(t)
	good := at(pgpair.Primary)
	for name, tt := range map[string]struct {
		change func(*pgstore.Store)
		says   string
	}{
		"another cluster":  {func(s *pgstore.Store) { s.SystemIdentifier = "1" }, "behind its address is cluster"},
		"a standby":        {func(s *pgstore.Store) { s.URL = fixed(at(pgpair.Standby)) }, "is a standby"},
		"another database": {func(s *pgstore.Store) { s.URL = fixed(strings.Replace(good, "/postgres?", "/template1?", 1)) }, "has no table"},
		"another password": {func(s *pgstore.Store) { s.URL = fixed(strings.Replace(good, password, "canary-other", 1)) }, "login failed"},
		"no certificate":   {func(s *pgstore.Store) { s.URL = fixed(good[:strings.Index(good, "?")]) }, "certificate"},
		"clear text":       {func(s *pgstore.Store) { s.URL = fixed(good + "&sslmode=require") }, "verify-full only"},
		"another option":   {func(s *pgstore.Store) { s.URL = fixed(good + "&options=-c") }, "is not postgres://"},
		"nobody":           {func(s *pgstore.Store) { s.URL = fixed("postgres://u:canary-u@127.0.0.1:1/postgres") }, "does not answer"},
		"no address":       {func(s *pgstore.Store) { s.URL = fixed("canary-text") }, "is not postgres://"},
		"no secret": {func(s *pgstore.Store) {
			s.URL = func(context.Context) (string, error) { return "", errors.New("nothing is there") }
		}, "nothing is there"},
	} {
		s := store(lab, good, "one")
		tt.change(s)
		_, err := s.Read(t.Context(), "x")
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "canary") || errors.Is(err, ledger.ErrMoved) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
		if _, err := s.Swap(t.Context(), ledger.Change{Name: "x", Data: []byte("1")}); err == nil || errors.Is(err, ledger.ErrMoved) {
			t.Errorf("%s: swap: %v", name, err)
		}
		if err := s.Add(t.Context(), ledger.Record{Kind: ledger.Seen, Request: "r"}); err == nil || errors.Is(err, ledger.ErrExists) {
			t.Errorf("%s: add: %v", name, err)
		}
	}
}

// The ledgers of two repositories know nothing of each other, and the login cannot
// take a record back.
func TestRepositoriesAndRecords(t *testing.T) {
	t.Parallel()
	lab, at := database(t)
	one, two := store(lab, at(pgpair.Primary), "one"), store(lab, at(pgpair.Primary), "two")
	if _, err := one.Swap(t.Context(), ledger.Change{Name: "x", Data: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if cells, err := two.Read(t.Context(), "x"); err != nil || len(cells) != 0 {
		t.Errorf("%v %v", cells, err)
	}
	var may bool
	if err := lab.QueryRow(t.Context(), pgpair.Primary, `SELECT has_table_privilege('bcctl_ledger', 'bcctl_ledger.records', 'UPDATE') OR has_table_privilege('bcctl_ledger', 'bcctl_ledger.records', 'DELETE')`, &may); err != nil || may {
		t.Errorf("the login may change records: %v %v", may, err)
	}
	// A server that does not wait for its disk is told to.
	if err := lab.Exec(t.Context(), pgpair.Primary, `ALTER ROLE bcctl_ledger SET synchronous_commit = off`); err != nil {
		t.Fatal(err)
	}
	if err := one.Add(t.Context(), ledger.Record{Kind: ledger.Seen, Request: "r"}); err != nil {
		t.Error(err)
	}
}

func fixed(text string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return text, nil }
}

package config_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// testdata/complete uses every kind and nearly every field; nothing in it is
// wrong, and everything arrives in the types.
func TestCompleteRepository(t *testing.T) {
	t.Parallel()
	repo, problems := load(t, os.DirFS("testdata/complete"))
	if len(problems) > 0 {
		t.Fatalf("problems in a repository without any:\n%s", problems.Error())
	}
	for kind, n := range map[config.Kind]int{
		config.KindResource:       len(repo.Resources),
		config.KindGroup:          len(repo.Groups),
		config.KindSiteList:       len(repo.SiteLists),
		config.KindRoster:         len(repo.Rosters),
		config.KindApprovalPolicy: len(repo.ApprovalPolicies),
		config.KindStatusPolicy:   len(repo.StatusPolicies),
		config.KindAlertPolicy:    len(repo.AlertPolicies),
		config.KindCalendar:       len(repo.Calendars),
		config.KindRunbook:        len(repo.Runbooks),
		config.KindSchedule:       len(repo.Schedules),
		config.KindRequest:        len(repo.Requests),
		config.KindStatusTest:     len(repo.StatusTests),
	} {
		if n == 0 {
			t.Errorf("no %s was read", kind)
		}
	}

	ledger, ok := repo.Resource("pg/ledger")
	if !ok {
		t.Fatal("resource pg/ledger was not read")
	}
	s := ledger.Spec
	switch {
	case s.Objectives.RPO.Std() != 30*time.Second:
		t.Errorf("rpo is %v", s.Objectives.RPO)
	case s.Endpoints[1].Where() != "[2001:db8::1]:5432":
		t.Errorf("second endpoint is at %q", s.Endpoints[1].Where())
	case !s.Endpoints[2].Optional:
		t.Error("third endpoint is not optional")
	case s.Connection.TLS.Mode != connectors.VerifyFull:
		t.Errorf("tls mode is %q", s.Connection.TLS.Mode)
	case s.Credentials.Execute.Password.Scheme() != "file" || s.Credentials.Execute.Password.Path() != "/run/secrets/ledger-execute":
		t.Errorf("password is %q", s.Credentials.Execute.Password)
	case s.Thresholds["replay.backlog_bytes"].Red.Raise != rules.Quantity("256MiB"):
		t.Errorf("red starts at %q", s.Thresholds["replay.backlog_bytes"].Red.Raise)
	case s.Procedures.Of(runbook.Switchover).Runbook != "pg/switchover" || s.Procedures.Of(runbook.Failback) != nil:
		t.Errorf("procedures are %+v", s.Procedures)
	case s.Identity["systemIdentifier"] != "7300000000000000001":
		t.Errorf("identity is %v", s.Identity)
	}
	if ref, isRef, err := s.Credentials.Execute.Username.Ref(); !isRef || err != nil || ref.Path() != "LEDGER_EXECUTE_USER" {
		t.Errorf("user name is %q, %v, %v; want a reference", ref, isRef, err)
	}
	if _, isRef, _ := s.Credentials.Monitor.Username.Ref(); isRef {
		t.Error("a plain user name is taken for a reference")
	}
	block, _ := pem.Decode(repo.CA(ledger))
	if block == nil {
		t.Fatal("the CA was not read")
	}
	if cert, err := x509.ParseCertificate(block.Bytes); err != nil || cert.Subject.CommonName != "Example CA" {
		t.Errorf("the CA is %v, %v", cert.Subject, err)
	}

	book, _ := repo.Runbook("pg/switchover")
	if kinds := book.Spec.Steps[0].Kinds(); len(kinds) != 1 || kinds[0] != "command" || book.Spec.Steps[0].Done.Command == nil {
		t.Errorf("first step does %v, its probe %+v", kinds, book.Spec.Steps[0].Done)
	}
	test := repo.StatusTests[0].Spec.Cases[0]
	if v, ok := test.Observations[0].Value.Number(); !ok || v != 20e6 {
		t.Errorf("first observation is %v", test.Observations[0].Value)
	}
	if at := test.Observations[0].At(test.Now); test.Now.Sub(at) != 5*time.Second {
		t.Errorf("first observation is of %v, want 5 s before %v", at, test.Now)
	}
	if test.Expect.Status != readiness.Red {
		t.Errorf("expected status is %v", test.Expect.Status)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	repo, _ := load(t, os.DirFS("testdata/complete"))
	ledger, _ := repo.Resource("pg/ledger")
	if got := ledger.Origin.String(); got != "resources/ledger.yaml:2" {
		t.Errorf("pg/ledger stands at %s", got)
	}
	for _, c := range []struct {
		path      []any
		line, col int
	}{
		{nil, 2, 1},
		{[]any{"metadata", "name"}, 5, 9},
		{[]any{"spec", "endpoints", 1, "site"}, 37, 13},
		{[]any{"spec", "home", "dr"}, 30, 28},
		{[]any{"spec", "endpoints", 9, "site"}, 32, 5}, // not there: the nearest thing around it
		{[]any{"spec", "nowhere"}, 11, 3},
	} {
		if line, col := ledger.Origin.At(c.path...); line != c.line || col != c.col {
			t.Errorf("%v is at %d:%d, want %d:%d", c.path, line, col, c.line, c.col)
		}
	}
	tier1 := repo.StatusPolicies[1]
	if got := tier1.Origin.String(); got != "policies/status.yaml:27" {
		t.Errorf("second document of a file stands at %s", got)
	}
	var nowhere config.Origin
	if line, col := nowhere.At("spec"); line != 1 || col != 1 {
		t.Errorf("a document that was not read is at %d:%d, want 1:1", line, col)
	}
}

func TestWithoutCatalogNamesOfIndicatorsAreNotChecked(t *testing.T) {
	t.Parallel()
	_, problems := config.Load(complete(t, "testdata/bad/thresholds"), config.Options{})
	if len(problems) > 0 {
		t.Errorf("problems without a catalog:\n%s", problems.Error())
	}
}

func TestProblemsAsError(t *testing.T) {
	t.Parallel()
	if err := (config.Problems(nil)).Err(); err != nil {
		t.Errorf("no problems are the error %v", err)
	}
	p := config.Problem{File: "a.yaml", Line: 1, Col: 2, What: "wrong", Instead: "write x"}
	if err := (config.Problems{p, p}).Err(); err == nil || err.Error() != "a.yaml:1:2: wrong; write x\na.yaml:1:2: wrong; write x" {
		t.Errorf("problems are the error %v", err)
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 5000)
	_, problems := config.Load(fstest.MapFS{"x.yaml": {Data: []byte("apiVersion: bcctl/v1\nkind: " + long + "\nmetadata: {name: a}\nspec: {}\n")}}, config.Options{})
	found := false
	for _, p := range problems {
		found = found || strings.HasSuffix(p.What, "...") && utf8.RuneCountInString(p.What) == 303
	}
	if !found || len(problems.Error()) > 2000 {
		t.Errorf("messages have %d bytes", len(problems.Error()))
	}
}

package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func openerOf(t *testing.T, spec connectors.Spec) *opener {
	t.Helper()
	o, err := newOpener(spec, connectors.Endpoint{Name: "sql-a", Address: "sql-a.example.net"})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The driver's default is to accept any certificate.
func TestEncryptionIsAlwaysSet(t *testing.T) {
	t.Parallel()
	for _, mode := range []connectors.TLSMode{"", connectors.VerifyFull, connectors.VerifyCA} {
		for encrypt, want := range map[string]msdsn.Encryption{"": msdsn.EncryptionRequired, "mandatory": msdsn.EncryptionRequired, "strict": msdsn.EncryptionStrict} {
			o := openerOf(t, connectors.Spec{TLS: connectors.TLS{Mode: mode}, Options: map[string]string{"encrypt": encrypt}})
			c := o.config(connectors.Credential{Username: "u", Password: "p"}, "master", false, &witness{})
			if c.Encryption != want || c.TrustServerCertificate || c.TLSConfig == nil || c.TLSConfig.VerifyConnection == nil || !c.HostInCertificateProvided {
				t.Errorf("tls %q, encrypt %q: encryption %d, trust %t", mode, encrypt, c.Encryption, c.TrustServerCertificate)
			}
			if !c.DisableRetry || c.MultiSubnetFailover || c.FailOverPartner != "" || len(c.Protocols) != 1 || c.EpaEnabled || c.LogFlags != 0 {
				t.Errorf("the driver may retry, look elsewhere or log: %+v", c)
			}
		}
	}
	if _, err := newOpener(connectors.Spec{TLS: connectors.TLS{Mode: connectors.Disable}}, connectors.Endpoint{Address: "sql-a.example.net"}); err == nil {
		t.Error("clear text to another host is accepted")
	}
}

func TestWindowsAccountIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, user := range []string{`CORP\monitor`, ""} {
		_, a, err := openerOf(t, connectors.Spec{}).open(t.Context(), connectors.Credential{Username: user, Password: "p"}, "master", false)
		if !errors.Is(err, errWindowsAccount) || a.accepted {
			t.Errorf("%q: %v", user, err)
		}
		if f := unreached(t.Context(), err, a, time.Second, "p"); f.Code != readiness.VisAuth || f.Alive {
			t.Errorf("%q is %+v", user, f)
		}
	}
}

// Routing to another server would show that one's facts under this one's name.
func TestNoOtherServerIsDialled(t *testing.T) {
	t.Parallel()
	d := &wireDialer{address: "192.0.2.1:1433"}
	_, err := d.DialContext(t.Context(), "tcp", "192.0.2.2:1433")
	if !errors.Is(err, errRedirected) || d.Accepted() {
		t.Errorf("another address was dialled: %v", err)
	}
	if f := unreached(t.Context(), fmt.Errorf("connect: %w", err), attempt{}, time.Second, ""); f.Code != readiness.IdentityUnproven {
		t.Errorf("a redirect is %+v", f)
	}
}

func TestRefusalsByNumber(t *testing.T) {
	t.Parallel()
	for number, want := range map[int32]readiness.Code{
		18456: readiness.VisAuth, 18452: readiness.VisAuth, 4060: readiness.VisAuth, 18486: readiness.VisAuth, 18488: readiness.VisAuth,
		18401: readiness.NodeStarting, 17142: readiness.NodeStarting, 40613: "",
	} {
		f := unreached(t.Context(), mssql.Error{Number: number, Message: "login error: no, s3cret-word"}, attempt{accepted: true}, time.Second, "s3cret-word")
		if f.Code != want || !f.Alive || strings.Contains(f.Message, "s3cret-word") || strings.Contains(f.Message, "login error:") {
			t.Errorf("%d is %+v", number, f)
		}
	}
	for number, want := range map[int32]readiness.Code{
		229: readiness.InsufficientPrivilege, 297: readiness.InsufficientPrivilege, 300: readiness.InsufficientPrivilege, 371: readiness.InsufficientPrivilege,
		976: readiness.QueryFailed, 983: readiness.QueryFailed, 1205: readiness.QueryFailed, 207: readiness.QueryFailed,
	} {
		if f := queryFailure(fmt.Errorf("read: %w", mssql.Error{Number: number, Message: "no, s3cret-word"}), "s3cret-word"); f.Code != want || strings.Contains(f.Message, "s3cret-word") {
			t.Errorf("%d is %+v", number, f)
		}
	}
	f := refusal(mssql.Error{Number: 18456, Message: "Login failed", All: []mssql.Error{{Number: 976, Message: "not accessible for queries"}, {Number: 18456, Message: "Login failed"}}})
	if !strings.Contains(f.Message, "976") {
		t.Errorf("what led to the refusal is not said: %s", f.Message)
	}
}

// The driver reads without a deadline of its own.
func TestContextBoundsTheWire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer func() { _, _ = ours.Close(), theirs.Close() }() // a pipe
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := bound(ctx, ours)
		start := time.Now()
		if _, err := ours.Read(make([]byte, 1)); err == nil || time.Since(start) != time.Minute {
			t.Errorf("the read ended after %s: %v", time.Since(start), err)
		}
		done()
		cancelled, stop := context.WithCancel(t.Context())
		done = bound(cancelled, ours)
		stop()
		synctest.Wait()
		if _, err := ours.Read(make([]byte, 1)); err == nil {
			t.Error("a read went on after its context was cancelled")
		}
		done()
	})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := connectors.Spec{Endpoints: []connectors.Endpoint{{Name: "a", Address: "sql-a.example.net:1433", Options: map[string]string{"replica": "SQL-A"}}},
		Options:  map[string]string{"availabilityGroup": "claims", "databases": "a, b", "encrypt": "strict", "commit": "asynchronous", "heartbeatDatabases": "a"},
		Identity: map[string]string{"groupId": claimsGroup}}
	if p := (Factory{}).Validate(good); len(p) > 0 {
		t.Errorf("a sound spec has problems: %v", p)
	}
	for name, change := range map[string]func(*connectors.Spec){
		"address":                func(s *connectors.Spec) { s.Endpoints[0].Address = "sql-a:port" },
		"clear text":             func(s *connectors.Spec) { s.TLS.Mode = connectors.Disable; delete(s.Options, "encrypt") },
		"endpoint option":        func(s *connectors.Spec) { s.Endpoints[0].Options = map[string]string{"instance": "X"} },
		"option":                 func(s *connectors.Spec) { s.Options["trustServerCertificate"] = "true" },
		"form":                   func(s *connectors.Spec) { s.Options["form"] = "mirroring" },
		"encrypt":                func(s *connectors.Spec) { s.Options["encrypt"] = "optional" },
		"commit":                 func(s *connectors.Spec) { s.Options["commit"] = "eventual" },
		"empty database":         func(s *connectors.Spec) { s.Options["databases"] = "a,,b" },
		"identity":               func(s *connectors.Spec) { s.Identity["systemIdentifier"] = "7" },
		"shipping and group":     func(s *connectors.Spec) { s.Options["form"], s.Identity = "log-shipping", nil },
		"shipping without names": func(s *connectors.Spec) { s.Options, s.Identity = map[string]string{"form": "log-shipping"}, nil },
		"shipping with identity": func(s *connectors.Spec) { s.Options = map[string]string{"form": "log-shipping", "databases": "a"} },
		"shipping with heartbeat": func(s *connectors.Spec) {
			s.Options, s.Identity, s.Heartbeat = map[string]string{"form": "log-shipping", "databases": "a"}, nil, &connectors.Heartbeat{}
		},
	} {
		s := connectors.Spec{TLS: good.TLS, Options: map[string]string{}, Identity: map[string]string{"groupId": claimsGroup}, Endpoints: []connectors.Endpoint{good.Endpoints[0]}}
		for k, v := range good.Options {
			s.Options[k] = v
		}
		change(&s)
		p := (Factory{}).Validate(s)
		if len(p) == 0 {
			t.Errorf("%s: nothing is wrong with %+v", name, s)
		}
		for _, one := range p {
			if len(one.Path) == 0 || one.What == "" {
				t.Errorf("%s: %+v does not say where or what", name, one)
			}
		}
	}
}

// A change of roles that ends while bcctl looks again is no reason for anything.
func TestConfirmWaitsForAChangeOfRoles(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sqlag.Options{})
	if err := d.lab.Break("resolving"); err != nil {
		t.Fatal(err)
	}
	healed := make(chan error, 1)
	asked := d.spec.Credential
	d.spec.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
		select {
		case healed <- nil: // once, after the first look began
			go func() {
				time.Sleep(50 * time.Millisecond) // the first answers are there, the second questions are not asked yet
				healed <- d.lab.Repair("resolving")
			}()
		default:
		}
		return asked(ctx, p)
	}
	v := d.sweep(t)
	if err := <-healed; err != nil { // nil: the look has begun
		t.Fatal(err)
	}
	if err := <-healed; err != nil {
		t.Fatal(err)
	}
	v.want(t, green, nil, nil)
}

// Each reading is asked alone once the whole was refused.
func TestOneRefusalHidesNothingElse(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sqlag.Options{})
	d.lab.Revoke(sqlag.UserMonitor, "SELECT IN MSDB")
	v := d.sweep(t)
	v.want(t, yellow, []readiness.Code{readiness.InsufficientPrivilege}, nil)
	for _, id := range []readiness.ID{jobsID, logBackupID} {
		found := false
		for _, o := range v.observations {
			found = found || o.Indicator == id && o.Failure != nil
		}
		if !found {
			t.Errorf("that %s could not be read is not said", id)
		}
	}
	if v.number(t, "", exposureBytesID) != 0 {
		t.Error("what could be read was not")
	}
}

// The one write there is happens on the one primary.
func TestHeartbeatIsWrittenOnOnePrimaryOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sqlag.Options{})
	d.spec.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second, Write: true}
	writes := func() int { n, _ := d.lab.Changes(); return n }
	d.sweep(t)
	first := writes()
	if first == 0 {
		t.Fatal("nothing was written")
	}
	d.sweep(t).want(t, green, nil, nil)
	for _, fault := range []string{"two-primaries", "resolving", "wrong-group", "drop-definition"} {
		if err := d.lab.Break(fault); err != nil {
			t.Fatal(err)
		}
		before := writes()
		d.sweep(t)
		if n := writes() - before; n > 0 {
			t.Errorf("%s: %d statements that write", fault, n)
		}
		if err := d.lab.Repair(fault); err != nil {
			t.Fatal(err)
		}
	}
	d.spec.Heartbeat.Write = false
	before := writes()
	d.sweep(t)
	if n := writes() - before; n > 0 {
		t.Errorf("%d statements that write, and nobody asked for it", n)
	}
}

// Kept connections serve the next sweep, and are made anew when the server was
// restarted.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sqlag.Options{})
	d.spec.KeepOpen = true
	c, err := Factory{}.Open(d.spec)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i, k := range c.(*Connector).kept {
		if k == nil {
			t.Errorf("endpoint %d: no connection is kept", i)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if f := classify(t.Context(), &net.OpError{Op: "read", Err: errors.New("reset")}, attempt{}, time.Second); f.Code != "" {
		t.Errorf("a cut connection is %+v", f)
	}
}

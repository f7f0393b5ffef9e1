package mongodb

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/internal/lab/pki"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestAccess is about getting to the members at all: what a connection that
// failed tells, and that it costs nothing else.
func TestAccess(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	elsewhere := func(address string) func(*connectors.Spec) {
		return func(spec *connectors.Spec) { spec.Endpoints[1].Address = address }
	}
	quiet := listen(t, func(net.Conn) {})

	step(t, "a port nobody listens on", func(t *testing.T) {
		v := newDesk(t, set, elsewhere(nobody(t))).sweep(t)
		v.want(t, readiness.Red, readiness.VisDR)
		wantMessage(t, v, readiness.VisDR, "connection refused")
		wantSoon(t, v, time.Second)
	})
	step(t, "a listener that never answers", func(t *testing.T) {
		v := newDesk(t, set, elsewhere(quiet)).sweep(t)
		v.want(t, readiness.Red, readiness.VisDR)
		wantMessage(t, v, readiness.VisDR, "accepted the connection but did not answer within 1.5s")
		wantSoon(t, v, probeLimit+time.Second)
	})
	step(t, "a listener that hangs up", func(t *testing.T) {
		v := newDesk(t, set, elsewhere(listen(t, func(c net.Conn) { _ = c.Close() }))).sweep(t)
		wantMessage(t, v, readiness.VisDR, "the connection was closed before an answer came")
		wantSoon(t, v, time.Second)
	})
	step(t, "a listener that talks nonsense", func(t *testing.T) {
		v := newDesk(t, set, elsewhere(listen(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
		}))).sweep(t)
		v.want(t, readiness.Red, readiness.IdentityUnproven)
		wantMessage(t, v, readiness.IdentityUnproven, "the server offers no TLS")
		wantSoon(t, v, time.Second)
	})
	step(t, "an authority nobody trusts", func(t *testing.T) {
		other, err := pki.New(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		v := newDesk(t, set, func(spec *connectors.Spec) { spec.TLS.CA = other.CertPEM() }).sweep(t)
		v.want(t, readiness.Unknown, readiness.IdentityUnproven, readiness.VisBoth)
		wantMessage(t, v, readiness.IdentityUnproven, "no login was tried")
		wantSoon(t, v, time.Second)
	})
	step(t, "a name the certificate does not have", func(t *testing.T) {
		v := newDesk(t, set, func(spec *connectors.Spec) { spec.TLS.ServerName = "db-a.example.net" }).sweep(t)
		v.want(t, readiness.Unknown, readiness.IdentityUnproven)
	})
	step(t, "clear text to a server that wants none", func(t *testing.T) {
		v := newDesk(t, set, func(spec *connectors.Spec) { spec.TLS = connectors.TLS{Mode: connectors.Disable} }).sweep(t)
		v.want(t, readiness.Unknown, readiness.VisBoth)
		wantSoon(t, v, probeLimit+time.Second)
	})
	step(t, "a wrong password", func(t *testing.T) {
		v := newDesk(t, set, func(spec *connectors.Spec) {
			spec.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) {
				return connectors.Credential{Username: mongoset.UserMonitor, Password: "not-the-password"}, nil
			}
		}).sweep(t)
		v.want(t, readiness.Unknown, readiness.VisAuth)
		v.without(t, readiness.VisPrimary, readiness.WriterUnproven)
		if got := v.text(t, "catalog-a", roleID); got != "primary" {
			t.Errorf("the role by hello is %q", got)
		}
		wantSoon(t, v, probeLimit)
	})
	step(t, "an unknown user", func(t *testing.T) {
		v := newDesk(t, set, func(spec *connectors.Spec) {
			spec.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) {
				return connectors.Credential{Username: "nobody", Password: "whatever"}, nil
			}
		}).sweep(t)
		v.want(t, readiness.Unknown, readiness.VisAuth)
	})
	step(t, "a credential that cannot be resolved", func(t *testing.T) {
		v := newDesk(t, set, func(spec *connectors.Spec) {
			spec.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) {
				return connectors.Credential{}, errors.New("variable X is not set")
			}
		}).sweep(t)
		v.want(t, readiness.Unknown, readiness.SecretUnresolved)
	})
	step(t, "a role that may log in and nothing else", func(t *testing.T) {
		v := newDesk(t, set, func(spec *connectors.Spec) { spec.Credential = labCredential(set, mongoset.UserLimited) }).sweep(t)
		v.want(t, readiness.Unknown, readiness.InsufficientPrivilege)
		if text := v.String(); !strings.Contains(text, "grant role clusterMonitor on admin") || !strings.Contains(text, "grant role read on local") {
			t.Errorf("the roles that are missing are not named:\n%s", v)
		}
	})
	step(t, "split brain behind a wrong password", func(t *testing.T) {
		if err := set.Break("split-brain"); err != nil {
			t.Fatal(err)
		}
		v := newDesk(t, set, func(spec *connectors.Spec) {
			spec.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) {
				return connectors.Credential{Username: mongoset.UserMonitor, Password: "not-the-password"}, nil
			}
		}).sweep(t)
		v.want(t, readiness.Red, readiness.TwoWriters, readiness.VisAuth)
		if err := set.Repair("split-brain"); err != nil {
			t.Fatal(err)
		}
	})
	step(t, "a member that hangs in the middle", func(t *testing.T) {
		d := newDesk(t, set, func(spec *connectors.Spec) { spec.KeepOpen = true })
		d.sweep(t).wantGreen(t)
		if err := set.Hang("catalog-b"); err != nil {
			t.Fatal(err)
		}
		v := d.sweep(t)
		v.want(t, readiness.Yellow, readiness.StandbyPathLost)
		wantSoon(t, v, probeLimit+time.Second)
		if err := set.Resume("catalog-b"); err != nil {
			t.Fatal(err)
		}
		newDesk(t, set).sweep(t).wantGreen(t)
	})
	step(t, "a kept connection is lost on the way", func(t *testing.T) {
		d := newDesk(t, set, func(spec *connectors.Spec) { spec.KeepOpen = true })
		d.sweep(t).wantGreen(t)
		for _, n := range set.Nodes() {
			if err := errors.Join(set.Stop(n.Name), set.Resume(n.Name)); err != nil {
				t.Fatal(err)
			}
		}
		set.Settle()
		newDesk(t, set).sweep(t).without(t, readiness.VisDR, readiness.VisPrimary, readiness.VisBoth)
		d.sweep(t).without(t, readiness.VisDR, readiness.VisPrimary, readiness.VisBoth)
	})
	step(t, "a check that is interrupted", func(t *testing.T) {
		d := newDesk(t, set, elsewhere(quiet))
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		c, err := (Factory{}).Open(d.spec)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := c.Collect(ctx); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("an interrupted check took %s", took)
		}
	})
}

// Nothing of the driver is left after Close, whatever the servers do, and Close
// does not wait for them.
func TestNothingIsLeftBehind(t *testing.T) {
	set := startSet(t, mongoset.Options{})
	for _, hang := range []bool{false, true} {
		d := newDesk(t, set)
		d.spec.KeepOpen = true
		c, err := (Factory{}).Open(d.spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if hang {
			for _, n := range set.Nodes() {
				if err := set.Hang(n.Name); err != nil {
					t.Fatal(err)
				}
			}
		}
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("Close took %s with servers that hang: %v", took, hang)
		}
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			if !strings.Contains(string(stacks), "mongo-driver@") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("goroutines of the driver are left:\n%s", stacks)
			}
		}
	}
}

// The driver's own log goes nowhere, whatever variables ask for.
func TestEnvironmentChangesNothing(t *testing.T) {
	set := startSet(t, mongoset.Options{})
	log := t.TempDir() + "/driver.log"
	t.Setenv("MONGODB_LOG_ALL", "debug")
	t.Setenv("MONGODB_LOG_PATH", log)
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("ALL_PROXY", "socks5://127.0.0.1:1")
	newDesk(t, set).sweep(t).wantGreen(t)
	if exists(log) {
		t.Error("the driver wrote a log")
	}
}

func wantMessage(t *testing.T, v verdict, code readiness.Code, part string) {
	t.Helper()
	if got := v.message(t, code); !strings.Contains(got, part) {
		t.Errorf("%s says %q, want %q in it", code, got, part)
	}
}

func wantSoon(t *testing.T, v verdict, limit time.Duration) {
	t.Helper()
	if v.took > limit {
		t.Errorf("the sweep took %s, want less than %s", v.took, limit)
	}
}

package postgres

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestAccess is about servers that answer something else than what was asked.
func TestAccess(t *testing.T) {
	t.Parallel()
	lab := pgpairtest.Start(t, pgpair.Options{WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers})

	step(t, "privileges mask the views", func(t *testing.T) {
		during(t, lab, "drop-privilege", func() {
			masked(t, lab, pgpair.RoleMonitor)
			v := newDesk(t, lab).sweep(t)
			v.want(t, readiness.Unknown, readiness.InsufficientPrivilege)
			v.without(t, readiness.StandbyAbsent, readiness.ReceiverDown, readiness.Conflict, readiness.SlotMissing)
			v.reason(t, readiness.InsufficientPrivilege, pgpair.Primary)
			v.reason(t, readiness.InsufficientPrivilege, pgpair.Standby)
		})
	})

	step(t, "a role that may log in and nothing else", func(t *testing.T) {
		masked(t, lab, pgpair.RoleLimited)
		v := newDesk(t, lab, func(s *connectors.Spec) {
			s.Credential = labCredential(lab, pgpair.RoleLimited)
			s.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second}
		}).sweep(t)
		v.want(t, readiness.Unknown, readiness.InsufficientPrivilege, readiness.LineageUnproven, readiness.HeartbeatMissing)
		v.without(t, readiness.VisAuth, readiness.VisPrimary, readiness.VisDR)
		if role := v.text(t, pgpair.Primary, roleID); role != "primary" {
			t.Errorf("the role of the primary is %q", role)
		}
	})

	step(t, "another cluster than declared", func(t *testing.T) {
		v := newDesk(t, lab, func(s *connectors.Spec) { s.Identity = map[string]string{"systemIdentifier": "7000000000000000000"} }).sweep(t)
		v.want(t, readiness.Red, readiness.IdentityMismatch)
		v.without(t, readiness.NoPrimary, readiness.NoStandbyAtDR)
		if r := v.reason(t, readiness.IdentityMismatch, pgpair.Primary); !strings.Contains(r.Message, lab.SystemIdentifier()) || !strings.Contains(r.Message, "7000000000000000000") {
			t.Errorf("the message names not both: %s", r.Message)
		}
	})

	step(t, "another cluster does not get the heartbeat", func(t *testing.T) {
		const seq = `SELECT seq FROM bcctl.heartbeat`
		before := ask[int64](t, lab, pgpair.Primary, seq)
		newDesk(t, lab, func(s *connectors.Spec) {
			s.Identity = map[string]string{"systemIdentifier": "7000000000000000000"}
			s.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second, Write: true}
		}).sweep(t)
		if after := ask[int64](t, lab, pgpair.Primary, seq); after != before {
			t.Errorf("the heartbeat of a foreign cluster went from %d to %d", before, after)
		}
	})

	step(t, "a wrong password", func(t *testing.T) {
		d := newDesk(t, lab, func(s *connectors.Spec) {
			s.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) {
				return connectors.Credential{Username: pgpair.RoleMonitor, Password: "wrong-password-canary"}, nil
			}
		})
		d.secrets = append(d.secrets, "wrong-password-canary")
		v := d.sweep(t)
		v.want(t, readiness.Unknown, readiness.VisAuth, readiness.VisPrimary, readiness.VisDR)
		v.without(t, readiness.PrimaryUnreachable, readiness.StandbyAbsent)
	})

	step(t, "one side speaks no TLS", func(t *testing.T) {
		for node, code := range map[string]readiness.Code{pgpair.Primary: readiness.VisPrimary, pgpair.Standby: readiness.VisDR} {
			d := newDesk(t, lab)
			exec(t, lab, node, reloadAfter(`ALTER SYSTEM SET ssl = off`)...)
			v := d.await(t, "the server to refuse", waitForServers, func(v verdict) bool { return v.has(code) })
			v.want(t, readiness.Unknown, code, readiness.IdentityUnproven)
			v.without(t, readiness.StandbyPathLost, readiness.PrimaryPathLost, readiness.PrimaryUnreachable)
			exec(t, lab, node, reloadAfter(`ALTER SYSTEM RESET ssl`)...)
			d.awaitGreen(t)
		}
	})

	step(t, "a credential that cannot be resolved", func(t *testing.T) {
		v := newDesk(t, lab, func(s *connectors.Spec) {
			s.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) {
				return connectors.Credential{}, errors.New("environment variable LEDGER_MONITOR is not set")
			}
		}).sweep(t)
		v.want(t, readiness.Unknown, readiness.SecretUnresolved)
	})

	step(t, "an authority nobody trusts", func(t *testing.T) {
		v := newDesk(t, lab, func(s *connectors.Spec) { s.TLS.CA = strangeCA(t) }).sweep(t)
		v.want(t, readiness.Unknown, readiness.IdentityUnproven, readiness.VisPrimary, readiness.VisDR)
		v.without(t, readiness.PrimaryUnreachable)
		chain := newDesk(t, lab, func(s *connectors.Spec) { s.TLS.CA, s.TLS.Mode = strangeCA(t), connectors.VerifyCA }).sweep(t)
		chain.want(t, readiness.Unknown, readiness.IdentityUnproven)
	})

	step(t, "a name the certificate does not have", func(t *testing.T) {
		wrong := func(s *connectors.Spec) { s.TLS.ServerName = "db-a.example.net" }
		v := newDesk(t, lab, wrong).sweep(t)
		v.want(t, readiness.Unknown, readiness.IdentityUnproven)
		// The chain alone is right.
		newDesk(t, lab, wrong, func(s *connectors.Spec) { s.TLS.Mode = connectors.VerifyCA }).sweep(t).wantGreen(t)
	})

	step(t, "clear text to a server that wants none", func(t *testing.T) {
		v := newDesk(t, lab, func(s *connectors.Spec) { s.TLS = connectors.TLS{Mode: connectors.Disable} }).sweep(t)
		v.want(t, readiness.Unknown, readiness.VisAuth) // refused by pg_hba.conf
	})

	step(t, "a port nobody listens on", func(t *testing.T) {
		v := newDesk(t, lab, func(s *connectors.Spec) {
			s.Endpoints[0].Address, s.Endpoints[1].Address = refusedAddress(t), refusedAddress(t)
		}).sweep(t)
		v.want(t, readiness.Unknown, readiness.VisBoth, readiness.VisPrimary, readiness.VisDR)
		if v.took > time.Second {
			t.Errorf("a refused connection took %s", v.took)
		}
	})

	step(t, "a listener that never answers", func(t *testing.T) {
		silent := forward(t, refusedAddress(t))
		silent.swallow()
		d := newDesk(t, lab, func(s *connectors.Spec) { s.Endpoints[1].Address = silent.address() })
		v := d.sweep(t)
		v.want(t, readiness.Yellow, readiness.StandbyPathLost)
		costsItsOwnDeadline(t, v, pgpair.Standby, pgpair.Primary)
		if r := v.reason(t, readiness.StandbyPathLost, ""); !strings.Contains(r.Message, "accepted the connection but did not answer") {
			t.Errorf("the message does not tell a hung host from an absent one: %s", r.Message)
		}
	})

	step(t, "a database that does not exist", func(t *testing.T) {
		v := newDesk(t, lab, func(s *connectors.Spec) { s.Database = "no_such_database" }).sweep(t)
		v.want(t, readiness.Unknown, readiness.VisPrimary, readiness.VisDR)
		v.without(t, readiness.PrimaryUnreachable, readiness.VisAuth)
	})

	step(t, "no login left", func(t *testing.T) {
		exec(t, lab, pgpair.Primary, `ALTER ROLE bcctl_monitor CONNECTION LIMIT 0`)
		v := newDesk(t, lab).await(t, "both to be full", waitForServers, func(v verdict) bool { return v.has(readiness.VisPrimary) && v.has(readiness.VisDR) })
		v.want(t, readiness.Unknown, readiness.VisPrimary, readiness.VisDR)
		v.without(t, readiness.PrimaryUnreachable, readiness.StandbyAbsent)
		exec(t, lab, pgpair.Primary, `ALTER ROLE bcctl_monitor CONNECTION LIMIT -1`)
		newDesk(t, lab).awaitGreen(t)
	})

	step(t, "a server that is not open for reading", func(t *testing.T) {
		exec(t, lab, pgpair.Standby, `ALTER SYSTEM SET hot_standby = off`)
		restart(t, lab, pgpair.Standby)
		v := newDesk(t, lab).await(t, "the standby to follow again", waitForServers, func(v verdict) bool { return !v.has(readiness.WriterUnproven) })
		v.want(t, readiness.Unknown, readiness.NodeStarting, readiness.VisDR)
		v.without(t, readiness.StandbyAbsent, readiness.StandbyPathLost)
		openForReading(t, lab, pgpair.Standby)
	})
}

// masked asserts that the views show a role NULLs instead of refusing it.
func masked(t *testing.T, lab *pgpair.Lab, role string) {
	t.Helper()
	for node, query := range map[string]string{
		pgpair.Primary: `SELECT pid IS NOT NULL AND state IS NULL AND flush_lsn IS NULL FROM pg_stat_replication`,
		pgpair.Standby: `SELECT pid IS NOT NULL AND status IS NULL FROM pg_stat_wal_receiver`,
	} {
		conn, err := lab.ConnectAs(t.Context(), node, role)
		if err != nil {
			t.Fatal(err)
		}
		var hidden bool
		err = conn.QueryRow(t.Context(), query).Scan(&hidden)
		_ = conn.Close(t.Context()) // only read
		if err != nil || !hidden {
			t.Errorf("the view of %s is masked for %s: %t, %v", node, role, hidden, err)
		}
	}
}

// strangeCA is a certificate authority that signed nothing.
func strangeCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// openForReading takes back a setting of a server that runs no statement.
func openForReading(t *testing.T, lab *pgpair.Lab, node string) {
	t.Helper()
	if err := lab.StopNode(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	n, err := lab.Node(node)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(n.DataDir, "postgresql.auto.conf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "hot_standby ") {
			kept = append(kept, line)
		}
	}
	if err := os.WriteFile(path, []byte(strings.Join(kept, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lab.StartNode(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	newDesk(t, lab).awaitGreen(t)
}

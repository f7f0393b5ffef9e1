package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pki"
)

func TestCertificates(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ca, err := pki.New(now)
	if err != nil {
		t.Fatal(err)
	}
	certPEM, keyPEM, err := ca.Issue("ledger-a", now)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM) // fails unless the key fits
	if err != nil {
		t.Fatal(err)
	}
	other, err := pki.New(now)
	if err != nil {
		t.Fatal(err)
	}
	pool := func(ca pki.Authority) *x509.CertPool {
		p := x509.NewCertPool()
		if !p.AppendCertsFromPEM(ca.CertPEM()) {
			t.Fatal("the CA's certificate cannot be read")
		}
		return p
	}
	for name, tt := range map[string]struct {
		host  string
		roots *x509.CertPool
		at    time.Time
		valid bool
	}{
		"the address":      {"127.0.0.1", pool(ca), now, true},
		"the name":         {"localhost", pool(ca), now, true},
		"half a year on":   {"127.0.0.1", pool(ca), now.AddDate(0, 6, 0), true},
		"too late":         {"127.0.0.1", pool(ca), now.AddDate(1, 0, 1), false},
		"another host":     {"db.example.org", pool(ca), now, false},
		"another address":  {"127.0.0.2", pool(ca), now, false},
		"a CA of the same": {"127.0.0.1", pool(other), now, false},
	} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: tt.host, Roots: tt.roots, CurrentTime: tt.at})
		if (err == nil) != tt.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if pair.Leaf.IsCA {
		t.Error("a server may sign certificates")
	}
}

package endpoint_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"db-a.example.net:5433": "db-a.example.net:5433",
		"db-a.example.net":      "db-a.example.net:27017",
		"10.0.0.7":              "10.0.0.7:27017",
		"[2001:db8::1]:5433":    "[2001:db8::1]:5433",
		"[2001:db8::1]":         "[2001:db8::1]:27017",
		"2001:db8::1":           "[2001:db8::1]:27017",
	} {
		if got, err := endpoint.Parse(text, 27017); err != nil || got.String() != want {
			t.Errorf("Parse(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "db-a:", "db-a:port", "db-a:0", "db-a:70000", ":5432"} {
		if got, err := endpoint.Parse(text, 1); err == nil {
			t.Errorf("Parse(%q) = %s, want an error", text, got)
		}
	}
}

func TestNoClearTextButOnLoopback(t *testing.T) {
	t.Parallel()
	for host, refused := range map[string]bool{"127.0.0.1": false, "::1": false, "localhost": false, "db-a": true, "10.0.0.7": true} {
		config, err := endpoint.TLSConfig(connectors.TLS{Mode: connectors.Disable}, endpoint.Address{Host: host, Port: 1})
		if (err != nil) != refused || config != nil {
			t.Errorf("clear text to %s: %v, %v", host, config, err)
		}
	}
}

// No mode accepts whatever certificate comes.
func TestEveryModeVerifies(t *testing.T) {
	t.Parallel()
	addr := endpoint.Address{Host: "db-a", Port: 1}
	for _, mode := range []connectors.TLSMode{"", connectors.VerifyFull, "unheard-of"} {
		config, err := endpoint.TLSConfig(connectors.TLS{Mode: mode}, addr)
		if err != nil || config.InsecureSkipVerify || config.ServerName != "db-a" {
			t.Errorf("mode %q: %+v, %v", mode, config, err)
		}
	}
	config, err := endpoint.TLSConfig(connectors.TLS{Mode: connectors.VerifyCA}, addr)
	if err != nil || config.VerifyConnection == nil {
		t.Errorf("verify-ca has no check of its own: %+v, %v", config, err)
	}
	if _, err := endpoint.TLSConfig(connectors.TLS{CA: []byte("no certificate")}, addr); err == nil {
		t.Error("a CA file without a certificate is accepted")
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err      error
		accepted bool
		want     endpoint.Failure
	}{
		"refused":     {fmt.Errorf("dial: %w", syscall.ECONNREFUSED), false, endpoint.Failure{Message: "connection refused"}},
		"no answer":   {context.DeadlineExceeded, false, endpoint.Failure{Message: "no answer within 2s"}},
		"hung":        {os.ErrDeadlineExceeded, true, endpoint.Failure{Message: "accepted the connection but did not answer within 2s"}},
		"cut":         {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true, endpoint.Failure{Message: "the connection was closed before an answer came"}},
		"interrupted": {fmt.Errorf("x: %w", context.Canceled), true, endpoint.Failure{Code: readiness.VisCollector, Message: "the check was interrupted before the node answered"}},
		"certificate": {fmt.Errorf("x: %w", x509.UnknownAuthorityError{}), true,
			endpoint.Failure{Code: readiness.IdentityUnproven, Message: "certificate not accepted, so no login was tried: x509: certificate signed by unknown authority", Alive: true}},
		"anything": {fmt.Errorf("user=me host=h: %w", errors.New("no route")), false, endpoint.Failure{Message: "no route"}},
	} {
		if got := endpoint.Classify(tt.err, tt.accepted, 2*time.Second); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestSI5RedactLeavesNoSecret(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text    string
		secrets []string
		want    string
	}{
		{"login of me:hunter22 failed", []string{"hunter22"}, "login of me:*** failed"},
		{"abc", []string{"b"}, "(the message may hold the password)"},
		{"nothing here", []string{"", "hunter22"}, "nothing here"},
		{"one-secret two-secret", []string{"one-secret", "two-secret"}, "*** ***"},
	} {
		if got := endpoint.Redact(tt.text, tt.secrets...); got != tt.want {
			t.Errorf("Redact(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

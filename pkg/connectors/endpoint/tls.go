package endpoint

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// TLSConfig returns how to secure a connection to addr, nil for clear text. It
// never returns a configuration that accepts any certificate; clear text is
// refused for everything but loopback addresses.
func TLSConfig(t connectors.TLS, addr Address) (*tls.Config, error) {
	if t.Mode == connectors.Disable {
		if !addr.Loopback() {
			return nil, fmt.Errorf("clear text is refused for %q; use verify-full", addr.Host)
		}
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if config.ServerName == "" {
		config.ServerName = addr.Host
	}
	if len(t.CA) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(t.CA) {
			return nil, errors.New("the CA file holds no PEM certificate")
		}
	}
	if t.Mode == connectors.VerifyCA {
		config.InsecureSkipVerify = true // the chain is verified below, only the name is not
		config.VerifyConnection = verifyChain(config.RootCAs)
	}
	return config, nil
}

func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, cert := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(options)
		return err
	}
}

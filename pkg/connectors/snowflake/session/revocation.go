package session

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

// Revocation asks whether certificates were revoked. Unlike the driver's own
// check it keeps what it learnt in memory only, and an answer that does not come
// is not taken for a good one. Its zero value is ready to use.
type Revocation struct {
	mu   sync.Mutex
	good map[string]time.Time // until when, by issuer and serial number
}

// RevocationError says that a certificate was revoked, or that nobody said that
// it was not.
type RevocationError struct{ what string }

func (e *RevocationError) Error() string { return e.what + ", so no login was tried" }

// Bounds of one question.
const (
	responderTimeout = 3 * time.Second
	maxAnswer        = 64 << 10
	goodFor          = 24 * time.Hour // at most, whatever the answer says
)

// Strict returns a configuration that accepts only connections all of whose
// certificates but the root are said to be good: by what the server sends along,
// or by the responder that the certificate names.
func (r *Revocation) Strict(config *tls.Config) *tls.Config {
	if config == nil {
		return nil
	}
	strict, before := config.Clone(), config.VerifyConnection
	strict.VerifyConnection = func(state tls.ConnectionState) error {
		if before != nil {
			if err := before(state); err != nil {
				return err
			}
		}
		chain := state.PeerCertificates
		if len(state.VerifiedChains) > 0 {
			chain = state.VerifiedChains[0]
		}
		return r.check(chain, state.OCSPResponse)
	}
	return strict
}

func (r *Revocation) check(chain []*x509.Certificate, stapled []byte) error {
	if len(chain) < 2 {
		return &RevocationError{"the server sends no issuer of its certificate, so whether that was revoked cannot be asked"}
	}
	for i, cert := range chain[:len(chain)-1] {
		if i > 0 {
			stapled = nil
		}
		if err := r.one(cert, chain[i+1], stapled); err != nil {
			return err
		}
	}
	return nil
}

func (r *Revocation) one(cert, issuer *x509.Certificate, stapled []byte) error {
	key := string(issuer.RawSubject) + cert.SerialNumber.String()
	r.mu.Lock()
	until := r.good[key]
	r.mu.Unlock()
	if time.Now().Before(until) {
		return nil
	}
	if len(stapled) > 0 {
		answer, err := ocsp.ParseResponseForCert(stapled, cert, issuer)
		if err == nil && fresh(answer) {
			return r.conclude(key, cert, answer)
		}
	}
	why := errors.New("its certificate names no responder")
	for _, url := range cert.OCSPServer {
		answer, err := ask(url, cert, issuer)
		if err != nil {
			why = err
			continue
		}
		return r.conclude(key, cert, answer)
	}
	return &RevocationError{fmt.Sprintf("whether certificate %q was revoked could not be learnt: %v", cert.Subject.CommonName, why)}
}

func (r *Revocation) conclude(key string, cert *x509.Certificate, answer *ocsp.Response) error {
	switch answer.Status {
	case ocsp.Good:
		until := time.Now().Add(goodFor)
		if !answer.NextUpdate.IsZero() && answer.NextUpdate.Before(until) {
			until = answer.NextUpdate
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.good == nil {
			r.good = map[string]time.Time{}
		}
		r.good[key] = until
		return nil
	case ocsp.Revoked:
		return &RevocationError{fmt.Sprintf("certificate %q was revoked at %s", cert.Subject.CommonName, answer.RevokedAt.UTC().Format(time.RFC3339))}
	default:
		return &RevocationError{fmt.Sprintf("the issuer does not know certificate %q", cert.Subject.CommonName)}
	}
}

func fresh(answer *ocsp.Response) bool {
	now := time.Now()
	return !answer.ThisUpdate.After(now.Add(time.Minute)) && (answer.NextUpdate.IsZero() || answer.NextUpdate.After(now))
}

// ask sends one question to a responder. It is clear text by design: the answer
// is signed by the issuer.
func ask(url string, cert, issuer *x509.Certificate) (*ocsp.Response, error) {
	question, err := ocsp.CreateRequest(cert, issuer, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the responder: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), responderTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(question))
	if err != nil {
		return nil, errors.New("its responder has no usable address")
	}
	request.Header.Set("Content-Type", "application/ocsp-request")
	transport := &http.Transport{DialContext: (&endpoint.Dialer{}).DialContext, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the responder: %s", endpoint.RootCause(err))
	}
	defer func() { _ = response.Body.Close() }() // what was read is what counts
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the responder's answer: %s", endpoint.RootCause(err))
	}
	answer, err := ocsp.ParseResponseForCert(data, cert, issuer)
	switch {
	case err != nil:
		return nil, errors.New("the responder's answer cannot be read")
	case !fresh(answer):
		return nil, errors.New("the responder's answer has expired")
	default:
		return answer, nil
	}
}

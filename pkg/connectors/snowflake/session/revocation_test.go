package session

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// issuer signs a server's certificate and says what became of it.
type issuer struct {
	ca     *x509.Certificate
	key    crypto.Signer
	status atomic.Int32
	age    time.Duration
	asked  atomic.Int32
}

func (i *issuer) answer(t *testing.T, cert *x509.Certificate) []byte {
	t.Helper()
	data, err := ocsp.CreateResponse(i.ca, i.ca, ocsp.Response{Status: int(i.status.Load()), SerialNumber: cert.SerialNumber,
		ThisUpdate: time.Now().Add(-time.Hour - i.age), NextUpdate: time.Now().Add(time.Hour - i.age), RevokedAt: time.Now().Add(-time.Minute)}, i.key)
	if err != nil {
		t.Error(err)
	}
	return data
}

// serve starts a server whose certificate names a responder, and returns how to
// connect to it.
func (i *issuer) serve(t *testing.T, stapled bool, responder bool) (string, *tls.Config) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	i.ca, i.key = certify(t, template, template, key, key), key
	leafKey := newKey(t)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "account"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature}
	var cert *x509.Certificate
	if responder {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			i.asked.Add(1)
			_, _ = w.Write(i.answer(t, cert))
		}))
		t.Cleanup(server.Close)
		leaf.OCSPServer = []string{server.URL}
	}
	cert = certify(t, leaf, i.ca, leafKey, key)
	pair := tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: leafKey}
	if stapled {
		pair.OCSPStaple = i.answer(t, cert)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(i.ca)
	return server.URL, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certify(t *testing.T, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestRevocation: strict accepts what is said to be good, and nothing else:
// silence is not good.
func TestRevocation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status             int
		stapled, responder bool
		age                time.Duration
		accepted           bool
		questions          int32
	}{
		"good, by the responder":      {ocsp.Good, false, true, 0, true, 1},
		"good, by what is sent along": {ocsp.Good, true, false, 0, true, 0},
		"revoked, by the responder":   {ocsp.Revoked, false, true, 0, false, 1},
		"revoked, by what is sent":    {ocsp.Revoked, true, true, 0, false, 0},
		"not known to the issuer":     {ocsp.Unknown, false, true, 0, false, 1},
		"no responder":                {ocsp.Good, false, false, 0, false, 0},
		"an answer that has expired":  {ocsp.Good, false, true, 3 * time.Hour, false, 1},
		"a sent one that has expired": {ocsp.Good, true, false, 3 * time.Hour, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := &issuer{age: tt.age}
			i.status.Store(int32(tt.status))
			url, config := i.serve(t, tt.stapled, tt.responder)
			var revocation Revocation
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: revocation.Strict(config), DisableKeepAlives: true}}
			for range 2 { // a good answer is remembered
				response, err := client.Get(url)
				if err == nil {
					_ = response.Body.Close()
				}
				var why *RevocationError
				if (err == nil) != tt.accepted || err != nil && !errors.As(err, &why) {
					t.Fatalf("accepted %v: %v", err == nil, err)
				}
				if err != nil {
					break
				}
			}
			if n := i.asked.Load(); n != tt.questions {
				t.Errorf("the responder was asked %d times", n)
			}
		})
	}
	if (&Revocation{}).Strict(nil) != nil {
		t.Error("clear text became something else")
	}
}

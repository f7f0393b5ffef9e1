package connectortest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// written are the forms in which a secret would be found in a text: as it is, in
// JSON, in a URL, encoded, and of a key in PEM form each line that is only its own.
func written(secret string) []string {
	if secret == "" {
		return nil
	}
	if strings.Contains(secret, "\n") {
		var forms []string
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= 32 && !strings.HasPrefix(line, "-----") {
				forms = append(forms, line)
			}
		}
		return forms
	}
	forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	if quoted, err := json.Marshal(secret); err == nil {
		forms = append(forms, strings.Trim(string(quoted), `"`))
	}
	if len(secret) >= 8 {
		forms = append(forms, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret)))
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// wrongLogin replaces the secrets of a spec's credential with others of the same
// kind and returns them.
func wrongLogin(t testing.TB, spec *connectors.Spec) []string {
	t.Helper()
	right, err := spec.Credential(t.Context(), connectors.Monitor)
	if err != nil {
		t.Fatalf("the subject's credential: %v", err)
	}
	wrong := right
	if right.Password != "" {
		wrong.Password = "wrong-" + rand.Text()
	}
	if right.PrivateKey != "" {
		wrong.PrivateKey = newKey(t, right.PrivateKey)
	}
	spec.Credential = Given(wrong)
	var secrets []string
	for _, secret := range []string{wrong.Password, wrong.PrivateKey} {
		if secret != "" {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

// newKey makes a key of the kind of another one.
func newKey(t testing.TB, like string) string {
	t.Helper()
	var key any
	block, _ := pem.Decode([]byte(like))
	if block == nil {
		t.Fatal("the subject's private key is not in PEM form")
	}
	old, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if _, isEC := old.(*ecdsa.PrivateKey); err == nil && isEC {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

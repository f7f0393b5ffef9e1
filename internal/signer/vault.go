package signer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
)

// Vault is a key of type ed25519 in the transit engine of HashiCorp Vault. The token
// needs read on MOUNT/keys/NAME and update on MOUNT/sign/NAME.
type Vault struct {
	Address   string // https://vault.example.net:8200; http for loopback alone
	Mount     string // of the engine: transit
	Key       string // its name
	Version   int64  // of the key; 0 is the newest
	Namespace string // empty for none
	Token     string
	CA        []byte // PEM of authorities; nil: those of the system
	Timeout   time.Duration
}

// ErrNoAnswer says that Vault did not answer, or not with what was asked for.
var ErrNoAnswer = errors.New("vault did not answer")

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)
	pathForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}(/[A-Za-z0-9_.-]{1,128})*$`)
)

// Signer reads the public key and returns a signer with that version of it. A key
// that is rotated in Vault afterwards goes on signing with this one.
func (v Vault) Signer(ctx context.Context) (audit.Signer, error) {
	client, err := v.client()
	if err != nil {
		return nil, err
	}
	var is struct {
		Data struct {
			Type   string `json:"type"`
			Latest int64  `json:"latest_version"`
			Keys   map[string]struct {
				Public string `json:"public_key"`
			} `json:"keys"`
		} `json:"data"`
	}
	if err := v.call(ctx, client, http.MethodGet, "keys", nil, &is); err != nil {
		return nil, err
	}
	if is.Data.Type != "ed25519" {
		return nil, fmt.Errorf("key %q of vault is of type %q; the log takes ed25519", v.Key, is.Data.Type)
	}
	if v.Version == 0 {
		v.Version = is.Data.Latest
	}
	raw, err := base64.StdEncoding.DecodeString(is.Data.Keys[strconv.FormatInt(v.Version, 10)].Public)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("key %q of vault has no version %d with an Ed25519 public key", v.Key, v.Version)
	}
	public, err := publicKey(raw)
	if err != nil {
		return nil, err
	}
	return audit.Elsewhere(audit.BackendVault, public, func(ctx context.Context, message []byte) ([]byte, error) {
		return v.sign(ctx, client, message)
	})
}

// publicKey is the key of a trust document, from its 32 bytes.
func publicKey(raw []byte) (audit.Key, error) {
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(raw))
	if err != nil {
		return audit.Key{}, err
	}
	return audit.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (v Vault) sign(ctx context.Context, client *http.Client, message []byte) ([]byte, error) {
	var is struct {
		Data struct {
			Signature string `json:"signature"`
		} `json:"data"`
	}
	ask := map[string]any{"input": base64.StdEncoding.EncodeToString(message), "key_version": v.Version}
	if err := v.call(ctx, client, http.MethodPost, "sign", ask, &is); err != nil {
		return nil, err
	}
	text, found := strings.CutPrefix(is.Data.Signature, fmt.Sprintf("vault:v%d:", v.Version))
	sig, err := base64.StdEncoding.DecodeString(text)
	if !found || err != nil {
		return nil, fmt.Errorf("%w with a signature by version %d of key %q", ErrNoAnswer, v.Version, v.Key)
	}
	return sig, nil
}

// client checks what was given and makes the connection's settings.
func (v Vault) client() (*http.Client, error) {
	u, err := url.Parse(v.Address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the address of vault is no URL such as https://vault.example.net:8200") // not repeated: it may hold a password
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, fmt.Errorf("the address of vault, %s, is not https", u.Host)
	case !nameForm.MatchString(v.Key):
		return nil, fmt.Errorf("%q is no name of a key in vault", v.Key)
	case !pathForm.MatchString(v.Mount):
		return nil, fmt.Errorf("%q is no path of an engine in vault", v.Mount)
	case v.Token == "":
		return nil, errors.New("the token of vault is empty")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if v.CA != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(v.CA) {
			return nil, errors.New("the authorities given for vault are no certificates in PEM form")
		}
	}
	timeout := v.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token goes nowhere else
		Timeout:       timeout,
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// maxAnswer is far above what Vault answers here.
const maxAnswer = 1 << 20

// call asks one thing of the key. Nothing of an answer that is not the one expected
// is repeated.
func (v Vault) call(ctx context.Context, client *http.Client, method, what string, ask, into any) error {
	var body io.Reader
	if ask != nil {
		text, err := json.Marshal(ask)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	path := v.Mount + "/" + what + "/" + v.Key
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(v.Address, "/")+"/v1/"+path, body)
	if err != nil {
		return errors.New("the address of vault cannot be used")
	}
	req.Header.Set("X-Vault-Token", v.Token)
	req.Header.Set("X-Vault-Request", "true")
	if v.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", v.Namespace)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the address
		}
		return fmt.Errorf("%w: %s: %w", ErrNoAnswer, path, err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusForbidden:
		return fmt.Errorf("vault refuses %s: the token does not allow it, or has expired", path)
	case http.StatusNotFound:
		return fmt.Errorf("vault has no %s", path)
	case http.StatusServiceUnavailable:
		return fmt.Errorf("%w: it is sealed or in maintenance", ErrNoAnswer)
	default:
		return fmt.Errorf("%w: %s: status %d", ErrNoAnswer, path, answer.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil || json.Unmarshal(text, into) != nil {
		return fmt.Errorf("%w with JSON to %s", ErrNoAnswer, path)
	}
	return nil
}

package forge

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// App signs in as an installation of a GitHub App: its private key signs a
// short-lived statement, for which GitHub gives a token that holds for an hour and is
// renewed before its end (API-07).
type App struct {
	id           int64
	installation int64
	repository   int64
	key          *rsa.PrivateKey

	mu      sync.Mutex // of what follows
	token   string
	expires time.Time
}

const (
	// renewBefore is how long before its end a token is renewed: more than the longest
	// request with all its attempts takes.
	renewBefore = 10 * time.Minute
	// statementAge is how long the App's statement holds; GitHub takes at most 10 min.
	statementAge = 9 * time.Minute
	// statementSkew is how far before now a statement begins: clocks differ.
	statementSkew = time.Minute
)

// NewApp prepares an App. Key is its private key in PEM form; repository, when not 0,
// restricts the token to one repository.
func NewApp(id, installation, repository int64, key string) (*App, error) {
	if id <= 0 || installation <= 0 {
		return nil, errors.New("a GitHub App needs github.app-id and github.installation-id")
	}
	block, _ := pem.Decode([]byte(key))
	if block == nil {
		return nil, errors.New("github.app-key holds no PEM block")
	}
	parsed, err := parseRSA(block)
	if err != nil {
		return nil, err
	}
	return &App{id: id, installation: installation, repository: repository, key: parsed}, nil
}

// parseRSA reads both forms in which GitHub's keys are kept. Errors do not repeat what
// could not be read.
func parseRSA(block *pem.Block) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("github.app-key is no private key in PKCS #1 or PKCS #8 form")
	}
	key, ok := any.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("github.app-key is no RSA key")
	}
	return key, nil
}

// statement is a JSON Web Token signed with RS256, the only form GitHub takes here.
func (a *App) statement(now time.Time) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	claims, err := json.Marshal(map[string]any{
		"iat": now.Add(-statementSkew).Unix(),
		"exp": now.Add(statementAge).Unix(),
		"iss": strconv.FormatInt(a.id, 10),
	})
	if err != nil {
		return "", err
	}
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, a.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign the App's statement: %w", err)
	}
	return text + "." + encode(signature), nil
}

// authorization implements Auth. The transport's lock is held.
func (a *App) authorization(ctx context.Context, t *transport, b *budget, stale bool) (string, error) {
	if header, ok := a.ready(t.opts.Now()); ok && !stale {
		return header, nil
	}
	if err := a.renew(ctx, t, b); err != nil {
		return "", fmt.Errorf("sign in as GitHub App %d: %w", a.id, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return "Bearer " + a.token, nil
}

// ready is the header with the token that there is, when it holds for long enough. It
// waits for no request.
func (a *App) ready(now time.Time) (header string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return "Bearer " + a.token, a.token != "" && now.Before(a.expires.Add(-renewBefore))
}

func (a *App) renew(ctx context.Context, t *transport, b *budget) error {
	statement, err := a.statement(t.opts.Now())
	if err != nil {
		return err
	}
	body := []byte("{}")
	if a.repository != 0 {
		body = fmt.Appendf(nil, `{"repository_ids":[%d]}`, a.repository)
	}
	// The answer holds the token: it is no evidence, and its hash is not kept.
	ctx = context.WithValue(ctx, answersKey{}, nil)
	target := t.base.JoinPath("app/installations", strconv.FormatInt(a.installation, 10), "access_tokens")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", t.opts.UserAgent)
	req.Header.Set("X-GitHub-Api-Version", apiVersion)
	// A token that was given and lost harms nobody, so this POST may be repeated.
	resp, err := t.send(req, body, "Bearer "+statement, true, b)
	if err != nil {
		return err
	}
	data, _ := io.ReadAll(resp.Body) // a bytes.Reader
	if resp.StatusCode != http.StatusCreated {
		return statusError(req, resp, data)
	}
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(data, &answer); err != nil || answer.Token == "" || answer.ExpiresAt.IsZero() {
		return errors.New("GitHub's answer holds no token with an end")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.token, a.expires = answer.Token, answer.ExpiresAt
	if !t.serverDate.IsZero() {
		// The end is by GitHub's clock, and compared with ours.
		a.expires = t.opts.Now().Add(answer.ExpiresAt.Sub(t.serverDate))
	}
	return nil
}

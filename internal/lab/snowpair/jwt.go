package snowpair

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// claims are those of a key pair login, as the documentation of key-pair
// authentication lists them.
type claims struct {
	Issuer    string  `json:"iss"`
	Subject   string  `json:"sub"`
	IssuedAt  float64 `json:"iat"`
	ExpiresAt float64 `json:"exp"`
	NotBefore float64 `json:"nbf"`
}

// Limits of a token's life, and how far a client's clock may be ahead.
const (
	maxTokenAge = time.Hour
	clockSlack  = time.Minute
)

// keyPairUser verifies a JWT against the public key of the user it names. It goes
// by the real clock, as the client who signed it did.
func (a *account) keyPairUser(token string, anyAccount bool, now time.Time) (*user, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("not a JWT")
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var c claims
	if err := segment(parts[0], &header); err != nil {
		return nil, err
	}
	if header.Algorithm != "RS256" {
		return nil, fmt.Errorf("algorithm %q is not RS256", header.Algorithm)
	}
	if err := segment(parts[1], &c); err != nil {
		return nil, err
	}
	accountName, name, ok := strings.Cut(c.Subject, ".")
	if !ok || !anyAccount && !a.identifiedAs(accountName) {
		return nil, errors.New("subject is not ACCOUNT.USER of this account")
	}
	u := a.users[name]
	if u == nil || u.key == nil {
		return nil, errors.New("no such user with a key")
	}
	if c.Issuer != c.Subject+"."+u.fingerprint {
		return nil, errors.New("issuer is not SUBJECT.FINGERPRINT of the user's key")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, errors.New("signature is not base64")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(u.key, crypto.SHA256, sum[:], signature); err != nil {
		return nil, errors.New("signature does not verify")
	}
	issued, expires := claimTime(c.IssuedAt), claimTime(c.ExpiresAt)
	switch {
	case c.IssuedAt == 0 || c.ExpiresAt == 0:
		return nil, errors.New("iat or exp is missing")
	case issued.After(now.Add(clockSlack)), claimTime(c.NotBefore).After(now.Add(clockSlack)):
		return nil, errors.New("issued in the future")
	case !now.Before(expires), now.Sub(issued) > maxTokenAge:
		return nil, errors.New("expired")
	}
	return u, nil
}

// claimTime reads seconds, as RFC 7519 says, and milliseconds, which Snowflake's own
// driver for Node.js sends.
func claimTime(n float64) time.Time {
	const year5138 = 1e11 // in seconds
	if n >= year5138 {
		n /= 1000
	}
	return time.Unix(int64(n), 0)
}

func segment(text string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return errors.New("not base64")
	}
	if err := json.Unmarshal(b, into); err != nil {
		return errors.New("not JSON")
	}
	return nil
}

// Package session logs in to a Snowflake account and reads rows by the names of
// their columns. It is the only package that imports the driver.
//
// It knows no failover group and decides nothing: every setting of a connection
// is given to it, and nothing is taken from the environment, from files or from
// a proxy that is configured there.
package session

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

// Login says how to get to an account.
type Login struct {
	Account string // ORG-ACCOUNT or a locator, as it is told to the server
	Address endpoint.Address
	TLS     *tls.Config // nil: clear text
	Role    string      // empty: the user's default
	Token   bool        // the password is a programmatic access token
	Timeout time.Duration
	Changes bool // it is for statements that change something
}

// Tag is what every statement is marked with in QUERY_HISTORY.
const Tag = "bcctl"

// parameters of every session. Cached results would be the reading of an earlier
// check; JSON is what the tests of this package know.
var parameters = map[string]string{
	"QUERY_TAG":                    Tag,
	"TIMEZONE":                     "UTC",
	"USE_CACHED_RESULT":            "false",
	"GO_QUERY_RESULT_FORMAT":       "JSON",
	"CLIENT_SESSION_KEEP_ALIVE":    "false",
	"ABORT_DETACHED_QUERY":         "true",
	"STATEMENT_TIMEOUT_IN_SECONDS": "60",
}

// Open logs in. Accepted reports whether the host took a TCP connection. The
// error contains no secret.
func Open(ctx context.Context, l Login, cred connectors.Credential) (s *Session, accepted bool, err error) {
	wire := newWire(l.TLS, l.Timeout)
	config, err := l.config(cred, wire)
	if err != nil {
		return nil, false, err
	}
	wire.until(ctx)
	conn, err := gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, config).Connect(ctx)
	if err != nil {
		wire.cut()
		return nil, wire.dialer.Accepted(), err
	}
	querier, ok := conn.(driver.QueryerContext)
	if !ok {
		wire.cut()
		return nil, true, errors.New("the driver's connection takes no queries")
	}
	return &Session{conn: conn, querier: querier, wire: wire}, true, nil
}

// config sets every field that matters. What is left out would be looked for
// elsewhere: in a region lookup, in a cache of credentials, at an identity
// provider.
func (l Login) config(cred connectors.Credential, wire *wire) (gosnowflake.Config, error) {
	c := gosnowflake.Config{
		Account: l.Account, User: cred.Username, Role: l.Role,
		Host: l.Address.Host, Port: int(l.Address.Port), Protocol: "https",
		Application: Tag,
		Transporter: wire,
		Params:      map[string]*string{},

		// Every request is bounded by the deadline of the sweep (see wire). There are no
		// retries: the next check is one, and a flapping account is to be seen.
		LoginTimeout: l.Timeout, RequestTimeout: l.Timeout, ClientTimeout: l.Timeout, JWTClientTimeout: l.Timeout,
		MaxRetryCount: noRetries,

		DisableTelemetry:               true,
		DisableQueryContextCache:       true,
		ClientStoreTemporaryCredential: gosnowflake.ConfigBoolFalse,
		ClientRequestMfaToken:          gosnowflake.ConfigBoolFalse,
		DisableConsoleLogin:            gosnowflake.ConfigBoolTrue,
		ValidateDefaultParameters:      gosnowflake.ConfigBoolFalse,
		IncludeRetryReason:             gosnowflake.ConfigBoolFalse,
		CertRevocationCheckMode:        gosnowflake.CertRevocationCheckDisabled,
		DisableOCSPChecks:              true, // what is done about it is in revocation.go
	}
	if l.TLS == nil {
		c.Protocol = "http"
	}
	for name, value := range parameters {
		if instead, ok := lasting[name]; ok && l.Changes {
			value = instead
		}
		c.Params[name] = &value
	}
	switch {
	case cred.PrivateKey != "":
		key, err := parseKey(cred.PrivateKey)
		if err != nil {
			return c, err
		}
		c.Authenticator, c.PrivateKey = gosnowflake.AuthTypeJwt, key
	case l.Token:
		c.Authenticator, c.Token = gosnowflake.AuthTypePat, cred.Password
	default:
		c.Authenticator, c.Password = gosnowflake.AuthTypeSnowflake, cred.Password
	}
	return c, nil
}

// noRetries is a count that the driver does not take for "not set".
const noRetries = -1

// parseKey reads an RSA key in PEM, PKCS#8 or PKCS#1. Errors do not repeat it.
func parseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, &KeyError{"is no PEM block"}
	}
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, &KeyError{"is encrypted; give it without a passphrase, and let the secret store protect it"}
	case block.Type == "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, &KeyError{"cannot be read as a PKCS#1 key"}
		}
		return key, nil
	case block.Type == "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, &KeyError{"cannot be read as a PKCS#8 key"}
		}
		if rsaKey, ok := key.(*rsa.PrivateKey); ok {
			return rsaKey, nil
		}
		return nil, &KeyError{"is no RSA key, and key pair authentication of Snowflake takes no other"}
	default:
		return nil, &KeyError{"is a PEM block of another kind than a private key"}
	}
}

// KeyError says that a private key cannot be used. It does not hold the key.
type KeyError struct{ what string }

func (e *KeyError) Error() string { return "the private key " + e.what }

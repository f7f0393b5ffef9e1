package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// ambient are variables the driver, or what it imports, reads for those who do not
// say otherwise.
var ambient = map[string]string{
	"HTTP_PROXY": "http://elsewhere.invalid:1", "HTTPS_PROXY": "http://elsewhere.invalid:1", "ALL_PROXY": "http://elsewhere.invalid:1",
	"SNOWFLAKE_HOME": "/elsewhere", "SNOWFLAKE_DEFAULT_CONNECTION_NAME": "elsewhere", "SF_CLIENT_CONFIG_FILE": "/elsewhere/config.json",
	"SF_OCSP_RESPONSE_CACHE_DIR": "/elsewhere", "SF_OCSP_RESPONSE_CACHE_SERVER_URL": "http://elsewhere.invalid", "SF_TEMPORARY_CREDENTIAL_CACHE_DIR": "/elsewhere",
	"SNOWFLAKE_CRL_ON_DISK_CACHE_DIR": "/elsewhere",
}

// TestEnvironmentChangesNoConnection compares the whole configuration with and
// without variables.
func TestEnvironmentChangesNoConnection(t *testing.T) {
	login := Login{Account: "ACME-FRA", Address: endpoint.Address{Host: "acme-fra.snowflakecomputing.com", Port: 443}, Timeout: time.Second}
	cred := connectors.Credential{Username: "u", Password: "p"}
	configured := func() gosnowflake.Config {
		c, err := login.config(cred, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	want := configured()
	for name, value := range ambient {
		t.Setenv(name, value)
	}
	if got := configured(); !reflect.DeepEqual(got, want) {
		t.Errorf("the configuration is %+v, without the environment %+v", got, want)
	}
	if w := newWire(nil, time.Second); w.transport.Proxy != nil {
		t.Error("a proxy is used")
	}
	c := want
	switch {
	case !c.DisableTelemetry, c.ClientStoreTemporaryCredential != gosnowflake.ConfigBoolFalse, c.ClientRequestMfaToken != gosnowflake.ConfigBoolFalse,
		c.ClientConfigFile != "", c.MaxRetryCount >= 0, c.TokenFilePath != "", c.KeepSessionAlive:
		t.Errorf("a switch is off that must be on, or on that must be off: %+v", c)
	}
}

// A connection does not look at proxies and files of the environment in fact.
func TestEnvironmentLeadsNowhere(t *testing.T) {
	reached := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached = true
		fmt.Fprint(w, `{"success":false,"code":"390100","message":"Incorrect username or password was specified."}`)
	}))
	defer server.Close()
	for name, value := range ambient {
		t.Setenv(name, value)
	}
	_, accepted, err := open(t, server, connectors.Credential{Username: "u", Password: "canary-1"})
	if !reached || !accepted || err == nil {
		t.Errorf("reached %v, accepted %v: %v", reached, accepted, err)
	}
}

func open(t *testing.T, server *httptest.Server, cred connectors.Credential) (*Session, bool, error) {
	t.Helper()
	addr, err := endpoint.Parse(strings.TrimPrefix(server.URL, "http://"), 443)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return Open(ctx, Login{Account: "ACME-FRA", Address: addr, Timeout: time.Second}, cred)
}

// TestRefusals are answers to a login: what each says of the account.
func TestRefusals(t *testing.T) {
	t.Parallel()
	cred := connectors.Credential{Username: "u", Password: "canary-1"}
	for name, tt := range map[string]struct {
		status int
		body   string
		code   readiness.Code
		alive  bool
		says   string
	}{
		"wrong password":  {200, `{"success":false,"code":"390100","message":"Incorrect username or password was specified."}`, readiness.VisAuth, true, "390100"},
		"wrong token":     {200, `{"success":false,"code":"390144","message":"JWT token is invalid."}`, readiness.VisAuth, true, "390144"},
		"wrong role":      {200, `{"success":false,"code":"390189","message":"Role specified in the connect string does not exist."}`, readiness.VisAuth, true, "Role"},
		"network policy":  {200, `{"success":false,"code":"390422","message":"Incoming request with IP 192.0.2.1 is not allowed."}`, readiness.VisAuth, true, "network policy"},
		"unavailable":     {503, ``, "", true, "503 Service Unavailable"},
		"a login page":    {200, `<html>Sign in</html>`, "", false, ""},
		"a forbidden":     {403, `<html>Forbidden</html>`, "", true, ""},
		"repeats secrets": {200, `{"success":false,"code":"390100","message":"canary-1 is not the password"}`, readiness.VisAuth, true, "***"},
		"an odd code":     {200, `{"success":false,"code":"none","message":"x"}`, "", false, ""},
		"nothing":         {200, ``, "", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer server.Close()
			_, accepted, err := open(t, server, cred)
			if err == nil {
				t.Fatal("logged in")
			}
			f := Unreached(err, accepted, time.Second, cred)
			if f.Code != tt.code || f.Alive != tt.alive || !strings.Contains(f.Message, tt.says) || strings.Contains(f.Message, "canary-1") || f.Message == "" {
				t.Errorf("%+v of %v", f, err)
			}
		})
	}
}

// A server that takes a statement and never answers costs the deadline, and what
// the driver sends afterwards outside of any context costs little more.
func TestHungServer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/session/v1/login-request" {
			fmt.Fprint(w, `{"success":true,"data":{"token":"t","masterToken":"m","sessionId":1,"parameters":[],"sessionInfo":{}}}`)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	s, _, err := open(t, server, connectors.Credential{Username: "u", Password: "canary-1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := s.Query(ctx, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("query: %v", err)
	}
	s.Close()
	if took := time.Since(begun); took > 300*time.Millisecond+afterwards+goodbye+time.Second {
		t.Errorf("it took %s", took)
	}
	if _, err := s.Query(t.Context(), "SELECT 1"); err == nil {
		t.Error("a session that was closed takes queries")
	}
}

func TestSI5KeyErrorsHoldNoKey(t *testing.T) {
	t.Parallel()
	const secret = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
	for _, text := range []string{
		secret, "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n",
		"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n" + secret + "\n-----END RSA PRIVATE KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + secret + "\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"-----BEGIN EC PRIVATE KEY-----\n" + secret + "\n-----END EC PRIVATE KEY-----\n",
	} {
		key, err := parseKey(text)
		if err == nil || key != nil || strings.Contains(fmt.Sprintf("%v %#v", err, err), secret[:16]) {
			t.Errorf("%v, %v", key, err)
		}
	}
}

// Cells are what the driver makes of them, or texts.
func TestCells(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := Row{"yes": "TRUE", "no": false, "odd": "perhaps", "null": nil, "at": now, "zero": time.Time{}, "bytes": []byte("x"), "y": "Y", "number": 1.5}
	if f := r.Flag("yes"); f == nil || !*f {
		t.Error("TRUE is not true")
	}
	if f := r.Flag("no"); f == nil || *f {
		t.Error("false is not false")
	}
	if r.Flag("odd") != nil || r.Flag("null") != nil || r.Flag("missing") != nil || r.Flag("number") != nil {
		t.Error("something else is true or false")
	}
	if r.Time("at") == nil || r.Time("zero") != nil || r.Time("null") != nil || r.Time("yes") != nil {
		t.Error("times")
	}
	if r.Text("bytes") != "x" || r.Text("null") != "" || r.Text("at") != "" {
		t.Error("texts")
	}
}

// The environment is as it was, but for what means nothing to others, and the
// driver keeps no credentials in files.
func TestTheEnvironmentIsBack(t *testing.T) {
	t.Parallel()
	if os.Getenv("HOME") == "" {
		t.Skip("there is no home directory to be put back")
	}
	for _, name := range []string{"SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "SF_DISABLE_MINICORE"} {
		if os.Getenv(name) != "true" {
			t.Errorf("%s is %q", name, os.Getenv(name))
		}
	}
}

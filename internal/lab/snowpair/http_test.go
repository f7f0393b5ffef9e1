package snowpair

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// client speaks to one account by hand: net/http and what is documented, no driver.
type client struct {
	t     *testing.T
	http  *http.Client
	url   string
	token string
}

func byHand(t *testing.T, p *Pair, accountName string) *client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.CA())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, http: &http.Client{Transport: transport, Timeout: 20 * time.Second}, url: p.URL(accountName)}
}

// jwt signs a token as the documentation of key-pair authentication says.
func jwt(t *testing.T, key *rsa.PrivateKey, accountName, userName string, edit func(map[string]any)) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	subject := accountName + "." + userName
	c := map[string]any{
		"iss": subject + ".SHA256:" + base64.StdEncoding.EncodeToString(sum[:]), "sub": subject,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	if edit != nil {
		edit(c)
	}
	body, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

type envelope struct {
	Success bool           `json:"success"`
	Code    *string        `json:"code"`
	Message *string        `json:"message"`
	Data    map[string]any `json:"data"`
}

func (e envelope) code() string {
	if e.Code == nil {
		return ""
	}
	return *e.Code
}

func (c *client) send(method, path, authorization string, body any) (int, []byte) {
	c.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, in)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, b
}

func (c *client) call(method, path, token string, body any) envelope {
	c.t.Helper()
	if token != "" {
		token = `Snowflake Token="` + token + `"`
	}
	status, b := c.send(method, path, token, body)
	var e envelope
	if err := json.Unmarshal(b, &e); status != http.StatusOK || err != nil {
		c.t.Fatalf("%s %s: %d %s", method, path, status, b)
	}
	return e
}

func (c *client) login(p *Pair, accountName, userName string) (master string) {
	c.t.Helper()
	e := c.call("POST", "/session/v1/login-request?warehouse=BCCTL_WH&requestId=1", "", map[string]any{"data": map[string]any{
		"CLIENT_APP_ID": "by hand", "CLIENT_APP_VERSION": "1", "ACCOUNT_NAME": p.Account(accountName), "AUTHENTICATOR": "SNOWFLAKE_JWT",
		"TOKEN": jwt(c.t, p.Key(userName), p.Account(accountName), userName, nil),
	}})
	if !e.Success {
		c.t.Fatalf("login: %+v", e)
	}
	c.token = e.Data["token"].(string)
	return e.Data["masterToken"].(string)
}

func (c *client) query(sql string, async bool) envelope {
	c.t.Helper()
	return c.call("POST", fmt.Sprintf("/queries/v1/query-request?requestId=%s", rand.Text()), c.token, map[string]any{"sqlText": sql, "asyncExec": async, "sequenceId": 1})
}

// TestDriverProtocolByHand goes through the drivers' protocol with net/http alone.
func TestDriverProtocolByHand(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	c := byHand(t, p, "LAB_AMS")
	master := c.login(p, "LAB_AMS", UserExecute)

	e := c.query("SHOW FAILOVER GROUPS", false)
	kinds := map[string]string{}
	for _, r := range e.Data["rowtype"].([]any) {
		kinds[r.(map[string]any)["name"].(string)] = r.(map[string]any)["type"].(string)
	}
	if !e.Success || e.Code != nil || kinds["created_on"] != "timestamp_ltz" || kinds["is_primary"] != "text" || e.Data["total"] != 2.0 || e.Data["queryResultFormat"] != "json" {
		t.Errorf("SHOW: %+v", e)
	}
	own := e.Data["rowset"].([]any)[1].([]any)
	if own[1] != "1772279820.000000000" || own[15] != "1772453220.000000000" {
		t.Errorf("times are written as %v and %v", own[1], own[15])
	}

	e = c.query("SELECT COUNT(*) > 1, ERROR FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG')) GROUP BY ERROR", false)
	if cells := e.Data["rowset"].([]any)[0].([]any); cells[0] != "1" || cells[1] != nil {
		t.Errorf("history: %v", cells)
	}

	e = c.query("NONSENSE", false)
	if e.Success || e.code() != "001003" || e.Data["sqlState"] != "42000" || e.Data["queryId"] == "" {
		t.Errorf("nonsense: %+v", e)
	}

	e = c.query("ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH", true)
	url, _ := e.Data["getResultUrl"].(string)
	id, _ := e.Data["queryId"].(string)
	if !e.Success || e.code() != "333334" || url != "/queries/"+id+"/result" {
		t.Fatalf("async: %+v", e)
	}
	if e = c.call("GET", url, c.token, nil); e.code() != "333334" {
		t.Errorf("running: %+v", e)
	}
	state := func() string {
		e := c.call("GET", "/monitoring/queries/"+id, c.token, nil)
		return e.Data["queries"].([]any)[0].(map[string]any)["status"].(string)
	}
	if got := state(); got != "RUNNING" {
		t.Errorf("got %s", got)
	}
	clock.Add(time.Minute)
	if got := state(); got != "SUCCESS" {
		t.Errorf("got %s", got)
	}
	if e = c.call("GET", url, c.token, nil); !e.Success || e.code() != "" {
		t.Errorf("done: %+v", e)
	}

	clock.Add(time.Hour)
	if e = c.query("SELECT 1", false); e.Success || e.code() != "390112" {
		t.Fatalf("expired token: %+v", e)
	}
	if e = c.call("POST", "/session/token-request", c.token, map[string]any{"oldSessionToken": c.token, "requestType": "RENEW"}); e.Success {
		t.Error("a session token renewed itself")
	}
	e = c.call("POST", "/session/token-request", master, map[string]any{"oldSessionToken": c.token, "requestType": "RENEW"})
	if !e.Success || e.Data["validityInSecondsST"] != 3600.0 {
		t.Fatalf("renewal: %+v", e)
	}
	old := c.token
	c.token = e.Data["sessionToken"].(string)
	if e = c.query("SELECT 1", false); !e.Success {
		t.Errorf("renewed token: %+v", e)
	}
	if e = c.call("POST", "/session/token-request", master, map[string]any{"oldSessionToken": old, "requestType": "RENEW"}); e.Success {
		t.Error("a master token was used twice")
	}
	if e = c.call("POST", "/session/heartbeat", c.token, nil); !e.Success {
		t.Errorf("heartbeat: %+v", e)
	}
	if status, _ := c.send("POST", "/telemetry/send", "", map[string]any{"logs": []any{}}); status != 200 || p.Counts().Telemetry != 1 {
		t.Errorf("telemetry: %d %+v", status, p.Counts())
	}
	if e = c.call("POST", "/session?delete=true", c.token, nil); !e.Success {
		t.Errorf("goodbye: %+v", e)
	}
	if e = c.query("SELECT 1", false); e.code() != "390111" {
		t.Errorf("after the goodbye: %+v", e)
	}
}

// TestSQLAPIByHand goes through the documented SQL API with net/http alone.
func TestSQLAPIByHand(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	c := byHand(t, p, "LAB_AMS")
	call := func(method, path, userName string, body any) (int, map[string]any) {
		status, b := c.send(method, path, "Bearer "+jwt(t, p.Key(userName), p.Account("LAB_AMS"), userName, nil), body)
		var out map[string]any
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, status, b)
		}
		return status, out
	}
	status, out := call("POST", "/api/v2/statements", UserMonitor, map[string]any{"statement": "SHOW CONNECTIONS", "timeout": 60})
	meta, _ := out["resultSetMetaData"].(map[string]any)
	if status != 200 || out["code"] != "090001" || meta["numRows"] != 2.0 || len(out["data"].([]any)) != 2 {
		t.Errorf("SHOW: %d %v", status, out)
	}
	status, out = call("POST", "/api/v2/statements", UserMonitor, map[string]any{
		"statement": "SELECT COUNT(*) > ? FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG'))",
		"warehouse": "BCCTL_WH", "bindings": map[string]any{"1": map[string]any{"type": "FIXED", "value": "10"}},
	})
	if status != 200 || fmt.Sprint(out["data"]) != "[[true]]" {
		t.Errorf("history: %d %v", status, out)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", c.url+"/api/v2/statements", strings.NewReader(`{"statement": "SELECT CURRENT_USER()"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.Secrets()[SecretToken])
	req.Header.Set("X-Snowflake-Authorization-Token-Type", "PROGRAMMATIC_ACCESS_TOKEN")
	if res, err := c.http.Do(req); err != nil || res.StatusCode != 200 {
		t.Errorf("programmatic access token: %v %v", res, err)
	} else if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	if status, out = call("POST", "/api/v2/statements", UserMonitor, map[string]any{"statement": "SELEKT"}); status != 422 || out["code"] != "001003" || out["sqlState"] != "42000" {
		t.Errorf("nonsense: %d %v", status, out)
	}
	if status, b := c.send("POST", "/api/v2/statements", "Bearer nonsense", map[string]any{"statement": "SELECT 1"}); status != 401 || !bytes.Contains(b, []byte("390144")) {
		t.Errorf("without a login: %d %s", status, b)
	}
	status, out = call("POST", "/api/v2/statements?async=true", UserExecute, map[string]any{"statement": "ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH"})
	handle, _ := out["statementHandle"].(string)
	if status != 202 || out["code"] != "333334" || out["statementStatusUrl"] != "/api/v2/statements/"+handle {
		t.Fatalf("async: %d %v", status, out)
	}
	if status, _ = call("GET", "/api/v2/statements/"+handle, UserExecute, nil); status != 202 {
		t.Errorf("running: %d", status)
	}
	if status, _ = call("GET", "/api/v2/statements/"+handle, UserMonitor, nil); status != 404 {
		t.Errorf("another user's statement: %d", status)
	}
	clock.Add(time.Minute)
	if status, _ = call("GET", "/api/v2/statements/"+handle, UserExecute, nil); status != 200 {
		t.Errorf("done: %d", status)
	}
	_, out = call("POST", "/api/v2/statements?async=true", UserExecute, map[string]any{"statement": "ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH"})
	handle, _ = out["statementHandle"].(string)
	if status, _ = call("POST", "/api/v2/statements/"+handle+"/cancel", UserExecute, nil); status != 200 {
		t.Errorf("cancel: %d", status)
	}
	if status, out = call("GET", "/api/v2/statements/"+handle, UserExecute, nil); status != 422 || out["sqlState"] != "57014" {
		t.Errorf("canceled: %d %v", status, out)
	}
}

func TestJWT(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	a, b := p.org.accounts[0], p.org.accounts[1]
	account, key := p.Account("LAB_FRA"), p.Key(UserMonitor)
	now := time.Now()
	good := jwt(t, key, account, UserMonitor, nil)
	for name, token := range map[string]string{
		"hyphens for underscores": jwt(t, key, strings.ReplaceAll(account, "_", "-"), UserMonitor, nil),
		"locator":                 jwt(t, key, "LAB10001", UserMonitor, nil),
		"as documented":           good,
		"milliseconds, as Node.js": jwt(t, key, account, UserMonitor, func(c map[string]any) {
			c["iat"], c["exp"] = now.UnixMilli(), now.Add(2*time.Minute).UnixMilli()
		}),
	} {
		if u, err := a.keyPairUser(token, false, now); err != nil || u.name != UserMonitor {
			t.Errorf("%s: %v", name, err)
		}
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	parts := strings.Split(good, ".")
	other := jwt(t, key, account, UserExecute, nil)
	for name, token := range map[string]string{
		"nothing":            "",
		"no token":           "a.b",
		"no signature":       none + "." + parts[1] + ".",
		"another signature":  parts[0] + "." + parts[1] + "." + strings.Split(other, ".")[2],
		"changed claims":     parts[0] + "." + strings.Split(other, ".")[1] + "." + parts[2],
		"another user's key": jwt(t, p.Key(UserLimited), account, UserMonitor, nil),
		"another account":    jwt(t, key, p.Account("LAB_AMS"), UserMonitor, nil),
		"lower case":         jwt(t, key, account, strings.ToLower(UserMonitor), nil),
		"no such user":       jwt(t, key, account, "NOBODY", nil),
		"expired":            jwt(t, key, account, UserMonitor, func(c map[string]any) { c["exp"] = now.Add(-time.Second).Unix() }),
		"older than an hour": jwt(t, key, account, UserMonitor, func(c map[string]any) {
			c["iat"] = now.Add(-2 * time.Hour).Unix()
			c["exp"] = now.Add(time.Hour).Unix()
		}),
		"expired milliseconds":   jwt(t, key, account, UserMonitor, func(c map[string]any) { c["exp"] = now.Add(-time.Second).UnixMilli() }),
		"from the future":        jwt(t, key, account, UserMonitor, func(c map[string]any) { c["iat"] = now.Add(time.Hour).Unix() }),
		"without exp":            jwt(t, key, account, UserMonitor, func(c map[string]any) { delete(c, "exp") }),
		"without fingerprint":    jwt(t, key, account, UserMonitor, func(c map[string]any) { c["iss"] = c["sub"] }),
		"fingerprint of another": jwt(t, key, account, UserMonitor, func(c map[string]any) { c["iss"] = c["sub"].(string) + ".SHA256:AAAA" }),
	} {
		if u, err := a.keyPairUser(token, false, now); err == nil {
			t.Errorf("%s: %s was let in", name, u.name)
		}
	}
	if _, err := b.keyPairUser(good, false, now); err == nil {
		t.Error("a token for one account was accepted by the other")
	}
}

// TestRepeatedRequest is what makes a client's retry harmless: a statement that
// came before with the same request id is not run again.
func TestRepeatedRequest(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	c := byHand(t, p, "LAB_FRA")
	c.login(p, "LAB_FRA", UserHeartbeat)
	body := map[string]any{"sqlText": "INSERT INTO " + HeartbeatTable + " VALUES (1, 1, CURRENT_TIMESTAMP(), 'x')"}
	first := c.call("POST", "/queries/v1/query-request?requestId=same", c.token, body)
	again := c.call("POST", "/queries/v1/query-request?requestId=same&retryCount=1", c.token, body)
	if first.Data["queryId"] != again.Data["queryId"] || p.Counts().Repeated != 1 {
		t.Errorf("got %v and %v", first.Data["queryId"], again.Data["queryId"])
	}
	if e := c.query("SELECT COUNT(*) FROM "+HeartbeatTable, false); fmt.Sprint(e.Data["rowset"]) != "[[1]]" {
		t.Errorf("got %v rows", e.Data["rowset"])
	}
}

func TestPackedBodies(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	c := byHand(t, p, "LAB_AMS")
	c.login(p, "LAB_AMS", UserMonitor)
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	if _, err := io.WriteString(z, `{"sqlText": "SHOW FAILOVER GROUPS"}`); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", c.url+"/queries/v1/query-request?requestId=1", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set("Accept-Encoding", "gzip") // set by hand, so that net/http leaves the answer packed
	req.Header.Set("Authorization", `Snowflake Token="`+c.token+`"`)
	res, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("the answer is not packed: %v", res.Header)
	}
	unpacked, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var e envelope
	if err := json.NewDecoder(unpacked).Decode(&e); err != nil || !e.Success || e.Data["total"] != 2.0 {
		t.Errorf("got %+v, %v", e, err)
	}
}

// TestHostileClients lets the server meet what is no client of Snowflake.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	c := byHand(t, p, "LAB_AMS")
	c.login(p, "LAB_AMS", UserMonitor)
	raw := func(text string) {
		conn, err := net.Dial("tcp", p.Host("LAB_AMS"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	raw("")                                        // says nothing, and stays
	raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n")       // no TLS
	raw(strings.Repeat("\x16\x03\x01\xff\xff", 9)) // nearly TLS
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.CA())
	for _, text := range []string{"", "GET", "\x00\x01\x02\r\n\r\n", "POST /session/v1/login-request HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"} {
		conn, err := tls.Dial("tcp", p.Host("LAB_AMS"), &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	post := func(path string, body io.Reader, encoding string) int {
		req, err := http.NewRequestWithContext(t.Context(), "POST", c.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		if encoding != "" {
			req.Header.Set("Content-Encoding", encoding)
		}
		req.Header.Set("Authorization", `Snowflake Token="`+c.token+`"`)
		res, err := c.http.Do(req)
		if err != nil {
			return 0 // the server hung up on what was too much
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(z, zeros{}, 64<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	paths := []string{"/session/v1/login-request", "/session/token-request", "/queries/v1/query-request", "/queries/v1/abort-request", "/api/v2/statements"}
	for _, path := range paths {
		for _, body := range []string{"", "null", "[]", "{", `{"data":7}`, `{"sqlText":7}`, `{"requestId":[]}`, "\xff\xfe", strings.Repeat("[", 100000)} {
			if status := post(path, strings.NewReader(body), ""); status >= 500 || status == 0 {
				t.Errorf("%s with %.20q: %d", path, body, status)
			}
		}
		if status := post(path, strings.NewReader("not gzip"), "gzip"); status != 400 {
			t.Errorf("%s with a body that is not gzip: %d", path, status)
		}
		if status := post(path, io.LimitReader(zeros{}, 16<<20), ""); status != 413 && status != 0 {
			t.Errorf("%s with 16 MiB: %d", path, status)
		}
		if status := post(path, bytes.NewReader(bomb.Bytes()), "gzip"); status != 413 {
			t.Errorf("%s with 64 MiB in gzip: %d", path, status)
		}
	}
	for _, path := range []string{"/", "/queries//result", "/queries/../../x/result", "/monitoring/queries/", "/api/v2/statements/", "/api/v2/statements/x/y/z"} {
		if status, _ := c.send("GET", path, `Snowflake Token="`+c.token+`"`, nil); status >= 500 {
			t.Errorf("GET %s: %d", path, status)
		}
	}
	if e := c.query("SELECT "+strings.Repeat("X+", 5000)+"X AS X", false); e.Success {
		t.Error("a column that is itself was evaluated")
	}
	deep := "SELECT " + strings.Repeat("(", 50000) + "1"
	if e := c.query(deep, false); e.Success {
		t.Error("a statement 50000 deep was read")
	}
	if e := c.query("SELECT "+strings.Repeat("-", 1)+strings.Repeat(" NOT", 3000)+" 1", false); e.Success {
		t.Error("a statement 3000 deep was read")
	}
	if e := c.query("SELECT 1", false); !e.Success {
		t.Errorf("after all that: %+v", e)
	}
	if p.Counts().Changes != 0 {
		t.Errorf("got %+v", p.Counts())
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestHungServerLetsGo(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	c := byHand(t, p, "LAB_AMS")
	c.login(p, "LAB_AMS", UserMonitor)
	if err := p.Break("hang-target"); err != nil {
		t.Fatal(err)
	}
	short := *c.http
	short.Timeout = 100 * time.Millisecond
	if _, err := short.Post(c.url+"/session/heartbeat", "application/json", nil); err == nil {
		t.Error("a hung server answered")
	}
	if err := p.Repair("hang-target"); err != nil {
		t.Fatal(err)
	}
	if e := c.query("SELECT 1", false); !e.Success {
		t.Errorf("after the repair: %+v", e)
	}
	if err := p.Break("target-down"); err != nil {
		t.Fatal(err)
	}
	if _, err := short.Post(c.url+"/session/heartbeat", "application/json", nil); err == nil {
		t.Error("a server that is down answered")
	}
	if err := p.Repair("target-down"); err != nil {
		t.Fatal(err)
	}
	if e := c.query("SELECT 1", false); !e.Success {
		t.Errorf("after the repair: %+v", e)
	}
}

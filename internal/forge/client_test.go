package forge

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that only waiting moves.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

func (c *clock) waits() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.slept...)
}

// serve answers with one handler after the other; the last one stays.
func serve(t *testing.T, opts Options, handlers ...http.HandlerFunc) (*Client, *clock, func() int) {
	t.Helper()
	time := newClock()
	var mu sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := handlers[min(n, len(handlers)-1)]
		n++
		mu.Unlock()
		w.Header().Set("Date", time.Now().Format(http.TimeFormat))
		h(w, r)
	}))
	t.Cleanup(server.Close)
	opts.APIURL, opts.Owner, opts.Name = server.URL, "acme", "recovery"
	if opts.Auth == nil {
		opts.Auth = Token("canary-token")
	}
	opts.Now, opts.Sleep = time.Now, time.Sleep
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, time, func() int { mu.Lock(); defer mu.Unlock(); return n }
}

func answer(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body) // a client that went away notices
	}
}

// hangUp breaks the connection after the request was read.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

var ok = answer(200, `{"id":1}`)

func get(t *testing.T, c *Client) error {
	t.Helper()
	var into struct{ ID int64 }
	_, err := c.get(t.Context(), "repos/acme/recovery", &into)
	if err == nil && into.ID != 1 {
		t.Errorf("id %d", into.ID)
	}
	return err
}

// API-02: what a limit is, and how long it is waited out.
func TestAPI02Limits(t *testing.T) {
	t.Parallel()
	reset := fmt.Sprint(newClock().now.Add(90 * time.Second).Unix())
	for name, tt := range map[string]struct {
		first http.HandlerFunc
		want  time.Duration
	}{
		"403 with Retry-After":           {answer(403, `{"message":"no"}`, "Retry-After", "7"), 7 * time.Second},
		"429 with Retry-After":           {answer(429, `{}`, "Retry-After", "7"), 7 * time.Second},
		"429 with a date":                {answer(429, `{}`, "Retry-After", newClock().now.Add(40*time.Second).Format(http.TimeFormat)), 40 * time.Second},
		"Retry-After of nought":          {answer(429, `{}`, "Retry-After", "0"), time.Second},
		"429 without anything":           {answer(429, `{}`), time.Minute},
		"403, nothing left until reset":  {answer(403, `{}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reset), 91 * time.Second},
		"reset in the past":              {answer(403, `{}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1"), time.Second},
		"nothing left, no reset":         {answer(403, `{}`, "X-RateLimit-Remaining", "0"), time.Minute},
		"403 in words":                   {answer(403, `{"message":"You have exceeded a secondary rate limit."}`), time.Minute},
		"403 by an unknown address only": {answer(403, `{"message":"Slow down","documentation_url":"https://docs.github.com/new/place#secondary-rate-limits"}`), time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, clock, count := serve(t, Options{}, tt.first, ok)
			if err := get(t, c); err != nil {
				t.Fatal(err)
			}
			if w := clock.waits(); len(w) != 1 || w[0] != tt.want || count() != 2 {
				t.Errorf("waited %v, want %v; %d requests", w, tt.want, count())
			}
		})
	}
	t.Run("a 403 that is none", func(t *testing.T) {
		t.Parallel()
		c, clock, _ := serve(t, Options{}, answer(403, `{"message":"Resource not accessible by integration"}`, "X-Accepted-GitHub-Permissions", "administration=read"))
		err := get(t, c)
		if !errors.Is(err, ErrPermission) || !strings.Contains(err.Error(), "administration=read") || len(clock.waits()) != 0 {
			t.Errorf("%v, waited %v", err, clock.waits())
		}
	})
	t.Run("doubling, then the budget", func(t *testing.T) {
		t.Parallel()
		c, clock, _ := serve(t, Options{Budget: 8 * time.Minute}, answer(429, `{}`))
		err := get(t, c)
		want := []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}
		if w := clock.waits(); !errors.Is(err, ErrUnavailable) || fmt.Sprint(w) != fmt.Sprint(want) {
			t.Errorf("waited %v: %v", w, err)
		}
	})
	t.Run("a low quota does not stop the next request", func(t *testing.T) {
		t.Parallel()
		far := fmt.Sprint(time.Now().Add(time.Hour).Unix())
		c, _, count := serve(t, Options{}, answer(200, `{"id":1}`, "X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", far))
		for range 2 {
			if err := get(t, c); err != nil {
				t.Fatal(err)
			}
		}
		if count() != 2 {
			t.Errorf("%d requests", count())
		}
	})
}

// API-03: reads are repeated, changes are not.
func TestAPI03Retries(t *testing.T) {
	t.Parallel()
	bad := answer(502, "bad gateway")
	half := answer(200, `{"id":`, "Content-Length", "100")
	for name, tt := range map[string]struct {
		handlers []http.HandlerFunc
		requests int
		want     error
	}{
		"5xx five times":   {[]http.HandlerFunc{bad, bad, bad, bad, bad, ok}, 6, nil},
		"5xx six times":    {[]http.HandlerFunc{bad, bad, bad, bad, bad, bad, ok}, 6, ErrUnavailable},
		"reset":            {[]http.HandlerFunc{hangUp, ok}, 2, nil},
		"answer cut short": {[]http.HandlerFunc{half, ok}, 2, nil},
		"a refusal":        {[]http.HandlerFunc{answer(404, `{"message":"Not Found"}`), ok}, 1, ErrNotFound},
		"not JSON":         {[]http.HandlerFunc{answer(200, `<html>`)}, 1, ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, clock, count := serve(t, Options{}, tt.handlers...)
			err := get(t, c)
			if !errors.Is(err, tt.want) || count() != tt.requests {
				t.Errorf("%v after %d requests", err, count())
			}
			for i, w := range clock.waits() {
				if full := 500 * time.Millisecond << i; w > full || w <= full/2-1 {
					t.Errorf("wait %d is %s, of at most %s", i, w, full)
				}
			}
		})
	}
	t.Run("timeout", func(t *testing.T) {
		t.Parallel()
		hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		c, _, count := serve(t, Options{AttemptTimeout: 50 * time.Millisecond}, hang, ok)
		if err := get(t, c); err != nil || count() != 2 {
			t.Errorf("%v after %d requests", err, count())
		}
	})
	for name, handler := range map[string]http.HandlerFunc{"5xx": bad, "reset": hangUp, "cut short": half} {
		t.Run("a change, "+name, func(t *testing.T) {
			t.Parallel()
			c, _, count := serve(t, Options{}, handler, ok)
			_, err := c.call(t.Context(), http.MethodPost, "repos/acme/recovery/issues", map[string]string{"title": "x"}, nil)
			if !errors.Is(err, ErrLost) || count() != 1 {
				t.Errorf("%v after %d requests", err, count())
			}
		})
	}
	t.Run("a change that was limited", func(t *testing.T) {
		t.Parallel()
		var bodies []string
		read := func(next http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				data, _ := io.ReadAll(r.Body)
				bodies = append(bodies, string(data))
				next(w, r)
			}
		}
		c, _, _ := serve(t, Options{}, read(answer(429, `{}`, "Retry-After", "3")), read(answer(201, `{}`)))
		if _, err := c.call(t.Context(), http.MethodPost, "x", map[string]string{"title": "x"}, nil); err != nil || len(bodies) != 2 || bodies[0] != bodies[1] || bodies[0] == "" {
			t.Errorf("%v, bodies %q", err, bodies)
		}
	})
}

// API-04: an exhausted budget is an error of its own, and one budget is for a whole
// operation.
func TestAPI04Budget(t *testing.T) {
	t.Parallel()
	c, _, _ := serve(t, Options{}, answer(502, ""))
	if err := get(t, c); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	limited := answer(429, `{}`, "Retry-After", "50")
	c, clock, count := serve(t, Options{Budget: 120 * time.Second}, limited, ok, limited, ok, limited, ok)
	ctx := c.withBudget(t.Context())
	for i := range 3 {
		var into struct{}
		_, err := c.get(ctx, "repos/acme/recovery", &into)
		if (err != nil) != (i == 2) || err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if len(clock.waits()) != 2 || count() != 5 {
		t.Errorf("waits %v, %d requests", clock.waits(), count())
	}
	if c, err := New(Options{APIURL: "http://127.0.0.1:1", Owner: "a", Name: "b", Auth: Token("x"), Sleep: newClock().Sleep}); err != nil {
		t.Error(err)
	} else if _, err := c.call(t.Context(), http.MethodPost, "x", nil, nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a change that was never sent: %v", err)
	}
}

// API-06: what a cache answered is refused.
func TestAPI06NoCache(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"Age":          answer(200, `{"id":1}`, "Age", "12"),
		"X-From-Cache": answer(200, `{"id":1}`, "X-From-Cache", "1"),
		"X-Cache":      answer(200, `{"id":1}`, "X-Cache", "HIT from proxy"),
		"304":          answer(304, ""),
	} {
		c, _, count := serve(t, Options{}, h)
		if err := get(t, c); !errors.Is(err, ErrCached) || count() != 1 {
			t.Errorf("%s: %v after %d requests", name, err, count())
		}
	}
	c, _, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("If-None-Match") != "" {
			t.Errorf("headers %v", r.Header)
		}
		answer(200, `{"id":1}`, "X-Cache", "MISS", "Age", "0")(w, r)
	})
	if err := get(t, c); err != nil {
		t.Error(err)
	}
}

// API-07: a second between changes; reads need none.
func TestAPI07ChangesAreApart(t *testing.T) {
	t.Parallel()
	c, clock, _ := serve(t, Options{}, answer(201, `{}`))
	for range 3 {
		if _, err := c.call(t.Context(), http.MethodPost, "x", nil, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := c.call(t.Context(), http.MethodGet, "x", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if w := clock.waits(); len(w) != 2 || w[0] != time.Second || w[1] != time.Second {
		t.Errorf("waited %v", w)
	}
}

// API-07: requests never overlap.
func TestAPI07Serial(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	c, _, count := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if !mu.TryLock() {
			t.Error("two requests at once")
			return
		}
		defer mu.Unlock()
		time.Sleep(time.Millisecond)
		ok(w, r)
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = c.get(t.Context(), "x", nil) })
	}
	all.Wait()
	if count() != 8 {
		t.Errorf("%d requests", count())
	}
}

// API-07: an App's token is renewed before its end, for hours.
func TestAPI07AppToken(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []*pem.Block{{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}, {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		app, err := NewApp(7, 8, 9, string(pem.EncodeToMemory(block)))
		if err != nil {
			t.Fatal(err)
		}
		var c *Client
		var clock *clock
		given, revoked := 0, ""
		ends := map[string]time.Time{}
		c, clock, _ = serve(t, Options{Auth: app}, func(w http.ResponseWriter, r *http.Request) {
			auth := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			if r.URL.Path == "/app/installations/8/access_tokens" {
				checkStatement(t, auth, &key.PublicKey, clock.Now())
				body, _ := io.ReadAll(r.Body)
				if string(body) != `{"repository_ids":[9]}` {
					t.Errorf("body %s", body)
				}
				given++
				token := fmt.Sprintf("ghs_%d", given)
				ends[token] = clock.Now().Add(time.Hour)
				answer(201, fmt.Sprintf(`{"token":%q,"expires_at":%q}`, token, ends[token].Format(time.RFC3339)))(w, r)
				return
			}
			if !clock.Now().Before(ends[auth]) || auth == revoked {
				answer(401, `{"message":"Bad credentials"}`)(w, r)
				return
			}
			ok(w, r)
		})
		for range 3 * 60 {
			if err := get(t, c); err != nil {
				t.Fatal(err)
			}
			_ = clock.Sleep(t.Context(), time.Minute)
		}
		if given != 4 {
			t.Errorf("%d tokens in three hours", given)
		}
		revoked = fmt.Sprintf("ghs_%d", given)
		if err := get(t, c); err != nil || given != 5 {
			t.Errorf("after it was revoked: %v, %d tokens", err, given)
		}
	}
	for _, bad := range []string{"", "hunter2-CANARY", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2-CANARY")}))} {
		if _, err := NewApp(7, 8, 9, bad); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// API-09: 100 per page to the last one; circles and endless lists end in an error.
func TestAPI09Pages(t *testing.T) {
	t.Parallel()
	type item struct{ ID int64 }
	page := func(last int, next func(r *http.Request, n int) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			n := 1
			_, _ = fmt.Sscan(r.URL.Query().Get("page"), &n)
			if r.URL.Query().Get("per_page") != "100" {
				t.Errorf("asked for %s", r.URL.RawQuery)
			}
			size := 100
			if n == last {
				size = 1
			}
			if link := next(r, n); link != "" && n != last {
				w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=1&per_page=100>; rel="first", <%s>; rel="next"`, r.Host, r.URL.Path, link))
			}
			var ids []string
			for i := range size {
				ids = append(ids, fmt.Sprintf(`{"id":%d}`, n*1000+i))
			}
			answer(200, "["+strings.Join(ids, ",")+"]")(w, r)
		}
	}
	ordinary := func(r *http.Request, n int) string {
		return fmt.Sprintf("http://%s%s?per_page=100&page=%d", r.Host, r.URL.Path, n+1)
	}
	for name, tt := range map[string]struct {
		handler  http.HandlerFunc
		max      int
		items    int
		complete bool
		want     error
	}{
		"two pages":      {page(2, ordinary), 1000, 101, true, nil},
		"exactly max":    {page(3, ordinary), 201, 201, true, nil},
		"more than max":  {page(4, ordinary), 201, 201, false, nil},
		"to itself":      {page(0, func(r *http.Request, _ int) string { return "http://" + r.Host + r.URL.RequestURI() }), 1000, 0, false, ErrUnavailable},
		"to another":     {page(0, func(*http.Request, int) string { return "http://192.0.2.1/repos" }), 1000, 0, false, ErrUnavailable},
		"not a list":     {answer(200, `{"id":1}`), 1000, 0, false, ErrUnavailable},
		"a strange item": {answer(200, `[{"id":"x"}]`), 1000, 0, false, ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _, _ := serve(t, Options{}, tt.handler)
			items, complete, err := pages[item](t.Context(), c, "repos/acme/recovery/x", tt.max)
			if len(items) != tt.items || complete != tt.complete || !errors.Is(err, tt.want) {
				t.Errorf("%d items, complete %v, %v", len(items), complete, err)
			}
		})
	}
	t.Run("endless and empty", func(t *testing.T) {
		t.Parallel()
		n := 0
		c, _, count := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			n++
			w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?per_page=100&page=%d>; rel="next"`, r.Host, r.URL.Path, n+1))
			answer(200, "[]")(w, r)
		})
		if _, _, err := pages[item](t.Context(), c, "x", 1000); !errors.Is(err, ErrUnavailable) || count() > 30 {
			t.Errorf("%v after %d requests", err, count())
		}
	})
}

// Credentials reach the configured host only, and appear in no error (SI-5).
func TestSI5Credentials(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked, with %q", r.Header.Get("Authorization"))
	}))
	defer other.Close()
	c, _, _ := serve(t, Options{}, answer(301, "", "Location", other.URL+"/repositories/2"))
	if err := get(t, c); !errors.Is(err, ErrRepository) || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
	c, _, count := serve(t, Options{}, answer(307, "", "Location", "/repositories/2/issues"), ok)
	if _, err := c.call(t.Context(), http.MethodPost, "repos/acme/recovery/issues", nil, nil); !errors.Is(err, ErrRepository) || count() != 1 {
		t.Errorf("a change was redirected: %v", err)
	}
	for _, bad := range []string{"http://github.example.com/api/v3/", "ftp://x", "https://hunter2@github.example.com", "no address", "https://"} {
		if _, err := New(Options{APIURL: bad, Owner: "a", Name: "b", Auth: Token("x")}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", Token("canary"), Token("canary"), Token("canary"), Token("canary")); strings.Contains(text, "canary") {
		t.Error(text)
	}
}

// AUD-03: the hash of each answer is kept, of the token's answer not.
func TestAUD03Answers(t *testing.T) {
	t.Parallel()
	c, _, _ := serve(t, Options{}, ok)
	var list []Answer
	ctx := WithAnswers(t.Context(), &list)
	if _, err := c.get(ctx, "x?a=b", nil); err != nil {
		t.Fatal(err)
	}
	want := Answer{Method: "GET", Path: "/x?a=b", Status: 200, SHA256: "93b0389d6fcda63db2d16dacd0a46ae2c2eca28d6e1c6b4f2b37e9a4e7ec3cf6"}
	if len(list) != 1 || list[0].Method != want.Method || list[0].Path != want.Path || list[0].Status != 200 || len(list[0].SHA256) != 64 {
		t.Errorf("%+v", list)
	}
}

func TestGraphQLAddress(t *testing.T) {
	t.Parallel()
	for api, want := range map[string]string{
		"":                                  "https://api.github.com/graphql",
		"https://ghe.example.com/api/v3":    "https://ghe.example.com/api/graphql",
		"https://api.corp.ghe.com":          "https://api.corp.ghe.com/graphql",
		"http://127.0.0.1:8080":             "http://127.0.0.1:8080/graphql",
		"https://ghe.example.com/x/api/v3/": "https://ghe.example.com/x/api/graphql",
	} {
		c, err := New(Options{APIURL: api, Owner: "a", Name: "b", Auth: Token("x")})
		if err != nil || c.graphQL() != want {
			t.Errorf("%q: %v, %v", api, c.graphQL(), err)
		}
	}
}

// API-05: a rule of a type nobody has invented yet does not hide the others.
func TestAPI05InventedRules(t *testing.T) {
	t.Parallel()
	c, _, _ := serve(t, Options{}, answer(200, `[{"type":"moon_phase","parameters":["full"]},{"type":"deletion"}]`))
	rules, err := c.BranchRules(t.Context(), "main")
	if err != nil || len(rules) != 2 || rules[0].Type != "moon_phase" || rules[1].Type != "deletion" {
		t.Errorf("%+v, %v", rules, err)
	}
}

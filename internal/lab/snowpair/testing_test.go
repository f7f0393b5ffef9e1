package snowpair

import (
	"sync"
	"testing"
	"time"
)

// testKeys makes the users' keys once: making them is slow.
var testKeys = sync.OnceValues(GenerateKeys)

// testClock is a clock that moves when it is told to.
type testClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *testClock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// start starts a pair with a clock of its own, which stands at a full minute.
func start(t testing.TB, o Options) (*Pair, *testClock) {
	t.Helper()
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	clock := &testClock{t: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	o.Keys, o.Now = keys, clock.Now
	p, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, clock
}

// as returns a way to run statements as a user, without HTTP.
func as(t testing.TB, p *Pair, accountName, userName string) func(sql string) (*result, *failure) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.org.account(accountName)
	s := p.newSession(a, a.users[userName], p.org.advance())
	return func(sql string) (*result, *failure) {
		p.mu.Lock()
		defer p.mu.Unlock()
		now := p.org.advance()
		q := p.run(s, order{sql: sql}, now)
		return q.result, q.failure
	}
}

// ask runs a statement and returns its rows by lower-case column name.
func ask(t testing.TB, run func(string) (*result, *failure), sql string) []map[string]any {
	t.Helper()
	res, fail := run(sql)
	if fail != nil {
		t.Fatalf("%s: %v", sql, fail)
	}
	var out []map[string]any
	for _, row := range res.rows {
		m := map[string]any{}
		for i, c := range res.columns {
			m[c.name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

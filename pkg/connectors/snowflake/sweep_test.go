package snowflake

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A check every five minutes wakes the warehouse every fifteen, and the pair is
// green all the time; with an interval of zero every check does.
func TestTheWarehouseIsSeldomWoken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		interval string
		most     int
		groups   []snowpair.Group
	}{
		"by default": {"", 9, nil}, "every hour": {"1h", 3, nil}, "every time": {"0s", 25, nil}, "two groups": {"15m", 9, []snowpair.Group{{Name: "A"}, {Name: "B"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, interval, most := newClock(), tt.interval, tt.most
			pair := start(t, snowpair.Options{Now: c.now, Groups: tt.groups})
			d := newDesk(t, pair, func(s *connectors.Spec) {
				s.Now, s.RPO = c.now, time.Hour
				s.Options = with(s.Options, "historyInterval", interval)
			})
			before := pair.Counts().Resumes
			woken, last := 0, before
			for range 25 { // two hours
				if v := d.sweep(t); v.Status != readiness.Green {
					// A refresh that runs for longer than usual does not occur here.
					t.Fatalf("at %s\n%s", c.now(), v)
				}
				if n := pair.Counts().Resumes; n > last {
					woken, last = woken+1, n
				}
				c.advance(5 * time.Minute)
			}
			if woken > most || woken == 0 {
				t.Errorf("the warehouse was woken by %d of 25 checks, want at most %d", woken, most)
			}
		})
	}
}

// Between two readings of the history what goes wrong is seen without a warehouse.
func TestWhatIsSeenWithoutAWarehouse(t *testing.T) {
	t.Parallel()
	c := newClock()
	pair := start(t, snowpair.Options{Now: c.now})
	d := newDesk(t, pair, func(s *connectors.Spec) { s.Now = c.now; s.Options = with(s.Options, "historyInterval", "15m") })
	d.sweep(t).want(t, readiness.Green)
	c.advance(time.Minute)
	resumes := pair.Counts().Resumes
	d.sweep(t).want(t, readiness.Green)
	if n := pair.Counts().Resumes; n != resumes {
		t.Fatalf("a minute later the warehouse was woken again")
	}
	for _, fault := range []struct {
		name string
		code readiness.Code
	}{{"suspend-schedule", readiness.ScheduleSuspended}, {"two-primaries", readiness.TwoWriters}, {"connection-split", readiness.ConnectionSplit}, {"target-down", readiness.VisDR}} {
		broken := func() { t.Helper(); mustBreak(t, pair, fault.name) }
		broken()
		v := d.sweep(t)
		if v.Status == readiness.Green || !v.has(fault.code) {
			t.Errorf("%s: %s", fault.name, v)
		}
		if err := pair.Repair(fault.name); err != nil {
			t.Fatal(err)
		}
	}
}

func mustBreak(t *testing.T, pair *snowpair.Pair, fault string) {
	t.Helper()
	if err := pair.Break(fault); err != nil {
		t.Fatal(err)
	}
}

// A session is kept from sweep to sweep; a token that has expired is renewed, and
// a session that has ended is begun anew. Nothing is ever changed, and nothing is
// told to the vendor.
func TestSessionsAreKept(t *testing.T) {
	t.Parallel()
	pair := start(t, snowpair.Options{})
	d := newDesk(t, pair, func(s *connectors.Spec) { s.KeepOpen = true })
	for range 3 {
		d.sweep(t).want(t, readiness.Green)
	}
	if n := pair.Counts().Logins; n != 2 {
		t.Errorf("%d logins for three sweeps of two accounts", n)
	}
	pair.ExpireTokens(false)
	d.sweep(t).want(t, readiness.Green)
	if c := pair.Counts(); c.Logins != 2 || c.Renewals != 2 {
		t.Errorf("after tokens had expired: %+v", c)
	}
	pair.ExpireTokens(true)
	d.sweep(t).want(t, readiness.Green)
	if c := pair.Counts(); c.Logins != 4 {
		t.Errorf("after sessions had ended: %+v", c)
	}
	if err := d.kept.Close(); err != nil {
		t.Error(err)
	}
	c := pair.Counts()
	if c.Changes != 0 || c.Telemetry != 0 || c.Heartbeats != 0 || c.Repeated != 0 || c.Aborts != 0 {
		t.Errorf("a monitor that only reads did %+v", c)
	}
	if c.Closed < 2 {
		t.Errorf("%d of two sessions were ended", c.Closed)
	}
}

// TestForms are pairs that are healthy in another way.
func TestForms(t *testing.T) {
	t.Parallel()
	c := newClock()
	for name, o := range map[string]snowpair.Options{
		"the history takes the name alone":   {NameOnly: true},
		"no committing phase":                {Groups: []snowpair.Group{{Name: "WAREHOUSE_FG", Uncommitted: true}}},
		"an organization of several regions": {RegionGroups: true},
		"columns that are missing":           {Without: []string{"is_listing_auto_fulfillment_group", "is_optimized_refresh_enabled", "COMMITTED_OBJECT_COUNT"}},
		"the next refresh is not shown":      {Without: []string{"next_scheduled_refresh"}},
		"a mixed-case name":                  {Groups: []snowpair.Group{{Name: "Warehouse fg's"}}},
		"another name in the other account":  {Groups: []snowpair.Group{{Name: "WAREHOUSE_FG", Secondary: "WAREHOUSE_COPY"}}},
		"a schedule in cron form":            {Schedule: "USING CRON */10 * * * * Europe/Berlin"},
		"no connection":                      {Connection: "-"},
		"three accounts": {Accounts: []snowpair.Account{
			{Name: "LAB_FRA", Site: "fra", Locator: "LAB10001", Region: "AWS_EU_CENTRAL_1"}, {Name: "LAB_AMS", Site: "ams", Locator: "LAB10002", Region: "AZURE_WESTEUROPE"},
			{Name: "LAB_PAR", Site: "par", Locator: "LAB10003", Region: "AWS_EU_WEST_3"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Now = c.now
			d := newDesk(t, start(t, o), func(s *connectors.Spec) {
				s.Now = c.now
				if name == "a mixed-case name" {
					s.Identity = with(s.Identity, "failoverGroup", `"Warehouse fg's"`)
				}
			})
			v := d.sweep(t)
			if v.Status != readiness.Green || len(v.Reasons) > 0 {
				t.Errorf("%s", v)
			}
			if exposure := v.number(t, "", "replication.exposure_seconds"); exposure <= 0 || exposure > 700 {
				t.Errorf("exposure is %.0f s", exposure)
			}
		})
	}
}

// TestLogins are the ways to log in, and not to.
func TestLogins(t *testing.T) {
	t.Parallel()
	pair := start(t, snowpair.Options{})
	secrets := pair.Secrets()
	login := func(c connectors.Credential, option string) verdict {
		return newDesk(t, pair, func(s *connectors.Spec) {
			s.Options = with(s.Options, "login", option)
			s.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) { return c, nil }
		}).sweep(t)
	}
	user := snowpair.UserMonitor
	login(connectors.Credential{Username: user, PrivateKey: secrets[snowpair.SecretKey(user)]}, "").want(t, readiness.Green)
	login(connectors.Credential{Username: user, Password: secrets[snowpair.SecretToken]}, "token").want(t, readiness.Green)
	login(connectors.Credential{Username: user, PrivateKey: pkcs1(pair.Key(user))}, "").want(t, readiness.Green)
	// The right password of a user who may see nothing.
	login(connectors.Credential{Username: snowpair.UserLimited, Password: secrets[snowpair.SecretPassword]}, "password").want(t, readiness.Unknown, readiness.GroupNotVisible)

	login(connectors.Credential{Username: user, Password: "wrong-canary"}, "").want(t, readiness.Unknown, readiness.VisAuth)
	login(connectors.Credential{Username: user, PrivateKey: secrets[snowpair.SecretKey(snowpair.UserLimited)]}, "").want(t, readiness.Unknown, readiness.VisAuth)
	key := secrets[snowpair.SecretKey(user)]
	for name, odd := range map[string]string{
		"no key":         "no key",
		"encrypted":      strings.ReplaceAll(key, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
		"cut off":        strings.Replace(key, key[400:500], "", 1),
		"something else": strings.ReplaceAll(key, "PRIVATE KEY", "CERTIFICATE"),
	} {
		v := login(connectors.Credential{Username: user, PrivateKey: odd}, "")
		if v.Status != readiness.Unknown || !v.has(readiness.SecretUnresolved) || strings.Contains(v.String(), key[200:230]) {
			t.Errorf("%s:\n%s", name, v)
		}
	}
	limited := login(connectors.Credential{Username: snowpair.UserLimited, PrivateKey: secrets[snowpair.SecretKey(snowpair.UserLimited)]}, "")
	limited.want(t, readiness.Unknown, readiness.GroupNotVisible)
	if limited.has(readiness.NoPrimary) || limited.has(readiness.NoStandbyAtDR) {
		t.Errorf("nothing seen is not nothing there\n%s", limited)
	}
	refused := newDesk(t, pair, func(s *connectors.Spec) { s.Options = with(s.Options, "role", "ACCOUNTADMIN") }).sweep(t)
	refused.want(t, readiness.Unknown, readiness.VisAuth)
}

func pkcs1(key *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

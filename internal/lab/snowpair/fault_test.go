package snowpair

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// view is what the monitoring user sees in one account, in a form that can be
// compared: own row, foreign row, connections, the last refresh, members.
type view struct {
	own, foreign, ownConnection map[string]any
	history                     []map[string]any
	dangling                    []map[string]any
	databases                   int
	failed                      *failure
}

func look(t *testing.T, p *Pair, a string) view {
	t.Helper()
	run := as(t, p, a, UserMonitor)
	var v view
	for _, r := range ask(t, run, "SHOW REPLICATION GROUPS") {
		if r["account_name"] == a {
			v.own = r
		} else {
			v.foreign = r
		}
	}
	for _, r := range ask(t, run, "SHOW CONNECTIONS") {
		if strings.HasSuffix(text(r["account_name"]), "."+a) {
			v.ownConnection = r
		}
	}
	if v.own == nil {
		return v
	}
	if res, f := run(history); f != nil {
		v.failed = f
	} else {
		for _, row := range res.rows {
			m := map[string]any{}
			for i, c := range res.columns {
				m[c.name] = row[i]
			}
			v.history = append(v.history, m)
		}
		v.dangling = ask(t, run, "SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_DANGLING_REFERENCES('WAREHOUSE_FG'))")
	}
	v.databases = len(ask(t, run, "SHOW DATABASES IN FAILOVER GROUP WAREHOUSE_FG"))
	return v
}

// lag is the age of the newest completed snapshot.
func (v view) lag(now time.Time) time.Duration {
	for _, r := range v.history {
		if r["PHASE_NAME"] == "COMPLETED" {
			return now.Sub(r["PRIMARY_SNAPSHOT_TIMESTAMP"].(time.Time))
		}
	}
	return -1
}

func (v view) last() string {
	if len(v.history) == 0 {
		return ""
	}
	return text(v.history[0]["PHASE_NAME"])
}

// healthy says what is wrong with a pair that should be healthy.
func healthy(t *testing.T, p *Pair, now time.Time) string {
	t.Helper()
	s, d := look(t, p, "LAB_FRA"), look(t, p, "LAB_AMS")
	switch {
	case s.own == nil || d.own == nil || s.foreign == nil || d.foreign == nil || s.ownConnection == nil || d.ownConnection == nil || d.failed != nil:
		return "something is not shown"
	case s.own["is_primary"] != "true" || d.own["is_primary"] != "false" || s.foreign["is_primary"] != "false" || d.foreign["is_primary"] != "true":
		return "roles"
	case s.own["type"] != "FAILOVER" || d.own["type"] != "FAILOVER" || d.own["is_listing_auto_fulfillment_group"] != "false":
		return "type"
	case s.ownConnection["is_primary"] != "true" || d.ownConnection["is_primary"] != "false" || s.ownConnection["failover_allowed_to_accounts"] != p.org.name+".LAB_AMS":
		return "connections"
	case d.own["secondary_state"] != "STARTED" || d.own["replication_schedule"] != "10 MINUTE":
		return "schedule"
	case d.own["next_scheduled_refresh"].(time.Time).Before(now):
		return "a refresh is overdue"
	case d.last() != "COMPLETED" || d.lag(now) < 0 || d.lag(now) > 11*time.Minute:
		return fmt.Sprintf("last refresh %s, lag %v", d.last(), d.lag(now))
	case len(d.dangling) != 0 || s.databases != 2:
		return "members"
	}
	for _, r := range d.history {
		if r["PHASE_NAME"] != "COMPLETED" {
			return "a refresh was " + text(r["PHASE_NAME"])
		}
	}
	return ""
}

// TestFaults puts each fault in, looks for what it does, and takes it out again.
func TestFaults(t *testing.T) {
	t.Parallel()
	get := func(t *testing.T, p *Pair, a string) string {
		c := byHand(t, p, a)
		c.http.Timeout = 150 * time.Millisecond
		res, err := c.http.Post(c.url+"/session/heartbeat", "application/json", nil)
		if err != nil {
			if strings.Contains(err.Error(), "Client.Timeout") {
				return "hung"
			}
			return "down"
		}
		defer func() { _ = res.Body.Close() }()
		_, _ = io.Copy(io.Discard, res.Body) // only the status matters
		return res.Status
	}
	login := func(t *testing.T, p *Pair, a string) string {
		c := byHand(t, p, a)
		e := c.call("POST", "/session/v1/login-request?warehouse=BCCTL_WH", "", map[string]any{"data": map[string]any{
			"ACCOUNT_NAME": p.Account(a), "AUTHENTICATOR": "SNOWFLAKE_JWT", "TOKEN": jwt(t, p.Key(UserMonitor), p.Account(a), UserMonitor, nil),
			"SESSION_PARAMETERS": map[string]any{"CLIENT_VALIDATE_DEFAULT_PARAMETERS": true},
		}})
		if !e.Success {
			return e.code()
		}
		c.token = e.Data["token"].(string)
		if e = c.query("SELECT CURRENT_ACCOUNT_NAME()", false); !e.Success {
			return "then " + e.code()
		}
		return e.Data["rowset"].([]any)[0].([]any)[0].(string)
	}
	shows := map[string]func(t *testing.T, p *Pair, s, d view, now time.Time) bool{
		"suspend-schedule": func(_ *testing.T, _ *Pair, _, d view, now time.Time) bool {
			return d.own["secondary_state"] == "SUSPENDED" && d.own["next_scheduled_refresh"] == nil && d.lag(now) < 11*time.Minute
		},
		"no-schedule": func(_ *testing.T, _ *Pair, s, d view, _ time.Time) bool {
			return s.own["replication_schedule"] == nil && d.own["replication_schedule"] == nil
		},
		"never-runs": func(_ *testing.T, _ *Pair, _, d view, _ time.Time) bool {
			return d.own["replication_schedule"] == "20000 MINUTE" && d.own["next_scheduled_refresh"] == nil
		},
		"slow-schedule": func(_ *testing.T, _ *Pair, _, d view, now time.Time) bool {
			return d.own["replication_schedule"] == "120 MINUTE" && d.own["next_scheduled_refresh"].(time.Time).After(now) && d.lag(now) < time.Hour
		},
		"missed-refresh": func(_ *testing.T, _ *Pair, _, d view, now time.Time) bool {
			late := now.Sub(d.own["next_scheduled_refresh"].(time.Time))
			return late > 25*time.Minute && d.lag(now) < time.Hour && d.last() == "COMPLETED"
		},
		"failing-refresh": func(_ *testing.T, _ *Pair, _, d view, now time.Time) bool {
			e, _ := d.history[0]["ERROR"].(variant)
			return d.last() == "FAILED" && d.history[2]["PHASE_NAME"] == "FAILED" && strings.Contains(text(e), "003906") && d.lag(now) < time.Hour
		},
		"stuck-refresh": func(_ *testing.T, _ *Pair, _, d view, now time.Time) bool {
			return d.last() == "PRIMARY_UPLOADING_DATA" && d.history[0]["END_TIME"] == nil && now.Sub(d.history[0]["START_TIME"].(time.Time)) > 15*time.Minute && d.lag(now) < time.Hour
		},
		"running-refresh": func(_ *testing.T, _ *Pair, _, d view, _ time.Time) bool { return d.history[0]["END_TIME"] == nil },
		"never-refreshed": func(_ *testing.T, _ *Pair, _, d view, now time.Time) bool {
			return len(d.history) == 0 && d.own["next_scheduled_refresh"].(time.Time).After(now)
		},
		"inconsistent-target": func(_ *testing.T, _ *Pair, _, d view, _ time.Time) bool {
			return d.last() == "CANCELED" && number0(follow(d.history[0]["TOTAL_BYTES"], []string{"bytesDownloaded"})) != int64(0)
		},
		"dangling": func(_ *testing.T, _ *Pair, s, d view, _ time.Time) bool {
			return len(s.dangling) == 1 && len(d.dangling) == 1 && d.dangling[0]["IS_BLOCKING_REFRESH"] == true && d.last() == "FAILED"
		},
		"lag": func(_ *testing.T, _ *Pair, _, d view, now time.Time) bool {
			ended := now.Sub(d.history[0]["END_TIME"].(time.Time))
			return d.last() == "COMPLETED" && ended < time.Minute && d.lag(now) > time.Hour && d.own["next_scheduled_refresh"].(time.Time).After(now)
		},
		"members-drift": func(_ *testing.T, _ *Pair, s, _ view, _ time.Time) bool { return s.databases == 1 },
		"wrong-primary": func(t *testing.T, p *Pair, s, d view, now time.Time) bool {
			return s.own["is_primary"] == "false" && d.own["is_primary"] == "true" && s.own["secondary_state"] == "STARTED" && s.last() == "COMPLETED" && s.lag(now) < 11*time.Minute &&
				d.ownConnection["is_primary"] == "true" && s.ownConnection["is_primary"] == "false"
		},
		"two-primaries": func(_ *testing.T, _ *Pair, s, d view, _ time.Time) bool {
			return s.own["is_primary"] == "true" && d.own["is_primary"] == "true"
		},
		"no-primary": func(_ *testing.T, p *Pair, s, d view, _ time.Time) bool {
			return s.own["is_primary"] == "false" && d.own["is_primary"] == "false" && s.own["primary"] == p.org.name+".LAB_LOST.WAREHOUSE_FG"
		},
		"stale-rows": func(_ *testing.T, _ *Pair, s, d view, _ time.Time) bool {
			return s.own["is_primary"] == "true" && s.foreign["is_primary"] == "true" && d.own["is_primary"] == "false" && d.foreign["is_primary"] == "false"
		},
		"replication-group": func(t *testing.T, p *Pair, _, d view, _ time.Time) bool {
			return d.own["type"] == "REPLICATION" && len(ask(t, as(t, p, "LAB_AMS", UserMonitor), "SHOW FAILOVER GROUPS")) == 0
		},
		"auto-fulfillment": func(_ *testing.T, _ *Pair, _, d view, _ time.Time) bool {
			return d.own["is_listing_auto_fulfillment_group"] == "true"
		},
		"connection-split": func(_ *testing.T, _ *Pair, s, d view, _ time.Time) bool {
			return s.own["is_primary"] == "true" && d.ownConnection["is_primary"] == "true" && s.ownConnection["is_primary"] == "false"
		},
		"connection-missing": func(_ *testing.T, _ *Pair, s, d view, _ time.Time) bool {
			return s.ownConnection != nil && d.ownConnection == nil
		},
		"redirect-not-allowed": func(_ *testing.T, _ *Pair, s, _ view, _ time.Time) bool {
			return s.ownConnection["failover_allowed_to_accounts"] == ""
		},
		"drop-privilege": func(_ *testing.T, _ *Pair, s, d view, _ time.Time) bool { return s.own != nil && d.own == nil },
		"no-warehouse": func(t *testing.T, p *Pair, _, d view, _ time.Time) bool {
			return d.own != nil && d.failed != nil && d.failed.code == 606 && login(t, p, "LAB_AMS") == "390201"
		},
		"login-refused": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool { return login(t, p, "LAB_AMS") == "390144" },
		"network-policy": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool {
			return login(t, p, "LAB_AMS") == "390422" && login(t, p, "LAB_FRA") == "LAB_FRA"
		},
		"expire-tokens": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool {
			return login(t, p, "LAB_AMS") == "then 390112"
		},
		"schedule-drift": func(_ *testing.T, _ *Pair, _, d view, _ time.Time) bool {
			return d.own["replication_schedule"] == "15 MINUTE"
		},
		"wrong-upstream": func(_ *testing.T, p *Pair, _, d view, _ time.Time) bool {
			return d.own["primary"] == p.org.name+".LAB_OLD.OTHER_FG"
		},
		"clock-skew": func(t *testing.T, p *Pair, _, _ view, now time.Time) bool {
			return ask(t, as(t, p, "LAB_AMS", UserMonitor), "SELECT CURRENT_TIMESTAMP() AS T")[0]["T"] == now.Add(5*time.Minute)
		},
		"both-down": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool {
			return get(t, p, "LAB_FRA") == "down" && get(t, p, "LAB_AMS") == "down"
		},
		"wrong-account": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool { return login(t, p, "LAB_AMS") == "LAB_FRA" },
		"source-down": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool {
			return get(t, p, "LAB_FRA") == "down" && get(t, p, "LAB_AMS") == "200 OK"
		},
		"target-down": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool { return get(t, p, "LAB_AMS") == "down" },
		"hang-source": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool { return get(t, p, "LAB_FRA") == "hung" },
		"hang-target": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool { return get(t, p, "LAB_AMS") == "hung" },
		"http-503": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool {
			return strings.HasPrefix(get(t, p, "LAB_AMS"), fmt.Sprint(http.StatusServiceUnavailable))
		},
		"http-429": func(t *testing.T, p *Pair, _, _ view, _ time.Time) bool {
			return strings.HasPrefix(get(t, p, "LAB_AMS"), fmt.Sprint(http.StatusTooManyRequests))
		},
	}
	p, clock := start(t, Options{})
	if wrong := healthy(t, p, clock.Now()); wrong != "" {
		t.Fatalf("a new pair is not healthy: %s", wrong)
	}
	for _, f := range p.Faults() {
		shown := shows[f.Name]
		if shown == nil {
			t.Errorf("nobody looks for %s", f.Name)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			if err := p.Break(f.Name); err != nil {
				t.Fatal(err)
			}
			if err := p.Break(f.Name); err == nil {
				t.Error("it could be broken twice")
			}
			s, d := look(t, p, "LAB_FRA"), look(t, p, "LAB_AMS")
			if !shown(t, p, s, d, clock.Now()) {
				t.Errorf("it does not show:\nsource %+v\ntarget %+v", s, d)
			}
			if !slices.Equal(p.Broken(), []string{f.Name}) {
				t.Errorf("broken are %v", p.Broken())
			}
			clock.Add(40 * time.Second)
			if err := p.Repair(f.Name); err != nil {
				t.Fatal(err)
			}
			if wrong := healthy(t, p, clock.Now()); wrong != "" {
				t.Errorf("repaired, but %s", wrong)
			}
			if login(t, p, "LAB_AMS") != "LAB_AMS" || login(t, p, "LAB_FRA") != "LAB_FRA" {
				t.Errorf("repaired, but a login gives %s and %s", login(t, p, "LAB_AMS"), login(t, p, "LAB_FRA"))
			}
		})
	}
	if err := p.Break("no-such-fault"); err == nil || !strings.Contains(err.Error(), "two-primaries") {
		t.Errorf("got %v", err)
	}
}

// TestFaultsTogether repairs one of two: the other stays.
func TestFaultsTogether(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	for _, name := range []string{"failing-refresh", "connection-split", "lag"} {
		if err := p.Break(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Repair("lag"); err != nil {
		t.Fatal(err)
	}
	d := look(t, p, "LAB_AMS")
	if d.last() != "FAILED" || d.ownConnection["is_primary"] != "true" || d.lag(clock.Now()) > time.Hour {
		t.Errorf("got %s, %v, lag %v", d.last(), d.ownConnection, d.lag(clock.Now()))
	}
	for _, name := range []string{"failing-refresh", "connection-split"} {
		if err := p.Repair(name); err != nil {
			t.Fatal(err)
		}
	}
	if wrong := healthy(t, p, clock.Now()); wrong != "" {
		t.Error(wrong)
	}
}

func TestSnapshotSkew(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{Groups: []Group{{Name: "A_FG"}, {Name: "B_FG", Databases: []string{"OTHER_DB"}}}})
	if err := p.Break("snapshot-skew"); err != nil {
		t.Fatal(err)
	}
	rows := ask(t, as(t, p, "LAB_AMS", UserMonitor), "SELECT GROUP_NAME, MAX(PRIMARY_SNAPSHOT_TIMESTAMP) AS S FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY_ALL()) WHERE PHASE_NAME = 'COMPLETED' GROUP BY GROUP_NAME ORDER BY 1")
	a, b := clock.Now().Sub(rows[0]["S"].(time.Time)), clock.Now().Sub(rows[1]["S"].(time.Time))
	if a > 5*time.Minute || b < 30*time.Minute || b > time.Hour {
		t.Errorf("snapshots are %v and %v old", a, b)
	}
}

func TestGroupsSplit(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{Groups: []Group{{Name: "A_FG"}, {Name: "B_FG", Databases: []string{"OTHER_DB"}}}})
	if err := p.Break("groups-split"); err != nil {
		t.Fatal(err)
	}
	var own []any
	for _, r := range ask(t, as(t, p, "LAB_AMS", UserMonitor), "SHOW FAILOVER GROUPS") {
		if r["account_name"] == "LAB_AMS" {
			own = append(own, r["is_primary"])
		}
	}
	if !slices.Equal(own, []any{"false", "true"}) {
		t.Errorf("got %v", own)
	}
}

package mongoset_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
)

// seen is what a client sees of a member directly.
type seen struct {
	err    error
	status bson.M
	config bson.M
	server bson.M
}

func (s seen) state() any { return s.status["myState"] }

// member is what its status says of a member.
func (s seen) member(i int) bson.M { return s.status["members"].(bson.A)[i].(bson.M) }

func look(t *testing.T, set *mongoset.Set, name string) seen {
	t.Helper()
	o := clientOptions(t, set, mongoset.UserMonitor).SetHosts([]string{set.Address(name)}).SetDirect(true)
	o.SetServerSelectionTimeout(time.Second).SetConnectTimeout(time.Second)
	client, err := mongo.Connect(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	defer func() { _ = client.Disconnect(ctx) }() // it may hang
	var s seen
	for _, ask := range []struct {
		command string
		into    *bson.M
	}{{"replSetGetStatus", &s.status}, {"replSetGetConfig", &s.config}, {"serverStatus", &s.server}} {
		if err := client.Database("admin").RunCommand(ctx, bson.D{{Key: ask.command, Value: 1}}).Decode(ask.into); err != nil {
			s.err = err
			return s
		}
	}
	s.config = s.config["config"].(bson.M)
	return s
}

func when(v any) time.Time { return v.(primitive.DateTime).Time() }

// lag is by how much a member is behind the first, as the first sees it.
func (s seen) lag(i int) time.Duration {
	return when(s.member(0)["lastAppliedWallTime"]).Sub(when(s.member(i)["lastAppliedWallTime"]))
}

// problems is everything that is not as at rest, over all members.
func problems(t *testing.T, set *mongoset.Set) []string {
	t.Helper()
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	members := []string{"catalog-a", "catalog-b", "catalog-c"}
	var version any
	for i, name := range members {
		s := look(t, set, name)
		if s.err != nil {
			say("%s: %v", name, s.err)
			continue
		}
		want := int32(2)
		if i == 0 {
			want, version = 1, s.config["version"]
		}
		if s.state() != want || s.config["version"] != version || len(s.status["members"].(bson.A)) != 3 {
			say("%s: state %v, version %v, %d members", name, s.state(), s.config["version"], len(s.status["members"].(bson.A)))
			continue
		}
		now := when(s.status["date"])
		if d := time.Since(now).Abs(); d > 5*time.Second {
			say("%s: its clock is off by %s", name, d)
		}
		if s.server["version"] != "7.0.14" {
			say("%s: version %v", name, s.server["version"])
		}
		if s.server["flowControl"].(bson.M)["isLagged"] != false {
			say("%s: flow control", name)
		}
		for j, other := range members {
			m := s.member(j)
			if m["health"] != 1.0 || m["name"] != set.Address(other) {
				say("%s of %s: health %v, name %v", name, other, m["health"], m["name"])
			}
			if i != j && (now.Sub(when(m["lastHeartbeat"])) > 5*time.Second || now.Sub(when(m["lastHeartbeatRecv"])) > 5*time.Second) {
				say("%s of %s: old heartbeats", name, other)
			}
			if j > 0 && (m["syncSourceHost"] == "" || s.lag(j) > 11*time.Second || s.lag(j) < 0) {
				say("%s of %s: source %v, lag %s", name, other, m["syncSourceHost"], s.lag(j))
			}
			c := s.config["members"].(bson.A)[j].(bson.M)
			if c["votes"] != int32(1) || c["priority"] != float64(3-j) || c["hidden"] != false {
				say("%s: configuration of %s %v", name, other, c)
			}
		}
	}
	return found
}

// What each fault does is to be seen from outside, and after its repair nothing is.
func TestFaults(t *testing.T) {
	t.Parallel()
	probes := map[string]func(*testing.T, *mongoset.Set) string{
		"stop-member": func(t *testing.T, set *mongoset.Set) string {
			a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b")
			m := a.member(1)
			if b.err == nil || m["health"] != 0.0 || m["state"] != int32(8) || when(m["optimeDate"]).Unix() != 0 || m["stateStr"] != "(not reachable/healthy)" {
				return fmt.Sprint(b.err, m)
			}
			return ""
		},
		"kill-primary": func(t *testing.T, set *mongoset.Set) string {
			b := look(t, set, "catalog-b")
			if b.state() != int32(1) || b.status["term"] != int64(4) || b.member(0)["health"] != 0.0 || b.status["electionCandidateMetrics"] == nil {
				return fmt.Sprint(b)
			}
			return ""
		},
		"hang-member": func(t *testing.T, set *mongoset.Set) string {
			if b, a := look(t, set, "catalog-b"), look(t, set, "catalog-a"); b.err == nil || a.member(1)["health"] != 0.0 {
				return fmt.Sprint(b, a)
			}
			return ""
		},
		"hang-primary": func(t *testing.T, set *mongoset.Set) string {
			if a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b"); a.err == nil || b.state() != int32(1) {
				return fmt.Sprint(a, b)
			}
			return ""
		},
		"no-majority": func(t *testing.T, set *mongoset.Set) string {
			if a := look(t, set, "catalog-a"); a.state() != int32(2) || a.member(1)["health"] != 0.0 {
				return fmt.Sprint(a)
			}
			return ""
		},
		"cut-network": func(t *testing.T, set *mongoset.Set) string {
			a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b")
			if a.state() != int32(1) || a.member(1)["health"] != 0.0 || b.state() != int32(2) || b.member(0)["health"] != 0.0 || b.status["syncSourceHost"] != "" {
				return fmt.Sprint(a, b)
			}
			return ""
		},
		"cut-one-way": func(t *testing.T, set *mongoset.Set) string {
			a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b")
			now := when(b.status["date"])
			if a.member(1)["health"] != 0.0 || b.member(0)["health"] != 1.0 || now.Sub(when(b.member(0)["lastHeartbeatRecv"])) < 10*time.Second ||
				now.Sub(when(b.member(0)["lastHeartbeat"])) > 5*time.Second {
				return fmt.Sprint(a, b)
			}
			return ""
		},
		"split-brain": func(t *testing.T, set *mongoset.Set) string {
			a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b")
			if a.state() != int32(1) || b.state() != int32(1) || a.status["term"].(int64) >= b.status["term"].(int64) {
				return fmt.Sprint(a, b)
			}
			return ""
		},
		"stale-view": func(t *testing.T, set *mongoset.Set) string {
			a := look(t, set, "catalog-a")
			m := a.member(1)
			if m["health"] != 1.0 || when(a.status["date"]).Sub(when(m["lastHeartbeat"])) < time.Minute || when(a.status["date"]).Sub(when(m["lastHeartbeatRecv"])) < time.Minute {
				return fmt.Sprint(m)
			}
			return ""
		},
		"sync-source-missing": func(t *testing.T, set *mongoset.Set) string {
			if b := look(t, set, "catalog-b"); b.state() != int32(2) || b.status["syncSourceHost"] != "" || b.status["syncSourceId"] != int32(-1) {
				return fmt.Sprint(b)
			}
			return ""
		},
		"clock-skew": func(t *testing.T, set *mongoset.Set) string {
			if b := look(t, set, "catalog-b"); time.Until(when(b.status["date"])) < 4*time.Minute {
				return fmt.Sprint(b)
			}
			return ""
		},
		"lag": func(t *testing.T, set *mongoset.Set) string {
			if a := look(t, set, "catalog-a"); a.lag(1) < 14*time.Minute || a.lag(2) > 11*time.Second {
				return fmt.Sprint(a.lag(1), a.lag(2))
			}
			return ""
		},
		"commit-lag": func(t *testing.T, set *mongoset.Set) string {
			a := look(t, set, "catalog-a")
			o := a.status["optimes"].(bson.M)
			if when(o["lastAppliedWallTime"]).Sub(when(o["lastCommittedWallTime"])) < 9*time.Minute || a.server["flowControl"].(bson.M)["isLagged"] != true {
				return fmt.Sprint(o)
			}
			return ""
		},
		"null-optime": func(t *testing.T, set *mongoset.Set) string {
			a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b")
			if a.member(1)["optime"].(bson.M)["t"] != int64(-1) || a.member(1)["health"] != 1.0 || when(b.member(1)["optimeDate"]).Unix() != 0 {
				return fmt.Sprint(a, b)
			}
			return ""
		},
		"rollback":   inState(9),
		"recovering": inState(3),
		"initial-sync": func(t *testing.T, set *mongoset.Set) string {
			if b := look(t, set, "catalog-b"); b.state() != int32(5) || b.status["initialSyncStatus"] == nil {
				return fmt.Sprint(b)
			}
			return ""
		},
		"oplog-short": func(t *testing.T, set *mongoset.Set) string {
			if w := window(t, set, "catalog-b"); w > 11*time.Minute || w < 9*time.Minute {
				return w.String()
			}
			return ""
		},
		"oplog-headroom": func(t *testing.T, set *mongoset.Set) string {
			w, a := window(t, set, "catalog-a"), look(t, set, "catalog-a")
			if a.lag(1) < w/4 || a.lag(1) > w {
				return fmt.Sprint(w, a.lag(1))
			}
			return ""
		},
		"flow-control": func(t *testing.T, set *mongoset.Set) string {
			if a := look(t, set, "catalog-a"); a.server["flowControl"].(bson.M)["isLagged"] != true || a.lag(1) > 11*time.Second {
				return fmt.Sprint(a.server)
			}
			return ""
		},
		"wrong-set": func(t *testing.T, set *mongoset.Set) string {
			a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b")
			ids := []any{a.config["settings"].(bson.M)["replicaSetId"], b.config["settings"].(bson.M)["replicaSetId"]}
			if b.status["set"] != "catalog" || b.state() != int32(1) || ids[0] == ids[1] || a.member(1)["health"] != 0.0 || a.state() != int32(1) {
				return fmt.Sprint(b, ids)
			}
			return ""
		},
		"term-grew": func(t *testing.T, set *mongoset.Set) string {
			a := look(t, set, "catalog-a")
			if a.state() != int32(1) || a.status["term"] != int64(5) || time.Since(when(a.member(0)["electionDate"])) > time.Minute {
				return fmt.Sprint(a)
			}
			return ""
		},
		"step-down": func(t *testing.T, set *mongoset.Set) string {
			if a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b"); a.state() != int32(2) || b.state() != int32(1) {
				return fmt.Sprint(a, b)
			}
			return ""
		},
		"priority-bounce": func(t *testing.T, set *mongoset.Set) string {
			a := look(t, set, "catalog-a")
			if p := a.config["members"].(bson.A)[1].(bson.M)["priority"]; a.state() != int32(1) || p != 4.0 {
				return fmt.Sprint(a.config)
			}
			return ""
		},
		"arbiter-majority": func(t *testing.T, set *mongoset.Set) string {
			a := look(t, set, "catalog-a")
			if a.state() != int32(1) || a.status["writableVotingMembersCount"] != int32(2) || a.member(2)["state"] != int32(7) || a.member(1)["health"] != 0.0 {
				return fmt.Sprint(a)
			}
			return ""
		},
		"delayed-member": func(t *testing.T, set *mongoset.Set) string {
			a := look(t, set, "catalog-a")
			if c := a.config["members"].(bson.A)[1].(bson.M); c["secondaryDelaySecs"] != int64(3600) || c["hidden"] != true || a.lag(1) < 55*time.Minute {
				return fmt.Sprint(c, a.lag(1))
			}
			return ""
		},
		"hidden-member": func(t *testing.T, set *mongoset.Set) string {
			if b := hello(t, set, "catalog-b"); field(b, "hidden") != true || len(field(b, "hosts").(bson.A)) != 2 {
				return fmt.Sprint(b)
			}
			return ""
		},
		"config-drift": func(t *testing.T, set *mongoset.Set) string {
			a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b")
			if a.config["version"] == b.config["version"] || a.member(1)["configVersion"] == a.member(0)["configVersion"] {
				return fmt.Sprint(a, b)
			}
			return ""
		},
		"config-uncommitted": func(t *testing.T, set *mongoset.Set) string {
			c := connect(t, set, mongoset.UserMonitor, "catalog-a")
			if d := admin(t, c, bson.D{{Key: "replSetGetConfig", Value: 1}, {Key: "commitmentStatus", Value: true}}); d["commitmentStatus"] != false {
				return fmt.Sprint(d)
			}
			return ""
		},
		"removed-member": func(t *testing.T, set *mongoset.Set) string {
			b := look(t, set, "catalog-b")
			var failed mongo.CommandError
			if !asCommand(b.err, &failed) || failed.Code != 93 || field(hello(t, set, "catalog-b"), "isreplicaset") != true {
				return fmt.Sprint(b)
			}
			return ""
		},
		"unlisted-member": func(t *testing.T, set *mongoset.Set) string {
			a := look(t, set, "catalog-a")
			if len(a.status["members"].(bson.A)) != 4 || a.member(3)["health"] != 1.0 || a.member(3)["state"] != int32(2) {
				return fmt.Sprint(a)
			}
			return ""
		},
		"wrong-name": func(t *testing.T, set *mongoset.Set) string {
			if me := field(hello(t, set, "catalog-b"), "me"); me == set.Address("catalog-b") || look(t, set, "catalog-a").member(1)["health"] != 1.0 {
				return fmt.Sprint(me)
			}
			return ""
		},
		"drop-privilege": func(t *testing.T, set *mongoset.Set) string {
			var failed mongo.CommandError
			if a := look(t, set, "catalog-a"); !asCommand(a.err, &failed) || failed.Code != 13 {
				return fmt.Sprint(a)
			}
			return ""
		},
		"drop-oplog-privilege": func(t *testing.T, set *mongoset.Set) string {
			err := connect(t, set, mongoset.UserMonitor, "catalog-a").Database("local").RunCommand(testContext(t), bson.D{{Key: "find", Value: "oplog.rs"}}).Err()
			var failed mongo.CommandError
			if !asCommand(err, &failed) || failed.Code != 13 {
				return fmt.Sprint(err)
			}
			return ""
		},
		"wrong-password": func(t *testing.T, set *mongoset.Set) string {
			if a := look(t, set, "catalog-a"); a.err == nil {
				return fmt.Sprint(a)
			}
			return ""
		},
		"weak-write-concern": func(t *testing.T, set *mongoset.Set) string {
			d := admin(t, connect(t, set, mongoset.UserMonitor, "catalog-a"), bson.D{{Key: "getDefaultRWConcern", Value: 1}})
			if d["defaultWriteConcern"].(bson.M)["w"] != int32(1) || d["defaultWriteConcernSource"] != "global" {
				return fmt.Sprint(d)
			}
			return ""
		},
		"version-differs": func(t *testing.T, set *mongoset.Set) string {
			if b := look(t, set, "catalog-b"); b.server["version"] != "6.0.9" {
				return fmt.Sprint(b.server)
			}
			return ""
		},
		"no-topology-version": func(t *testing.T, set *mongoset.Set) string {
			if d := hello(t, set, "catalog-a"); field(d, "topologyVersion") != nil || field(d, "isWritablePrimary") != true {
				return fmt.Sprint(d)
			}
			return ""
		},
		"stop-witness": func(t *testing.T, set *mongoset.Set) string {
			if a := look(t, set, "catalog-a"); a.state() != int32(1) || a.member(2)["health"] != 0.0 || a.lag(1) > 11*time.Second {
				return fmt.Sprint(a)
			}
			return ""
		},
		"no-primary": func(t *testing.T, set *mongoset.Set) string {
			for _, name := range []string{"catalog-a", "catalog-b", "catalog-c"} {
				if s := look(t, set, name); s.state() != int32(2) || field(hello(t, set, name), "primary") != nil {
					return fmt.Sprint(s)
				}
			}
			return ""
		},
		"all-down": allUnseen,
		"hang-all": allUnseen,
	}
	base := start(t, mongoset.Options{})
	if found := problems(t, base); len(found) > 0 {
		t.Fatalf("at rest: %q", found)
	}
	for _, f := range base.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			probe := probes[f.Name]
			if probe == nil {
				t.Fatal("nothing shows that the fault does something")
			}
			set := start(t, mongoset.Options{})
			if err := set.Break(f.Name); err != nil {
				t.Fatal(err)
			}
			if what := probe(t, set); what != "" {
				t.Errorf("it does not show: %s", what)
			}
			if err := set.Break(f.Name); err == nil {
				t.Error("it can be put in twice")
			}
			if got := set.Broken(); !slices.Equal(got, []string{f.Name}) {
				t.Errorf("broken: %q", got)
			}
			if err := set.Repair(f.Name); err != nil {
				t.Fatal(err)
			}
			if found := problems(t, set); len(found) > 0 {
				t.Errorf("after the repair: %q", found)
			}
			if err := set.Repair(f.Name); err == nil {
				t.Error("it can be taken out twice")
			}
			if n := set.Changes(); len(n) > 0 {
				t.Errorf("the fault counts as a client's doing: %v", n)
			}
		})
	}
	for _, f := range base.Faults() {
		for _, code := range f.Shows {
			if _, ok := code.Info(); !ok {
				t.Errorf("%s shows %s, which is no code", f.Name, code)
			}
		}
	}
}

func asCommand(err error, into *mongo.CommandError) bool { return errors.As(err, into) }

func inState(state int32) func(*testing.T, *mongoset.Set) string {
	return func(t *testing.T, set *mongoset.Set) string {
		a, b := look(t, set, "catalog-a"), look(t, set, "catalog-b")
		if b.state() != state || a.member(1)["state"] != state || a.member(1)["health"] != 1.0 {
			return fmt.Sprint(b.state(), a.member(1))
		}
		return ""
	}
}

func allUnseen(t *testing.T, set *mongoset.Set) string {
	for _, name := range []string{"catalog-a", "catalog-b", "catalog-c"} {
		if s := look(t, set, name); s.err == nil {
			return name + " answers"
		}
	}
	return ""
}

func window(t *testing.T, set *mongoset.Set, name string) time.Duration {
	t.Helper()
	ends := map[int]primitive.Timestamp{}
	for _, direction := range []int{1, -1} {
		var answer struct {
			Cursor struct {
				FirstBatch []struct {
					TS primitive.Timestamp `bson:"ts"`
				} `bson:"firstBatch"`
			} `bson:"cursor"`
		}
		err := connect(t, set, mongoset.UserMonitor, name).Database("local").RunCommand(testContext(t), bson.D{
			{Key: "find", Value: "oplog.rs"}, {Key: "sort", Value: bson.D{{Key: "$natural", Value: direction}}}, {Key: "limit", Value: 1}, {Key: "singleBatch", Value: true},
		}).Decode(&answer)
		if err != nil || len(answer.Cursor.FirstBatch) != 1 {
			t.Fatal(err, answer)
		}
		ends[direction] = answer.Cursor.FirstBatch[0].TS
	}
	return time.Duration(ends[-1].T-ends[1].T) * time.Second
}

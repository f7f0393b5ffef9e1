package mongoset_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/writeconcern"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
)

func start(t *testing.T, o mongoset.Options) *mongoset.Set {
	t.Helper()
	set, err := mongoset.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	})
	return set
}

// connect opens the unmodified driver: directly to one server when one is named,
// or to the set as it discovers it.
func connect(t *testing.T, set *mongoset.Set, user, server string) *mongo.Client {
	t.Helper()
	o := clientOptions(t, set, user)
	if server == "" {
		o.SetHosts([]string{set.Address(set.Name() + "-a")}).SetReplicaSet(set.Name())
	} else {
		o.SetHosts([]string{set.Address(server)}).SetDirect(true)
	}
	client, err := mongo.Connect(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = client.Disconnect(ctx) // the servers may be gone
	})
	return client
}

func clientOptions(t *testing.T, set *mongoset.Set, user string) *options.ClientOptions {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(set.CA()) {
		t.Fatal("the CA is no certificate")
	}
	o := options.Client().SetTLSConfig(&tls.Config{RootCAs: pool}).SetServerSelectionTimeout(5 * time.Second).SetConnectTimeout(5 * time.Second)
	if user != "" {
		o.SetAuth(options.Credential{AuthMechanism: "SCRAM-SHA-256", AuthSource: "admin", Username: user, Password: set.Secrets()[user]})
	}
	return o
}

func admin(t *testing.T, client *mongo.Client, command bson.D) bson.M {
	t.Helper()
	answer := bson.M{}
	if err := client.Database("admin").RunCommand(testContext(t), command).Decode(&answer); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return answer
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// The unmodified driver discovers the set, writes, and follows the primary role
// to another member.
func TestDriverFollowsThePrimary(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	begin := time.Now()
	heartbeat := connect(t, set, mongoset.UserHeartbeat, "")
	write := func(seq int64) {
		t.Helper()
		collection := heartbeat.Database(mongoset.HeartbeatDatabase).Collection("heartbeat", options.Collection().SetWriteConcern(
			&writeconcern.WriteConcern{W: "majority", WTimeout: 5 * time.Second}))
		_, err := collection.UpdateOne(testContext(t), bson.D{{Key: "_id", Value: "catalog"}}, bson.D{
			{Key: "$inc", Value: bson.D{{Key: "seq", Value: int64(1)}}}, {Key: "$currentDate", Value: bson.D{{Key: "at", Value: true}}},
			{Key: "$set", Value: bson.D{{Key: "writer", Value: "test"}}},
		}, options.Update().SetUpsert(true))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Seq int64     `bson:"seq"`
			At  time.Time `bson:"at"`
		}
		if err := collection.FindOne(testContext(t), bson.D{{Key: "_id", Value: "catalog"}}).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.Seq != seq || time.Since(got.At).Abs() > time.Minute {
			t.Fatalf("heartbeat %+v, want number %d of now", got, seq)
		}
	}
	write(1)
	primary := connect(t, set, mongoset.UserExecute, set.Primary())
	admin(t, primary, bson.D{{Key: "replSetStepDown", Value: 60}})
	if set.Primary() != "catalog-b" {
		t.Fatalf("after the step-down the primary is %q", set.Primary())
	}
	write(2)
	// Each member has it, read directly and by what a majority has.
	for _, name := range []string{"catalog-a", "catalog-b", "catalog-c"} {
		c := connect(t, set, mongoset.UserMonitor, name)
		if n := int64(count(t, c)); n != 1 {
			t.Errorf("%s has %d heartbeats", name, n)
		}
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("the scenario took %s", d)
	}
	t.Logf("go.mongodb.org/mongo-driver: the scenario took %s", time.Since(begin))
}

func count(t *testing.T, c *mongo.Client) int {
	t.Helper()
	var answer struct {
		Cursor struct {
			FirstBatch []bson.Raw `bson:"firstBatch"`
		} `bson:"cursor"`
	}
	err := c.Database(mongoset.HeartbeatDatabase).RunCommand(testContext(t), bson.D{
		{Key: "find", Value: "heartbeat"}, {Key: "readConcern", Value: bson.D{{Key: "level", Value: "majority"}}},
	}).Decode(&answer)
	if err != nil {
		t.Fatal(err)
	}
	return len(answer.Cursor.FirstBatch)
}

func TestDriverStatus(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"4.2.24", "4.4.29", "5.0.31", "6.0.19", "7.0.14", "8.0.4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			set := start(t, mongoset.Options{Version: version})
			client := connect(t, set, mongoset.UserMonitor, "catalog-b")
			status := admin(t, client, bson.D{{Key: "replSetGetStatus", Value: 1}})
			if status["set"] != "catalog" || status["myState"] != int32(2) || len(status["members"].(bson.A)) != 3 {
				t.Errorf("status %v", status)
			}
			config := admin(t, client, bson.D{{Key: "replSetGetConfig", Value: 1}})
			if config["config"].(bson.M)["settings"].(bson.M)["replicaSetId"] == nil {
				t.Errorf("config %v", config)
			}
			if got := admin(t, client, bson.D{{Key: "buildInfo", Value: 1}})["version"]; got != version {
				t.Errorf("version %v", got)
			}
		})
	}
}

func TestWrongPasswordIsSaidAsSuch(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	if err := set.Break("wrong-password"); err != nil {
		t.Fatal(err)
	}
	client := connect(t, set, mongoset.UserMonitor, "catalog-a")
	err := client.Database("admin").RunCommand(testContext(t), bson.D{{Key: "replSetGetStatus", Value: 1}}).Err()
	if err == nil || mongo.IsNetworkError(err) {
		t.Fatalf("error %v", err)
	}
	if set.Calls()["replSetGetStatus"] != 0 {
		t.Error("the command arrived")
	}
}

func TestPrivileges(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	for _, test := range []struct {
		user    string
		db      string
		command bson.D
		code    int32 // 0: allowed
	}{
		{mongoset.UserMonitor, "admin", bson.D{{Key: "replSetGetStatus", Value: 1}}, 0},
		{mongoset.UserMonitor, "admin", bson.D{{Key: "serverStatus", Value: 1}}, 0},
		{mongoset.UserMonitor, "local", bson.D{{Key: "find", Value: "oplog.rs"}, {Key: "limit", Value: 1}}, 0},
		{mongoset.UserMonitor, "admin", bson.D{{Key: "replSetStepDown", Value: 1}}, 13},
		{mongoset.UserMonitor, "admin", bson.D{{Key: "replSetFreeze", Value: 1}}, 13},
		{mongoset.UserMonitor, "bcctl", bson.D{{Key: "insert", Value: "heartbeat"}, {Key: "documents", Value: bson.A{bson.D{}}}}, 13},
		{mongoset.UserLimited, "admin", bson.D{{Key: "replSetGetStatus", Value: 1}}, 13},
		{mongoset.UserLimited, "local", bson.D{{Key: "find", Value: "oplog.rs"}}, 13},
		{mongoset.UserLimited, "admin", bson.D{{Key: "connectionStatus", Value: 1}}, 0},
		{mongoset.UserExecute, "admin", bson.D{{Key: "replSetFreeze", Value: 0}}, 95}, // it is the primary
		{mongoset.UserExecute, "admin", bson.D{{Key: "serverStatus", Value: 1}}, 13},
		{"", "admin", bson.D{{Key: "replSetGetStatus", Value: 1}}, 13},
		{"", "admin", bson.D{{Key: "ping", Value: 1}}, 0},
		{mongoset.UserMonitor, "admin", bson.D{{Key: "noSuchCommand", Value: 1}}, 59},
	} {
		client := connect(t, set, test.user, "catalog-a")
		err := client.Database(test.db).RunCommand(testContext(t), test.command).Err()
		var failed mongo.CommandError
		switch {
		case test.code == 0 && err != nil:
			t.Errorf("%s, %v: %v", test.user, test.command, err)
		case test.code != 0 && (!errors.As(err, &failed) || failed.Code != test.code):
			t.Errorf("%s, %v: %v, want code %d", test.user, test.command, err, test.code)
		}
	}
}

// Only what changes something counts as a change.
func TestReadingChangesNothing(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	client := connect(t, set, mongoset.UserMonitor, "catalog-c")
	for _, command := range []bson.D{
		{{Key: "replSetGetStatus", Value: 1}}, {{Key: "replSetGetConfig", Value: 1}, {Key: "commitmentStatus", Value: false}},
		{{Key: "serverStatus", Value: 1}, {Key: "metrics", Value: 0}}, {{Key: "getDefaultRWConcern", Value: 1}},
		{{Key: "getParameter", Value: 1}, {Key: "featureCompatibilityVersion", Value: 1}}, {{Key: "connectionStatus", Value: 1}, {Key: "showPrivileges", Value: true}},
	} {
		admin(t, client, command)
	}
	if n := set.Changes(); len(n) != 0 {
		t.Errorf("changes %v", n)
	}
	if open, ever := set.Connections(); open == 0 || ever < int64(open) {
		t.Errorf("%d connections of %d", open, ever)
	}
	_ = client.Database("admin").RunCommand(testContext(t), bson.D{{Key: "replSetStepDown", Value: 1}}).Err() // refused
	if n := set.Changes()["replSetStepDown"]; n != 1 {
		t.Errorf("a refused step-down counts %d times", n)
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	err := set.Rewrite("catalog-a", "replSetGetStatus", func(d bson.D) bson.D {
		for i := range d {
			if d[i].Key == "term" {
				d[i].Value = nil
			}
		}
		return d
	})
	if err != nil {
		t.Fatal(err)
	}
	status := admin(t, connect(t, set, mongoset.UserMonitor, "catalog-a"), bson.D{{Key: "replSetGetStatus", Value: 1}})
	if term, there := status["term"]; term != nil || !there {
		t.Errorf("term %v, want null", term)
	}
}

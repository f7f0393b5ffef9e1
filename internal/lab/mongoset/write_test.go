package mongoset_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
)

// beat upserts a heartbeat with a write concern of the test's own.
func beat(t *testing.T, set *mongoset.Set, server string, concern bson.D) (answer bson.M, err error) {
	t.Helper()
	err = connect(t, set, mongoset.UserHeartbeat, server).Database(mongoset.HeartbeatDatabase).RunCommand(testContext(t), bson.D{
		{Key: "update", Value: "heartbeat"},
		{Key: "updates", Value: bson.A{bson.D{
			{Key: "q", Value: bson.D{{Key: "_id", Value: "catalog"}}}, {Key: "upsert", Value: true},
			{Key: "u", Value: bson.D{{Key: "$inc", Value: bson.D{{Key: "seq", Value: int64(1)}}}, {Key: "$currentDate", Value: bson.D{{Key: "at", Value: true}}}}},
		}}},
		{Key: "writeConcern", Value: concern},
	}).Decode(&answer)
	return answer, err
}

func TestWriteConcern(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	majority := bson.D{{Key: "w", Value: "majority"}, {Key: "j", Value: true}, {Key: "wtimeout", Value: 200}}
	if a, err := beat(t, set, "catalog-a", majority); err != nil || a["writeConcernError"] != nil || a["n"] != int32(1) {
		t.Fatalf("%v, %v", a, err)
	}
	// A concern nobody can meet, and one not met in time: the write has happened.
	a, err := beat(t, set, "catalog-a", bson.D{{Key: "w", Value: 4}})
	if code := concernCode(t, a, err); code != 100 {
		t.Errorf("%d members: code %d, %v", 4, code, a)
	}
	if err := set.Break("commit-lag"); err != nil {
		t.Fatal(err)
	}
	a, err = beat(t, set, "catalog-a", majority)
	if code := concernCode(t, a, err); code != 64 {
		t.Errorf("without a majority: code %d, %v", code, a)
	}
	reader := connect(t, set, mongoset.UserMonitor, "catalog-a").Database(mongoset.HeartbeatDatabase)
	seq := func(level string) any {
		var d struct {
			Cursor struct {
				FirstBatch []bson.M `bson:"firstBatch"`
			} `bson:"cursor"`
		}
		if err := reader.RunCommand(testContext(t), bson.D{{Key: "find", Value: "heartbeat"}, {Key: "readConcern", Value: bson.D{{Key: "level", Value: level}}}}).Decode(&d); err != nil {
			t.Fatal(err)
		}
		if len(d.Cursor.FirstBatch) != 1 {
			return nil
		}
		return d.Cursor.FirstBatch[0]["seq"]
	}
	if local, committed := seq("local"), seq("majority"); local != int64(3) || committed == int64(3) {
		t.Errorf("local %v, majority %v", local, committed)
	}
	// linearizable says at once that there is no majority, within its time.
	err = reader.RunCommand(testContext(t), bson.D{{Key: "find", Value: "heartbeat"}, {Key: "readConcern", Value: bson.D{{Key: "level", Value: "linearizable"}}}, {Key: "maxTimeMS", Value: 100}}).Err()
	if code(err) != 50 {
		t.Errorf("linearizable: %v", err)
	}
	if err := set.Repair("commit-lag"); err != nil {
		t.Fatal(err)
	}
	if committed := seq("majority"); committed != int64(3) {
		t.Errorf("after the repair a majority has %v", committed)
	}
}

func concernCode(t *testing.T, answer bson.M, err error) int {
	t.Helper()
	var failed mongo.WriteException
	if errors.As(err, &failed) && failed.WriteConcernError != nil && len(failed.WriteErrors) == 0 {
		return failed.WriteConcernError.Code
	}
	if e, ok := answer["writeConcernError"].(bson.M); ok {
		return int(e["code"].(int32))
	}
	t.Errorf("error %v", err)
	return 0
}

func code(err error) int32 {
	var failed mongo.CommandError
	errors.As(err, &failed)
	return failed.Code
}

func TestWritesAndReadsOnSecondaries(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	if _, err := beat(t, set, "catalog-b", nil); code(err) != 10107 {
		t.Errorf("a write: %v", err)
	}
	// Over a bare connection: no read preference was given.
	conn := dial(t, set, "catalog-b")
	if _, err := conn.Write(msg(t, 0, bson.D{{Key: "find", Value: "oplog.rs"}, {Key: "$db", Value: "local"}})); err != nil {
		t.Fatal(err)
	}
	if _, _, _, d := answer(t, conn); field(d, "code") != int32(13) || field(d, "codeName") != "Unauthorized" || field(d, "ok") != 0.0 {
		t.Errorf("without a login: %v", d)
	}
}

// stepDown, when nobody has caught up: an error within its time, and nothing
// changed; and an answer that is lost after it was carried out.
func TestStepDownCommand(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	if err := set.Break("commit-lag"); err != nil {
		t.Fatal(err)
	}
	execute := connect(t, set, mongoset.UserExecute, "catalog-a").Database("admin")
	begin := time.Now()
	err := execute.RunCommand(testContext(t), bson.D{{Key: "replSetStepDown", Value: 10}, {Key: "secondaryCatchUpPeriodSecs", Value: 1}}).Err()
	if code(err) != 262 || set.Primary() != "catalog-a" || time.Since(begin) < 900*time.Millisecond {
		t.Fatalf("%v after %s, primary %s", err, time.Since(begin), set.Primary())
	}
	if err := set.Repair("commit-lag"); err != nil {
		t.Fatal(err)
	}
	err = execute.RunCommand(testContext(t), bson.D{{Key: "replSetStepDown", Value: 1}, {Key: "secondaryCatchUpPeriodSecs", Value: 5}}).Err()
	if code(err) != 2 {
		t.Errorf("a period shorter than the catch-up: %v", err)
	}
	if err := set.Drop("catalog-a", "replSetStepDown", true); err != nil {
		t.Fatal(err)
	}
	err = execute.RunCommand(testContext(t), bson.D{{Key: "replSetStepDown", Value: 60}}).Err()
	if !mongo.IsNetworkError(err) || set.Primary() != "catalog-b" {
		t.Errorf("%v, primary %s", err, set.Primary())
	}
}

func TestReconfigCommand(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	execute := connect(t, set, mongoset.UserExecute, "catalog-a")
	var answer struct {
		Config bson.D `bson:"config"`
	}
	if err := execute.Database("admin").RunCommand(testContext(t), bson.D{{Key: "replSetGetConfig", Value: 1}}).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	send := func(version int32, more ...bson.E) error {
		for i := range answer.Config {
			if answer.Config[i].Key == "version" {
				answer.Config[i].Value = version
			}
		}
		return execute.Database("admin").RunCommand(testContext(t), append(bson.D{{Key: "replSetReconfig", Value: answer.Config}}, more...)).Err()
	}
	if err := send(1); code(err) != 103 {
		t.Errorf("the same version: %v", err)
	}
	if err := send(2); err != nil {
		t.Errorf("the next version: %v", err)
	}
	if err := send(3, bson.E{Key: "force", Value: true}); err != nil {
		t.Errorf("by force: %v", err)
	}
	forced := look(t, set, "catalog-c")
	if v := forced.config["version"].(int32); v < 10_003 || forced.config["term"] != int64(-1) {
		t.Errorf("version %d, term %v", v, forced.config["term"])
	}
}

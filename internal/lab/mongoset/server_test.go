package mongoset_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
)

// dial opens a connection without a client's manners.
func dial(t *testing.T, set *mongoset.Set, name string) net.Conn {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(set.CA())
	conn, err := tls.Dial("tcp", set.Address(name), &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// message frames bytes as a client would.
func frame(length, op int32, rest []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(length))
	b = binary.LittleEndian.AppendUint32(b, 77)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(op))
	return append(b, rest...)
}

func msg(t *testing.T, flags uint32, doc bson.D) []byte {
	t.Helper()
	body, err := bson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	rest := append(binary.LittleEndian.AppendUint32(nil, flags), 0)
	rest = append(rest, body...)
	return frame(int32(16+len(rest)), 2013, rest)
}

// answer reads one OP_MSG answer: its number, what it answers, its flags.
func answer(t *testing.T, conn net.Conn) (id, to int32, flags uint32, doc bson.D) {
	t.Helper()
	header := make([]byte, 16)
	if _, err := io.ReadFull(conn, header); err != nil {
		t.Fatal(err)
	}
	rest := make([]byte, binary.LittleEndian.Uint32(header)-16)
	if _, err := io.ReadFull(conn, rest); err != nil {
		t.Fatal(err)
	}
	if err := bson.Unmarshal(rest[5:], &doc); err != nil {
		t.Fatal(err)
	}
	return int32(binary.LittleEndian.Uint32(header[4:])), int32(binary.LittleEndian.Uint32(header[8:])), binary.LittleEndian.Uint32(rest), doc
}

// Whatever a client sends, the server closes the connection or says what is
// wrong, and goes on serving the others.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	for name, bytes := range map[string][]byte{
		"garbage":             []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
		"length of zero":      frame(0, 2013, nil),
		"negative length":     frame(-5, 2013, nil),
		"too long":            frame(0x7fffffff, 2013, nil),
		"unknown operation":   frame(20, 2001, []byte{0, 0, 0, 0}),
		"compressed":          frame(20, 2012, []byte{0, 0, 0, 0}),
		"no body":             frame(20, 2013, []byte{0, 0, 0, 0}),
		"unknown section":     frame(22, 2013, []byte{0, 0, 0, 0, 9, 9}),
		"unknown flags":       frame(21, 2013, []byte{4, 0, 0, 0, 0}),
		"document too long":   frame(25, 2013, []byte{0, 0, 0, 0, 0, 255, 255, 0, 0}),
		"document too short":  frame(25, 2013, []byte{0, 0, 0, 0, 0, 1, 0, 0, 0}),
		"broken document":     frame(29, 2013, []byte{0, 0, 0, 0, 0, 8, 0, 0, 0, 255, 0, 1, 0}),
		"sequence too long":   frame(25, 2013, []byte{0, 0, 0, 0, 1, 255, 255, 0, 0}),
		"checksum missing":    frame(21, 2013, []byte{1, 0, 0, 0, 0}),
		"query without a doc": frame(26, 2004, []byte{0, 0, 0, 0, 'a', 0, 0, 0, 0, 0}),
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, set, "catalog-a")
			if _, err := conn.Write(bytes); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(conn); err != nil {
				t.Errorf("the server did not close the connection: %v", err)
			}
		})
	}
	t.Run("no TLS", func(t *testing.T) {
		conn, err := net.Dial("tcp", set.Address("catalog-a"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()                    // the server may have closed it
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // a fresh connection takes one
		if _, err := conn.Write(msg(t, 0, bson.D{{Key: "hello", Value: 1}, {Key: "$db", Value: "admin"}})); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn) // an alert, then the end
	})
	// These stay, half said: neither does the server wait for them.
	_ = dial(t, set, "catalog-a")
	half := dial(t, set, "catalog-a")
	if _, err := half.Write(frame(40_000_000, 2013, make([]byte, 100))); err != nil {
		t.Fatal(err)
	}
	admin(t, connect(t, set, mongoset.UserMonitor, "catalog-a"), bson.D{{Key: "replSetGetStatus", Value: 1}})
}

// A client that says nothing, or only half of something, is not waited for for
// ever, wherever it stops.
func TestSilentClients(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	mongoset.Hurry(set, 50*time.Millisecond)
	mute, err := net.Dial("tcp", set.Address("catalog-a")) // not even TLS
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mute.Close() }() // the server has closed it
	_ = dial(t, set, "catalog-a")       // TLS, and then nothing
	half := dial(t, set, "catalog-a")
	if _, err := half.Write(frame(40_000_000, 2013, make([]byte, 100))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the clients to be given up", func() bool { open, ever := set.Connections(); return open == 0 && ever == 3 })
}

// hello that waits is answered when there is news, as a stream: each answer is to
// the one before, and carries a newer version.
func TestStreamingHello(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	conn := dial(t, set, "catalog-b")
	hello := func(flags uint32, more ...bson.E) []byte {
		return msg(t, flags, append(bson.D{{Key: "hello", Value: 1}, {Key: "$db", Value: "admin"}}, more...))
	}
	if _, err := conn.Write(hello(0)); err != nil {
		t.Fatal(err)
	}
	_, _, _, first := answer(t, conn)
	version := field(first, "topologyVersion")
	if _, err := conn.Write(hello(1<<16, bson.E{Key: "topologyVersion", Value: version}, bson.E{Key: "maxAwaitTimeMS", Value: int32(30_000)})); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	admin(t, connect(t, set, mongoset.UserExecute, "catalog-a"), bson.D{{Key: "replSetStepDown", Value: 60}})
	to := int32(77)
	for {
		id, answered, flags, doc := answer(t, conn)
		if answered != to || flags != 2 {
			t.Fatalf("an answer to %d with flags %d, want to %d", answered, flags, to)
		}
		if counter(field(doc, "topologyVersion")) <= counter(version) {
			t.Fatal("no news")
		}
		to, version = id, field(doc, "topologyVersion")
		if field(doc, "isWritablePrimary") == true {
			break
		}
	}
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("the new primary showed after %s", d)
	}
}

// Without news the answer comes when the time is over.
func TestHelloWaits(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	conn := dial(t, set, "catalog-b")
	body := bson.D{{Key: "hello", Value: 1}, {Key: "$db", Value: "admin"}}
	if _, err := conn.Write(msg(t, 0, body)); err != nil {
		t.Fatal(err)
	}
	_, _, _, first := answer(t, conn)
	begin := time.Now()
	if _, err := conn.Write(msg(t, 0, append(body, bson.E{Key: "topologyVersion", Value: field(first, "topologyVersion")}, bson.E{Key: "maxAwaitTimeMS", Value: int32(200)}))); err != nil {
		t.Fatal(err)
	}
	if _, _, flags, _ := answer(t, conn); flags != 0 {
		t.Error("a stream nobody asked for")
	}
	if d := time.Since(begin); d < 150*time.Millisecond {
		t.Errorf("it waited %s", d)
	}
}

func field(d bson.D, key string) any {
	i := slices.IndexFunc(d, func(e bson.E) bool { return e.Key == key })
	if i < 0 {
		return nil
	}
	return d[i].Value
}

func counter(v any) int64 {
	d, _ := v.(bson.D)
	n, _ := field(d, "counter").(int64)
	return n
}

// A checksum is verified; a document sequence stands for an array.
func TestSequenceAndChecksum(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	conn := dial(t, set, "catalog-a")
	good := msg(t, 1, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "admin"}})
	binary.LittleEndian.PutUint32(good, uint32(len(good)+4))
	sum := mongoset.Checksum(good)
	if _, err := conn.Write(binary.LittleEndian.AppendUint32(slices.Clone(good), sum)); err != nil {
		t.Fatal(err)
	}
	if _, _, _, doc := answer(t, conn); field(doc, "ok") != 1.0 {
		t.Errorf("answer %v", doc)
	}
	if _, err := conn.Write(binary.LittleEndian.AppendUint32(slices.Clone(good), sum+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Error("a wrong checksum did not end the connection")
	}
}

// A process that hangs accepts and says nothing; one that is stopped refuses, and
// has its own port again afterwards.
func TestProcesses(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	address := set.Address("catalog-b")
	if err := set.Hang("catalog-b"); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("a hung server refuses: %v", err)
	}
	defer func() { _ = conn.Close() }()                          // nothing was said
	_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond)) // a fresh connection takes one
	if err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Handshake(); err == nil {
		t.Error("a hung server answers")
	}
	if err := set.Resume("catalog-b"); err != nil {
		t.Fatal(err)
	}
	admin(t, connect(t, set, mongoset.UserMonitor, "catalog-b"), bson.D{{Key: "ping", Value: 1}})
	before := field(hello(t, set, "catalog-b"), "topologyVersion").(bson.D)
	if err := set.Stop("catalog-b"); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", address); err == nil {
		_ = c.Close() // not expected at all
		t.Error("a stopped server accepts")
	}
	if err := set.Resume("catalog-b"); err != nil {
		t.Fatal(err)
	}
	after := field(hello(t, set, "catalog-b"), "topologyVersion").(bson.D)
	if field(before, "processId") == field(after, "processId") {
		t.Error("the process is the same after a restart")
	}
}

func hello(t *testing.T, set *mongoset.Set, name string) bson.D {
	t.Helper()
	conn := dial(t, set, name)
	if _, err := conn.Write(msg(t, 0, bson.D{{Key: "hello", Value: 1}, {Key: "$db", Value: "admin"}})); err != nil {
		t.Fatal(err)
	}
	_, _, _, doc := answer(t, conn)
	return doc
}

// What a client says to a process that hangs is heard when it goes on; a client
// that leaves meanwhile is forgotten.
func TestHangIsHeardLater(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	if err := set.Hang("catalog-a"); err != nil {
		t.Fatal(err)
	}
	leaver, err := net.Dial("tcp", set.Address("catalog-a"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection to be accepted", func() bool { open, _ := set.Connections(); return open == 1 })
	_ = leaver.Close() // that is the point
	eventually(t, "the client to be forgotten", func() bool { open, _ := set.Connections(); return open == 0 })
	answered := make(chan error, 1)
	stayer := connect(t, set, mongoset.UserExecute, "catalog-a")
	go func() {
		answered <- stayer.Database("admin").RunCommand(context.Background(), bson.D{{Key: "appendOplogNote", Value: 1}, {Key: "data", Value: bson.D{{Key: "a", Value: 1}}}}).Err()
	}()
	eventually(t, "the client to connect", func() bool { open, _ := set.Connections(); return open >= 1 })
	if set.Changes()["appendOplogNote"] != 0 {
		t.Error("a hung process did something")
	}
	if err := set.Resume("catalog-a"); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
	}
}

// With a clock of the test's own a whole failover takes no time at all, and a
// client that waits for news gets them.
func TestInjectedClock(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	set := start(t, mongoset.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	client := connect(t, set, mongoset.UserHeartbeat, "")
	if err := client.Ping(testContext(t), nil); err != nil {
		t.Fatal(err)
	}
	if err := set.Stop("catalog-a"); err != nil {
		t.Fatal(err)
	}
	if p := set.Primary(); p != "" {
		t.Fatalf("%s is the primary at once", p)
	}
	ahead.Add(int64(15 * time.Second))
	if p := set.Primary(); p == "" || p == "catalog-a" {
		t.Fatalf("the primary is %q after the election timeout", p)
	}
	// The first one may use a connection that the old primary left behind.
	eventually(t, "the client to find the new primary", func() bool { return client.Ping(testContext(t), nil) == nil })
}

// An arbiter says hello to everybody and lets nobody log in.
func TestArbiter(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{Members: mongoset.WithArbiter("catalog")})
	d := hello(t, set, "catalog-c")
	if field(d, "arbiterOnly") != true || field(d, "secondary") != false || len(field(d, "arbiters").(bson.A)) != 1 {
		t.Errorf("hello %v", d)
	}
	client := connect(t, set, mongoset.UserMonitor, "catalog-c")
	if err := client.Database("admin").RunCommand(testContext(t), bson.D{{Key: "replSetGetStatus", Value: 1}}).Err(); err == nil {
		t.Error("an arbiter let somebody log in")
	}
}

// Cursors: the oplog in both directions, in batches.
func TestOplogThroughACursor(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	client := connect(t, set, mongoset.UserMonitor, "catalog-b")
	cursor, err := client.Database("local").Collection("oplog.rs").Find(testContext(t), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	var docs []bson.D
	if err := cursor.All(testContext(t), &docs); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(docs); i++ {
		a, b := field(docs[i-1], "ts").(primitive.Timestamp), field(docs[i], "ts").(primitive.Timestamp)
		if a.Compare(b) >= 0 {
			t.Fatalf("entry %d is not behind the one before", i)
		}
	}
	if len(docs) < 300 {
		t.Errorf("%d entries", len(docs))
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{Sharded: true})
	client := connect(t, set, mongoset.UserMonitor, "catalog-router")
	shards := admin(t, client, bson.D{{Key: "listShards", Value: 1}})["shards"].(bson.A)
	if len(shards) != 2 || shards[0].(bson.M)["_id"] != "shard01" {
		t.Errorf("shards %v", shards)
	}
	shardMap := admin(t, client, bson.D{{Key: "getShardMap", Value: 1}})["map"].(bson.M)
	if shardMap["config"] == nil || shardMap["shard02"] == nil {
		t.Errorf("map %v", shardMap)
	}
	if status := admin(t, client, bson.D{{Key: "balancerStatus", Value: 1}}); status["mode"] != "full" || status["inBalancerRound"] != false {
		t.Errorf("balancer %v", status)
	}
	if d := hello(t, set, "catalog-router"); field(d, "msg") != "isdbgrid" || field(d, "setName") != nil {
		t.Errorf("hello %v", d)
	}
	config := admin(t, connect(t, set, mongoset.UserMonitor, "catalog-config-b"), bson.D{{Key: "replSetGetStatus", Value: 1}})
	if config["configsvr"] != true || config["set"] != "catalog-config" {
		t.Errorf("status %v", config)
	}
}

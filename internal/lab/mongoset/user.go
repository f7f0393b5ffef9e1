package mongoset

import (
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/bson"
)

// The users of a set. Their database is admin.
const (
	UserMonitor   = "bcctl_monitor"   // clusterMonitor, and read on the heartbeat's database
	UserLimited   = "bcctl_limited"   // may log in and nothing else
	UserExecute   = "bcctl_execute"   // clusterManager, and readWrite on the heartbeat's database
	UserHeartbeat = "bcctl_heartbeat" // may write the heartbeat's database and nothing else
)

// HeartbeatDatabase is where the heartbeat's collection is.
const HeartbeatDatabase = "bcctl"

// scramIterations is the least the product can be set to
// (scramSHA256IterationCount); its default of 15000 would make hundreds of sets
// in one process slow to log in to.
const scramIterations = 5000

// user is somebody who may log in.
type user struct {
	name       string
	credential scram.StoredCredentials
	roles      []role
}

type role struct{ name, db string }

// privilege is one row of what a role allows. With neither cluster nor db it is
// about any database but local and config.
type privilege struct {
	cluster bool
	db      string
	actions []string
}

// statusOnly is a role somebody made: clusterMonitor without what it may read.
const statusOnly = "statusOnly"

// privileges are those of the built-in roles that the users here have, as far as
// commands here ask for them (mongo/db/auth/builtin_roles.cpp). A clusterMonitor
// may read local, the oplog too.
func (r role) privileges() []privilege {
	read := []string{"changeStream", "collStats", "dbHash", "dbStats", "find", "killCursors", "listCollections", "listIndexes", "planCacheRead"}
	monitor := privilege{cluster: true, actions: []string{"checkFreeMonitoringStatus", "connPoolStats", "getCmdLineOpts", "getDefaultRWConcern",
		"getLog", "getParameter", "getShardMap", "hostInfo", "inprog", "listDatabases", "listSessions", "listShards", "netstat",
		"operationMetrics", "replSetGetConfig", "replSetGetStatus", "serverStatus", "shardingState", "top", "useUUID"}}
	switch r.name {
	case "clusterMonitor":
		return []privilege{
			monitor,
			{actions: []string{"collStats", "dbStats", "getDatabaseVersion", "getShardVersion", "indexStats"}},
			{db: "config", actions: read},
			{db: "local", actions: read},
		}
	case statusOnly:
		return []privilege{monitor}
	case "clusterManager":
		return []privilege{
			{cluster: true, actions: []string{"addShard", "appendOplogNote", "applicationMessage", "cleanupOrphaned", "flushRouterConfig",
				"getDefaultRWConcern", "listSessions", "listShards", "removeShard", "replSetConfigure", "replSetGetConfig", "replSetGetStatus",
				"replSetStateChange", "resync", "setDefaultRWConcern", "setFeatureCompatibilityVersion", "setFreeMonitoring"}},
			{actions: []string{"clearJumboFlag", "enableSharding", "moveChunk", "refineCollectionShardKey", "reshardCollection", "splitChunk", "splitVector"}},
		}
	case "read":
		return []privilege{{db: r.db, actions: read}}
	case "readWrite":
		return []privilege{{db: r.db, actions: append(read, "convertToCapped", "createCollection", "createIndex", "dropCollection", "dropIndex",
			"emptycapped", "insert", "remove", "renameCollectionSameDB", "update")}}
	}
	return nil
}

// may tells whether a user may do something, on the cluster when db is empty.
func (u *user) may(action, db string) bool {
	for _, r := range u.roles {
		for _, p := range r.privileges() {
			if p.cluster != (db == "") || p.db != db && (p.db != "" || db == "local" || db == "config") {
				continue
			}
			if slices.Contains(p.actions, action) {
				return true
			}
		}
	}
	return false
}

// document is what connectionStatus says of a user.
func (u *user) document(showPrivileges bool) bson.D {
	users, roles, privileges := bson.A{}, bson.A{}, bson.A{}
	if u != nil {
		users = append(users, bson.D{{Key: "user", Value: u.name}, {Key: "db", Value: "admin"}})
		for _, r := range u.roles {
			roles = append(roles, bson.D{{Key: "role", Value: r.name}, {Key: "db", Value: r.db}})
			for _, p := range r.privileges() {
				resource := bson.D{{Key: "db", Value: p.db}, {Key: "collection", Value: ""}}
				if p.cluster {
					resource = bson.D{{Key: "cluster", Value: true}}
				}
				actions := bson.A{}
				for _, a := range p.actions {
					actions = append(actions, a)
				}
				privileges = append(privileges, bson.D{{Key: "resource", Value: resource}, {Key: "actions", Value: actions}})
			}
		}
	}
	info := bson.D{{Key: "authenticatedUsers", Value: users}, {Key: "authenticatedUserRoles", Value: roles}}
	if showPrivileges {
		info = append(info, bson.E{Key: "authenticatedUserPrivileges", Value: privileges})
	}
	return info
}

func defaultRoles(name string) []role {
	switch name {
	case UserMonitor:
		return []role{{"clusterMonitor", "admin"}, {"read", HeartbeatDatabase}}
	case UserExecute:
		return []role{{"clusterManager", "admin"}, {"readWrite", HeartbeatDatabase}}
	case UserHeartbeat:
		return []role{{"readWrite", HeartbeatDatabase}}
	}
	return nil
}

// newUsers makes the users and invents their passwords.
func newUsers() (map[string]*user, map[string]string, error) {
	users, passwords := map[string]*user{}, map[string]string{}
	for _, name := range []string{UserMonitor, UserLimited, UserExecute, UserHeartbeat} {
		passwords[name] = rand.Text()
		u := &user{name: name, roles: defaultRoles(name)}
		if err := u.setPassword(passwords[name]); err != nil {
			return nil, nil, err
		}
		users[name] = u
	}
	return users, passwords, nil
}

func (u *user) setPassword(password string) error {
	client, err := scram.SHA256.NewClient(u.name, password, "")
	if err != nil {
		return fmt.Errorf("make the credential of %s: %w", u.name, err)
	}
	salt := make([]byte, 28)
	if _, err := rand.Read(salt); err != nil {
		return fmt.Errorf("make the credential of %s: %w", u.name, err)
	}
	u.credential = client.GetStoredCredentials(scram.KeyFactors{Salt: string(salt), Iters: scramIterations})
	return nil
}

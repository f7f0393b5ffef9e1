package mongodb

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// TestPrivileges: what connectionStatus shows of several logins.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	grant := func(resource bson.D, actions ...string) bson.D {
		list := bson.A{}
		for _, a := range actions {
			list = append(list, a)
		}
		return bson.D{{Key: "resource", Value: resource}, {Key: "actions", Value: list}}
	}
	in := func(db, collection string) bson.D {
		return bson.D{{Key: "db", Value: db}, {Key: "collection", Value: collection}}
	}
	cluster := grant(bson.D{{Key: "cluster", Value: true}}, memberActions...)
	for name, c := range map[string]struct {
		grants []bson.D
		lacks  string // part of what is said; empty: nothing is missing
	}{
		"clusterMonitor and read on local": {[]bson.D{cluster, grant(in("local", ""), "find")}, ""},
		"the oplog alone":                  {[]bson.D{cluster, grant(in("local", "oplog.rs"), "find")}, ""},
		"another collection of local":      {[]bson.D{cluster, grant(in("local", "startup_log"), "find")}, "read on local"},
		"any database is not local":        {[]bson.D{cluster, grant(in("", ""), "find")}, "read on local"},
		"local, but not to read":           {[]bson.D{cluster, grant(in("local", ""), "listCollections")}, "read on local"},
		"read on local alone":              {[]bson.D{grant(in("local", ""), "find")}, "clusterMonitor"},
		"some actions":                     {[]bson.D{grant(bson.D{{Key: "cluster", Value: true}}, "replSetGetStatus"), grant(in("local", ""), "find")}, "replSetGetConfig, serverStatus, getParameter"},
		"everything":                       {[]bson.D{grant(bson.D{{Key: "anyResource", Value: true}}, "anyAction")}, ""},
		"nothing":                          {nil, "clusterMonitor"},
	} {
		list := bson.A{}
		for _, g := range c.grants {
			list = append(list, g)
		}
		raw, err := bson.Marshal(bson.D{{Key: "authInfo", Value: bson.D{{Key: "authenticatedUserPrivileges", Value: list}}}})
		if err != nil {
			t.Fatal(err)
		}
		lacks := strings.Join(decodePrivileges(document(raw)).missing(&node{hello: &hello{}}), "; ")
		if (lacks == "") != (c.lacks == "") || !strings.Contains(lacks, c.lacks) {
			t.Errorf("%s: lacks %q, want %q", name, lacks, c.lacks)
		}
	}
}

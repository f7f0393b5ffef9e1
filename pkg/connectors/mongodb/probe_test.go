package mongodb

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// old is a server before 4.4.2, which knows no hello.
type old struct{ script }

func (*old) run(_ context.Context, _ string, command bson.D) (document, error) {
	if command[0].Key == "hello" {
		return nil, mongo.CommandError{Code: codeCommandNotFound, Name: "CommandNotFound", Message: "no such command: 'hello'"}
	}
	raw, err := bson.Marshal(bson.D{{Key: "ismaster", Value: true}, {Key: "setName", Value: recordedSet}, {Key: "me", Value: restingHosts[0]}})
	return document(raw), err
}

func TestServersBeforeHello(t *testing.T) {
	t.Parallel()
	n, c := &node{}, &Connector{}
	if err := c.readHello(t.Context(), n, &old{}); err != nil || !n.writes() || n.hello.SetName != recordedSet {
		t.Errorf("isMaster was read as %+v, %v", n.hello, err)
	}
}

// TestSI5ServersGetNoSecretOut: whatever a server puts into its answers, and
// whatever the password is, it is in nothing that a sweep returns.
func TestSI5ServersGetNoSecretOut(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	password := set.Secrets()[mongoset.UserMonitor]
	echo := func(bson.D) bson.D {
		return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(8000)}, {Key: "codeName", Value: "Odd"}, {Key: "errmsg", Value: "you said " + password}}
	}
	for _, command := range []string{"replSetGetStatus", "replSetGetConfig", "connectionStatus", "buildInfo", "hello", "saslStart", "getParameter"} {
		for _, n := range set.Nodes() {
			if err := set.Rewrite(n.Name, command, echo); err != nil {
				t.Fatal(err)
			}
		}
		if v := newDesk(t, set).sweep(t); v.Status == readiness.Green && command != "saslStart" && command != "getParameter" {
			t.Errorf("green, although %s failed", command)
		}
		for _, n := range set.Nodes() {
			if err := set.Rewrite(n.Name, command, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, odd := range []string{"a\x00b-secret", "\u00adsecret\u200b", "\xff\xfesecret", " ", ""} {
		d := newDesk(t, set, func(spec *connectors.Spec) {
			spec.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) {
				return connectors.Credential{Username: mongoset.UserMonitor, Password: odd}, nil
			}
		})
		if len(odd) > 3 {
			d.secrets = append(d.secrets, odd)
		}
		if v := d.sweep(t); v.Status == readiness.Green {
			t.Errorf("green with password %q", odd)
		}
	}
}

// TestKeptLoginChanges: a rotated secret is picked up although connections are
// kept.
func TestKeptLoginChanges(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	wrong := false
	d := newDesk(t, set, func(spec *connectors.Spec) {
		spec.KeepOpen = true
		right := spec.Credential
		spec.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
			c, err := right(ctx, p)
			if wrong {
				c.Password = "rotated"
			}
			return c, err
		}
	})
	d.sweep(t).wantGreen(t)
	wrong = true
	d.sweep(t).want(t, readiness.Unknown, readiness.VisAuth)
	wrong = false
	d.sweep(t).wantGreen(t)
	if open, _ := set.Connections(); open > 3*4 {
		t.Errorf("%d connections are open after three sweeps", open)
	}
}

// TestSlowServers: a member that answers late costs its own time only.
func TestSlowServers(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	if err := set.SetLate("catalog-b", 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	newDesk(t, set).sweep(t).wantGreen(t)
	if err := set.SetLate("catalog-b", 600*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	v := newDesk(t, set).sweep(t)
	if v.Status == readiness.Green {
		t.Errorf("green, and a member had no time to say what it must:\n%s", v)
	}
	wantSoon(t, v, 2*probeLimit+time.Second)
}

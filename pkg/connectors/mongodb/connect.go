package mongodb

import (
	"context"
	"crypto/tls"
	"errors"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/event"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/x/mongo/driver/connstring"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

const defaultPort = 27017

// server is all this package asks of the driver: a command to one server, and an
// end. The driver's first major version is to be replaced one day; it is known
// in this file and in failure.go.
type server interface {
	// run sends one command and returns the whole answer.
	run(ctx context.Context, database string, command bson.D) (document, error)

	// accepted reports whether the host took a TCP connection.
	accepted() bool

	// close ends everything the connection has, without waiting for a server that
	// hangs.
	close()
}

// dialer connects to one member, and to that one only: a client that discovers
// the set would never show hidden members, and would hide a second primary.
type dialer struct {
	address   endpoint.Address
	tls       *tls.Config
	mechanism string
	source    string // database the login is defined in
}

func newDialer(spec connectors.Spec, ep connectors.Endpoint) (*dialer, error) {
	address, err := endpoint.Parse(ep.Address, defaultPort)
	if err != nil {
		return nil, err
	}
	secured, err := endpoint.TLSConfig(spec.TLS, address)
	if err != nil {
		return nil, err
	}
	d := &dialer{address: address, tls: secured, mechanism: scramSHA256, source: "admin"}
	if m := spec.Options["authMechanism"]; m != "" {
		d.mechanism = m
	}
	if s := spec.Options["authSource"]; s != "" {
		d.source = s
	}
	return d, nil
}

// client is a server behind the driver.
type client struct {
	*mongo.Client
	wire   *wire
	broken context.Context // ends with the first failure to reach the server
	give   context.CancelFunc
	why    atomic.Pointer[error]
}

var _ server = (*client)(nil)

// open prepares a client; it connects with the first command. A nil credential
// sends no login, which is enough for hello.
//
// Every option that the driver would otherwise take from elsewhere is set: its
// log from variables, the certificate authority's responder from the
// certificate, addresses from the set.
func (d *dialer) open(cred *connectors.Credential, budget time.Duration) (*client, error) {
	c := &client{wire: &wire{}}
	c.broken, c.give = context.WithCancel(context.Background())
	o := options.Client().
		SetHosts([]string{d.address.String()}).SetDirect(true).SetAppName("bcctl").
		SetTLSConfig(d.tls).SetDisableOCSPEndpointCheck(true).SetDialer(c.wire).
		SetServerSelectionTimeout(budget).SetConnectTimeout(budget).SetServerMonitoringMode(connstring.ServerMonitoringModePoll).
		SetMaxPoolSize(1).SetRetryReads(false).SetRetryWrites(false).
		SetLoggerOptions(options.Logger().SetSink(silence{})).
		// Without it the driver goes on trying a refused port until the time is up,
		// and then does not say why.
		SetServerMonitor(&event.ServerMonitor{ServerHeartbeatFailed: func(e *event.ServerHeartbeatFailedEvent) {
			c.why.CompareAndSwap(nil, &e.Failure)
			c.give()
		}})
	if cred != nil {
		o.SetAuth(options.Credential{AuthMechanism: d.mechanism, AuthSource: d.source, Username: cred.Username, Password: cred.Password, PasswordSet: true})
	}
	if err := o.Validate(); err != nil {
		c.give()
		return nil, err
	}
	var err error
	if c.Client, err = mongo.Connect(context.Background(), o); err != nil {
		c.give()
		return nil, err
	}
	return c, nil
}

func (c *client) run(ctx context.Context, database string, command bson.D) (document, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.broken, cancel)()
	answer, err := c.Database(database).RunCommand(ctx, command).Raw()
	if err == nil {
		return parse(answer)
	}
	if why := c.why.Load(); why != nil && !fromServer(err) {
		return nil, errors.Join(*why)
	}
	// A write that happened but was not acknowledged as asked has both an answer
	// and an error.
	if d, unreadable := parse(answer); unreadable == nil {
		return d, err
	}
	return nil, err
}

func (c *client) accepted() bool { return c.wire.Accepted() }

// goodbye is how long a server is given to end a session in order.
const goodbye = 200 * time.Millisecond

func (c *client) close() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	stop := context.AfterFunc(ctx, c.wire.cutAll)
	if c.broken.Err() != nil {
		c.wire.cutAll()
	}
	_ = c.Disconnect(ctx) // its answer is of no interest
	stop()
	c.wire.cutAll()
	c.give()
}

// silence is a log that keeps nothing: the driver writes to a file or stream that
// variables name, unless it is given another.
type silence struct{}

func (silence) Info(int, string, ...any)    {}
func (silence) Error(error, string, ...any) {}

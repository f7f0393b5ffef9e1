package sqlserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

const defaultPort = 1433

// opener opens connections to one endpoint. Every setting of the connection is
// written here: nothing comes from a connection string or the environment. What
// the driver would do by default is accept any certificate.
type opener struct {
	address endpoint.Address
	tls     *tls.Config // nil for clear text
	strict  bool        // TLS before the first byte of the protocol, SQL Server 2022 and later
	shown   string      // as what sessions show themselves; empty is bcctl
}

func newOpener(spec connectors.Spec, ep connectors.Endpoint) (*opener, error) {
	address, err := endpoint.Parse(ep.Address, defaultPort)
	if err != nil {
		return nil, err
	}
	config, err := endpoint.TLSConfig(spec.TLS, address)
	if err != nil {
		return nil, err
	}
	return &opener{address: address, tls: config, strict: spec.Options[encryptOption] == "strict"}, nil
}

// connection is one login to one instance.
type connection struct {
	db   *sql.DB
	conn *sql.Conn
	wire net.Conn
}

// attempt is what became known while connecting, whether it worked or not.
type attempt struct {
	accepted    bool  // the host took a TCP connection
	certificate error // the server's certificate was not accepted
}

var (
	errWindowsAccount = errors.New("the user name is a Windows account; only logins of SQL Server itself are supported, and nothing was sent")
	errRedirected     = errors.New("the server sends its clients on to another server, which is not followed: name the instance itself")
)

// open logs in. The context bounds all of it, and must be given to every later use
// through within.
func (o *opener) open(ctx context.Context, cred connectors.Credential, database string, readOnly bool) (*connection, attempt, error) {
	if strings.Contains(cred.Username, `\`) || cred.Username == "" {
		return nil, attempt{}, errWindowsAccount // the driver would take it for a reason to try NTLM
	}
	w := &witness{}
	d := &wireDialer{address: o.address.String()}
	connector := mssql.NewConnectorConfig(o.config(cred, database, readOnly, w))
	connector.Dialer = d
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	d.release()
	a := attempt{accepted: d.Accepted(), certificate: w.failure()}
	if err != nil {
		_ = db.Close() // nothing was opened
		return nil, a, err
	}
	return &connection{db: db, conn: conn, wire: d.wire()}, a, nil
}

func (o *opener) config(cred connectors.Credential, database string, readOnly bool, w *witness) msdsn.Config {
	c := msdsn.Config{
		Host: o.address.Host, Port: uint64(o.address.Port), Database: database,
		User: cred.Username, Password: cred.Password,
		Encryption: msdsn.EncryptionRequired, TrustServerCertificate: false, HostInCertificateProvided: true,
		AppName: cmp.Or(o.shown, "bcctl"), ReadOnlyIntent: readOnly, DisableRetry: true,
		DialTimeout: -1, // the context bounds it
		Protocols:   []string{"tcp"}, NoTraceID: true,
		Encoding: msdsn.EncodeParameters{Timezone: time.UTC},
	}
	switch {
	case o.tls == nil:
		c.Encryption = msdsn.EncryptionDisabled
	case o.strict:
		c.Encryption = msdsn.EncryptionStrict
		fallthrough
	default:
		c.TLSConfig = w.watch(o.tls)
		c.TLSConfig.DynamicRecordSizingDisabled = true // the server expects one segment per packet
	}
	return c
}

// within makes the context bound everything on the connection until the function
// that is returned is called: the driver itself reads without a deadline.
func (c *connection) within(ctx context.Context) (done func()) {
	return bound(ctx, c.wire)
}

func bound(ctx context.Context, wire net.Conn) (done func()) {
	deadline, _ := ctx.Deadline() // zero is none
	_ = wire.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = wire.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if stop() {
			_ = wire.SetDeadline(time.Time{})
		}
	}
}

// close ends the connection without waiting on a hung server.
func (c *connection) close() {
	if c == nil {
		return
	}
	_ = c.wire.SetDeadline(time.Now().Add(200 * time.Millisecond))
	_ = c.conn.Close() // a goodbye changes nothing of what was said
	_ = c.db.Close()
}

// wireDialer opens the TCP connection of one login and keeps hold of it. It looks
// names up itself, within the context, and goes nowhere else than it was told.
type wireDialer struct {
	endpoint.Dialer
	address string

	mu   sync.Mutex
	conn net.Conn
	done func()
}

var _ mssql.HostDialer = (*wireDialer)(nil)

// HostName makes the driver leave the looking up of names to DialContext.
func (d *wireDialer) HostName() string { return "" }

// DialContext implements mssql.Dialer.
func (d *wireDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if address != d.address {
		return nil, errRedirected
	}
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn, d.done = conn, bound(ctx, conn)
	return conn, nil
}

func (d *wireDialer) wire() net.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn
}

// release ends the hold of the context that the connection was made in.
func (d *wireDialer) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done != nil {
		d.done()
	}
}

// witness sees a certificate being refused: the driver passes on the words of that
// error, and not the error.
type witness struct {
	mu  sync.Mutex
	err error
}

// watch returns a configuration that verifies what the given one does, in the same
// way, and tells the witness.
func (w *witness) watch(config *tls.Config) *tls.Config {
	watched := config.Clone()
	verify := config.VerifyConnection
	if !config.InsecureSkipVerify {
		verify = func(state tls.ConnectionState) error { return verifyPeer(config, state) }
	}
	watched.InsecureSkipVerify = true // verified by the next line, chain and name
	watched.VerifyConnection = func(state tls.ConnectionState) error {
		err := verify(state)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = err
		return err
	}
	return watched
}

func (w *witness) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// verifyPeer is what crypto/tls does with a server's certificates by itself.
func verifyPeer(config *tls.Config, state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server shows no certificate")
	}
	options := x509.VerifyOptions{Roots: config.RootCAs, DNSName: config.ServerName, Intermediates: x509.NewCertPool()}
	for _, certificate := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(certificate)
	}
	if _, err := state.PeerCertificates[0].Verify(options); err != nil {
		return fmt.Errorf("verify the certificate: %w", err)
	}
	return nil
}

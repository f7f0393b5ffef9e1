package connectortest_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// The toy is a platform with a protocol of lines over TLS: LOGIN user password,
// then STATE as often as somebody likes. Its connector keeps the contract, unless
// it is told to have a flaw.

// toyState is what a toy server answers to STATE.
type toyState struct {
	ID      string          `json:"id"`
	Version int             `json:"version"`
	Hidden  bool            `json:"hidden"`
	Lag     json.RawMessage `json:"lag"`
}

type toyServer struct {
	mu     sync.Mutex
	state  toyState
	writes int
	conns  map[net.Conn]bool
}

func (s *toyServer) change(t *testing.T, f func(*toyState)) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.state
	f(&s.state)
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.state = before
	})
}

const toyPassword = "toy-canary-of-many-letters"

func (s *toyServer) serve(conn net.Conn) {
	lines := bufio.NewReader(conn)
	login := false
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		s.mu.Lock()
		answer, _ := json.Marshal(s.state) // it has no form that cannot be encoded
		switch {
		case line == "LOGIN monitor "+toyPassword+"\n":
			login, answer = true, []byte("welcome")
		case !login:
			answer = []byte("refused: " + strings.TrimSpace(line))
		case line == "WRITE\n":
			s.writes++
		}
		s.mu.Unlock()
		if _, err := conn.Write(append(answer, '\n')); err != nil {
			return
		}
	}
}

// startToy listens until the test ends.
func startToy(t *testing.T, config *tls.Config) (*toyServer, string) {
	t.Helper()
	inner, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	s := &toyServer{state: toyState{ID: "toy-1", Version: 1, Lag: json.RawMessage("0")}, conns: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := inner.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[conn] = true
			s.mu.Unlock()
			running.Go(func() { s.serve(conn); _ = conn.Close() })
		}
	})
	t.Cleanup(func() {
		_ = inner.Close()
		s.mu.Lock()
		for conn := range s.conns {
			_ = conn.Close()
		}
		s.mu.Unlock()
		running.Wait()
	})
	return s, inner.Addr().String()
}

// toyFactory has the flaw by that name, or none.
type toyFactory struct{ flaw string }

func (toyFactory) Platform() string { return "toy" }

func (f toyFactory) Indicators() []readiness.Indicator {
	return []readiness.Indicator{
		{ID: "topology", Required: f.flaw != "nothing required", Help: "who writes"},
		{ID: "replication.lag_bytes", Required: f.flaw != "nothing required", Unit: readiness.Bytes, Breach: readiness.ReplicationLagHigh, Help: "what is missing"},
	}
}

func (f toyFactory) Capabilities() []connectors.Capability {
	c := connectors.Capability{Form: "pair", Monitor: connectors.Full, Prove: connectors.None, Execute: connectors.None, Against: "itself"}
	if f.flaw == "matrix with holes" {
		c.Against = ""
	}
	return []connectors.Capability{c}
}

func (f toyFactory) Validate(spec connectors.Spec) (problems []connectors.Problem) {
	add := func(what string, path ...any) {
		problems = append(problems, connectors.Problem{Path: path, What: what})
	}
	for i, e := range spec.Endpoints {
		if host, port, err := net.SplitHostPort(e.Address); err != nil || port == "99999" {
			add("no host:port", "endpoints", i)
		} else if spec.TLS.Mode == connectors.Disable && host != "127.0.0.1" && f.flaw != "clear text anywhere" {
			add("clear text", "connection", "tls")
		}
		for key := range e.Options {
			add("unknown", "endpoints", i, "options", key)
		}
	}
	for key := range spec.Options {
		if f.flaw != "options unchecked" {
			add("unknown", "connection", "options", key)
		}
	}
	for key := range spec.Identity {
		if key != "id" {
			add("unknown", "identity", key)
		}
	}
	if len(spec.TLS.CA) > 0 && !x509.NewCertPool().AppendCertsFromPEM(spec.TLS.CA) {
		add("no certificate", "connection", "tls")
	}
	return problems
}

func (f toyFactory) Open(spec connectors.Spec) (connectors.Connector, error) {
	return &toyConnector{spec: spec, flaw: f.flaw, kept: make([]net.Conn, len(spec.Endpoints)), old: make([]*toyReading, len(spec.Endpoints))}, nil
}

type toyConnector struct {
	spec connectors.Spec
	flaw string
	kept []net.Conn
	old  []*toyReading
}

type toyReading struct {
	state toyState
	at    time.Time
}

func (c *toyConnector) Collect(ctx context.Context) ([]readiness.Observation, error) {
	out := make([]readiness.Observation, len(c.spec.Endpoints))
	var all sync.WaitGroup
	for i, e := range c.spec.Endpoints {
		read := func() {
			out[i] = readiness.Observation{Target: c.spec.Target, Endpoint: e.Name, Indicator: "replication.lag_bytes", Optional: e.Optional}
			c.read(ctx, i, &out[i])
			out[i].CollectedAt = time.Now()
		}
		if c.flaw == "one after the other" {
			read()
		} else {
			all.Go(read)
		}
	}
	all.Wait()
	topology := readiness.Observation{Target: c.spec.Target, Indicator: "topology", Value: readiness.Str("a; b"), CollectedAt: time.Now()}
	for _, o := range out {
		if o.Failure != nil {
			topology.Value, topology.Failure = readiness.Value{}, &readiness.Finding{Code: readiness.VisBoth, Message: "not seen"}
			if c.flaw == "blames servers" || c.flaw == "refusal is down" && strings.Contains(o.Failure.Message, "refused") {
				topology.Failure.Code = readiness.StandbyAbsent
			}
			return append(out, topology), nil
		}
		topology.ObservedAt = o.ObservedAt
	}
	if c.flaw == "indicator of its own" {
		topology.Indicator = "unlisted"
	}
	return append(out, topology), nil
}

func (c *toyConnector) read(parent context.Context, i int, o *readiness.Observation) {
	fail := func(code readiness.Code, message string) {
		o.Failure = &readiness.Finding{Code: code, Message: message}
	}
	ctx, cancel := context.WithTimeout(parent, c.spec.EndpointTimeout)
	if c.flaw == "deaf to cancel" {
		ctx, cancel = context.WithTimeout(context.Background(), min(c.spec.EndpointTimeout, 3*time.Second))
	}
	if c.flaw == "deaf to deadlines" {
		ctx, cancel = context.WithTimeout(parent, 4*c.spec.EndpointTimeout)
	}
	defer cancel()
	credential, err := c.spec.Credential(ctx, connectors.Monitor)
	if err != nil && c.flaw != "connects without a login" {
		fail(readiness.SecretUnresolved, err.Error())
		return
	}
	at := time.Now()
	state, err := c.ask(ctx, i, credential)
	if err != nil && c.flaw == "remembers" && c.old[i] != nil {
		state, at, err = c.old[i].state, c.old[i].at, nil
	}
	if err == nil {
		c.old[i] = &toyReading{state, at}
	}
	var unknown *tls.CertificateVerificationError
	var lag *float64
	switch {
	case err != nil && parent.Err() != nil && c.flaw != "blames servers":
		fail(readiness.VisCollector, "interrupted")
	case errors.As(err, &unknown):
		fail(readiness.IdentityUnproven, err.Error())
	case errors.Is(err, errToyLogin):
		fail(readiness.VisAuth, err.Error())
	case err != nil:
		fail(readiness.VisDR, err.Error())
	case state.Version != 1 && c.flaw != "any version":
		fail(readiness.VersionUnsupported, fmt.Sprintf("version %d", state.Version))
	case state.ID != c.spec.Identity["id"] && c.flaw != "any identity":
		fail(readiness.IdentityMismatch, "is "+state.ID)
	case state.Hidden && c.flaw != "hidden is fine":
		fail(readiness.InsufficientPrivilege, "hidden")
	default:
		_ = json.Unmarshal(state.Lag, &lag)
		if c.flaw == "NULL is zero" && lag == nil {
			lag = new(float64)
		}
		if lag == nil || *lag < 0 {
			fail(readiness.ValueInvalid, "no lag")
			return
		}
		o.Value, o.ObservedAt = readiness.Num(*lag), at
		if c.flaw == "no times" {
			o.ObservedAt = at.Add(-time.Second)
		}
	}
}

var errToyLogin = errors.New("login")

func (c *toyConnector) ask(ctx context.Context, i int, credential connectors.Credential) (state toyState, err error) {
	if c.kept[i] != nil {
		half, stop := context.WithTimeout(ctx, c.spec.EndpointTimeout/2)
		state, err = c.talk(half, c.kept[i], "")
		stop()
		if err == nil || c.flaw == "never connects anew" {
			return state, err
		}
		_ = c.kept[i].Close()
		c.kept[i] = nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.spec.TLS.CA)
	config := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", InsecureSkipVerify: c.flaw == "any certificate"}
	if c.spec.TLS.ServerName != "" {
		config.ServerName = c.spec.TLS.ServerName
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", c.spec.Endpoints[i].Address)
	if err != nil && c.flaw == "falls back to clear text" {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", c.spec.Endpoints[i].Address)
	}
	if err != nil {
		return state, err
	}
	switch c.flaw {
	case "writes a file":
		_ = os.WriteFile(filepath.Join(os.Getenv("HOME"), "cache"), nil, 0o600)
	case "leaves a goroutine":
		go func() { select {} }()
	}
	state, err = c.talk(ctx, conn, "LOGIN "+credential.Username+" "+credential.Password+"\n")
	if err == nil && c.spec.KeepOpen {
		c.kept[i] = conn
		return state, nil
	}
	return state, errors.Join(err, conn.Close())
}

func (c *toyConnector) talk(ctx context.Context, conn net.Conn, login string) (state toyState, err error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	lines := bufio.NewReader(io.LimitReader(conn, 1<<16))
	if login != "" {
		_, _ = io.WriteString(conn, login)
		welcome, err := lines.ReadString('\n')
		if err != nil {
			return state, err
		}
		if welcome != "welcome\n" {
			if c.flaw != "quotes the server" {
				welcome = "refused"
			}
			return state, fmt.Errorf("%w: %s", errToyLogin, welcome)
		}
	}
	command := "STATE\n"
	if c.flaw == "writes" {
		command = "WRITE\n"
	}
	_, _ = io.WriteString(conn, command)
	answer, err := lines.ReadBytes('\n')
	if err != nil && (c.flaw != "half an answer" || len(answer) == 0) {
		return state, err
	}
	return state, json.Unmarshal(answer, &state)
}

func (c *toyConnector) Close() error {
	for _, conn := range c.kept {
		if conn != nil {
			_ = conn.Close()
		}
	}
	return nil
}

// toy is the subject with two servers.
func toy(t *testing.T, flaw string) connectortest.Subject {
	ca, certificate := toyAuthority(t)
	a, addressA := startToy(t, &tls.Config{Certificates: []tls.Certificate{certificate}})
	b, addressB := startToy(t, &tls.Config{Certificates: []tls.Certificate{certificate}})
	return connectortest.Subject{
		Factory: toyFactory{flaw}, Laboratory: true, Timeout: 1200 * time.Millisecond,
		Spec: func(testing.TB) connectors.Spec {
			return connectors.Spec{Target: "toy", TLS: connectors.TLS{CA: ca}, Identity: map[string]string{"id": "toy-1"},
				Endpoints: []connectors.Endpoint{{Name: "a", Address: addressA}, {Name: "b", Address: addressB}},
				Credential: func(context.Context, connectors.Purpose) (connectors.Credential, error) {
					return connectors.Credential{Username: "monitor", Password: toyPassword}, nil
				}}
		},
		Foreign: map[string]string{"id": "toy-2"},
		Invalid: []connectortest.Invalid{{Name: "no port", Path: []any{"endpoints", 1}, Make: func(s *connectors.Spec) { s.Endpoints[1].Address = "b" }}},
		Version: func(t *testing.T) { b.change(t, func(s *toyState) { s.Version = 2 }) },
		Mask:    func(t *testing.T) { b.change(t, func(s *toyState) { s.Hidden = true }) },
		Oddities: []connectortest.Oddity{{Name: "NULL", Indicator: "replication.lag_bytes", Endpoint: "b",
			Make: func(t *testing.T) { b.change(t, func(s *toyState) { s.Lag = json.RawMessage("null") }) }}},
		Changes: func(*testing.T) string {
			a.mu.Lock()
			defer a.mu.Unlock()
			return fmt.Sprint(a.writes)
		},
	}
}

func toyAuthority(t *testing.T) ([]byte, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "toy"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestErrorsHoldNoPassword: whatever an error quotes, what is made of it does not.
func TestErrorsHoldNoPassword(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"canary-password", "pw", `can"ary\ %41`, "канарейка"} {
		texts := []error{
			&pgconn.PgError{Severity: "FATAL", Code: "28P01", Message: "password " + password + " is wrong"},
			&pgconn.PgError{Severity: "FATAL", Code: "57P03", Message: "starting with " + password},
			&pgconn.PgError{Severity: "FATAL", Code: "XX000", Message: password},
			&pgconn.PgError{Severity: "ERROR", Code: "42501", Message: "permission denied: " + password},
			fmt.Errorf("connect: %w", &pgconn.PgError{Code: "3D000", Message: "no database " + password}),
			errors.New("dial with " + password),
			errors.Join(errors.New("one "+password), errors.New("two "+password)),
			&net.OpError{Op: "dial", Err: errors.New(password)},
			&net.DNSError{Name: password, Err: "no such host"},
		}
		for _, err := range texts {
			for _, got := range []string{
				classify(err, true, time.Second, password).message,
				classifyFirstQuery(err, time.Second, password).message,
				queryFailure(err, password).Message,
			} {
				if strings.Contains(got, password) || got == "" {
					t.Errorf("%v became %q", err, got)
				}
			}
		}
	}
	if got := endpoint.Redact("no password here", ""); got != "no password here" {
		t.Errorf("an empty password took %q with it", got)
	}
}

// TestHostileServerGetsNoPasswordOut: a server on loopback that asks for the
// password in clear, to quote it in its refusal, is not told it.
func TestHostileServerGetsNoPasswordOut(t *testing.T) {
	t.Parallel()
	const canary = "hostile-canary"
	for name, ask := range map[string]pgproto3.BackendMessage{
		"clear text": &pgproto3.AuthenticationCleartextPassword{},
		"md5":        &pgproto3.AuthenticationMD5Password{Salt: [4]byte{1, 2, 3, 4}},
		"trust":      &pgproto3.AuthenticationOk{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := hostileServer(t, ask)
			d := &desk{judge: judgeOf(t), known: map[readiness.Key]readiness.Observation{}, secrets: []string{canary}, spec: connectors.Spec{
				Target: "ledger", Home: connectors.Home{Primary: "fra", DR: "ams"}, TLS: connectors.TLS{Mode: connectors.Disable}, EndpointTimeout: probeLimit,
				Endpoints: []connectors.Endpoint{{Name: "db-a", Site: "fra", Address: server.address}, {Name: "db-b", Site: "ams", Address: server.address}},
				Credential: func(context.Context, connectors.Purpose) (connectors.Credential, error) {
					return connectors.Credential{Username: "monitor", Password: canary}, nil
				},
			}}
			v := d.sweep(t)
			if green(v) {
				t.Errorf("green from a hostile server:\n%s", v)
			}
			if text := server.heard(); strings.Contains(text, canary) {
				t.Errorf("the server was told the password")
			}
		})
	}
}

type hostile struct {
	address string
	ended   chan string
}

// heard returns everything that clients sent.
func (h hostile) heard() string { return <-h.ended + <-h.ended }

// hostileServer asks two clients how they log in, then repeats what they said.
func hostileServer(t *testing.T, ask pgproto3.BackendMessage) hostile {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := hostile{listener.Addr().String(), make(chan string, 2)}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for range 2 {
			conn, err := listener.Accept()
			if err != nil {
				h.ended <- ""
				continue
			}
			go func() {
				defer func() { _ = conn.Close() }()
				backend := pgproto3.NewBackend(conn, conn)
				if _, err := backend.ReceiveStartupMessage(); err != nil {
					h.ended <- ""
					return
				}
				backend.Send(ask)
				if err := backend.Flush(); err != nil {
					h.ended <- ""
					return
				}
				buffer := make([]byte, 4096)
				n, _ := conn.Read(buffer) // an answer, or a client that has left
				backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "you said " + string(buffer[:n])})
				_ = backend.Flush()
				rest, _ := io.ReadAll(conn)
				h.ended <- string(buffer[:n]) + string(rest)
			}()
		}
	}()
	return h
}

package sqlserver_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/labtest"
	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
	"github.com/bcctl/bcctl/pkg/connectors/sqlserver"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestConformance holds the connector to the contract of all connectors, on an
// availability group of the laboratory, on one without a cluster, on a distributed
// one and on shipped logs.
func TestConformance(t *testing.T) { // not parallel: the suite sets environment variables
	for _, form := range []sqlag.Form{sqlag.AG, sqlag.Clusterless, sqlag.Distributed, sqlag.LogShipping} {
		t.Run(form.String(), func(t *testing.T) {
			group, err := sqlag.Start(sqlag.Options{Form: form})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := group.Close(); err != nil {
					t.Errorf("close the laboratory: %v", err)
				}
			})
			healthy, rules := labtest.Read(t, group, group.CA(), sqlserver.Factory{})
			healthy.Heartbeat = nil // nobody writes it here
			s := subject(healthy)
			s.Laboratory, s.Objectives = true, rules.Objectives
			for _, user := range sqlag.Users() {
				s.Secrets = append(s.Secrets, group.Password(user))
			}
			s.Version = func(t *testing.T) {
				setVersion := func(to int) {
					group.Change(func(w *model.World) {
						for _, n := range group.Instances() {
							w.Instance(n.Name()).Version = to
						}
					})
				}
				t.Cleanup(func() { setVersion(16) })
				setVersion(12)
			}
			s.Mask = func(t *testing.T) {
				group.Revoke(sqlag.UserMonitor, "VIEW ANY DEFINITION")
				t.Cleanup(func() { group.Grant(sqlag.UserMonitor, "VIEW ANY DEFINITION") })
			}
			s.Oddities = oddities(group)
			switch form {
			case sqlag.Distributed:
				// Which group a secondary is in, only a primary of that group proves.
				s.Joint = append(s.Joint, "node.identity", "node.role", "cluster.quorum", "cluster.votes", "replication.endpoint", "replication.certificate_seconds")
			case sqlag.LogShipping:
				s.Foreign, s.Exempt = nil, map[string]string{"Foreign": "log shipping has no identifier of its own"}
				s.Joint = append(s.Joint, "shipping.restore_age_seconds")
				s.Oddities = shippingOddities(group)
			}
			s.Changes = func(*testing.T) string {
				n, _ := group.Changes()
				return fmt.Sprint(n)
			}
			connectortest.Run(t, s)
		})
	}
}

// TestConformanceOnRealServers is the same on servers of yours; CONTRIBUTING.md says
// how to lead it to them.
func TestConformanceOnRealServers(t *testing.T) {
	url := connectortest.Variable(t, "sqlserver", "BCCTL_TEST_SQLSERVER_URL")
	spec, query := connectortest.Servers(t, url, os.Getenv("BCCTL_TEST_SQLSERVER_SITES"))
	spec.TLS = connectors.TLS{CA: connectortest.Certificates(t, query.Get("ca"))}
	spec.Options = map[string]string{}
	for name, option := range map[string]string{"group": "availabilityGroup", "encrypt": "encrypt"} {
		if value := query.Get(name); value != "" {
			spec.Options[option] = value
		}
	}
	connectortest.Run(t, connectortest.Real(t, subject(spec)))
}

// subject is what holds of every SQL Server.
func subject(spec connectors.Spec) connectortest.Subject {
	return connectortest.Subject{
		Factory: sqlserver.Factory{}, Spec: func(testing.TB) connectors.Spec { return spec },
		Foreign: map[string]string{"groupId": "00000000-0000-4000-8000-00000000000A"},
		Invalid: []connectortest.Invalid{
			{Name: "encryption that is optional", Path: []any{"connection", "options", "encrypt"}, Make: option("encrypt", "optional")},
			{Name: "a form nobody knows", Path: []any{"connection", "options", "form"}, Make: option("form", "mirroring")},
			{Name: "port 0", Path: []any{"endpoints", 1}, Make: func(s *connectors.Spec) { s.Endpoints[1].Address = "sql-b.example.net:0" }},
		},
		// The primary tells of the replicas, and what joins two instances needs both.
		Joint: []readiness.ID{"replication.lineage", "replication.connection", "replication.lag_bytes", "replication.commit", "replication.mode",
			"replay.backlog_bytes", "databases.state", "drift.logins", "drift.jobs", "drift.linked_servers", "drift.credentials", "drift.certificates"},
		BeforeTLS: func(conn net.Conn) (net.Conn, error) {
			return &handshake{Conn: conn}, answerPrelogin(conn, encryptAlways)
		},
		RefuseTLS: func(conn net.Conn) error { return answerPrelogin(conn, encryptNotHere) },
	}
}

// odd makes every instance show something in a column.
func odd(t *testing.T, group *sqlag.Group, column string, value any) {
	t.Helper()
	for _, n := range group.Instances() {
		group.Odd(n.Name(), column, value)
	}
	t.Cleanup(func() {
		for _, n := range group.Instances() {
			group.Odd(n.Name(), column, func(truth any) any { return truth })
		}
	})
}

// oddities are values in the views that no server should show.
func oddities(group *sqlag.Group) []connectortest.Oddity {
	var list []connectortest.Oddity
	add := func(name string, id readiness.ID, column string, value any) {
		list = append(list, connectortest.Oddity{Name: name, Indicator: id, Make: func(t *testing.T) { odd(t, group, column, value) }})
	}
	const states = "dm_hadr_database_replica_states."
	add("NULL for the send queue", "replication.exposure_bytes", states+"log_send_queue_size", nil)
	add("a negative send queue", "replication.exposure_bytes", states+"log_send_queue_size", int64(-1))
	add("NULL for the redo queue", "replay.backlog_bytes", states+"redo_queue_size", nil)
	add("a negative redo queue", "replay.backlog_bytes", states+"redo_queue_size", int64(-8))
	add("NULL for the state", "", states+"synchronization_state_desc", nil)
	add("a state nobody knows", "", states+"synchronization_state_desc", "SPLENDID")
	return list
}

// shippingOddities are times that msdb should not hold.
func shippingOddities(group *sqlag.Group) []connectortest.Oddity {
	var list []connectortest.Oddity
	for name, value := range map[string]any{"NULL for a backup's time": nil, "a backup's time in the future": time.Now().Add(24 * time.Hour)} {
		list = append(list, connectortest.Oddity{Name: name, Indicator: "replication.exposure_seconds",
			Make: func(t *testing.T) { odd(t, group, "backupset.backup_finish_date", value) }})
	}
	return list
}

func option(name, value string) func(*connectors.Spec) {
	return func(s *connectors.Spec) { s.Options = map[string]string{name: value} }
}

// A server's side of the beginning of a connection, as [MS-TDS] 2.2.6.5 (PRELOGIN)
// has it: a packet with options, of which one is about encryption, and then, when
// that is wanted, a TLS handshake in packets of the same type.

const (
	packetPrelogin = 0x12
	packetAnswer   = 0x04
	encryptNotHere = 0x02
	encryptAlways  = 0x03
)

// answerPrelogin reads a client's PRELOGIN and answers what the server thinks of
// encryption.
func answerPrelogin(conn net.Conn, encryption byte) error {
	if _, err := readPacket(conn); err != nil {
		return err
	}
	const versionAt, encryptionAt = 11, 17 // after two option headers of 5 bytes and the terminator
	options := []byte{0, 0, versionAt, 0, 6, 1, 0, encryptionAt, 0, 1, 0xff, 16, 0, 0x10, 0, 0, 0, encryption}
	return writePacket(conn, packetAnswer, options)
}

func readPacket(conn net.Conn) ([]byte, error) {
	header := make([]byte, 8)
	if _, err := io.ReadFull(conn, header); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(header[2:]))
	if length < len(header) {
		return nil, fmt.Errorf("a packet of %d bytes", length)
	}
	body := make([]byte, length-len(header))
	_, err := io.ReadFull(conn, body)
	return body, err
}

func writePacket(conn net.Conn, kind byte, body []byte) error {
	header := []byte{kind, 1, 0, 0, 0, 0, 1, 0} // 1: the last packet of its message
	binary.BigEndian.PutUint16(header[2:], uint16(len(header)+len(body)))
	_, err := conn.Write(append(header, body...))
	return err
}

// handshake carries TLS in PRELOGIN packets.
type handshake struct {
	net.Conn
	rest []byte
}

func (h *handshake) Read(p []byte) (int, error) {
	for len(h.rest) == 0 {
		body, err := readPacket(h.Conn)
		if err != nil {
			return 0, err
		}
		h.rest = body
	}
	n := copy(p, h.rest)
	h.rest = h.rest[n:]
	return n, nil
}

func (h *handshake) Write(p []byte) (int, error) {
	const most = 4096 - 8
	for done := 0; done < len(p); done += most {
		if err := writePacket(h.Conn, packetPrelogin, p[done:min(done+most, len(p))]); err != nil {
			return done, err
		}
	}
	return len(p), nil
}

package sqlag_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
)

// Whatever a client sends, the server goes on for the others.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	n := g.Instances()[0]
	noise := make([]byte, 4096)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	packet := func(kind, status byte, length int, body []byte) []byte {
		b := []byte{kind, status, 0, 0, 0, 0, 0, 0}
		binary.BigEndian.PutUint16(b[2:], uint16(length))
		return append(b, body...)
	}
	prelogin := []byte{0x01, 0, 6, 0, 1, 0xff, 0x01}
	for name, sent := range map[string][]byte{
		"nothing":              nil,
		"noise":                noise,
		"an HTTP request":      []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"half a header":        {0x12, 0x01, 0x00},
		"half a packet":        packet(0x12, 1, 500, prelogin),
		"a length of zero":     packet(0x12, 1, 0, nil),
		"a length of 65535":    packet(0x12, 1, 65535, prelogin),
		"endless empty":        bytes.Repeat(packet(0x12, 0, 8, nil), 2000),
		"options outside":      packet(0x12, 1, 8+6, []byte{0x01, 0xff, 0xff, 0xff, 0xff, 0xff}),
		"a batch first":        packet(0x01, 1, 8+4, []byte{1, 2, 3, 4}),
		"a clear text login":   append(packet(0x12, 1, 8+len(prelogin), prelogin), packet(0x10, 1, 8+94, make([]byte, 94))...),
		"a TLS hello of noise": append([]byte{0x16, 0x03, 0x01, 0x02, 0x00}, noise[:512]...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", n.Address())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = c.Write(sent) // the server may hang up before it has read everything
			_ = c.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c) // until it hangs up
			db := open(t, g, n, sqlag.UserMonitor, "true")
			if got := ask(t, db, "SELECT 1"); got[0][0] != "1" {
				t.Errorf("the next client gets %v", got)
			}
		})
	}
}

// A client that says nothing costs nobody anything.
func TestSilentClients(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	n := g.Instances()[0]
	for range 50 {
		c, err := net.Dial("tcp", n.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	db := open(t, g, n, sqlag.UserMonitor, "true")
	if got := ask(t, db, "SELECT 1"); got[0][0] != "1" {
		t.Errorf("got %v", got)
	}
}

package tds

import (
	"bufio"
	"crypto/tls"
	"net"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

// conn is one client's connection.
type conn struct {
	server  *Server
	net     net.Conn // as it is talked through now: TCP or TLS
	size    int
	session Session
	began   uint64 // number of the open transaction; 0 without one
	count   uint64
}

func (s *Server) serve(nc net.Conn) {
	c := &conn{server: s, size: 4096}
	_ = nc.SetDeadline(time.Now().Add(loginTime)) // a connection that is gone fails at the next read
	raw := &peeked{Conn: nc, r: bufio.NewReaderSize(nc, 4096)}
	c.net = raw
	strict := false
	first, err := raw.r.Peek(1)
	if err != nil {
		return
	}
	s.wait()
	if first[0] == 0x16 { // TLS before everything: TDS 8.0
		config := s.TLS.Clone()
		config.NextProtos = []string{"tds/8.0"}
		config.MinVersion = tls.VersionTLS12
		over := tls.Server(raw, config)
		if over.Handshake() != nil {
			return
		}
		c.net, strict = over, true
	}
	if !c.prelogin(raw, strict) {
		return
	}
	if !c.login(strict) {
		return
	}
	defer c.session.Close()
	_ = nc.SetDeadline(time.Time{}) // from here a client may be silent
	c.requests()
}

// prelogin talks about encryption, and encrypts.
func (c *conn) prelogin(raw net.Conn, strict bool) bool {
	m, err := readMessage(c.net)
	if err != nil || m.kind != kindPrelogin {
		return false
	}
	wanted, err := readPrelogin(m.body)
	if err != nil {
		return false
	}
	answer := byte(encryptOn)
	switch {
	case strict:
		answer = encryptNotSupported // there is nothing left to encrypt
	case wanted == encryptNotSupported && c.server.ClearText:
		answer = encryptNotSupported
	case wanted == encryptNotSupported || wanted == encryptOff:
		answer = encryptRequired
	}
	c.server.wait()
	w := &writer{to: c.net, size: c.size}
	w.put(prelogin(c.server.Version, answer))
	if w.end() != nil {
		return false
	}
	if strict || answer == encryptNotSupported {
		return true
	}
	wrapped := &handshake{Conn: raw}
	config := c.server.TLS.Clone()
	config.MinVersion = tls.VersionTLS12
	config.MaxVersion = tls.VersionTLS12 // 1.3 came with TDS 8.0 only
	config.SessionTicketsDisabled = true
	over := tls.Server(wrapped, config)
	if over.Handshake() != nil {
		return false
	}
	wrapped.done = true
	c.net = over
	return true
}

// login opens the session.
func (c *conn) login(strict bool) bool {
	m, err := readMessage(c.net)
	if err != nil || m.kind != kindLogin {
		return false
	}
	l, err := readLogin(m.body)
	if err != nil {
		return false
	}
	c.server.wait()
	w := &writer{to: c.net, size: c.size}
	if l.Integrated {
		err = sqlerr.Class(14, 18452, "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication.")
	} else {
		c.session, err = c.server.Handler.Login(l)
	}
	if err != nil {
		reply := &Reply{w: w, server: c.server.Name}
		_ = reply.finish(errorsOf(err), false) // the connection ends either way
		return false
	}
	version := uint32(0x74000004)
	if strict {
		version = 0x08000000
	}
	if l.packet >= 512 {
		c.size = min(l.packet, 16383)
	}
	db := c.session.Database()
	var b []byte
	b = append(b, changeText(changeDatabase, db, "master")...)
	b = append(b, errorToken(tokenInfo, &sqlerr.Error{Number: 5701, State: 2, Message: "Changed database context to '" + db + "'."}, c.server.Name)...)
	b = append(b, changeBytes(changeCollation, collation(), nil)...)
	b = append(b, changeText(changeLanguage, "us_english", "")...)
	b = append(b, errorToken(tokenInfo, &sqlerr.Error{Number: 5703, State: 1, Message: "Changed language setting to us_english."}, c.server.Name)...)
	b = append(b, loginAck(version, c.server.Version)...)
	b = append(b, changeText(changePacket, packetSize(c.size), "4096")...)
	if l.features { // none is acknowledged
		b = append(b, tokenFeatureAck, 0xff)
	}
	b = append(b, doneToken(tokenDone, 0, "", 0)...)
	w.put(b)
	return w.end() == nil
}

package tds

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"strings"
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

// requests answers until the client leaves. Reading goes on while a request is
// answered, because an attention may come.
func (c *conn) requests() {
	in := make(chan message)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(in)
		for {
			m, err := readMessage(c.net)
			if err != nil {
				return
			}
			select {
			case in <- m:
			case <-stop:
				return
			}
		}
	}()
	for m := range in {
		if m.kind == kindAttention { // of a request that is answered already
			w := &writer{to: c.net, size: c.size}
			w.put(doneToken(tokenDone, doneAttention, "", 0))
			if w.end() != nil {
				return
			}
			continue
		}
		if !c.request(m, in) {
			return
		}
	}
}

// request answers one request; false ends the connection.
func (c *conn) request(m message, in <-chan message) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type outcome struct {
		reply *Reply
		err   error
		fatal bool
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{reply: &Reply{w: &writer{to: c.net, size: c.size}, server: c.server.Name}}
		defer func() {
			if recover() != nil { // text of a client must not end the server
				o.err = sqlerr.Class(20, 8630, "Internal Query Processor Error: The query processor encountered an unexpected error during execution.")
				o.fatal = true
			}
			done <- o
		}()
		c.server.wait()
		o.err, o.fatal = c.handle(ctx, m, o.reply)
	}()
	cancelled := false
	for {
		select {
		case o := <-done:
			if o.fatal && o.err == nil {
				return false
			}
			errs := errorsOf(o.err)
			if cancelled {
				errs = nil
			}
			return o.reply.finish(errs, cancelled) == nil && !o.fatal
		case next, ok := <-in:
			if !ok || next.kind != kindAttention { // gone, or talking out of turn
				cancel()
				_ = c.net.Close() // unblocks a write; the client is gone
				<-done
				return false
			}
			cancelled = true
			cancel()
		}
	}
}

func (c *conn) handle(ctx context.Context, m message, reply *Reply) (err error, fatal bool) {
	if m.reset {
		c.session.Reset()
		c.began = 0
		reply.send(withLength(tokenChange, []byte{changeReset, 0, 0}))
	}
	switch m.kind {
	case kindBatch:
		in := &input{data: m.body}
		if err := skipHeaders(in); err != nil {
			return nil, true
		}
		return c.session.Batch(ctx, decodeText(in.data[in.at:]), nil, reply), false
	case kindRPC:
		call, err := readCall(m.body)
		if err != nil {
			return nil, true
		}
		reply.procedure = true
		return c.call(ctx, call, reply), false
	case kindTransaction:
		return nil, c.transaction(m.body, reply) != nil
	}
	return nil, true
}

// call runs sp_executesql, and any other procedure as EXEC with its name.
func (c *conn) call(ctx context.Context, call call, reply *Reply) error {
	name := call.procedure[strings.LastIndexByte(call.procedure, '.')+1:]
	if !strings.EqualFold(name, "sp_executesql") {
		return c.session.Batch(ctx, "EXEC "+quote(call.procedure), nil, reply)
	}
	if len(call.args) == 0 {
		return sqlerr.New(201, "Procedure or function 'sp_executesql' expects parameter '@statement', which was not supplied.")
	}
	text, ok := call.args[0].Value.(string)
	if !ok {
		return sqlerr.New(214, "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.")
	}
	var parameters []Parameter
	if len(call.args) > 2 {
		declared, _ := call.args[1].Value.(string)
		names := declaredNames(declared)
		for i, p := range call.args[2:] {
			if p.Name == "" && i < len(names) {
				p.Name = names[i]
			}
			p.Name = strings.ToLower(p.Name)
			parameters = append(parameters, p)
		}
	}
	return c.session.Batch(ctx, text, parameters, reply)
}

// quote makes a name of parts one that cannot be anything else.
func quote(name string) string {
	parts := strings.Split(strings.NewReplacer("[", "", "]", "").Replace(name), ".")
	return "[" + strings.Join(parts, "].[") + "]"
}

// declaredNames are the names in @a int, @b numeric(10,2).
func declaredNames(declared string) []string {
	var names []string
	depth := 0
	start := 0
	for i, r := range declared + "," {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			if fields := strings.Fields(declared[start:i]); len(fields) > 0 {
				names = append(names, fields[0])
			}
			start = i + 1
		}
	}
	return names
}

// transaction answers BEGIN, COMMIT and ROLLBACK of drivers. There is nothing to
// roll back: each statement stands by itself.
func (c *conn) transaction(body []byte, reply *Reply) error {
	in := &input{data: body}
	if err := skipHeaders(in); err != nil {
		return err
	}
	number := func(n uint64) []byte {
		return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), 0, 0, 0, 1}
	}
	switch kind := in.u16(); kind {
	case 5:
		c.count++
		c.began = c.count
		reply.send(changeBytes(changeBegin, number(c.began), nil))
	case 7, 8:
		change := byte(changeCommit)
		if kind == 8 {
			change = changeRollback
		}
		reply.send(changeBytes(change, nil, number(c.began)))
		c.began = 0
	default:
		return malformed("transaction request %d", kind)
	}
	reply.Done("", -1)
	return nil
}

// peeked is a connection of which the first bytes were looked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// handshake wraps TLS records into pre-login packets until the handshake is done,
// as TDS 7.x wants it.
type handshake struct {
	net.Conn
	done bool
	left []byte // of the packet being read
}

func (h *handshake) Read(b []byte) (int, error) {
	if len(h.left) > 0 {
		n := copy(b, h.left)
		h.left = h.left[n:]
		return n, nil
	}
	if h.done {
		return h.Conn.Read(b)
	}
	for len(h.left) == 0 {
		kind, _, body, err := readPacket(h.Conn, maxPacket)
		if err != nil {
			return 0, err
		}
		if kind != kindPrelogin {
			return 0, malformed("packet of kind %d within the handshake", kind)
		}
		h.left = body
	}
	return h.Read(b)
}

func (h *handshake) Write(b []byte) (int, error) {
	if h.done {
		return h.Conn.Write(b)
	}
	for left := b; len(left) > 0; {
		n := min(len(left), 4096-headerLength)
		status := byte(statusEnd)
		if n < len(left) {
			status = 0
		}
		packet := append([]byte{kindPrelogin, status, byte((n + headerLength) >> 8), byte(n + headerLength), 0, 0, 0, 0}, left[:n]...)
		if _, err := h.Conn.Write(packet); err != nil {
			return 0, err
		}
		left = left[n:]
	}
	return len(b), nil
}

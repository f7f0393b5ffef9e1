package tds

import (
	"context"
	"errors"
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

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
		return hangUp(c.session.Batch(ctx, decodeText(in.data[in.at:]), nil, reply))
	case kindRPC:
		call, err := readCall(m.body)
		if err != nil {
			return nil, true
		}
		reply.procedure = true
		return hangUp(c.call(ctx, call, reply))
	case kindTransaction:
		return nil, c.transaction(m.body, reply) != nil
	}
	return nil, true
}

// hangUp tells an error that the client shall see from one that ends the connection.
func hangUp(err error) (shown error, fatal bool) {
	if errors.Is(err, ErrHangUp) {
		return nil, true
	}
	return err, false
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

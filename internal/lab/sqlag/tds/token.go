package tds

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// Tokens of a reply.
const (
	tokenReturnStatus = 0x79
	tokenColumns      = 0x81
	tokenError        = 0xaa
	tokenInfo         = 0xab
	tokenLoginAck     = 0xad
	tokenFeatureAck   = 0xae
	tokenRow          = 0xd1
	tokenRowWithNulls = 0xd2
	tokenChange       = 0xe3
	tokenDone         = 0xfd
	tokenDoneProc     = 0xfe
	tokenDoneInProc   = 0xff
)

// Bits of DONE.
const (
	doneMore      = 0x01
	doneError     = 0x02
	doneCount     = 0x10
	doneAttention = 0x20
)

// Kinds of ENVCHANGE.
const (
	changeDatabase  = 1
	changeLanguage  = 2
	changePacket    = 4
	changeCollation = 7
	changeBegin     = 8
	changeCommit    = 9
	changeRollback  = 10
	changeReset     = 18
)

// shortText is a text of at most 255 characters with its length in front.
func shortText(b []byte, s string) []byte {
	raw := encodeText(s)
	raw = raw[:min(len(raw), 2*255)]
	return append(append(b, byte(len(raw)/2)), raw...)
}

func longText(b []byte, s string) []byte {
	raw := encodeText(s)
	raw = raw[:min(len(raw), 2*2047)]
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(raw)/2)), raw...)
}

// withLength puts a token and the length of its body in front.
func withLength(token byte, body []byte) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{token}, uint16(len(body))), body...)
}

func errorToken(token byte, e *sqlerr.Error, server string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(e.Number))
	b = append(b, e.State, e.Class)
	b = shortText(longText(b, e.Message), server)
	b = shortText(b, "")
	return withLength(token, binary.LittleEndian.AppendUint32(b, 1))
}

func changeText(kind byte, after, before string) []byte {
	return withLength(tokenChange, shortText(shortText([]byte{kind}, after), before))
}

func changeBytes(kind byte, after, before []byte) []byte {
	b := append([]byte{kind, byte(len(after))}, after...)
	return withLength(tokenChange, append(append(b, byte(len(before))), before...))
}

func loginAck(version uint32, v Version) []byte {
	b := binary.BigEndian.AppendUint32([]byte{1}, version)
	b = shortText(b, "Microsoft SQL Server")
	return withLength(tokenLoginAck, append(b, v.Major, v.Minor, byte(v.Build>>8), byte(v.Build)))
}

func columnsToken(columns []sqltype.Column) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{tokenColumns}, uint16(len(columns)))
	for _, c := range columns {
		b = append(b, 0, 0, 0, 0) // user type
		b = append(b, 0x01, 0)    // may be NULL
		b = typeInfo(b, c.Type)
		b = shortText(b, c.Name)
	}
	return b
}

func rowToken(columns []sqltype.Column, values []any) ([]byte, error) {
	if !slices.Contains(values, nil) {
		b := []byte{tokenRow}
		var err error
		for i, v := range values {
			if b, err = value(b, v, columns[i].Type); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	b := []byte{tokenRowWithNulls}
	bitmap := make([]byte, (len(columns)+7)/8)
	for i, v := range values {
		if v == nil {
			bitmap[i/8] |= 1 << (i % 8)
		}
	}
	b = append(b, bitmap...)
	var err error
	for i, v := range values {
		if v == nil {
			continue
		}
		if b, err = value(b, v, columns[i].Type); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// commands are the numbers of statements in DONE; never changed.
var commands = map[string]uint16{"SELECT": 0xc1, "INSERT": 0xc3, "DELETE": 0xc4, "UPDATE": 0xc5, "EXECUTE": 0xe0, "SET": 0xf9, "USE": 0xe2}

func doneToken(token byte, status uint16, command string, count int64) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{token}, status)
	b = binary.LittleEndian.AppendUint16(b, commands[command])
	return binary.LittleEndian.AppendUint64(b, uint64(max(count, 0)))
}

// Reply takes what a batch gives and sends it as tokens.
type Reply struct {
	w         *writer
	server    string
	procedure bool   // the request was a procedure call
	pending   []byte // the last DONE, held until it is known whether more follows
}

func (r *Reply) hold(status uint16, command string, count int64) {
	r.release(doneMore)
	token := byte(tokenDone)
	if r.procedure {
		token = tokenDoneInProc
	}
	r.pending = doneToken(token, status, command, count)
}

func (r *Reply) release(more byte) {
	if r.pending != nil {
		r.pending[1] |= more
		r.w.put(r.pending)
		r.pending = nil
	}
}

// send adds a token. What goes wrong with the connection is the error of the end.
func (r *Reply) send(b []byte) {
	r.release(doneMore)
	r.w.put(b)
}

// Result sends rows.
func (r *Reply) Result(command string, columns []sqltype.Column, rows [][]any) error {
	for i := range columns { // a column without a type is text
		if columns[i].Type.Kind == sqltype.Null {
			columns[i].Type = sqltype.Text(1)
		}
	}
	r.send(columnsToken(columns))
	for _, values := range rows {
		b, err := rowToken(columns, values)
		if err != nil {
			return err
		}
		r.w.put(b)
	}
	r.hold(doneCount, command, int64(len(rows)))
	return r.w.err
}

// Done ends a statement without rows; a negative count is none.
func (r *Reply) Done(command string, count int64) {
	status := uint16(0)
	if count >= 0 {
		status = doneCount
	}
	r.hold(status, command, count)
}

// Message sends an informational message.
func (r *Reply) Message(text string) {
	r.send(errorToken(tokenInfo, &sqlerr.Error{State: 1, Message: text}, r.server))
}

// Database tells the client that the session's database changed.
func (r *Reply) Database(after, before string) {
	r.send(changeText(changeDatabase, after, before))
	r.send(errorToken(tokenInfo, &sqlerr.Error{Number: 5701, State: 1, Message: "Changed database context to '" + after + "'."}, r.server))
}

// finish sends errors and ends the reply.
func (r *Reply) finish(errs sqlerr.List, cancelled bool) error {
	for _, e := range errs {
		r.send(errorToken(tokenError, e, r.server))
	}
	status := uint16(0)
	if len(errs) > 0 {
		status = doneError
	}
	switch {
	case cancelled:
		r.release(doneMore)
		r.w.put(doneToken(tokenDone, doneAttention, "", 0))
	case r.procedure:
		r.release(doneMore)
		returned := uint32(0)
		if len(errs) > 0 {
			returned = uint32(errs[0].Number)
		}
		r.w.put(binary.LittleEndian.AppendUint32([]byte{tokenReturnStatus}, returned))
		r.w.put(doneToken(tokenDoneProc, status, "EXECUTE", 0))
	case len(errs) > 0 || r.pending == nil:
		r.release(doneMore)
		r.w.put(doneToken(tokenDone, status, "", 0))
	default:
		r.release(0)
	}
	return r.w.end()
}

func packetSize(n int) string { return strconv.Itoa(n) }

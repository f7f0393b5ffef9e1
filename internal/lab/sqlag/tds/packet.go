// Package tds speaks the server's side of TDS 7.4, and of 8.0 where the client
// begins with TLS, as MS-TDS describes it: as much as drivers need to log in with a
// password, send text and procedure calls, and cancel. It knows no SQL.
package tds

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Kinds of messages.
const (
	kindBatch       = 0x01
	kindRPC         = 0x03
	kindReply       = 0x04
	kindAttention   = 0x06
	kindTransaction = 0x0e
	kindLogin       = 0x10
	kindPrelogin    = 0x12
)

// Bits of a packet's status.
const (
	statusEnd   = 0x01
	statusReset = 0x08 // RESETCONNECTION
	statusKeep  = 0x10 // RESETCONNECTIONSKIPTRAN
)

const (
	headerLength = 8
	maxPacket    = 32767
	// maxMessage bounds what one client can make the server hold. Monitoring sends
	// kilobytes.
	maxMessage = 4 << 20
)

// errMalformed is what a client gets disconnected for.
var errMalformed = errors.New("malformed message")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errMalformed, fmt.Sprintf(format, args...))
}

// message is one message, put together from its packets.
type message struct {
	kind  byte
	reset bool
	body  []byte
}

// readMessage reads packets until one says that it is the last.
func readMessage(r io.Reader) (message, error) {
	var m message
	for first := true; ; first = false {
		kind, status, body, err := readPacket(r, maxMessage-len(m.body))
		if err != nil {
			return m, err
		}
		if first {
			m.kind = kind
			m.reset = status&(statusReset|statusKeep) != 0
		} else if kind != m.kind {
			return m, malformed("packet of kind %d within a message of kind %d", kind, m.kind)
		}
		m.body = append(m.body, body...)
		if status&statusEnd != 0 {
			return m, nil
		}
		if len(body) == 0 {
			return m, malformed("empty packet that is not the last")
		}
	}
}

func readPacket(r io.Reader, room int) (kind, status byte, body []byte, err error) {
	var header [headerLength]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(header[2:]))
	switch {
	case n < headerLength || n > maxPacket:
		return 0, 0, nil, malformed("packet length %d", n)
	case n-headerLength > room:
		return 0, 0, nil, malformed("message of more than %d bytes", maxMessage)
	}
	body = make([]byte, n-headerLength)
	_, err = io.ReadFull(r, body)
	return header[0], header[1], body, err
}

// writer cuts a reply into packets.
type writer struct {
	to   io.Writer
	size int // of a packet, header included
	buf  []byte
	id   byte
	err  error
}

// put adds to the reply. An error stays until the end.
func (w *writer) put(p []byte) {
	for left := p; len(left) > 0 && w.err == nil; {
		if len(w.buf) == w.size {
			w.flush(0)
		}
		if len(w.buf) == 0 {
			w.buf = append(w.buf, make([]byte, headerLength)...)
		}
		n := min(len(left), w.size-len(w.buf))
		w.buf = append(w.buf, left[:n]...)
		left = left[n:]
	}
}

func (w *writer) flush(status byte) {
	if len(w.buf) == 0 {
		w.buf = append(w.buf, make([]byte, headerLength)...)
	}
	w.id++
	w.buf[0], w.buf[1], w.buf[6], w.buf[7] = kindReply, status, w.id, 0
	binary.BigEndian.PutUint16(w.buf[2:], uint16(len(w.buf)))
	if w.err == nil {
		_, w.err = w.to.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// end sends what is left as the last packet of the reply.
func (w *writer) end() error {
	w.flush(statusEnd)
	return w.err
}

// input reads the fields of a message. Reading past its end sets failed and gives
// zeros from then on.
type input struct {
	data   []byte
	at     int
	failed bool
}

func (in *input) bytes(n int) []byte {
	if n < 0 || n > len(in.data)-in.at {
		in.failed = true
		in.at = len(in.data)
		return nil
	}
	in.at += n
	return in.data[in.at-n : in.at]
}

func (in *input) left() int { return len(in.data) - in.at }

func (in *input) u8() byte {
	if b := in.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (in *input) u16() uint16 {
	if b := in.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (in *input) u32() uint32 {
	if b := in.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (in *input) u64() uint64 {
	if b := in.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// text reads UTF-16.
func (in *input) text(characters int) string { return decodeText(in.bytes(2 * characters)) }

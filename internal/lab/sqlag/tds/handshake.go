package tds

import (
	"bufio"
	"net"
)

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

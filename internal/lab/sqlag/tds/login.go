package tds

import (
	"encoding/binary"
)

// Options of the pre-login message.
const (
	optionVersion    = 0x00
	optionEncryption = 0x01
	optionInstance   = 0x02
	optionThread     = 0x03
	optionMARS       = 0x04
	optionEnd        = 0xff
)

// Values of the encryption option.
const (
	encryptOff          = 0x00
	encryptOn           = 0x01
	encryptNotSupported = 0x02
	encryptRequired     = 0x03
)

// readPrelogin returns what the client wants of encryption.
func readPrelogin(body []byte) (encryption byte, err error) {
	encryption = encryptNotSupported
	for at := 0; ; at += 5 {
		if at >= len(body) {
			return 0, malformed("pre-login without end")
		}
		if body[at] == optionEnd {
			return encryption, nil
		}
		if at+5 > len(body) {
			return 0, malformed("pre-login cut off")
		}
		offset, length := int(binary.BigEndian.Uint16(body[at+1:])), int(binary.BigEndian.Uint16(body[at+3:]))
		if offset+length > len(body) {
			return 0, malformed("pre-login option %d points outside", body[at])
		}
		if body[at] == optionEncryption && length > 0 {
			encryption = body[offset]
		}
	}
}

// prelogin is the server's answer.
func prelogin(version Version, encryption byte) []byte {
	options := []struct {
		token byte
		data  []byte
	}{
		{optionVersion, []byte{version.Major, version.Minor, byte(version.Build >> 8), byte(version.Build), 0, 0}},
		{optionEncryption, []byte{encryption}},
		{optionInstance, []byte{0}},
		{optionThread, nil},
		{optionMARS, []byte{0}},
	}
	var head, data []byte
	offset := 5*len(options) + 1
	for _, o := range options {
		head = append(head, o.token)
		head = binary.BigEndian.AppendUint16(head, uint16(offset+len(data)))
		head = binary.BigEndian.AppendUint16(head, uint16(len(o.data)))
		data = append(data, o.data...)
	}
	return append(append(head, optionEnd), data...)
}

// Login is what a client logs in with.
type Login struct {
	User, Password string
	Database       string // asked for; empty is the login's default
	Host, App      string
	ReadOnly       bool // ApplicationIntent=ReadOnly
	Integrated     bool // no password, but SSPI
	version        uint32
	packet         int
	features       bool
}

// String hides the password.
func (l Login) String() string { return l.User }

// GoString hides it from %#v.
func (l Login) GoString() string { return "tds.Login{" + l.User + "}" }

const loginHeader = 94

// readLogin reads LOGIN7.
func readLogin(body []byte) (Login, error) {
	var l Login
	if len(body) < loginHeader || int(binary.LittleEndian.Uint32(body)) > len(body) {
		return l, malformed("login of %d bytes", len(body))
	}
	field := func(at int) ([]byte, bool) {
		offset, length := int(binary.LittleEndian.Uint16(body[at:])), 2*int(binary.LittleEndian.Uint16(body[at+2:]))
		if offset+length > len(body) || length > 2*128*4 {
			return nil, false
		}
		return body[offset : offset+length], true
	}
	l.version = binary.LittleEndian.Uint32(body[4:])
	l.packet = int(binary.LittleEndian.Uint32(body[8:]))
	flags2, types, flags3 := body[25], body[26], body[27]
	l.Integrated = flags2&0x80 != 0
	l.ReadOnly = types&0x20 != 0
	l.features = flags3&0x10 != 0
	for _, f := range []struct {
		at int
		to *string
	}{{36, &l.Host}, {40, &l.User}, {48, &l.App}, {68, &l.Database}} {
		b, ok := field(f.at)
		if !ok {
			return l, malformed("login field at %d points outside", f.at)
		}
		*f.to = decodeText(b)
	}
	b, ok := field(44)
	if !ok {
		return l, malformed("login password points outside")
	}
	clear := make([]byte, len(b))
	for i, c := range b { // this hides nothing; TLS does
		c ^= 0xa5
		clear[i] = c<<4 | c>>4
	}
	l.Password = decodeText(clear)
	return l, nil
}

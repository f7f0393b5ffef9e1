package tds

import (
	"encoding/binary"
	"unicode/utf16"
)

func decodeText(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func encodeText(s string) []byte {
	units := utf16.Encode([]rune(s))
	b := make([]byte, 2*len(units))
	for i, u := range units {
		binary.LittleEndian.PutUint16(b[2*i:], u)
	}
	return b
}

// narrow is code page 1252 as far as it is ISO 8859-1; the rest is a question mark,
// as the product has it too.
func narrow(s string) []byte {
	var b []byte
	for _, r := range s {
		if r > 255 {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return b
}

func widen(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

// collation is SQL_Latin1_General_CP1_CI_AS.
func collation() []byte { return []byte{0x09, 0x04, 0xd0, 0x00, 0x34} }

package tds

import (
	"bytes"
	"testing"
)

// FuzzMessage reads whatever a client may send; nothing may panic or be larger than
// what came.
func FuzzMessage(f *testing.F) {
	f.Add([]byte{0x12, 1, 0, 15, 0, 0, 0, 0, 0x01, 0, 6, 0, 1, 0xff, 0x01})
	f.Add([]byte{0x01, 1, 0, 12, 0, 0, 0, 0, 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := readMessage(bytes.NewReader(data))
		if err != nil {
			return
		}
		if len(m.body) > len(data) {
			t.Fatalf("%d bytes out of %d", len(m.body), len(data))
		}
		_, _ = readPrelogin(m.body)
		_, _ = readLogin(m.body)
		_, _ = readCall(m.body)
	})
}

// FuzzCall reads procedure calls, whose values have many types.
func FuzzCall(f *testing.F) {
	head := []byte{22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0}
	f.Add(append(head, 0, 0, typeIntN, 4, 4, 1, 2, 3, 4))
	f.Add(append(head, 0, 0, typeNVarChar, 8, 0, 9, 4, 0xd0, 0, 0x34, 2, 0, 'a', 0))
	f.Add(append(head, 0, 0, typeNVarChar, 0xff, 0xff, 9, 4, 0xd0, 0, 0x34, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 0, 0, 0, 0))
	f.Add(append(head, 0, 0, typeOffset, 7, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0))
	f.Add(append(head, 0, 0, typeNumeric, 17, 38, 4, 5, 1, 1, 2, 3, 4))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := readCall(data)
		if err != nil {
			return
		}
		for _, p := range c.args {
			if p.Value == nil {
				continue
			}
			if _, err := value(nil, p.Value, p.Type); err != nil {
				t.Fatalf("%v of %v can be read and not written: %v", p.Value, p.Type, err)
			}
		}
	})
}

// FuzzLogin reads logins; the password is taken out of what came and nothing else.
func FuzzLogin(f *testing.F) {
	b := make([]byte, loginHeader)
	b[0] = loginHeader
	f.Add(b)
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = readLogin(data)
		_, _ = readPrelogin(data)
	})
}

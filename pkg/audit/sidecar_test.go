package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"time"
)

// agreeOnSidecar reads a signature file both ways. Whatever the short way takes, the
// long way takes as the same.
func agreeOnSidecar(t *testing.T, origin string, s Segment, data []byte) (short bool) {
	t.Helper()
	x, short := new(opener).shortDSSE(origin, s, s.SHA256(), data)
	all, err := longDSSE(statementOf(origin, s, s.SHA256()), data)
	if short && (err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], x)) {
		t.Errorf("the short way reads %+v, the long way %+v, %v: %q", x, all, err, data)
	}
	return short
}

func sidecarFixture(t *testing.T) (Signer, Segment, []byte) {
	t.Helper()
	signer := ed25519Signer{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := (&Run{origin: fuzzOrigin, id: SegmentID{at, strings.Repeat("0f", 16), 0}, tool: "bcctl test"}).Open(at, View{Seen: TreeHead{Root: digest(nil)}}, signer.ID(), Entry{Type: Heartbeat})
	if err != nil {
		t.Fatal(err)
	}
	made, err := signer.Sign(t.Context(), fuzzOrigin, s)
	if err != nil {
		t.Fatal(err)
	}
	return signer, s, made.Data
}

// What Sign writes is read the short way, and every change of it as the long way
// reads it.
func TestSidecarReadersAgree(t *testing.T) {
	t.Parallel()
	signer, s, data := sidecarFixture(t)
	if !agreeOnSidecar(t, fuzzOrigin, s, data) {
		t.Fatalf("%s is not read the short way", data)
	}
	taken := 0
	for i := range data {
		for _, insert := range []string{"", " ", "A", "0", "=", `"`, `\\`, `\\n`, "\n", "\x00", "\x7f", "\xff", "é", "{", "}", "]", ","} {
			for _, text := range [][]byte{slicesConcat(data[:i], insert, data[i:]), slicesConcat(data[:i], insert, data[i+1:])} {
				if agreeOnSidecar(t, fuzzOrigin, s, text) && !bytes.Equal(text, data) {
					taken++ // another key id, or another signature
				}
			}
		}
	}
	if taken == 0 {
		t.Error("no change was taken, so that nothing was compared")
	}
	for _, other := range []Segment{{s.ID, append(bytes.Clone(s.Raw), '\n')}, {SegmentID{s.ID.Start, s.ID.Run, 2}, s.Raw}, {SegmentID{s.ID.Start, s.ID.Run, 12345}, s.Raw}} {
		if agreeOnSidecar(t, fuzzOrigin, other, data) {
			t.Errorf("the signature file of one segment counts for another, %s", other.ID)
		}
	}
	for _, origin := range []string{"", "l", fuzzOrigin + "2", `a"b`, "é", "a<b"} {
		side, err := signer.Sign(t.Context(), origin, s)
		if err != nil {
			t.Fatal(err)
		}
		if short := agreeOnSidecar(t, origin, s, side.Data); short != (CheckOrigin(origin) == nil) {
			t.Errorf("origin %q is read the short way: %v", origin, short)
		}
		if agreeOnSidecar(t, fuzzOrigin, s, side.Data) {
			t.Errorf("the signature file of log %q counts in another", origin)
		}
	}
}

// A line end inside base64 would be a second way to write the same signature.
func TestAUD03LineEndInsideSignature(t *testing.T) {
	t.Parallel()
	_, s, data := sidecarFixture(t)
	for _, name := range []string{"payload", "sig"} {
		for _, end := range []string{`\n`, `\r`} {
			text := bytes.Replace(data, []byte(`"`+name+`":"`), []byte(`"`+name+`":"`+end), 1)
			if _, err := openSidecar(fuzzOrigin, s, s.SHA256(), Sidecar{extDSSE, text}); err == nil {
				t.Errorf("a line end in %s is taken: %q", name, text)
			}
		}
	}
	if _, err := base64.StdEncoding.Strict().DecodeString("\nQUJD\r"); err != nil {
		t.Log("the library refuses line ends itself now")
	}
}

package ledger

import (
	"testing"
	"time"
)

func FuzzDecodeLock(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Add(string(encode(Lock{Version: 1, Key: "resource/a", Keys: []string{"resource/a"}, Holder: Holder{Request: "r"}, Fence: 1, TakenAt: now, RenewedAt: now, Until: now})))
	f.Add("{}")
	f.Fuzz(func(t *testing.T, text string) {
		lock, err := decodeLock("resource/a", []byte(text))
		if err == nil && (lock.Key != "resource/a" || lock.Fence < 1 || lock.Holder.Request == "") {
			t.Errorf("accepted %+v", lock)
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	name, data, err := Record{Kind: Claimed, Request: "r1", Attempt: 2}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(name, string(data))
	f.Fuzz(func(t *testing.T, name, text string) {
		r, err := Decode(name, []byte(text))
		if err != nil {
			return
		}
		if again, _, err := r.Encode(); err != nil || again != name {
			t.Errorf("%q was accepted and is called %q, %v", name, again, err)
		}
	})
}

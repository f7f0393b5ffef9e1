package sqlag_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pki"
	"github.com/bcctl/bcctl/internal/lab/sqlag"
)

// Systems that nobody asks cost a listener for each server and nothing that runs. It
// counts goroutines of the process, so it is not parallel.
func TestIdleSystemsCostNothing(t *testing.T) {
	authority, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const systems = 100
	before := runtime.NumGoroutine()
	var memory, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	for range systems {
		start(t, sqlag.Options{Authority: authority})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := runtime.NumGoroutine() - before; n > 2*systems {
		t.Errorf("%d goroutines for %d systems of two servers", n, systems)
	}
	if each := (int64(after.HeapAlloc) - int64(memory.HeapAlloc)) / systems; each > 128<<10 {
		t.Errorf("%d bytes for each system", each)
	} else {
		t.Logf("%d bytes for each system", each)
	}
}

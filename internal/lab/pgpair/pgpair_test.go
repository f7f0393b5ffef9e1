package pgpair_test

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
)

func TestScratch(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{Cascade: true, WALSenderTimeout: 3*time.Second, WALReceiverTimeout: 3*time.Second})
	for _, f := range pgpair.Faults() {
		t.Run(f.Name, func(t *testing.T){
		at := time.Now()
		if err := lab.Break(t.Context(), f.Name); err != nil { t.Error(err) }
		t.Log("broken", time.Since(at))
		for _, s := range lab.Status(t.Context()) {
			t.Logf("%s %s %s %s %s %v %s", s.Name, s.State, s.Role, s.LSN, s.Receiver, s.Paused, s.Error)
		}
		at = time.Now()
		if err := lab.Repair(t.Context(), f.Name); err != nil { t.Fatal(err) }
		t.Log("repaired", time.Since(at))
		})
	}
		for _, s := range lab.Status(t.Context()) {
			t.Logf("%s %s %s %s %s %v %s", s.Name, s.State, s.Role, s.LSN, s.Receiver, s.Paused, s.Error)
		}
}

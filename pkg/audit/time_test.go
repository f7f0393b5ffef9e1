package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
)

// Times have one form, with three digits whatever they are.
func TestTimesHaveOneForm(t *testing.T) {
	t.Parallel()
	for _, ms := range []int{0, 7, 70, 700, 777} {
		now := time.Date(2026, 3, 1, 12, 0, 0, ms*1e6+999, time.UTC)
		s, err := audit.NewRun(origin, now, "bcctl test").Open(now, audit.View{Seen: emptyHead(t)}, audit.SignerID{Backend: "ed25519", KeyID: "x"})
		if err != nil {
			t.Fatal(err)
		}
		want := `"time":"` + now.Format(audit.TimeForm) + `"`
		if !strings.Contains(string(s.Raw), want) {
			t.Errorf("%s has no %s", s.Raw, want)
		}
		for _, other := range []string{"2026-03-01T12:00:00Z", "2026-03-01T12:00:00.70Z", "2026-03-01T12:00:00.700+00:00", "2026-03-01t12:00:00.700Z", "2026-02-30T12:00:00.700Z"} {
			line := strings.Replace(strings.TrimSpace(string(s.Raw)), want, `"time":"`+other+`"`, 1)
			if _, err := audit.Decode([]byte(line)); err == nil {
				t.Errorf("time %s is accepted", other)
			}
		}
	}
}

func emptyHead(t *testing.T) audit.TreeHead {
	t.Helper()
	h, err := audit.NewTree().Head()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

package config

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"replication", "replay", "tier", "dr", "name", "endpoints", "environment"}
	for text, want := range map[string]string{
		"replicaton":    "replication", // a letter is missing
		"repaly":        "replay",      // neighbours are swapped
		"teir":          "tier",
		"Tier":          "tier",
		"endpointss":    "endpoints",
		"env":           "environment", // begun
		"enviromnent":   "environment", // a swap and nothing else
		"tier1":         "tier",
		"tire":          "tier",
		"rd":            "", // in a short word everything is near
		"x":             "",
		"":              "",
		"connection":    "",
		"replication":   "", // not its own correction
		"replicatoinss": "",
	} {
		if got := nearest(text, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", text, got, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"abc", "acb", 1}, {"abcd", "acbd", 1},
		{"kitten", "sitting", 3}, {"größe", "grösse", 2}, {"abcdef", "", 5},
	} {
		for _, pair := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			if got := editDistance(pair[0], pair[1], 5); got != c.want {
				t.Errorf("distance of %q and %q is %d, want %d", pair[0], pair[1], got, c.want)
			}
		}
	}
}

func TestCyclesAreFoundOnceAndStartAtTheirFirstName(t *testing.T) {
	t.Parallel()
	edges := map[string][]edge{
		"c": {{to: "a"}}, "a": {{to: "b"}}, "b": {{to: "c"}},
		"d": {{to: "a"}, {to: "e"}}, "e": {{to: "d"}}, "self": {{to: "self"}},
		"tree": {{to: "leaf"}, {to: "branch"}}, "branch": {{to: "leaf"}},
	}
	var got []string
	for _, cycle := range cycles([]string{"c", "d", "self", "tree"}, edges) {
		path := ""
		for _, e := range cycle {
			path += e.to + " "
		}
		got = append(got, path)
	}
	want := []string{"b c a ", "e d ", "self "}
	if len(got) != len(want) {
		t.Fatalf("cycles are %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("cycle %d is %q, want %q", i, got[i], want[i])
		}
	}
}

func TestProtectedCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"VIS_PRIMARY", "VIS_DR", "VIS_BOTH", "VIS_STALE", "VIS_AUTH", "VIS_COLLECTOR", "TWO_WRITERS", "WRITER_UNPROVEN", "DIVERGED",
		"LAG_OVER_RPO", "IDENTITY_MISMATCH", "IDENTITY_UNPROVEN", "INSUFFICIENT_PRIVILEGE", "CONFLICT", "CLOCK_SKEW", "PRIMARY_UNREACHABLE",
	} {
		if !Protected(readiness.Code(code)) {
			t.Errorf("%s may be made milder", code)
		}
	}
	for _, code := range []string{"SLOT_INACTIVE", "RECEIVER_DOWN", "HEARTBEAT_LATE", "NO_SUCH_CODE"} {
		if Protected(readiness.Code(code)) {
			t.Errorf("%s may not be made milder", code)
		}
	}
}

package rules_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

func TestQuantityInItsUnit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		unit readiness.Unit
		want float64
	}{
		{"30s", readiness.Seconds, 30}, {"1m30s", readiness.Seconds, 90}, {"500ms", readiness.Seconds, 0.5}, {"90d", readiness.Seconds, 90 * 86400}, {"0s", readiness.Seconds, 0}, {" 5m ", readiness.Seconds, 300},
		{"0", readiness.Bytes, 0}, {"1048576", readiness.Bytes, 1 << 20}, {"512B", readiness.Bytes, 512}, {"1KiB", readiness.Bytes, 1024}, {"16MiB", readiness.Bytes, 16 << 20},
		{"1.5GiB", readiness.Bytes, 1.5 * (1 << 30)}, {"2TiB", readiness.Bytes, 2 << 40}, {"1kB", readiness.Bytes, 1e3}, {"1MB", readiness.Bytes, 1e6}, {"1GB", readiness.Bytes, 1e9}, {"1TB", readiness.Bytes, 1e12}, {"16 MiB", readiness.Bytes, 16 << 20},
		{"5", readiness.Count, 5}, {"0", readiness.Count, 0}, {"0.9", readiness.Ratio, 0.9}, {"-3", readiness.None, -3}, {"1e3", readiness.Count, 1000},
	} {
		if got, err := rules.Quantity(tt.text).In(tt.unit); err != nil || got != tt.want {
			t.Errorf("%q in %q is %g, %v; want %g", tt.text, tt.unit, got, err, tt.want)
		}
	}
}

// A limit that no value can cross, or that can be read in two ways, is refused.
func TestQuantityThatIsNoLimit(t *testing.T) {
	t.Parallel()
	for unit, texts := range map[readiness.Unit][]string{
		readiness.Seconds: {"", "0", "30", "1.5s", "-30s", "30 s", "s", "1h1d", "1s1s", "NaN", "Inf", "30S", "999999999999y", "16MiB"},
		readiness.Bytes:   {"", "-1", "-1MiB", "MiB", "16mib", "16M", "16K", "1MiBB", "30s", "NaN", "Inf", "+Infinity", "nanMiB", "1e400", "1e300TiB", "1,5GiB", "0x10"},
		readiness.Count:   {"", "many", "5%", "1MiB", "NaN", "-Inf", "infinity", "1e999", "5 6"},
		readiness.Ratio:   {"90 %", "NaN"},
		readiness.None:    {"", "NaN", "Inf", "yes"},
	} {
		for _, text := range texts {
			if got, err := rules.Quantity(text).In(unit); err == nil {
				t.Errorf("%q in %q is %g", text, unit, got)
			} else if !strings.Contains(err.Error(), "\""+text+"\"") {
				t.Errorf("the error about %q does not name it: %v", text, err)
			}
		}
	}
}

func TestQuantityOfJSON(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]rules.Quantity{`5`: "5", `0.5`: "0.5", `"16MiB"`: "16MiB", `"30s"`: "30s", `"5"`: "5", `1e3`: "1e3"} {
		var q rules.Quantity
		if err := json.Unmarshal([]byte(data), &q); err != nil || q != want {
			t.Errorf("%s is %q, %v; want %q", data, q, err, want)
		}
	}
	for _, data := range []string{`true`, `{}`, `[5]`} {
		var q rules.Quantity
		if err := json.Unmarshal([]byte(data), &q); err == nil {
			t.Errorf("%s is %q", data, q)
		}
	}
	// null leaves a limit that no unit accepts, rather than one of zero.
	var q rules.Quantity
	if err := json.Unmarshal([]byte(`null`), &q); err == nil {
		for _, u := range []readiness.Unit{readiness.None, readiness.Bytes, readiness.Seconds, readiness.Count, readiness.Ratio} {
			if f, err := q.In(u); err == nil {
				t.Errorf("null in %q is %g", u, f)
			}
		}
	}
}

// Whatever the text, a limit is a finite number or an error.
func FuzzQuantity(f *testing.F) {
	units := []readiness.Unit{readiness.None, readiness.Bytes, readiness.Seconds, readiness.Count, readiness.Ratio}
	for _, text := range []string{"16MiB", "30s", "0.9", "NaN", "1e300TiB", "-5", "999999y", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, u := range units {
			got, err := rules.Quantity(text).In(u)
			if err == nil && (math.IsNaN(got) || math.IsInf(got, 0) || got < 0 && (u == readiness.Bytes || u == readiness.Seconds)) {
				t.Errorf("%q in %q is %g", text, u, got)
			}
		}
	})
}

package rules

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Quantity is a number as people write it: 5, 0.9, 16MiB, 30s. It keeps the text,
// because only the indicator's unit tells how to read it.
type Quantity string

// UnmarshalJSON accepts a JSON number or string.
func (q *Quantity) UnmarshalJSON(data []byte) error {
	var n json.Number
	if err := json.Unmarshal(data, &n); err == nil {
		*q = Quantity(n.String())
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("a limit is a number or a text such as 16MiB or 30s")
	}
	*q = Quantity(s)
	return nil
}

// In reads the quantity in a unit. A time needs its unit (30s), a size may have
// one (1048576 or 1MiB), a count or ratio has none.
func (q Quantity) In(u readiness.Unit) (float64, error) {
	text := strings.TrimSpace(string(q))
	switch u {
	case readiness.Seconds:
		d, err := duration.Parse(text)
		return d.Std().Seconds(), err
	case readiness.Bytes:
		return parseBytes(text)
	default:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !finite(f) {
			return 0, fmt.Errorf("%q is not a number; this indicator has no unit, write for example 5", text)
		}
		return f, nil
	}
}

// byteUnits are tried in order, so that MiB is found before B.
var byteUnits = []struct {
	suffix string
	factor float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func parseBytes(text string) (float64, error) {
	number, factor := text, 1.0
	for _, unit := range byteUnits {
		if rest, ok := strings.CutSuffix(text, unit.suffix); ok {
			number, factor = strings.TrimSpace(rest), unit.factor
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < 0 || !finite(f*factor) {
		return 0, fmt.Errorf("%q is not a size; write for example 16MiB, 1GiB or a number of bytes", text)
	}
	return f * factor, nil
}

// finite reports whether f is a limit that a value can cross: nothing is over
// NaN.
func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

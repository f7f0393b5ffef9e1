package schedule

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// field is a set of small numbers: bit n is number n.
type field uint64

func (f field) has(n int) bool { return f&(1<<n) != 0 }

// last is the greatest number; -1 of an empty set.
func (f field) last() int { return bits.Len64(uint64(f)) - 1 }

// parseField reads *, n, n-m and lists of these, each perhaps with a step. Names
// stand for numbers from low on.
func parseField(text string, low, high int, names []string) (field, error) {
	var set field
	for _, part := range strings.Split(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > high {
				return 0, fmt.Errorf("step %q is not 1 to %d", stepText, high)
			}
		}
		from, to, err := parseSpan(span, stepped, low, high, names)
		if err != nil {
			return 0, err
		}
		for n := from; n <= to; n += step {
			set |= 1 << n
		}
	}
	return set, nil
}

func parseSpan(span string, stepped bool, low, high int, names []string) (from, to int, err error) {
	if span == "*" {
		if high == 7 { // days of the week, of which 7 is a second name of 0
			high = 6
		}
		return low, high, nil
	}
	first, last, ranged := strings.Cut(span, "-")
	if from, err = parseValue(first, low, high, names); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		if to, err = parseValue(last, low, high, names); err != nil {
			return 0, 0, err
		}
	case stepped:
		to = high
	default:
		to = from
	}
	if to < from {
		return 0, 0, errors.New("a range begins after its end")
	}
	return from, to, nil
}

func parseValue(text string, low, high int, names []string) (int, error) {
	for i, name := range names {
		if strings.EqualFold(text, name) {
			return low + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is not %d to %d", text, low, high)
	}
	return n, nil
}

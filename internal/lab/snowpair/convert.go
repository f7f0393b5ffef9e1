package snowpair

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// parseJSON reads a variant from text.
func parseJSON(s string) (variant, error) {
	d := json.NewDecoder(bytes.NewBufferString(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return variant{}, err
	}
	return variant{v}, nil
}

// number is a value as a number.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return f, err == nil
	case variant:
		switch n := v.value.(type) {
		case json.Number:
			f, err := n.Float64()
			return f, err == nil
		case int:
			return float64(n), true
		case int64:
			return float64(n), true
		case float64:
			return n, true
		case string:
			return number(n)
		}
	}
	return 0, false
}

// whole turns a number into an integer value where it is one.
func whole(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f)
	}
	return f
}

// moment is a value as a time.
func moment(v any) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, true
	case ntz:
		return time.Time(v), true
	case string:
		s := strings.TrimSpace(v)
		for _, layout := range []string{
			time.RFC3339Nano, "2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999 -07:00",
			"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02",
		} {
			if t, err := time.Parse(layout, s); err == nil {
				return t, true
			}
		}
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return epoch(n), true
		}
	case int64:
		return epoch(v), true
	case float64:
		return epoch(int64(v)), true
	case variant:
		if s, ok := v.value.(string); ok {
			return moment(s)
		}
		if f, ok := number(v); ok {
			return epoch(int64(f)), true
		}
	}
	return time.Time{}, false
}

// epoch reads a number as a time: seconds, milliseconds or more, by its size, as
// TO_TIMESTAMP does.
func epoch(n int64) time.Time {
	switch abs := max(n, -n); {
	case abs < 31536000000:
		return time.Unix(n, 0)
	case abs < 31536000000000:
		return time.UnixMilli(n)
	case abs < 31536000000000000:
		return time.UnixMicro(n)
	}
	return time.Unix(0, n)
}

// compare orders two values that are not NULL.
func compare(a, b any) (int, bool) {
	_, at := a.(time.Time)
	_, bt := b.(time.Time)
	_, an := a.(ntz)
	_, bn := b.(ntz)
	if at || bt || an || bn {
		x, ok1 := moment(a)
		y, ok2 := moment(b)
		return x.Compare(y), ok1 && ok2
	}
	s1, isText1 := a.(string)
	s2, isText2 := b.(string)
	if isText1 && isText2 {
		return strings.Compare(s1, s2), true
	}
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			switch {
			case x < y:
				return -1, true
			case x > y:
				return 1, true
			}
			return 0, true
		}
	}
	if isText1 || isText2 {
		return strings.Compare(strings.ToLower(plain(a)), strings.ToLower(plain(b))), true
	}
	return 0, false
}

// plain is a value as text, a text inside a variant without its quotes.
func plain(v any) string {
	if w, ok := v.(variant); ok {
		if s, ok := w.value.(string); ok {
			return s
		}
	}
	return text(v)
}

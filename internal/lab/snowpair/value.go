package snowpair

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Values of the model are nil (NULL), string, int64, float64, bool, time.Time,
// ntz, variant and Raw.

// Raw is a value as it goes over the wire, whatever the column's type: for tests
// that want something odd.
type Raw string

// ntz is a TIMESTAMP_NTZ.
type ntz time.Time

// variant is a semi-structured value, decoded.
type variant struct{ value any }

// kind is a type of column.
type kind string

// Types, in the protocol's words.
const (
	kindText    kind = "text"
	kindFixed   kind = "fixed"
	kindReal    kind = "real"
	kindBoolean kind = "boolean"
	kindTime    kind = "timestamp_ltz"
	kindTimeTZ  kind = "timestamp_tz"
	kindTimeNTZ kind = "timestamp_ntz"
	kindVariant kind = "variant"
)

// column is a column of a result.
type column struct {
	name string
	kind kind
}

// rowType describes a column to a client.
type rowType struct {
	Name       string `json:"name"`
	Database   string `json:"database"`
	Schema     string `json:"schema"`
	Table      string `json:"table"`
	Type       string `json:"type"`
	Scale      *int   `json:"scale"`
	Precision  *int   `json:"precision"`
	Length     *int   `json:"length"`
	ByteLength *int   `json:"byteLength"`
	Nullable   bool   `json:"nullable"`
}

const textLength = 16777216

func (c column) rowType() rowType {
	number := func(n int) *int { return &n }
	r := rowType{Name: c.name, Type: string(c.kind), Nullable: true}
	switch c.kind {
	case kindText, kindVariant:
		r.Length, r.ByteLength = number(textLength), number(textLength)
	case kindFixed:
		r.Precision, r.Scale = number(38), number(0)
	case kindTime, kindTimeTZ, kindTimeNTZ:
		r.Precision, r.Scale = number(0), number(9)
	}
	return r
}

// kindOf is the type of a value; kindText of NULL.
func kindOf(v any) kind {
	switch v.(type) {
	case int64:
		return kindFixed
	case float64:
		return kindReal
	case bool:
		return kindBoolean
	case time.Time:
		return kindTime
	case ntz:
		return kindTimeNTZ
	case variant:
		return kindVariant
	}
	return kindText
}

// cell writes a value as the protocol does: always a text, or null.
func cell(v any, k kind) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case Raw:
		s = string(v)
	case bool:
		switch {
		case k == kindText:
			s = strconv.FormatBool(v)
		case v:
			s = "1"
		default:
			s = "0"
		}
	case time.Time:
		if k == kindText {
			s = v.UTC().Format(timeLayout)
			break
		}
		s = fmt.Sprintf("%d.%09d", v.Unix(), v.Nanosecond())
		if k == kindTimeTZ {
			_, offset := v.Zone()
			s += " " + strconv.Itoa(offset/60+1440)
		}
	case ntz:
		t := time.Time(v)
		s = fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
	default:
		s = text(v)
	}
	return &s
}

// timeLayout is how the product writes a time as text by default.
const timeLayout = "2006-01-02 15:04:05.000 -0700"

// text is a value as text.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case Raw:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.UTC().Format(timeLayout)
	case ntz:
		return time.Time(v).UTC().Format("2006-01-02 15:04:05.000")
	case variant:
		b, err := json.MarshalIndent(v.value, "", "  ")
		if err != nil {
			return ""
		}
		return string(b)
	}
	return fmt.Sprint(v)
}

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

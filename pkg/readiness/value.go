package readiness

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Unit says how a number is to be read and printed.
type Unit string

// Units of indicators.
const (
	None    Unit = ""
	Bytes   Unit = "bytes"
	Seconds Unit = "seconds"
	Count   Unit = "count"
	Ratio   Unit = "ratio" // 0..1
)

// Kind tells which of the three forms a Value has.
type Kind uint8

// Kinds of Value. The zero Kind is Absent: no value, which is never zero.
const (
	Absent Kind = iota
	Number
	Text
	Flag
)

// Value is one measured thing: a number, a text or a flag. The zero Value is
// absent, which is different from 0, "" and false: a database that answers NULL
// has told us nothing.
type Value struct {
	kind Kind
	num  float64
	text string
}

// Num makes a number. NaN and infinities are not measurements and become absent.
func Num(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{kind: Number, num: f}
}

// Dur makes a number of seconds.
func Dur(d time.Duration) Value { return Num(d.Seconds()) }

// Str makes a text.
func Str(s string) Value { return Value{kind: Text, text: s} }

// Bool makes a flag.
func Bool(b bool) Value {
	v := Value{kind: Flag}
	if b {
		v.num = 1
	}
	return v
}

// Kind returns the form of v.
func (v Value) Kind() Kind { return v.kind }

// Number returns the number, and whether v is one.
func (v Value) Number() (float64, bool) { return v.num, v.kind == Number }

// Text returns the text, and whether v is one.
func (v Value) Text() (string, bool) { return v.text, v.kind == Text }

// Flag returns the flag, and whether v is one.
func (v Value) Flag() (bool, bool) { return v.num != 0, v.kind == Flag }

// IsAbsent reports whether nothing was measured.
func (v Value) IsAbsent() bool { return v.kind == Absent }

// compare orders values by form, then by what they hold; 0 means they are equal.
func (v Value) compare(w Value) int {
	return cmp.Or(cmp.Compare(v.kind, w.kind), cmp.Compare(v.num, w.num), cmp.Compare(v.text, w.text))
}

// MarshalJSON writes a JSON number, string or boolean, and null when absent.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case Number:
		return json.Marshal(v.num)
	case Text:
		return json.Marshal(v.text)
	case Flag:
		return json.Marshal(v.num != 0)
	default:
		return []byte("null"), nil
	}
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Value) UnmarshalJSON(data []byte) error {
	var raw any
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	value, err := ValueOf(raw)
	if err != nil {
		return err
	}
	*v = value
	return nil
}

// ValueOf turns a decoded JSON or YAML scalar into a Value; nil is absent.
func ValueOf(raw any) (Value, error) {
	switch x := raw.(type) {
	case nil:
		return Value{}, nil
	case float64:
		return Num(x), nil
	case int:
		return Num(float64(x)), nil
	case int64:
		return Num(float64(x)), nil
	case uint64:
		return Num(float64(x)), nil
	case string:
		return Str(x), nil
	case bool:
		return Bool(x), nil
	default:
		return Value{}, fmt.Errorf("a value is a number, a text, true, false or null, not %T", raw)
	}
}

// Format prints v with its unit for a person: "3.1 MiB", "12 s", "paused".
func (v Value) Format(u Unit) string {
	switch v.kind {
	case Number:
		return formatNumber(v.num, u)
	case Text:
		return v.text
	case Flag:
		if v.num != 0 {
			return "yes"
		}
		return "no"
	default:
		return "not known"
	}
}

func formatNumber(f float64, u Unit) string {
	switch u {
	case Bytes:
		return formatBytes(f)
	case Seconds:
		return formatSeconds(f)
	case Ratio:
		return strconv.FormatFloat(f*100, 'f', 1, 64) + " %"
	default:
		return trimFloat(f)
	}
}

func formatBytes(f float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	sign := ""
	if f < 0 {
		sign, f = "-", -f
	}
	i := 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	if i == 0 {
		return sign + strconv.FormatFloat(f, 'f', 0, 64) + " B"
	}
	return sign + strconv.FormatFloat(f, 'f', 1, 64) + " " + units[i]
}

func formatSeconds(f float64) string {
	switch abs := math.Abs(f); {
	case abs < 1:
		return strconv.FormatFloat(f*1000, 'f', 0, 64) + " ms"
	case abs < 120:
		return trimFloat(math.Round(f*10)/10) + " s"
	case abs > 9e9: // 285 years: more than fits a time.Duration
		return trimFloat(f) + " s"
	default:
		return time.Duration(math.Round(f) * float64(time.Second)).String()
	}
}

func trimFloat(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

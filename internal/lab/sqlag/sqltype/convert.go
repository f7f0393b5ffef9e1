package sqltype

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

// Convert makes a value one of another type, as CONVERT with a style does. Style 0
// is the default.
func Convert(v any, to Type, style int) (any, error) {
	if v == nil || to.Kind == Variant || to.Kind == Null {
		return v, nil
	}
	switch to.Kind {
	case VarChar, NVarChar:
		return cut(Format(v, style), to)
	case Bit:
		if s, ok := v.(string); ok && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false")) {
			return strings.EqualFold(s, "true"), nil
		}
		n, err := whole(v, to)
		return n != 0, err
	case TinyInt, SmallInt, Int, BigInt:
		n, err := whole(v, to)
		if err != nil {
			return nil, err
		}
		lo, hi := bounds(to.Kind)
		if n < lo || n > hi {
			if to.Kind == Int || to.Kind == BigInt {
				return nil, sqlerr.New(8115, "Arithmetic overflow error converting expression to data type %s.", to)
			}
			return nil, sqlerr.New(220, "Arithmetic overflow error for data type %s, value = %d.", to, n)
		}
		return n, nil
	case Float:
		return float(v, to)
	case Numeric:
		d, err := decimal(v, to)
		if err != nil {
			return nil, err
		}
		d = d.At(to.Scale)
		if new(big.Int).Abs(d.Unscaled).Cmp(pow10(to.Precision)) >= 0 {
			return nil, sqlerr.New(8115, "Arithmetic overflow error converting numeric to data type numeric.")
		}
		return d, nil
	case Date, DateTime, DateTime2, DateTimeOffset:
		return moment(v, to)
	case UniqueIdentifier:
		switch x := v.(type) {
		case GUID:
			return x, nil
		case string:
			if g, ok := ParseGUID(x); ok {
				return g, nil
			}
			return nil, sqlerr.New(8169, "Conversion failed when converting from a character string to uniqueidentifier.")
		}
	case VarBinary:
		switch x := v.(type) {
		case []byte:
			return x, nil
		case string:
			if style == 1 || style == 2 {
				b, err := hex.DecodeString(strings.TrimPrefix(strings.ToLower(x), "0x"))
				if err != nil {
					return nil, sqlerr.New(8114, "Error converting data type varchar to varbinary.")
				}
				return b, nil
			}
			return []byte(x), nil
		case int64:
			return new(big.Int).SetInt64(x).FillBytes(make([]byte, 8))[4:], nil
		case GUID:
			return x[:], nil
		}
	}
	return nil, sqlerr.New(529, "Explicit conversion from data type %s to %s is not allowed.", TypeOf(v), to)
}

func bounds(k Kind) (lo, hi int64) {
	switch k {
	case TinyInt:
		return 0, 255
	case SmallInt:
		return math.MinInt16, math.MaxInt16
	case Int:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func cut(s string, to Type) (any, error) {
	if to.Length == Max || len(s) <= to.Length {
		return s, nil
	}
	units := utf16.Encode([]rune(s))
	if len(units) <= to.Length {
		return s, nil
	}
	return string(utf16.Decode(units[:max(0, to.Length)])), nil
}

func whole(v any, to Type) (int64, error) {
	switch x := v.(type) {
	case bool:
		return truth(x), nil
	case int64:
		return x, nil
	case float64:
		if x >= math.MinInt64 && x <= math.MaxInt64 {
			return int64(x), nil
		}
	case Decimal:
		n := new(big.Int).Quo(x.Unscaled, pow10(x.Scale))
		if n.IsInt64() {
			return n.Int64(), nil
		}
		return 0, sqlerr.New(8115, "Arithmetic overflow error converting numeric to data type %s.", to)
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(x), 10, 64)
		if err == nil {
			return n, nil
		}
		return 0, sqlerr.New(245, "Conversion failed when converting the nvarchar value '%s' to data type %s.", x, to)
	}
	return 0, sqlerr.New(529, "Explicit conversion from data type %s to %s is not allowed.", TypeOf(v), to)
}

func float(v any, to Type) (any, error) {
	switch x := v.(type) {
	case bool:
		return float64(truth(x)), nil
	case int64:
		return float64(x), nil
	case float64:
		return x, nil
	case Decimal:
		return x.Float(), nil
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(x), 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
		return nil, sqlerr.New(8114, "Error converting data type nvarchar to float.")
	}
	return nil, sqlerr.New(529, "Explicit conversion from data type %s to %s is not allowed.", TypeOf(v), to)
}

func decimal(v any, to Type) (Decimal, error) {
	switch x := v.(type) {
	case bool:
		return NewDecimal(big.NewInt(truth(x))), nil
	case int64:
		return NewDecimal(big.NewInt(x)), nil
	case float64:
		if d, ok := ParseDecimal(strconv.FormatFloat(x, 'f', min(15, int(to.Scale)+2), 64)); ok {
			return d, nil
		}
	case Decimal:
		return x, nil
	case string:
		if d, ok := ParseDecimal(x); ok {
			return d, nil
		}
		return Decimal{}, sqlerr.New(8114, "Error converting data type nvarchar to numeric.")
	}
	return Decimal{}, sqlerr.New(529, "Explicit conversion from data type %s to %s is not allowed.", TypeOf(v), to)
}

func moment(v any, to Type) (any, error) {
	t, ok := v.(time.Time)
	if s, isText := v.(string); isText {
		if t, ok = ParseTime(s); !ok {
			return nil, sqlerr.New(241, "Conversion failed when converting date and/or time from character string.")
		}
	}
	if n, isNumber := v.(int64); isNumber && to.Kind == DateTime { // days since 1900
		t, ok = time.Date(1900, 1, 1+int(n), 0, 0, 0, 0, time.UTC), true
	}
	if !ok {
		return nil, sqlerr.New(529, "Explicit conversion from data type %s to %s is not allowed.", TypeOf(v), to)
	}
	return Truncate(t, to), nil
}

// Truncate makes a time as exact as a type is. A type without an offset keeps the
// figures on the clock and loses the offset.
func Truncate(t time.Time, to Type) time.Time {
	naive := func() time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	unit := time.Duration(100)
	for i := to.Scale; i < 7; i++ {
		unit *= 10
	}
	switch to.Kind {
	case Date:
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	case DateTime: // ticks of 1/300 s
		n := naive()
		ticks := (int64(n.Nanosecond())*300 + 5e8) / 1e9
		return n.Truncate(time.Second).Add(time.Duration(ticks * 1e9 / 300))
	case DateTime2:
		return naive().Truncate(unit)
	}
	if t.Location() == time.UTC { // an offset of zero is an offset all the same
		t = t.In(time.FixedZone("", 0))
	}
	return t.Truncate(unit)
}

// timeForms are those ParseTime reads; it is never changed.
var timeForms = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 Z07:00", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02T15:04",
	"2006-01-02", "20060102 15:04:05.999999999", "20060102",
}

// ParseTime reads the usual forms of a point in time.
func ParseTime(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), true
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t, true
		}
	}
	return time.Time{}, false
}

// Format writes a value as CONVERT to a string does. The styles of times are 0
// (as datetime2 has it), 20, 21, 23, 25, 100, 112,
// 120, 121, 126 and 127.
func Format(v any, style int) string {
	switch x := v.(type) {
	case nil:
		return ""
	case bool:
		return strconv.FormatInt(truth(x), 10)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'g', 6, 64)
	case Decimal:
		return x.String()
	case string:
		return x
	case GUID:
		return x.String()
	case []byte:
		switch style {
		case 1:
			return "0x" + strings.ToUpper(hex.EncodeToString(x))
		case 2:
			return strings.ToUpper(hex.EncodeToString(x))
		}
		return string(x)
	case time.Time:
		return formatTime(x, style)
	}
	return ""
}

func formatTime(t time.Time, style int) string {
	offset := t.Location() != time.UTC
	var form string
	switch style {
	case 20, 120:
		form = "2006-01-02 15:04:05"
	case 126:
		form = "2006-01-02T15:04:05.000"
	case 127:
		return t.UTC().Format("2006-01-02T15:04:05.0000000Z")
	case 100:
		return t.Format("Jan _2 2006 ") + fmt.Sprintf("%7s", t.Format("3:04PM"))
	case 23:
		return t.Format("2006-01-02")
	case 112:
		return t.Format("20060102")
	default:
		form = "2006-01-02 15:04:05.000"
		if t.Nanosecond()%1e6 != 0 {
			form = "2006-01-02 15:04:05.0000000"
		}
	}
	s := t.Format(form)
	if offset {
		if style == 126 {
			return s + t.Format("-07:00")
		}
		return s + t.Format(" -07:00")
	}
	return s
}

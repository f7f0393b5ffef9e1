package sqltype

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode/utf16"
)

// GUID is a uniqueidentifier in the order in which its text is written.
type GUID [16]byte

// ParseGUID reads the text form, with or without braces.
func ParseGUID(s string) (GUID, bool) {
	s = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "{"), "}")
	var g GUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return g, false
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		return g, false
	}
	return GUID(b), true
}

// String is the text form, in capitals as the product writes it.
func (g GUID) String() string {
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", g[0:4], g[4:6], g[6:8], g[8:10], g[10:16]))
}

// Decimal is a number with a fixed count of decimal places.
type Decimal struct {
	Unscaled *big.Int
	Scale    uint8
}

// NewDecimal returns a whole number.
func NewDecimal(n *big.Int) Decimal { return Decimal{Unscaled: n} }

// ParseDecimal reads digits with at most one point.
func ParseDecimal(s string) (Decimal, bool) {
	s = strings.TrimSpace(s)
	whole, fraction, _ := strings.Cut(s, ".")
	if len(fraction) > 38 || len(s) > 80 {
		return Decimal{}, false
	}
	digits := strings.TrimPrefix(whole+fraction, "+")
	if digits == "" || digits == "-" || strings.Contains(digits, "_") {
		return Decimal{}, false
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return Decimal{}, false
	}
	return Decimal{n, uint8(len(fraction))}, true
}

func pow10(n uint8) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// At returns the number with another count of decimal places, rounded half away
// from zero.
func (d Decimal) At(scale uint8) Decimal {
	switch {
	case scale == d.Scale:
		return d
	case scale > d.Scale:
		return Decimal{new(big.Int).Mul(d.Unscaled, pow10(scale-d.Scale)), scale}
	}
	unit := pow10(d.Scale - scale)
	half := new(big.Int).Quo(unit, big.NewInt(2))
	n := new(big.Int).Abs(d.Unscaled)
	n.Add(n, half).Quo(n, unit)
	if d.Unscaled.Sign() < 0 {
		n.Neg(n)
	}
	return Decimal{n, scale}
}

// Cmp compares two numbers.
func (d Decimal) Cmp(o Decimal) int {
	scale := max(d.Scale, o.Scale)
	return d.At(scale).Unscaled.Cmp(o.At(scale).Unscaled)
}

// Float is the nearest float.
func (d Decimal) Float() float64 {
	f, _ := new(big.Rat).SetFrac(d.Unscaled, pow10(d.Scale)).Float64()
	return f
}

// String writes all decimal places.
func (d Decimal) String() string {
	s := new(big.Int).Abs(d.Unscaled).String()
	if n := int(d.Scale); n > 0 {
		if len(s) <= n {
			s = strings.Repeat("0", n-len(s)+1) + s
		}
		s = s[:len(s)-n] + "." + s[len(s)-n:]
	}
	if d.Unscaled.Sign() < 0 {
		s = "-" + s
	}
	return s
}

// Compare orders two values of one kind that are not NULL. Strings compare without
// regard to case and to blanks at the end, as the product's default collation does.
func Compare(a, b any) int {
	switch x := a.(type) {
	case bool:
		if y, ok := b.(bool); ok {
			return cmp.Compare(truth(x), truth(y))
		}
	case int64:
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y)
		}
	case float64:
		if y, ok := b.(float64); ok {
			return cmp.Compare(x, y)
		}
	case Decimal:
		if y, ok := b.(Decimal); ok {
			return x.Cmp(y)
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y)
		}
	case GUID:
		if y, ok := b.(GUID); ok {
			return strings.Compare(x.String(), y.String())
		}
	case []byte:
		if y, ok := b.([]byte); ok {
			return strings.Compare(string(x), string(y))
		}
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(fold(x), fold(y))
		}
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func fold(s string) string { return strings.ToLower(strings.TrimRight(s, " ")) }

// Key is a text that is equal for values that compare as equal.
func Key(v any) string {
	switch x := v.(type) {
	case nil:
		return "n"
	case string:
		return "s" + fold(x)
	case time.Time:
		return "t" + x.UTC().Format(time.RFC3339Nano)
	case Decimal:
		s := x.String()
		if x.Scale > 0 {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return "d" + s
	}
	return fmt.Sprintf("%T%v", v, v)
}

// TypeOf is the type of a value that has no declaration.
func TypeOf(v any) Type {
	switch x := v.(type) {
	case bool:
		return Of(Bit)
	case int64:
		if x >= -1<<31 && x < 1<<31 {
			return Of(Int)
		}
		return Of(BigInt)
	case float64:
		return Of(Float)
	case Decimal:
		return Type{Kind: Numeric, Precision: 38, Scale: x.Scale}
	case string:
		return Text(max(1, min(4000, len(utf16.Encode([]rune(x))))))
	case time.Time:
		return Of(DateTime)
	case GUID:
		return Of(UniqueIdentifier)
	case []byte:
		return Type{Kind: VarBinary, Length: max(1, len(x))}
	}
	return Of(Null)
}

package tds

import (
	"encoding/binary"
	"math"
	"math/big"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// Types as TYPE_INFO names them.
const (
	typeNull      = 0x1f
	typeInt1      = 0x30
	typeBit       = 0x32
	typeInt2      = 0x34
	typeInt4      = 0x38
	typeFloat4    = 0x3b
	typeDateTime  = 0x3d
	typeFloat8    = 0x3e
	typeInt8      = 0x7f
	typeGUID      = 0x24
	typeIntN      = 0x26
	typeDate      = 0x28
	typeTime      = 0x29
	typeDateTime2 = 0x2a
	typeOffset    = 0x2b
	typeVariant   = 0x62
	typeBitN      = 0x68
	typeDecimal   = 0x6a
	typeNumeric   = 0x6c
	typeFloatN    = 0x6d
	typeDateTimeN = 0x6f
	typeVarBinary = 0xa5
	typeVarChar   = 0xa7
	typeBinary    = 0xad
	typeChar      = 0xaf
	typeNVarChar  = 0xe7
	typeNChar     = 0xef
)

// long says whether a type is sent in chunks, as (max) types are.
func long(t sqltype.Type) bool {
	switch t.Kind {
	case sqltype.NVarChar:
		return t.Length == sqltype.Max || t.Length > 4000
	case sqltype.VarChar, sqltype.VarBinary:
		return t.Length == sqltype.Max || t.Length > 8000
	}
	return false
}

func integerSize(k sqltype.Kind) byte {
	switch k {
	case sqltype.TinyInt:
		return 1
	case sqltype.SmallInt:
		return 2
	case sqltype.Int:
		return 4
	}
	return 8
}

// typeInfo describes a column.
func typeInfo(b []byte, t sqltype.Type) []byte {
	text := func(code byte, size int) []byte {
		if long(t) {
			size = 0xffff
		}
		b = binary.LittleEndian.AppendUint16(append(b, code), uint16(size))
		return append(b, collation()...)
	}
	switch t.Kind {
	case sqltype.Bit:
		return append(b, typeBitN, 1)
	case sqltype.TinyInt, sqltype.SmallInt, sqltype.Int, sqltype.BigInt:
		return append(b, typeIntN, integerSize(t.Kind))
	case sqltype.Float:
		return append(b, typeFloatN, 8)
	case sqltype.Numeric:
		return append(b, typeNumeric, 17, t.Precision, t.Scale)
	case sqltype.Date:
		return append(b, typeDate)
	case sqltype.DateTime:
		return append(b, typeDateTimeN, 8)
	case sqltype.DateTime2:
		return append(b, typeDateTime2, t.Scale)
	case sqltype.DateTimeOffset:
		return append(b, typeOffset, t.Scale)
	case sqltype.UniqueIdentifier:
		return append(b, typeGUID, 16)
	case sqltype.VarChar:
		return text(typeVarChar, max(1, t.Length))
	case sqltype.VarBinary:
		size := max(1, t.Length)
		if long(t) {
			size = 0xffff
		}
		return binary.LittleEndian.AppendUint16(append(b, typeVarBinary), uint16(size))
	case sqltype.Variant:
		return binary.LittleEndian.AppendUint32(append(b, typeVariant), 8009)
	}
	return text(typeNVarChar, 2*max(1, t.Length))
}

// value writes a value of a column that is not NULL. A value that is not of the
// column's type is first made so.
func value(b []byte, v any, t sqltype.Type) ([]byte, error) {
	if t.Kind == sqltype.Variant {
		return variant(b, v)
	}
	if t.Kind == sqltype.Null {
		t = sqltype.Text(4000)
	}
	v, err := sqltype.Convert(v, t, 0)
	if err != nil {
		return nil, err
	}
	raw := rawValue(v, t)
	switch {
	case long(t):
		b = binary.LittleEndian.AppendUint64(b, uint64(len(raw)))
		if len(raw) > 0 {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(raw)))
			b = append(b, raw...)
		}
		return binary.LittleEndian.AppendUint32(b, 0), nil
	case t.IsText() || t.Kind == sqltype.VarBinary:
		b = binary.LittleEndian.AppendUint16(b, uint16(len(raw)))
	default:
		b = append(b, byte(len(raw)))
	}
	return append(b, raw...), nil
}

// rawValue is a value without its length.
func rawValue(v any, t sqltype.Type) []byte {
	switch x := v.(type) {
	case bool:
		if x {
			return []byte{1}
		}
		return []byte{0}
	case int64:
		return binary.LittleEndian.AppendUint64(nil, uint64(x))[:integerSize(t.Kind)]
	case float64:
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(x))
	case sqltype.Decimal:
		return decimal(x.At(t.Scale), t.Precision)
	case sqltype.GUID:
		return []byte{x[3], x[2], x[1], x[0], x[5], x[4], x[7], x[6], x[8], x[9], x[10], x[11], x[12], x[13], x[14], x[15]}
	case []byte:
		return x
	case string:
		if t.Kind == sqltype.VarChar {
			return narrow(x)
		}
		return encodeText(x)
	case time.Time:
		return moment(x, t)
	}
	return nil
}

func decimal(d sqltype.Decimal, precision uint8) []byte {
	size := 16
	switch {
	case precision <= 9:
		size = 4
	case precision <= 19:
		size = 8
	case precision <= 28:
		size = 12
	}
	b := make([]byte, 1+size)
	if d.Unscaled.Sign() >= 0 {
		b[0] = 1
	}
	magnitude := new(big.Int).Abs(d.Unscaled).Bytes()
	for i, c := range magnitude {
		if at := len(magnitude) - i; at < len(b) {
			b[at] = c
		}
	}
	return b
}

// days counts from a day; both are taken at midnight.
func days(from, t time.Time) int64 {
	at := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return (at.Unix() - from.Unix()) / 86400
}

func moment(t time.Time, typ sqltype.Type) []byte {
	_, offset := t.Zone()
	if typ.Kind == sqltype.DateTimeOffset {
		t = t.UTC()
	}
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	sinceMidnight := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	if typ.Kind == sqltype.DateTime {
		b := binary.LittleEndian.AppendUint32(nil, uint32(int32(days(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), t))))
		return binary.LittleEndian.AppendUint32(b, uint32((int64(sinceMidnight)*300+5e8)/1e9))
	}
	day := binary.LittleEndian.AppendUint32(nil, uint32(days(first, t)))[:3]
	if typ.Kind == sqltype.Date {
		return day
	}
	unit := int64(time.Second)
	for range typ.Scale {
		unit /= 10
	}
	size := 5
	if typ.Scale <= 2 {
		size = 3
	} else if typ.Scale <= 4 {
		size = 4
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(int64(sinceMidnight)/unit))[:size]
	b = append(b, day...)
	if typ.Kind == sqltype.DateTimeOffset {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(offset/60)))
	}
	return b
}

// variant writes a value with its own type, as SERVERPROPERTY gives.
func variant(b []byte, v any) ([]byte, error) {
	var body []byte
	switch x := v.(type) {
	case bool:
		body = append([]byte{typeBit, 0}, rawValue(x, sqltype.Of(sqltype.Bit))...)
	case int64:
		t := sqltype.TypeOf(v)
		code := byte(typeInt4)
		if t.Kind == sqltype.BigInt {
			code = typeInt8
		}
		body = append([]byte{code, 0}, rawValue(x, t)...)
	case float64:
		body = append([]byte{typeFloat8, 0}, rawValue(x, sqltype.Of(sqltype.Float))...)
	case sqltype.Decimal:
		body = append([]byte{typeNumeric, 2, 38, x.Scale}, decimal(x, 38)...)
	case sqltype.GUID:
		body = append([]byte{typeGUID, 0}, rawValue(x, sqltype.Of(sqltype.UniqueIdentifier))...)
	case time.Time:
		t := sqltype.Of(sqltype.DateTime)
		body = append([]byte{typeDateTime, 0}, moment(x, t)...)
	case []byte:
		body = append([]byte{typeVarBinary, 2, byte(len(x)), byte(len(x) >> 8)}, x...)
	case string:
		raw := encodeText(x)
		body = append(append([]byte{typeNVarChar, 7}, collation()...), byte(len(raw)), byte(len(raw)>>8))
		body = append(body, raw...)
	default:
		return nil, malformed("value of type %T", v)
	}
	if len(body) > 8009 {
		body = body[:8009]
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...), nil
}

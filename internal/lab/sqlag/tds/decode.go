package tds

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// Parameter is a parameter of a procedure call.
type Parameter struct {
	Name  string // with its @; may be empty
	Type  sqltype.Type
	Value any
}

// call is one procedure call.
type call struct {
	procedure string // by name, or as its number says
	args      []Parameter
}

// procedures are those that have a number; never changed.
var procedures = map[uint16]string{
	1: "sp_cursor", 2: "sp_cursoropen", 3: "sp_cursorprepare", 4: "sp_cursorexecute", 5: "sp_cursorprepexec",
	6: "sp_cursorunprepare", 7: "sp_cursorfetch", 8: "sp_cursoroption", 9: "sp_cursorclose", 10: "sp_executesql",
	11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 14: "sp_prepexecrpc", 15: "sp_unprepare",
}

// skipHeaders passes over ALL_HEADERS.
func skipHeaders(in *input) error {
	n := int(in.u32())
	if n < 4 || n-4 > in.left() {
		return malformed("headers of %d bytes", n)
	}
	in.bytes(n - 4)
	return nil
}

// maxParameters is the product's limit.
const maxParameters = 2100

// readCall reads an RPC request. Of several calls in one request only the first is
// read; no driver here sends more.
func readCall(body []byte) (call, error) {
	var c call
	in := &input{data: body}
	if err := skipHeaders(in); err != nil {
		return c, err
	}
	if n := in.u16(); n == 0xffff {
		c.procedure = procedures[in.u16()]
	} else {
		c.procedure = in.text(int(n))
	}
	in.u16() // options
	for in.left() > 0 && !in.failed {
		if next := in.data[in.at]; (next == 0x80 || next == 0xff) && in.left() > 1 && len(c.args) > 0 {
			return c, malformed("several calls in one request")
		}
		var p Parameter
		p.Name = in.text(int(in.u8()))
		in.u8() // by reference, default
		var err error
		if p.Type, p.Value, err = readValue(in); err != nil {
			return c, err
		}
		if c.args = append(c.args, p); len(c.args) > maxParameters {
			return c, malformed("more than %d parameters", maxParameters)
		}
	}
	if in.failed || c.procedure == "" {
		return c, malformed("call cut off")
	}
	return c, nil
}

// readValue reads TYPE_INFO and a value of that type.
func readValue(in *input) (sqltype.Type, any, error) {
	code := in.u8()
	switch code {
	case typeNull:
		return sqltype.Text(1), nil, nil
	case typeInt1, typeBit, typeInt2, typeInt4, typeInt8, typeFloat4, typeFloat8, typeDateTime:
		size := map[byte]int{typeInt1: 1, typeBit: 1, typeInt2: 2, typeInt4: 4, typeInt8: 8, typeFloat4: 4, typeFloat8: 8, typeDateTime: 8}[code]
		return fixedValue(code, in.bytes(size))
	case typeIntN, typeBitN, typeFloatN, typeDateTimeN:
		in.u8() // declared size
		b := in.bytes(int(in.u8()))
		if len(b) == 0 {
			return nullOf(code), nil, check(in)
		}
		return sizedValue(code, b)
	case typeGUID:
		in.u8()
		b := in.bytes(int(in.u8()))
		if len(b) != 16 {
			return sqltype.Of(sqltype.UniqueIdentifier), nil, check(in)
		}
		return sqltype.Of(sqltype.UniqueIdentifier), sqltype.GUID{b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]}, nil
	case typeDecimal, typeNumeric:
		in.u8()
		t := sqltype.Type{Kind: sqltype.Numeric, Precision: in.u8(), Scale: in.u8()}
		if t.Precision > 38 || t.Scale > t.Precision {
			return t, nil, malformed("numeric(%d,%d)", t.Precision, t.Scale)
		}
		b := in.bytes(int(in.u8()))
		if len(b) < 2 || len(b) > 17 {
			return t, nil, check(in)
		}
		magnitude := slices.Clone(b[1:])
		slices.Reverse(magnitude)
		n := new(big.Int).SetBytes(magnitude)
		if b[0] == 0 {
			n.Neg(n)
		}
		return t, sqltype.Decimal{Unscaled: n, Scale: t.Scale}, nil
	case typeDate, typeDateTime2, typeOffset:
		return timeValue(in, code)
	case typeVarChar, typeChar, typeNVarChar, typeNChar, typeVarBinary, typeBinary:
		return textValue(in, code)
	}
	return sqltype.Type{}, nil, malformed("parameter of type 0x%02x", code)
}

func check(in *input) error {
	if in.failed {
		return malformed("value cut off")
	}
	return nil
}

func nullOf(code byte) sqltype.Type {
	switch code {
	case typeBitN:
		return sqltype.Of(sqltype.Bit)
	case typeFloatN:
		return sqltype.Of(sqltype.Float)
	case typeDateTimeN:
		return sqltype.Of(sqltype.DateTime)
	}
	return sqltype.Of(sqltype.BigInt)
}

func sizedValue(code byte, b []byte) (sqltype.Type, any, error) {
	fixed := map[byte]map[int]byte{
		typeIntN:      {1: typeInt1, 2: typeInt2, 4: typeInt4, 8: typeInt8},
		typeBitN:      {1: typeBit},
		typeFloatN:    {4: typeFloat4, 8: typeFloat8},
		typeDateTimeN: {8: typeDateTime},
	}[code]
	if c, ok := fixed[len(b)]; ok {
		return fixedValue(c, b)
	}
	return sqltype.Type{}, nil, malformed("value of %d bytes for type 0x%02x", len(b), code)
}

func fixedValue(code byte, b []byte) (sqltype.Type, any, error) {
	if b == nil {
		return sqltype.Type{}, nil, malformed("value cut off")
	}
	switch code {
	case typeInt1:
		return sqltype.Of(sqltype.TinyInt), int64(b[0]), nil
	case typeBit:
		return sqltype.Of(sqltype.Bit), b[0] != 0, nil
	case typeInt2:
		return sqltype.Of(sqltype.SmallInt), int64(int16(binary.LittleEndian.Uint16(b))), nil
	case typeInt4:
		return sqltype.Of(sqltype.Int), int64(int32(binary.LittleEndian.Uint32(b))), nil
	case typeInt8:
		return sqltype.Of(sqltype.BigInt), int64(binary.LittleEndian.Uint64(b)), nil
	case typeFloat4:
		return sqltype.Of(sqltype.Float), float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), nil
	case typeFloat8:
		return sqltype.Of(sqltype.Float), math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
	}
	day, ticks := int32(binary.LittleEndian.Uint32(b)), binary.LittleEndian.Uint32(b[4:])
	if day < -53690 || day > 2958463 || ticks >= 24*3600*300 {
		return sqltype.Type{}, nil, malformed("datetime out of range")
	}
	t := time.Date(1900, 1, 1+int(day), 0, 0, 0, 0, time.UTC).Add(time.Duration(int64(ticks) * 1e9 / 300))
	return sqltype.Of(sqltype.DateTime), t, nil
}

func timeValue(in *input, code byte) (sqltype.Type, any, error) {
	t := sqltype.Of(map[byte]sqltype.Kind{typeDate: sqltype.Date, typeDateTime2: sqltype.DateTime2, typeOffset: sqltype.DateTimeOffset}[code])
	if code != typeDate {
		if t.Scale = in.u8(); t.Scale > 7 {
			return t, nil, malformed("time of scale %d", t.Scale)
		}
	}
	b := in.bytes(int(in.u8()))
	if len(b) == 0 {
		return t, nil, check(in)
	}
	offset := 0
	if code == typeOffset {
		if len(b) < 5 {
			return t, nil, malformed("datetimeoffset of %d bytes", len(b))
		}
		offset = int(int16(binary.LittleEndian.Uint16(b[len(b)-2:])))
		b = b[:len(b)-2]
	}
	if len(b) < 3 || len(b) > 8 {
		return t, nil, malformed("time of %d bytes", len(b))
	}
	clock, day := b[:len(b)-3], b[len(b)-3:]
	n := int(day[0]) | int(day[1])<<8 | int(day[2])<<16
	var ticks uint64
	for i, c := range clock {
		ticks |= uint64(c) << (8 * i)
	}
	unit := uint64(time.Second)
	for range t.Scale {
		unit /= 10
	}
	if n > 3652058 || ticks >= 86400*uint64(time.Second)/unit || offset < -840 || offset > 840 {
		return t, nil, malformed("time out of range")
	}
	at := time.Date(1, 1, 1+n, 0, 0, 0, 0, time.UTC).Add(time.Duration(ticks * unit))
	if code == typeOffset {
		at = at.In(time.FixedZone("", offset*60))
	}
	return t, at, nil
}

func textValue(in *input, code byte) (sqltype.Type, any, error) {
	size := int(in.u16())
	wide := code == typeNVarChar || code == typeNChar
	binaryToo := code == typeVarBinary || code == typeBinary
	if !binaryToo {
		in.bytes(5) // collation
	}
	t := sqltype.Type{Kind: sqltype.VarChar, Length: size}
	switch {
	case wide:
		t = sqltype.Text(size / 2)
	case binaryToo:
		t.Kind = sqltype.VarBinary
	}
	var raw []byte
	if size == 0xffff {
		t.Length = sqltype.Max
		chunks, isNull, err := readChunks(in)
		if err != nil || isNull {
			return t, nil, err
		}
		raw = chunks
	} else {
		n := in.u16()
		if n == 0xffff {
			return t, nil, check(in)
		}
		raw = in.bytes(int(n))
	}
	if in.failed {
		return t, nil, check(in)
	}
	switch {
	case wide:
		return t, decodeText(raw), nil
	case binaryToo:
		return t, slices.Clone(raw), nil
	}
	return t, widen(raw), nil
}

// readChunks reads a value of a (max) type.
func readChunks(in *input) (raw []byte, isNull bool, err error) {
	if total := in.u64(); total == math.MaxUint64 {
		return nil, true, check(in)
	}
	for {
		n := in.u32()
		if in.failed || n > maxMessage {
			return nil, false, malformed("value cut off")
		}
		if n == 0 {
			return raw, false, nil
		}
		raw = append(raw, in.bytes(int(n))...)
	}
}

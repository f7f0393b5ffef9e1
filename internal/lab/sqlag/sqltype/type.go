// Package sqltype has the data types of T-SQL as far as monitoring meets them,
// their values, and conversions between them. It knows neither queries nor the
// wire.
//
// A value is nil (NULL), bool (bit), int64 (the integers), float64, Decimal,
// string, time.Time (all types of time; UTC where the type has no offset), GUID or
// []byte.
package sqltype

import "fmt"

// Kind is a family of data types.
type Kind uint8

// Kinds, by rising precedence: an expression over two kinds is of the later one.
const (
	Null Kind = iota // an untyped NULL
	VarBinary
	VarChar
	NVarChar
	UniqueIdentifier
	Bit
	TinyInt
	SmallInt
	Int
	BigInt
	Numeric
	Float
	Date
	DateTime
	DateTime2
	DateTimeOffset
	Variant
)

// Max is the length of a type declared as (max).
const Max = -1

// Type is a data type.
type Type struct {
	Kind      Kind
	Length    int   // characters or bytes; Max
	Precision uint8 // of Numeric; of an Int that is a constant, the count of its digits
	Scale     uint8 // of Numeric, DateTime2, DateTimeOffset
}

// Column is a column of a table or of a result.
type Column struct {
	Name string
	Type Type
}

// names are the data types by name; it is never changed.
var names = map[string]Kind{
	"bit": Bit, "tinyint": TinyInt, "smallint": SmallInt, "int": Int, "integer": Int, "bigint": BigInt,
	"float": Float, "real": Float, "numeric": Numeric, "decimal": Numeric, "dec": Numeric,
	"date": Date, "datetime": DateTime, "smalldatetime": DateTime, "datetime2": DateTime2, "datetimeoffset": DateTimeOffset,
	"varchar": VarChar, "char": VarChar, "nvarchar": NVarChar, "nchar": NVarChar, "sysname": NVarChar, "text": VarChar, "ntext": NVarChar,
	"uniqueidentifier": UniqueIdentifier, "varbinary": VarBinary, "binary": VarBinary, "sql_variant": Variant,
	"money": Numeric,
}

// Named returns the type a declaration such as nvarchar(36) names. Arguments that
// were left out are the product's defaults for CONVERT.
func Named(name string, args ...int) (Type, bool) {
	kind, ok := names[name]
	if !ok {
		return Type{}, false
	}
	t := Type{Kind: kind}
	arg := func(i, otherwise int) int {
		if i < len(args) {
			return args[i]
		}
		return otherwise
	}
	switch kind {
	case VarChar, NVarChar, VarBinary:
		t.Length = arg(0, 30)
		if name == "sysname" {
			t.Length = 128
		}
		if name == "text" || name == "ntext" {
			t.Length = Max
		}
	case Numeric:
		t.Precision, t.Scale = uint8(arg(0, 18)), uint8(arg(1, 0))
		if name == "money" {
			t.Precision, t.Scale = 19, 4
		}
		if t.Precision == 0 || t.Precision > 38 || t.Scale > t.Precision {
			return Type{}, false
		}
	case DateTime2, DateTimeOffset:
		t.Scale = uint8(arg(0, 7))
		if t.Scale > 7 {
			return Type{}, false
		}
	}
	return t, true
}

// IsText says whether values are strings.
func (t Type) IsText() bool { return t.Kind == VarChar || t.Kind == NVarChar }

// IsInteger says whether values are whole numbers.
func (t Type) IsInteger() bool { return t.Kind >= Bit && t.Kind <= BigInt }

// IsNumber says whether arithmetic is possible.
func (t Type) IsNumber() bool { return t.Kind >= Bit && t.Kind <= Float }

// IsTime says whether values are points in time.
func (t Type) IsTime() bool { return t.Kind >= Date && t.Kind <= DateTimeOffset }

// Text returns the type of a string of a length.
func Text(n int) Type { return Type{Kind: NVarChar, Length: n} }

// Of returns a type without length or scale.
func Of(k Kind) Type {
	switch k {
	case Numeric:
		return Type{Kind: Numeric, Precision: 38}
	case DateTime2, DateTimeOffset:
		return Type{Kind: k, Scale: 7}
	case VarChar, NVarChar, VarBinary:
		return Type{Kind: k, Length: 4000}
	}
	return Type{Kind: k}
}

// Wider returns the type of an expression that may be either.
func Wider(a, b Type) Type {
	if a.Kind == b.Kind {
		if a.IsInteger() {
			return Of(a.Kind)
		}
		w := a
		if w.Length != Max && (b.Length == Max || b.Length > w.Length) {
			w.Length = b.Length
		}
		if a.Kind == Numeric {
			whole := max(int(a.Precision)-int(a.Scale), int(b.Precision)-int(b.Scale))
			w.Scale = max(a.Scale, b.Scale)
			w.Precision = uint8(min(38, whole+int(w.Scale)))
		} else {
			w.Scale = max(a.Scale, b.Scale)
		}
		return w
	}
	if a.Kind > b.Kind {
		a, b = b, a
	}
	if b.IsText() && a.IsText() {
		if b.Length != Max && (a.Length == Max || a.Length > b.Length) {
			b.Length = a.Length
		}
	}
	if b.Kind == Numeric && a.IsInteger() {
		return Wider(b, Type{Kind: Numeric, Precision: 19})
	}
	return b
}

// String is the type as a declaration names it.
func (t Type) String() string {
	length := func(name string) string {
		if t.Length == Max {
			return name + "(max)"
		}
		return fmt.Sprintf("%s(%d)", name, t.Length)
	}
	switch t.Kind {
	case VarBinary:
		return length("varbinary")
	case VarChar:
		return length("varchar")
	case NVarChar:
		return length("nvarchar")
	case UniqueIdentifier:
		return "uniqueidentifier"
	case Bit:
		return "bit"
	case TinyInt:
		return "tinyint"
	case SmallInt:
		return "smallint"
	case Int:
		return "int"
	case BigInt:
		return "bigint"
	case Numeric:
		return fmt.Sprintf("numeric(%d,%d)", t.Precision, t.Scale)
	case Float:
		return "float"
	case Date:
		return "date"
	case DateTime:
		return "datetime"
	case DateTime2:
		return fmt.Sprintf("datetime2(%d)", t.Scale)
	case DateTimeOffset:
		return fmt.Sprintf("datetimeoffset(%d)", t.Scale)
	case Variant:
		return "sql_variant"
	}
	return "NULL"
}

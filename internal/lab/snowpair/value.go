package snowpair

import (
	"encoding/json"
	"fmt"
	"strconv"
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

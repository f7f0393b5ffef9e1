package mongodb

import (
	"errors"
	"math"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// document reads a server's answer. What is missing, null or of another type
// than the documentation gives it is not known: every reader returns nil or the
// zero value for it, and none guesses.
type document bson.Raw

// parse checks that bytes are a document through and through. The driver's own
// readers, its validation included, panic on some that are not.
func parse(raw []byte) (document, error) {
	if !sound(raw, deepest) {
		return nil, errors.New("the answer is no BSON document")
	}
	return document(raw), nil
}

// deepest is how far documents may be nested; servers allow 100 levels.
const deepest = 200

func sound(d []byte, levels int) bool {
	length, rem, ok := bsoncore.ReadLength(d)
	if !ok || levels == 0 || length < 5 || int(length) != len(d) || d[length-1] != 0 {
		return false
	}
	for rem = rem[:len(rem)-1]; len(rem) > 0; {
		var e bsoncore.Element
		if e, rem, ok = bsoncore.ReadElement(rem); !ok {
			return false
		}
		v, err := e.ValueErr()
		if err != nil || v.Validate() != nil {
			return false
		}
		if v.Type == bson.TypeEmbeddedDocument || v.Type == bson.TypeArray {
			if !sound(v.Data, levels-1) {
				return false
			}
		}
	}
	return true
}

func (d document) lookup(path ...string) bson.RawValue {
	v, err := bson.Raw(d).LookupErr(path...)
	if err != nil {
		return bson.RawValue{}
	}
	return v
}

func (d document) text(path ...string) string {
	s, _ := d.lookup(path...).StringValueOK()
	return s
}

// flag is false unless the server says true: hello leaves out what does not hold.
func (d document) flag(path ...string) bool {
	b := d.known(path...)
	return b != nil && *b
}

// known is a flag of which "not told" and "false" are different things.
func (d document) known(path ...string) *bool {
	b, ok := d.lookup(path...).BooleanOK()
	if !ok {
		return nil
	}
	return &b
}

// number reads any of the numeric types: servers answer the same field as int,
// long or double, by version.
func (d document) number(path ...string) *float64 {
	v := d.lookup(path...)
	if f, ok := v.DoubleOK(); ok {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil
		}
		return &f
	}
	i, ok := v.AsInt64OK()
	if !ok {
		return nil
	}
	f := float64(i)
	return &f
}

func (d document) integer(path ...string) *int64 {
	f := d.number(path...)
	if f == nil || *f != math.Trunc(*f) || math.Abs(*f) > 1<<53 {
		return nil
	}
	i := int64(*f)
	return &i
}

// moment reads a date. One at or before 1970 is how servers show that they know
// none.
func (d document) moment(path ...string) *time.Time {
	ms, ok := d.lookup(path...).DateTimeOK()
	if !ok || ms <= 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}

func (d document) objectID(path ...string) string {
	id, ok := d.lookup(path...).ObjectIDOK()
	if !ok || id.IsZero() {
		return ""
	}
	return id.Hex()
}

// position reads an optime, {ts, t}.
func (d document) position(path ...string) *position {
	sub := d.document(path...)
	seconds, increment, ok := sub.lookup("ts").TimestampOK()
	term := sub.integer("t")
	if !ok || seconds == 0 || term == nil || *term < 0 {
		return nil
	}
	return &position{Term: *term, Seconds: seconds, Increment: increment}
}

func (d document) document(path ...string) document {
	sub, _ := d.lookup(path...).DocumentOK()
	return document(sub)
}

func (d document) documents(path ...string) []document {
	values, err := d.array(path...)
	if err != nil {
		return nil
	}
	var list []document
	for _, v := range values {
		if sub, ok := v.DocumentOK(); ok {
			list = append(list, document(sub))
		}
	}
	return list
}

func (d document) texts(path ...string) []string {
	values, err := d.array(path...)
	if err != nil {
		return nil
	}
	var list []string
	for _, v := range values {
		if s, ok := v.StringValueOK(); ok {
			list = append(list, s)
		}
	}
	return list
}

func (d document) array(path ...string) ([]bson.RawValue, error) {
	a, ok := d.lookup(path...).ArrayOK()
	if !ok {
		return nil, nil
	}
	return a.Values()
}

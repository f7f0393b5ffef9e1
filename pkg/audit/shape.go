package audit

import (
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Reading a long log is mostly reading documents that are in the one form there is
// for them. readCanonical reads exactly those, in one pass and without writing them
// once more: it follows the Go type, member by member in the order of their names,
// and accepts nothing that this package would write in another way. Whatever it
// does not accept says nothing: decodeStrict then takes the long way, which decides
// and finds the words. FuzzEntry and TestReadersAgree hold the two together.

// kind is how a value is written.
type kind uint8

const (
	asOther   kind = iota // not known here: left to the long way
	asText                // a string
	asNumber              // an integer
	asTruth               // true or false
	asMoment              // Time
	asRecord              // a struct
	asPointer             // a pointer to a value
	asList                // a slice
	asTable               // map[string]string
)

// shape is a Go type as a document.
type shape struct {
	kind    kind
	typ     reflect.Type
	of      *shape   // of a pointer or a slice: what it points to, its elements
	place   int      // in the memory of a reader, from 1; 0: not remembered
	members []member // of a struct, in the order of their names
}

// member is a field of a struct.
type member struct {
	lead  string // ,"name":
	field int
	omit  bool // the zero value is not written
	is    *shape
}

// entryShape is the shape of an entry.
var entryShape = shapeOf(reflect.TypeFor[Entry]())

// documents are the shapes of everything that is read by the thousand.
var documents = map[reflect.Type]*shape{
	reflect.TypeFor[Entry]():     entryShape,
	reflect.TypeFor[Seal]():      shapeOf(reflect.TypeFor[Seal]()),
	reflect.TypeFor[envelope]():  shapeOf(reflect.TypeFor[envelope]()),
	reflect.TypeFor[statement](): shapeOf(reflect.TypeFor[statement]()),
}

// places counts the shapes that are remembered.
var places int

func nextPlace() int {
	places++
	return places
}

func shapeOf(t reflect.Type) *shape {
	s := &shape{typ: t}
	switch {
	case t == reflect.TypeFor[Time]():
		s.kind = asMoment
		s.place = nextPlace()
	case t == reflect.TypeFor[map[string]string]():
		s.kind = asTable
	case t.Kind() == reflect.String:
		s.kind = asText
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		s.kind = asNumber
	case t.Kind() == reflect.Bool:
		s.kind = asTruth
	case t.Kind() == reflect.Pointer:
		s.kind, s.of = asPointer, shapeOf(t.Elem())
		s.place = nextPlace()
	case t.Kind() == reflect.Slice:
		s.kind, s.of = asList, shapeOf(t.Elem())
		s.place = nextPlace()
	case t.Kind() == reflect.Struct:
		s.kind = asRecord
		for i := range t.NumField() {
			name, option, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			s.members = append(s.members, member{`,"` + name + `":`, i, option == "omitzero", shapeOf(t.Field(i).Type)})
		}
		slices.SortFunc(s.members, func(a, b member) int { return strings.Compare(a.lead, b.lead) })
	}
	return s
}

// readCanonical reads a document into a zero value of a type that documents has. It
// reports whether the text is in the one form there is; if not, into is left as it
// comes.
func readCanonical(line []byte, into reflect.Value) bool {
	s, known := documents[into.Type()]
	if !known {
		return false
	}
	return new(reader).document(s, string(line), into)
}

// document reads a whole text.
func (r *reader) document(s *shape, text string, into reflect.Value) bool {
	r.rest = text
	return r.value(s, into) && r.rest == ""
}

// reader is what is left to be read.
//
// One that reads line after line has a memory: the entries of a segment have the
// same actor and the same time, and what stood at a place of an entry in the same
// bytes before is the same value, that was read and found to be in its one form.
// Records, lists and times end in a character of their own, so that a text that
// begins with one that was read cannot be read in another way.
type reader struct {
	rest   string
	before []remembered // by place; empty: nothing is remembered
}

// remembered is what was read last at a place. What a pointer points to, and the
// elements of a list, are shared by all entries that have it, and not changed.
type remembered struct {
	text  string
	value reflect.Value
}

// newReader returns a reader with a memory, for one goroutine.
func newReader() *reader { return &reader{before: make([]remembered, places+1)} }

// again takes what was read at this place before, if it stands here once more.
func (r *reader) again(s *shape, into reflect.Value) bool {
	if len(r.before) == 0 {
		return false
	}
	b := &r.before[s.place]
	if b.text == "" || !r.take(b.text) {
		return false
	}
	into.Set(b.value)
	return true
}

// remember keeps what was read since from.
func (r *reader) remember(s *shape, from string, value reflect.Value) {
	if len(r.before) == 0 {
		return
	}
	b := &r.before[s.place]
	b.text = from[:len(from)-len(r.rest)]
	if !b.value.IsValid() {
		b.value = reflect.New(value.Type()).Elem()
	}
	if s.kind == asList {
		value = value.Slice3(0, value.Len(), value.Len()) // who appends to it makes another
	}
	b.value.Set(value)
}

func (r *reader) take(token string) bool {
	if !strings.HasPrefix(r.rest, token) {
		return false
	}
	r.rest = r.rest[len(token):]
	return true
}

func (r *reader) value(s *shape, into reflect.Value) (ok bool) {
	switch s.kind {
	case asText:
		var v string
		v, ok = r.text()
		into.SetString(v)
	case asNumber:
		var v int64
		v, ok = r.number()
		into.SetInt(v)
	case asTruth:
		v := r.take("true")
		ok = v || r.take("false")
		into.SetBool(v)
	case asMoment:
		if r.again(s, into) {
			return true
		}
		from := r.rest
		var v string
		v, ok = r.text()
		if ok = ok && into.Addr().Interface().(*Time).read(v); ok {
			r.remember(s, from, into)
		}
	case asRecord:
		return r.record(s, into)
	case asPointer:
		if r.again(s, into) {
			return true
		}
		from, v := r.rest, reflect.New(s.of.typ)
		ok = r.value(s.of, v.Elem())
		into.Set(v)
		if ok && s.of.kind == asRecord {
			r.remember(s, from, v)
		}
	case asList:
		if r.again(s, into) {
			return true
		}
		from := r.rest
		if ok = r.list(s, into); ok {
			r.remember(s, from, into)
		}
	case asTable:
		return r.table(into)
	}
	return ok
}

// record reads the members of a struct. One that may be left out has to have a
// value that is worth writing.
func (r *reader) record(s *shape, into reflect.Value) bool {
	if !r.take("{") {
		return false
	}
	comma := 1 // before the first member there is none
	for i := range s.members {
		m := &s.members[i]
		if !r.take(m.lead[comma:]) {
			if m.omit {
				continue
			}
			return false
		}
		comma = 0
		field := into.Field(m.field)
		if !r.value(m.is, field) || m.omit && m.is.empty(field) {
			return false
		}
	}
	return r.take("}")
}

// empty reports whether a member with this value is not written.
func (s *shape) empty(v reflect.Value) bool {
	if s.kind == asMoment {
		return v.Addr().Interface().(*Time).IsZero()
	}
	return v.IsZero()
}

func (r *reader) list(s *shape, into reflect.Value) bool {
	if !r.take("[") {
		return false
	}
	if r.take("]") {
		into.Set(reflect.MakeSlice(s.typ, 0, 0))
		return true
	}
	for n := 0; ; n++ {
		into.Grow(1)
		into.SetLen(n + 1)
		if !r.value(s.of, into.Index(n)) {
			return false
		}
		if !r.take(",") {
			return r.take("]")
		}
	}
}

// table reads a map, its keys in order. Beyond ASCII the order is one of UTF-16,
// which is left to the long way.
func (r *reader) table(into reflect.Value) bool {
	all := map[string]string{}
	into.Set(reflect.ValueOf(all))
	if !r.take("{") {
		return false
	}
	if r.take("}") {
		return true
	}
	for last := ""; ; {
		key, ok := r.text()
		if !ok || len(all) > 0 && key <= last || !ascii(key) || !r.take(":") {
			return false
		}
		if all[key], ok = r.text(); !ok {
			return false
		}
		last = key
		if !r.take(",") {
			return r.take("}")
		}
	}
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// text reads a string without escapes; escapes are rare and left to the long way.
func (r *reader) text() (string, bool) {
	if r.rest == "" || r.rest[0] != '"' {
		return "", false
	}
	wide := false
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			s := r.rest[1:i]
			r.rest = r.rest[i+1:]
			return s, !wide || utf8.ValidString(s)
		case c < ' ', c == '\\':
			return "", false
		default:
			wide = wide || c >= utf8.RuneSelf
		}
	}
	return "", false
}

// maxDigits keeps integers below 2^53, up to where a canonical number has all its
// digits.
const maxDigits = 15

func (r *reader) number() (int64, bool) {
	negative := r.take("-")
	n, digits := int64(0), 0
	for digits < len(r.rest) && digits <= maxDigits && '0' <= r.rest[digits] && r.rest[digits] <= '9' {
		n = n*10 + int64(r.rest[digits]-'0')
		digits++
	}
	if digits == 0 || digits > maxDigits || r.rest[0] == '0' && (digits > 1 || negative) {
		return 0, false
	}
	r.rest = r.rest[digits:]
	if negative {
		n = -n
	}
	return n, true
}

// read takes the one form in which times are written.
func (t *Time) read(s string) bool {
	const form = "0000-00-00T00:00:00.000Z"
	if len(s) != len(form) {
		return false
	}
	for i := range len(form) {
		if digit := '0' <= s[i] && s[i] <= '9'; digit != (form[i] == '0') || !digit && s[i] != form[i] {
			return false
		}
	}
	number := func(from, to int) (n int) {
		for _, c := range []byte(s[from:to]) {
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), time.Month(number(5, 7)), number(8, 10)
	hour, minute, second := number(11, 13), number(14, 16), number(17, 19)
	if hour > 23 || minute > 59 || second > 59 {
		return false
	}
	t.Time = time.Date(year, month, day, hour, minute, second, number(20, 23)*int(time.Millisecond), time.UTC)
	y, m, d := t.Date() // a day that does not exist becomes another one
	return y == year && m == month && d == day
}

package audit

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Reading a long log is mostly reading documents that are in the one form there is
// for them. A reader reads exactly those, in one pass and without writing them once
// more: it follows the form of the Go type (forms.go), member by member in the order
// of their names, and accepts nothing that this package would write in another way.
// Whatever it does not accept says nothing: decodeStrict then takes the long way,
// which decides and finds the words. FuzzEntry and TestReadersAgree hold the two
// together.

// form is how values of a Go type are written.
type form[T any] struct {
	place   int // in the memory of a reader
	members []member[T]
}

// member is a field of a struct.
type member[T any] struct {
	lead  string // ,"name":
	omit  bool   // the zero value is not written
	read  func(*reader, *T) bool
	empty func(*T) bool // reports whether it has the zero value
	clear func(*T)
}

// formOf makes the form of a struct.
func formOf[T any](members ...member[T]) *form[T] {
	slices.SortFunc(members, func(a, b member[T]) int { return strings.Compare(a.lead, b.lead) })
	return &form[T]{nextPlace(), members}
}

// omitted is the member, left out where it has the zero value.
func (m member[T]) omitted() member[T] {
	m.omit = true
	return m
}

// memberOf makes a member of the field that at finds.
func memberOf[T, V any](name string, at func(*T) *V, read func(*reader, *V) bool, empty func(V) bool) member[T] {
	return member[T]{
		lead:  `,"` + name + `":`,
		read:  func(r *reader, in *T) bool { return read(r, at(in)) },
		empty: func(in *T) bool { return empty(*at(in)) },
		clear: func(in *T) { *at(in) = *new(V) },
	}
}

func isZero[V comparable](v V) bool { return v == *new(V) }

// text is a member that is a string.
func text[T any, V ~string](name string, at func(*T) *V) member[T] {
	return memberOf(name, at, readText[V], isZero[V])
}

// number is a member that is an integer.
func number[T any, V ~int | ~int64](name string, at func(*T) *V) member[T] {
	return memberOf(name, at, readNumber[V], isZero[V])
}

// truth is a member that is true or false.
func truth[T any](name string, at func(*T) *bool) member[T] {
	return memberOf(name, at, (*reader).truth, isZero[bool])
}

// moment is a member that is a time.
func moment[T any](name string, at func(*T) *Time) member[T] {
	place := nextPlace()
	return memberOf(name, at, func(r *reader, into *Time) bool {
		return again(r, place, into, func() bool {
			text, ok := r.text()
			return ok && into.read(text, &r.day)
		})
	}, Time.IsZero)
}

// maybeNumber is a member that is a pointer to an integer.
func maybeNumber[T any](name string, at func(*T) **int64) member[T] {
	return memberOf(name, at, func(r *reader, into **int64) bool {
		*into = new(int64)
		return readNumber(r, *into)
	}, isZero[*int64]).omitted()
}

// maybe is a member that is a pointer to a struct.
func maybe[T, V any](name string, at func(*T) **V, read func(*reader, *V) bool) member[T] {
	place := nextPlace()
	return memberOf(name, at, func(r *reader, into **V) bool {
		return again(r, place, into, func() bool {
			*into = new(V)
			return read(r, *into)
		})
	}, isZero[*V]).omitted()
}

// record is a member that is a struct.
func record[T any, V comparable](name string, at func(*T) *V, read func(*reader, *V) bool) member[T] {
	return memberOf(name, at, func(r *reader, into *V) bool {
		*into = *new(V)
		return read(r, into)
	}, isZero[V])
}

// list is a member that is a list.
func list[T, V any](name string, at func(*T) *[]V, read func(*reader, *V) bool) member[T] {
	place := nextPlace()
	return memberOf(name, at, func(r *reader, into *[]V) bool {
		return again(r, place, into, func() bool { return readList(r, into, read) })
	}, func(list []V) bool { return list == nil })
}

// table is a member that is a map.
func table[T any](name string, at func(*T) *map[string]string) member[T] {
	return memberOf(name, at, (*reader).table, func(all map[string]string) bool { return all == nil })
}

// places counts what is remembered.
var places int

func nextPlace() int {
	places++
	return places - 1
}

// reader is what is left to be read.
//
// One that reads line after line has a memory: the entries of a segment have the
// same actor and the same time, and what stood at a place of an entry in the same
// bytes before is the same value, that was read and found to be in its one form.
// Records, lists and times end in a character of their own, so that a text that
// begins with one that was read cannot be read in another way.
type reader struct {
	rest   []byte
	before []any // of *remembered, by place; empty: nothing is remembered
	day    day
}

// day is a day that was read, and when it began.
type day struct {
	text  [len("0000-00-00")]byte
	began time.Time
}

// remembered is what was read last at a place. What a pointer points to, and the
// elements of a list, are shared by all entries that have it, and not changed.
type remembered[V any] struct {
	text  []byte
	value V

	// Of a record: where each member ends in text, 0 for one that is not there. Next
	// are those of the record that is being read.
	ends, next []int
}

// newReader returns a reader with a memory, for one goroutine.
func newReader() *reader { return &reader{before: make([]any, places)} }

// memoryOf finds what was read at a place; nil for a reader without a memory.
func memoryOf[V any](r *reader, place int) *remembered[V] {
	if len(r.before) == 0 {
		return nil
	}
	m, ok := r.before[place].(*remembered[V])
	if !ok {
		m = new(remembered[V])
		r.before[place] = m
	}
	return m
}

// again takes the value that was read at this place before, if it stands here once
// more, and else reads it.
func again[V any](r *reader, place int, into *V, read func() bool) bool {
	m := memoryOf[V](r, place)
	if m != nil && len(m.text) > 0 && bytes.HasPrefix(r.rest, m.text) {
		r.rest = r.rest[len(m.text):]
		*into = m.value
		return true
	}
	from := r.rest
	if !read() {
		return false
	}
	if m != nil {
		m.keep(from[:len(from)-len(r.rest)], *into)
	}
	return true
}

func (m *remembered[V]) keep(text []byte, value V) {
	m.text, m.value = append(m.text[:0], text...), value
}

// document reads a whole text into a zero value. It reports whether the text is in the one
// form there is; if not, into is left as it comes. What is read does not share the
// bytes of the text.
func (r *reader) document(text []byte, into any) bool {
	r.rest = text
	read := false
	switch into := into.(type) {
	case *Entry:
		read = entryMembers.read(r, into)
	case *Seal:
		read = sealMembers.read(r, into)
	case *envelope:
		read = envelopeMembers.read(r, into)
	case *statement:
		read = statementMembers.read(r, into)
	}
	return read && len(r.rest) == 0
}

// read reads the members of a struct. One that may be left out has to have a value
// that is worth writing.
func (f *form[T]) read(r *reader, into *T) bool {
	m := memoryOf[T](r, f.place)
	if m == nil {
		return f.readAll(r, into)
	}
	if m.ends == nil {
		m.ends, m.next = make([]int, len(f.members)), make([]int, len(f.members))
	}
	from := r.rest
	if !f.readOn(r, m, into) {
		m.text = m.text[:0]
		return false
	}
	m.keep(from[:len(from)-len(r.rest)], *into)
	m.ends, m.next = m.next, m.ends
	return true
}

// readAll reads every member.
func (f *form[T]) readAll(r *reader, into *T) bool {
	if !r.take("{") {
		return false
	}
	comma := 1 // before the first member there is none
	for i := range f.members {
		switch there, ok := f.members[i].readAfter(r, comma, into); {
		case !ok:
			return false
		case there:
			comma = 0
		}
	}
	return r.take("}")
}

// readAfter reads a member, whose comma is left out for 1, and reports whether it is
// there.
func (m *member[T]) readAfter(r *reader, comma int, into *T) (there, ok bool) {
	if !r.take(m.lead[comma:]) {
		return false, m.omit
	}
	return true, m.read(r, into) && !(m.omit && m.empty(into))
}

// readOn reads every member that is not the same as in the record that was read at
// this place before.
//
// After a member the two texts are compared. Reading looks at most at the byte after
// a value, and there to see that a number ends: so members that end before the first
// byte that differs would be read in the same way, and members that are not there
// between them would not be found either, because no name begins with another one.
func (f *form[T]) readOn(r *reader, m *remembered[T], into *T) bool {
	all := len(r.rest)
	if !r.take("{") {
		return false
	}
	known := len(m.text) > 0
	if known {
		*into = m.value
	}
	comma, old, compare := 1, 1, known // old is a place in the text before
	for i := 0; i < len(f.members); i++ {
		if compare {
			compare = false
			if last := m.same(i, old, r.rest); last >= i {
				shift := all - len(r.rest) - old
				for j := i; j <= last; j++ {
					m.next[j] = 0
					if end := m.ends[j]; end > 0 {
						m.next[j] = end + shift
					}
				}
				r.rest = r.rest[m.ends[last]-old:]
				i, old, comma = last, m.ends[last], 0
				continue
			}
		}
		there, ok := f.members[i].readAfter(r, comma, into)
		if !ok {
			return false
		}
		if known && m.ends[i] > 0 {
			old = m.ends[i]
		}
		if !there {
			if known {
				f.members[i].clear(into)
			}
			m.next[i] = 0
			continue
		}
		m.next[i] = all - len(r.rest)
		comma, compare = 0, known
	}
	return r.take("}")
}

// same returns the last member, from i on, up to which the rest is what came after
// old before; less than i where there is none.
func (m *remembered[V]) same(i, old int, rest []byte) (last int) {
	end := old + alike(rest, m.text[old:])
	last = i - 1
	for j := i; j < len(m.ends) && m.ends[j] < end; j++ {
		if m.ends[j] > 0 {
			last = j
		}
	}
	return last
}

// alike is how many bytes two texts have in common at their beginning.
func alike(a, b []byte) int {
	n, at := min(len(a), len(b)), 0
	for ; at+8 <= n; at += 8 {
		if x := binary.LittleEndian.Uint64(a[at:]) ^ binary.LittleEndian.Uint64(b[at:]); x != 0 {
			return at + bits.TrailingZeros64(x)/8
		}
	}
	for at < n && a[at] == b[at] {
		at++
	}
	return at
}

func (r *reader) take(token string) bool {
	if len(r.rest) < len(token) || string(r.rest[:len(token)]) != token {
		return false
	}
	r.rest = r.rest[len(token):]
	return true
}

// readText reads a string. What is there is kept if it is the same.
func readText[V ~string](r *reader, into *V) bool {
	text, ok := r.text()
	if ok && string(*into) != string(text) {
		*into = V(text)
	}
	return ok
}

func readNumber[V ~int | ~int64](r *reader, into *V) bool {
	n, ok := r.number()
	*into = V(n)
	return ok
}

func (r *reader) truth(into *bool) bool {
	*into = r.take("true")
	return *into || r.take("false")
}

func readList[V any](r *reader, into *[]V, read func(*reader, *V) bool) bool {
	if !r.take("[") {
		return false
	}
	all := []V{}
	if !r.take("]") {
		for {
			all = append(all, *new(V))
			if !read(r, &all[len(all)-1]) {
				return false
			}
			if r.take(",") {
				continue
			}
			if !r.take("]") {
				return false
			}
			break
		}
	}
	*into = all[:len(all):len(all)] // who appends to it makes another
	return true
}

// table reads a map, its keys in order. Beyond ASCII the order is one of UTF-16,
// which is left to the long way.
func (r *reader) table(into *map[string]string) bool {
	all := map[string]string{}
	*into = all
	if !r.take("{") {
		return false
	}
	if r.take("}") {
		return true
	}
	for last := ""; ; {
		text, ok := r.text()
		key := string(text)
		if !ok || len(all) > 0 && key <= last || !ascii(key) || !r.take(":") {
			return false
		}
		if text, ok = r.text(); !ok {
			return false
		}
		all[key], last = string(text), key
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

// stops are the bytes at which reading a string stops: its end, and what is not
// written as it is.
var stops = func() (stops [256]bool) {
	for c := range byte(' ') {
		stops[c] = true
	}
	stops['"'], stops['\\'] = true, true
	return stops
}()

// text reads a string without escapes; escapes are rare and left to the long way.
func (r *reader) text() ([]byte, bool) {
	if len(r.rest) == 0 || r.rest[0] != '"' {
		return nil, false
	}
	all := byte(0)
	for i, c := range r.rest[1:] {
		if !stops[c] {
			all |= c
			continue
		}
		if c != '"' {
			return nil, false
		}
		text := r.rest[1 : 1+i]
		r.rest = r.rest[i+2:]
		return text, all < utf8.RuneSelf || utf8.Valid(text)
	}
	return nil, false
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

// read takes the one form in which times are written. It looks first whether it is
// on the day given, and else puts there which day it is on.
func (t *Time) read(s []byte, on *day) bool {
	const form = "0000-00-00T00:00:00.000Z"
	if len(s) != len(form) {
		return false
	}
	for i := range len(form) {
		if digit := s[i]-'0' < 10; digit != (form[i] == '0') || !digit && s[i] != form[i] {
			return false
		}
	}
	two := func(at int) int { return int(s[at]-'0')*10 + int(s[at+1]-'0') }
	hour, minute, second, ms := two(11), two(14), two(17), two(20)*10+int(s[22]-'0')
	if hour > 23 || minute > 59 || second > 59 {
		return false
	}
	if string(on.text[:]) != string(s[:len(on.text)]) {
		year, month, date := two(0)*100+two(2), time.Month(two(5)), two(8)
		began := time.Date(year, month, date, 0, 0, 0, 0, time.UTC)
		if y, m, d := began.Date(); y != year || m != month || d != date {
			return false // a day that does not exist becomes another one
		}
		on.began = began
		copy(on.text[:], s)
	}
	since := time.Duration(((hour*60+minute)*60+second)*1000+ms) * time.Millisecond
	t.Time = on.began.Add(since)
	return true
}

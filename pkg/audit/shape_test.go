package audit

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/canonical"
)

// fullEntry has every member, each with a value that is not the zero value.
func fullEntry() Entry {
	var e Entry
	fill(reflect.ValueOf(&e).Elem(), 0)
	return e
}

func fill(v reflect.Value, depth int) {
	if v.Type() == reflect.TypeFor[Time]() {
		v.Set(reflect.ValueOf(At(time.Date(2024, 2, 29, 23, 59, 58, 7e6, time.UTC))))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("Größe 水 \u2028 text")
	case reflect.Int, reflect.Int64:
		v.SetInt(-12)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), depth+1)
		fill(v.Index(1), depth+1)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "1", "b": "", "ab": "2", "": "x"}))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	}
}

// agree reads a document of one type both ways, and reports whether each took it.
func agree[T any](t *testing.T, text []byte) (short, long bool) {
	t.Helper()
	var a, b, c T
	short = new(reader).document(text, &a)
	err := canonical.Decode(text, &b)
	// One that has read it before, and something else, reads it in the same way.
	r := newReader()
	for range 2 {
		c = *new(T)
		again := r.document(text, &c)
		if again != short || short && !reflect.DeepEqual(a, c) {
			t.Errorf("%T: read differently when read before: %q:\n%+v\n%+v", a, text, a, c)
		}
	}
	switch {
	case short && err != nil:
		t.Errorf("%T: the short way takes what the long way does not (%v): %q", a, err, text)
	case short && !reflect.DeepEqual(a, b):
		t.Errorf("%T: read differently from %q:\n%+v\n%+v", a, text, a, b)
	case !short && err == nil && !needsLongWay(text):
		t.Errorf("%T: the short way does not take %q", a, text)
	}
	return short, err == nil
}

// needsLongWay reports whether a text has something that the short way leaves to
// the long one: an escape, a key beyond ASCII, an integer of many digits.
func needsLongWay(text []byte) bool {
	digits := 0
	for _, c := range text {
		if c == '\\' || c >= 0x80 {
			return true
		}
		if digits++; c < '0' || c > '9' {
			digits = 0
		}
		if digits > maxDigits {
			return true
		}
	}
	return false
}

func agreeAll(t *testing.T, text []byte) {
	t.Helper()
	agree[Entry](t, text)
	agree[Seal](t, text)
	agree[envelope](t, text)
	agree[statement](t, text)
}

// Every member of every document is read the short way, and no other way to write
// it is.
func TestReadersAgree(t *testing.T) {
	t.Parallel()
	full, err := canonical.Encode(fullEntry())
	if err != nil {
		t.Fatal(err)
	}
	if short, long := agree[Entry](t, full); !short || !long {
		t.Errorf("an entry with every member: short %v, long %v", short, long)
	}
	var seal Seal
	fill(reflect.ValueOf(&seal).Elem(), 0)
	var env envelope
	fill(reflect.ValueOf(&env).Elem(), 0)
	var is statement
	fill(reflect.ValueOf(&is).Elem(), 0)
	for _, v := range []any{seal, env, is} {
		text, err := canonical.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		if !new(reader).document(text, reflect.New(reflect.TypeOf(v)).Interface()) {
			t.Errorf("%T is not read the short way", v)
		}
		agreeAll(t, text)
	}
	// Each place of a text is changed in each of these ways.
	small, err := canonical.Encode(Entry{V: 1, Type: Heartbeat, Log: "l", Time: At(time.Unix(1e9, 0)), Reasons: []string{}, Redacted: map[string]string{"a": "b", "c": "d"},
		Actor: &Actor{Kind: "ci", ID: "1"}, Seen: &TreeHead{}, Replication: &Replication{Before: []Marker{{LagMS: new(int64)}}}, Evidence: []Evidence{{Name: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	for step, text := range map[int][]byte{1: small, 11: full} {
		for i := 0; i < len(text); i += step {
			for _, insert := range []string{"", " ", "\t", "\n", "0", "1", "9", "-", ".", "e", "\"", "\\", "\x00", "\x7f", "\x80", "\xff", "{", "}", "[", "]", ",", ":", "null", "true", `"a":`, "A", "é"} {
				agree[Entry](t, slicesConcat(text[:i], insert, text[i:]))   // inserted
				agree[Entry](t, slicesConcat(text[:i], insert, text[i+1:])) // replaced
			}
		}
		if t.Failed() {
			return
		}
	}
	for old, forms := range map[string][]string{
		`"seq":0`:                           {`"seq":-0`, `"seq":00`, `"seq":0.0`, `"seq":1e3`, `"seq":9007199254740993`, `"seq":9223372036854775807`, `"seq":null`, `"seq":"0"`, `"seq":999999999999999`, `"seq":9007199254740991`},
		`"time":"2001-09-09T01:46:40.000Z"`: {`"time":"2001-02-29T01:46:40.000Z"`, `"time":"2001-13-09T01:46:40.000Z"`, `"time":"2001-00-09T01:46:40.000Z"`, `"time":"2001-09-00T01:46:40.000Z"`, `"time":"2001-09-09T24:00:00.000Z"`, `"time":"2001-09-09T01:60:40.000Z"`, `"time":"2001-09-09T01:46:60.000Z"`, `"time":"2001-09-09T01:46:40,000Z"`, `"time":"0001-01-01T00:00:00.000Z"`, `"time":"0000-01-01T00:00:00.000Z"`, `"time":"9999-12-31T23:59:59.999Z"`, `"time":null`},
		`"reasons":[]`:                      {`"reasons":null`, `"reasons":[""]`, `"reasons":["",""]`, `"reasons":[1]`, `"reasons":[null]`, `"reasons":[[]]`},
		`"redacted":{"a":"b","c":"d"}`:      {`"redacted":{}`, `"redacted":null`, `"redacted":{"c":"d","a":"b"}`, `"redacted":{"a":"b","a":"b"}`, `"redacted":{"é":"b"}`, `"redacted":{"a":null}`, `"redacted":{"":""}`},
		`"lagMs":0`:                         {`"lagMs":null`, `"lagMs":-1`},
		`"v":1`:                             {`"v":1,"verdict":null`, `"v":1,"verdict":{}`, `"v":1,"verdict":{"kind":"","status":""}`, `"v":1,"verdict":{"kind":"","status":"","tier":0}`, `"v":1,"verdict":{"kind":"","observedAt":"0001-01-01T00:00:00.000Z","status":""}`},
		`"reasons":[],`:                     {`"prevPart":"","reasons":[],`, ``, `"plan":null,"reasons":[],`, `"reasons":[],"reasons":[],`},
	} {
		if !bytes.Contains(small, []byte(old)) {
			t.Fatalf("%s is not in %s", old, small)
		}
		for _, form := range forms {
			agree[Entry](t, []byte(strings.Replace(string(small), old, form, 1)))
		}
	}
}

func slicesConcat(a []byte, b string, c []byte) []byte {
	return append(append(bytes.Clone(a), b...), c...)
}

// A reader with a memory reads every line as one without: whatever it has read
// before, and whatever of it could not be read.
func TestReaderRemembersOnlyWhatIsTheSame(t *testing.T) {
	t.Parallel()
	full, err := canonical.Encode(fullEntry())
	if err != nil {
		t.Fatal(err)
	}
	r, changed := newReader(), 0
	read := func(text string) bool {
		var a, b Entry
		short := new(reader).document([]byte(text), &a)
		again := r.document([]byte(text), &b)
		if again != short || short && !reflect.DeepEqual(a, b) {
			t.Errorf("read differently with a memory, %v and %v: %q:\n%+v\n%+v", short, again, text, a, b)
		}
		return short
	}
	for i := range full {
		for _, insert := range []string{"", "x", "0", "1", `"`, "}", "]", ",", "{}", "[]", "null"} {
			if read(string(full)); read(string(slicesConcat(full[:i], insert, full[i+1:]))) {
				changed++
			}
			read(string(slicesConcat(full[:i], insert, full[i:])))
		}
		if t.Failed() {
			return
		}
	}
	if changed == 0 {
		t.Error("no changed line could be read")
	}
}

// What two entries share cannot be changed by adding to it.
func TestReaderSharesListsWithoutRoom(t *testing.T) {
	t.Parallel()
	line, err := canonical.Encode(Entry{V: 1, Type: Heartbeat, Log: "l", Time: At(time.Unix(1e9, 0)), Reasons: []string{"A", "B", "C"}})
	if err != nil {
		t.Fatal(err)
	}
	r := newReader()
	var entries [3]Entry
	for i := range entries {
		if !r.document(line, &entries[i]) {
			t.Fatalf("%s is not read", line)
		}
	}
	if &entries[1].Reasons[0] != &entries[2].Reasons[0] {
		t.Error("the same list is not shared")
	}
	b, c := append(entries[1].Reasons, "D"), append(entries[2].Reasons, "E")
	if b[3] != "D" || c[3] != "E" {
		t.Errorf("%v, %v", b, c)
	}
}

package yamldoc

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	t.Parallel()
	docs, problems := Parse([]byte("\uFEFF" + `text: plain
quoted: "5"
single: 'yes'
word: no
number: 42
negative: -7
fraction: 0.5
exponent: 1e3
large: 18446744073709551615
nothing:
tilde: ~
flag: true
date: 2026-03-01
time: 2026-03-01T12:00:00Z
clock: 12:30
version: 1.2.3
list: [a, 1]
block: |
  one
  two
tagged: !!str 5
---
---
# nothing here
...
---
second: true
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := map[string]any{
		"text": "plain", "quoted": "5", "single": "yes", "word": "no",
		"number": int64(42), "negative": int64(-7), "fraction": 0.5, "exponent": 1000.0, "large": 18446744073709551615.0,
		"nothing": nil, "tilde": nil, "flag": true,
		"date": "2026-03-01", "time": "2026-03-01T12:00:00Z", "clock": "12:30", "version": "1.2.3",
		"list": []any{"a", int64(1)}, "block": "one\ntwo\n", "tagged": "5",
	}
	if len(docs) != 2 || !reflect.DeepEqual(docs[0].Value, want) {
		t.Errorf("%d documents, the first is\n%#v\nwant\n%#v", len(docs), docs[0].Value, want)
	}
	if second := docs[1]; !reflect.DeepEqual(second.Value, map[string]any{"second": true}) || second.Start() != (Pos{27, 1}) {
		t.Errorf("second document is %#v at %v", second.Value, second.Start())
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"a: True", "1:4 boolean in an unusual spelling; write true, or quotes around it if it is a text"},
		{"a: 010", "1:4 number with a leading zero, which is octal for some programs and decimal for others; write it with plain decimal digits, or quotes around it if it is a text"},
		{"a: +1", "1:4 number in a form that programs read differently; write it with plain decimal digits, or quotes around it if it is a text"},
		{"a: 0o17", "1:4 number in a form that programs read differently; write it with plain decimal digits, or quotes around it if it is a text"},
		{"a: .5", "1:4 number in a form that programs read differently; write it with plain decimal digits, or quotes around it if it is a text"},
		{"a: .inf", "1:4 number in a form that programs read differently; write it with plain decimal digits, or quotes around it if it is a text"},
		{"a: 1e999", "1:4 number is too large; write a smaller one, or quotes around it if it is a text"},
		{"a: !!int 5", ""},
		{"a: !!int x", "1:4 tag (!) is not allowed; remove it; quotes make a text of it that starts with !"},
		{"a: !!map []", "1:4 tag (!) is not allowed; remove it; quotes make a text of it that starts with !"},
		{"!!str a: 1", ""},
		{"!x a: 1", "1:1 tag (!) is not allowed; remove it; quotes make a text of it that starts with !"},
		{"a: <<", "1:4 << is not allowed as a value; write it in quotes if it is a text"},
		{"? [a]\n: b", "1:3 a mapping or sequence is used as a key; keys are texts"},
		{"a: &x 1\nb: {*x : 2}", "1:4 anchor (&) is not allowed; remove it; quotes make a text of it that starts with & | 2:5 alias (*) is not allowed as a key; write the key itself"},
		{"1.5: a", "1:1 key 1.5 is a number; keys are texts; write \"1.5\" in quotes"},
		{"a: 1\n\"a\": 2\n'a': 3", "2:1 key \"a\" is given twice; first on line 1; keep one of them | 3:1 key \"a\" is given twice; first on line 1; keep one of them"},
		{"a: \"\\u202e\"", "1:4 bidirectional control character U+202E in a text; remove it"},
		{"a: \"\\0\"", "1:4 control character U+0000 in a text; remove it"},
		{"a: b\u2028c", "1:5 line separator U+2028; remove it; a reviewer cannot see what it does"},
		{"a: b\u200bc", "1:5 invisible character U+200B; remove it; a reviewer cannot see what it does"},
		{"ok: ä\n\tx", "2:1 tab in the indentation; indent with two spaces"},
		{"a:\n  - b\n c: d", "3:2 indentation does not match the lines above; line the key up with the other keys of the same mapping"},
		{"a: 'it", "1:4 quote is opened and not closed on the same line; close it with the same sign"},
		{"a: *missing", "1:1 alias * without an anchor; aliases are not allowed; put quotes around a text that starts with *"},
		{"a: `x`", "1:4 text starts with a sign that cannot start one (tab, @, ` or %); put quotes around the text, and indent with spaces"},
		{"a: !undefined!x y", "1:1 tag ! is not allowed; put quotes around a text that starts with !"},
		{"a: - b", "1:1 list item after a value on the same line; start the list on a line of its own"},
		{"a: 1\n---\nb: [", "3:1 value is missing or starts with a sign that has a meaning; write a value, or quotes around it"},
	} {
		_, problems := Parse([]byte(c.text))
		var got []string
		for _, p := range problems {
			s := fmt.Sprintf("%d:%d %s", p.Line, p.Col, p.What)
			if p.Instead != "" {
				s += "; " + p.Instead
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " | "); s != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.text, s, c.want)
		}
	}
}

// A value may be a password in the wrong place.
func TestProblemsDoNotRepeatValues(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"p: *canary", "p: &canary", "p: !canary x", "p: &a canary\nq: *a", "p: 0xcafe", "p: @canary", "p: canary: x: y", "p: \"canary", "p: canary\n  x: y",
		"p: [canary", "p: canary\np: canary", "p: \"\\qcanary\"", "p: %canary", "p:\tcanary\n\tq: x", "p canary\nq: x",
	} {
		_, problems := Parse([]byte(text))
		if len(problems) == 0 {
			t.Errorf("%q has no problem", text)
		}
		for _, p := range problems {
			if s := p.What + p.Instead; strings.Contains(s, "canary") || strings.Contains(s, "cafe") {
				t.Errorf("%q: the message repeats a value: %s", text, s)
			}
		}
	}
}

func TestPlacesSurviveRelease(t *testing.T) {
	t.Parallel()
	docs, problems := Parse([]byte("first: 1\n---\na:\n  - b: c\n    d: ä\n  - \"e\"\nempty:\n"))
	if len(problems) > 0 || len(docs) != 2 {
		t.Fatal(docs, problems)
	}
	check := func(when string) {
		t.Helper()
		d := docs[1]
		for _, c := range []struct {
			path       []any
			value, key Pos
		}{
			{nil, Pos{3, 1}, Pos{3, 1}},
			{[]any{"a"}, Pos{4, 3}, Pos{3, 1}},
			{[]any{"a", 0, "d"}, Pos{5, 8}, Pos{5, 5}},
			{[]any{"a", "0", "d"}, Pos{5, 8}, Pos{5, 5}},
			{[]any{"a", 1}, Pos{6, 5}, Pos{6, 5}},
			{[]any{"a", 2, "x"}, Pos{4, 3}, Pos{3, 1}},
			{[]any{"a", -1}, Pos{4, 3}, Pos{3, 1}},
			{[]any{"empty"}, Pos{7, 7}, Pos{7, 1}},
		} {
			if at, key := d.At(c.path...), d.KeyAt(c.path...); at != c.value || key != c.key {
				t.Errorf("%s %v is at %v, its key at %v; want %v, %v", when, c.path, at, key, c.value, c.key)
			}
		}
		if text, quoted, ok := d.Scalar("a", 1); text != "e" || !quoted || !ok {
			t.Errorf("%s the scalar is %q, %v, %v", when, text, quoted, ok)
		}
		if _, _, ok := d.Scalar("a"); ok {
			t.Errorf("%s a list is a scalar", when)
		}
	}
	check("before Release")
	docs[1].Release()
	if docs[1].Value != nil {
		t.Error("the content is still there after Release")
	}
	check("after Release")
}

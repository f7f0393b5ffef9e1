package yamldoc

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

func byName(*Document) *Order {
	item := &Order{Keys: []string{"name", "value"}}
	return &Order{Keys: []string{"a", "b", "c"}, Fields: map[string]*Order{"b": {Each: item}}}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"keys move with their comments", "# top\nc: 1 # one\n# about a\na: 2\nz: 3\n", "# top\n# about a\na: 2\nc: 1 # one\nz: 3\n"},
		{"elements of a list", "b:\n- value: 1\n  name: x\n", "b:\n  - name: x\n    value: 1\n"},
		{"empty lines are kept, one at a time", "a: 1\n\n\n\nb: 2\n\n# c\nc: 3\n", "a: 1\n\nb: 2\n\n# c\nc: 3\n"},
		{"quotes", "a: 'x'\nb: \"yes\"\nc: 'a \"b\"'\n", "a: x\nb: \"yes\"\nc: 'a \"b\"'\n"},
		{"words of YAML 1.1 get quotes", "a: yes\nb: 12:30\n", "a: \"yes\"\nb: \"12:30\"\n"},
		{"documents", "--- # first\nb: 1\na: 2\n---\n---\nc: 1\n", ""},
		{"brackets stay", "a: { x: 1,   z: [ 1,2 ] }\n", "a: {x: 1, z: [1, 2]}\n"},
		{"texts over several lines", "a: |\n  one\n    two\nb: >-\n  x\n  y\n", "a: |\n  one\n    two\nb: >-\n  x y\n"},
		{"nothing", "", ""},
	} {
		got, problems, err := Format([]byte(c.text), byName)
		if c.want == "" && c.text != "" {
			if err != nil || bytes.Count(got, []byte("#")) != 1 {
				t.Errorf("%s: %v, %v\n%s", c.name, err, problems, got)
			}
			continue
		}
		if err != nil || len(problems) > 0 || string(got) != c.want {
			t.Errorf("%s: %v, %v\n%s\nwant\n%s", c.name, err, problems, got, c.want)
		}
	}
}

func FuzzFormat(f *testing.F) {
	for _, text := range []string{
		"# a\nb: 1 # c\n\n# d\na:\n  - x # y\n  # z\n", "a: [1, # x\n 2]\n", "? a\n: b\n", "- a\n-\n  - b\n", "a: |+\n  x\n\n\nb: 1\n", "a: >\n  x\n\n  y\n", "---\n# x\n---\na: 1\n...\n# y\n",
		"a: \"x\\\n  y\"\n", "a:\n    # c\n\n    b: 1\n", "{a: 1, b: # x\n 2}\n", "a: 'x\n\n  y'\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, problems, err := Format([]byte(text), byName)
		if errors.Is(err, ErrComment) || errors.Is(err, ErrMeaning) || errors.Is(err, errUnstable) || len(problems) > 0 {
			return // left alone
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		before, _ := Parse([]byte(text))
		after, _ := Parse(once)
		for i := range before {
			if i >= len(after) || !reflect.DeepEqual(before[i].Value, after[i].Value) {
				t.Fatalf("%q means something else as\n%s", text, once)
			}
		}
		twice, problems, err := Format(once, byName)
		if err != nil || len(problems) > 0 || !bytes.Equal(once, twice) {
			t.Errorf("%q\nonce:\n%s\ntwice (%v, %v):\n%s", text, once, err, problems, twice)
		}
	})
}

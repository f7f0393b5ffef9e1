package yamldoc

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestMarshal(t *testing.T) {
	t.Parallel()
	type inner struct {
		Z     string   `json:"z"`
		A     int      `json:"a"`
		Empty []string `json:"empty"`
		Map   struct{} `json:"map"`
	}
	got, err := Marshal(struct {
		Name  string  `json:"name"`
		Inner []inner `json:"inner"`
		Null  *int    `json:"null"`
		Float float64 `json:"float"`
		Big   uint64  `json:"big"`
		Flag  bool    `json:"flag"`
		Block string  `json:"block"`
		None  string  `json:"-"`
	}{
		Name: "yes", Inner: []inner{{Z: "10.0.0.1:5432", A: 1, Empty: []string{}}}, Float: 0.25, Big: 18446744073709551615, Flag: true, Block: "one\ntwo\n",
	})
	want := `name: "yes"
inner:
  - z: "10.0.0.1:5432"
    a: 1
    empty: []
    map: {}
"null": null
float: 0.25
big: 18446744073709551615
flag: true
block: |
  one
  two
`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	if _, err := Marshal(func() {}); err == nil {
		t.Error("a function was written")
	}
}

// Any text comes back as the text it was, and what another reader of YAML could
// take for something else is in quotes.
func TestMarshalKeepsTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "a b", "a: b", "a #b", "#", "- a", "[a", "{a}", "a,b", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "\"", "'", "\\", "it's \"so\"",
		"yes", "No", "on", "y", "null", "~", "True", "=", "<<", "1", "-1", "+1", "1.5", "1e3", ".5", "0x1F", "0o17", "017", "0b1", "1_000", "12:30", "1:2:3", ".inf", ".NaN",
		"2026-03-01", "2026-03-01T12:00:00Z", "2026-3-1 1:2:3", "1d", "30s", "192.0.2.1", "env:X", "a\nb", "a\n", "\na", "a\n\nb\n\n", "\t", "a\tb", "trailing ", "tab\t", "é", "\x1b[31m", "a\r\nb", "--- a", "...",
	} {
		data, err := Marshal(map[string]string{"k": text, "k" + text: "v"})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		roots, problem := nodes(data)
		if problem != nil || len(roots) != 1 {
			t.Errorf("%q is written as %s, which is not YAML: %v", text, data, problem)
			continue
		}
		m := roots[0].Content[0]
		found := map[string]string{}
		for i := 0; i+1 < len(m.Content); i += 2 {
			if tag := m.Content[i+1].ShortTag(); tag != "!!str" {
				t.Errorf("%q is written as %s, a %s", text, data, tag)
			}
			found[m.Content[i].Value] = m.Content[i+1].Value
		}
		want := map[string]string{"k": text, "k" + text: "v"}
		if !reflect.DeepEqual(found, want) {
			t.Errorf("%q comes back as %q", want, found)
		}
	}
	for _, text := range []string{"yes", "Off", "y", "12:30", "017", "1_000", "0b1", "2026-03-01", "="} {
		if data, _ := Marshal(text); !strings.HasPrefix(string(data), `"`) {
			t.Errorf("%q is written without quotes: %s", text, data)
		}
	}
	for _, text := range []string{"1d", "30s", "plain", "192.0.2.1", "SELECT count(*) FROM a.b"} {
		if data, _ := Marshal(text); string(data) != text+"\n" {
			t.Errorf("%q is written as %s", text, data)
		}
	}
}

func FuzzMarshal(f *testing.F) {
	f.Add(`{"a":["x",1,true,null,{"b":"yes"}]}`)
	f.Add(`"\u001b"`)
	f.Fuzz(func(t *testing.T, text string) {
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			return
		}
		data, err := Marshal(value)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		docs, problems := Parse(data)
		if len(problems) > 0 || len(docs) == 0 {
			return // sizes, depths, control characters and null are refused on the way in
		}
		again, err := json.Marshal(docs[0].Value)
		if err != nil {
			t.Fatal(err)
		}
		var back any
		if err := json.Unmarshal(again, &back); err != nil || !reflect.DeepEqual(back, value) {
			t.Errorf("%q is written as\n%s\nand read as %s", text, data, again)
		}
	})
}

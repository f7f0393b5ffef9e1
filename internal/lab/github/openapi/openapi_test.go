package openapi

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

func load(t *testing.T) *Description {
	t.Helper()
	d, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The committed part is what the list of operations asks for.
func TestT01_SubsetIsWhatTheListAsksFor(t *testing.T) {
	data, err := os.ReadFile("operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			want = append(want, line)
		}
	}
	slices.Sort(want)
	if got := load(t).Operations(); !slices.Equal(got, want) {
		t.Errorf("subset.json has\n%s\noperations.txt\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every schema that a check may come to compiles.
func TestT01_EverySchemaCompiles(t *testing.T) {
	d := load(t)
	schemas, _, ok := d.at("/components/schemas")
	if !ok || len(schemas) < 100 {
		t.Fatalf("%d schemas", len(schemas))
	}
	for name := range schemas {
		_, err := d.compiler.Compile(place + "#/components/schemas/" + url.PathEscape(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestT01_NullIsAllowedWhereTheDescriptionSaysSo(t *testing.T) {
	d := load(t)
	const op = "GET /repos/{owner}/{repo}/collaborators/{username}/permission"
	for body, good := range map[string]bool{
		`{"permission":"read","role_name":"read","user":null}`: true,
		`{"permission":null,"role_name":"read","user":null}`:   false,
		`{"permission":"read","user":null}`:                    false,
		`{"permission":"read","role_name":"read","user":{}}`:   false,
		`{"permission":`: false,
	} {
		if err := d.Response(op, 200, []byte(body)); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
	if err := d.Response(op, 204, nil); err == nil {
		t.Error("a status that is not described passed")
	}
	if err := d.Response(op, 502, []byte("<html>")); err != nil {
		t.Errorf("an error that is not described: %v", err)
	}
	if err := d.Response("GET /nothing", 200, nil); err == nil {
		t.Error("an operation that is not described passed")
	}
}

func TestT01_QueryAndBody(t *testing.T) {
	d := load(t)
	const list, create = "GET /repos/{owner}/{repo}/pulls", "POST /repos/{owner}/{repo}/pulls"
	for query, good := range map[string]bool{
		"": true, "state=all&per_page=100": true, "state=merged": false, "per_page=many": false, "perpage=1": false,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Request(list, values, "", nil); (err == nil) != good {
			t.Errorf("?%s: %v", query, err)
		}
	}
	for body, good := range map[string]bool{
		`{"head":"a","base":"main","title":"t"}`: true, `{"head":"a"}`: false, `{"head":1,"base":"main"}`: false, ``: false, `{`: false,
	} {
		if err := d.Request(create, nil, "application/json", []byte(body)); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
	if err := d.Request(create, nil, "text/plain", []byte(`{"head":"a","base":"main"}`)); err == nil {
		t.Error("a body that is not called JSON passed")
	}
	if err := d.Request(list, nil, "application/json", []byte(`{}`)); err == nil {
		t.Error("a body of a GET passed")
	}
}

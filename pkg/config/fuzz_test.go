package config

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// fuzzCatalog makes the checks of indicators take part.
type fuzzCatalog struct{}

func (fuzzCatalog) Platforms() []string { return []string{"postgresql"} }
func (fuzzCatalog) Indicators(string) []readiness.Indicator {
	return []readiness.Indicator{{ID: "replication.lag_bytes", Unit: readiness.Bytes}, {ID: "heartbeat.lag_seconds", Unit: readiness.Seconds}}
}

// seeds adds every YAML file of the test data.
func seeds(f *testing.F) {
	f.Helper()
	err := fs.WalkDir(os.DirFS("testdata"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(name, ".y") {
			return err
		}
		data, err := os.ReadFile("testdata/" + name)
		f.Add(data)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
}

// Whatever a file holds, reading it ends without a panic, every problem has a
// place, and what has no problem can be formatted to what means the same.
func FuzzDecode(f *testing.F) {
	seeds(f)
	v := newValidator()
	f.Fuzz(func(t *testing.T, data []byte) {
		const name = "requests/2026/x.yaml"
		decoded := decodeFile(name, data, v)
		r := &Repo{cas: make(map[string][]byte)}
		for _, e := range decoded.entries {
			if e.add != nil {
				e.add(r)
			}
		}
		r.sort()
		problems := append(decoded.problems, crossCheck(fstest.MapFS{}, r, []file{decoded}, fuzzCatalog{})...)
		for _, p := range problems {
			if p.File != name || p.Line < 1 || p.Col < 1 || p.What == "" {
				t.Errorf("problem without a place or a text: %#v", p)
			}
			if strings.ContainsAny(p.String(), "\n\r\x00\x1b") {
				t.Errorf("problem with a control character: %q", p)
			}
		}
		formatted, err := Format(name, data)
		if err != nil {
			return
		}
		again, err := Format(name, formatted)
		if err != nil || !bytes.Equal(formatted, again) {
			t.Errorf("formatted once:\n%s\ntwice (%v):\n%s", formatted, err, again)
		}
		if len(problems) == 0 && len(decodeFile(name, formatted, v).problems) > 0 {
			t.Errorf("a file without problems has some after formatting:\n%s", formatted)
		}
	})
}

package verdict

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// A file is laid over a tree, in folders that are there and in folders that are not.
func TestOverlay(t *testing.T) {
	t.Parallel()
	base := fstest.MapFS{"bcctl.yaml": {Data: []byte("x")}, "requests/2025/a.yaml": {Data: []byte("a")}, "requests/2026/old.yaml": {Data: []byte("old")}}
	for _, name := range []string{"requests/2026/r.yaml", "requests/2027/r.yaml", "requests/2026/old.yaml", "other/x/y.yaml"} {
		files := map[string]string{}
		err := fs.WalkDir(with(base, name, []byte("new")), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(with(base, name, []byte("new")), path)
			files[path] = string(data)
			return err
		})
		want := 4
		if name == "requests/2026/old.yaml" {
			want = 3
		}
		if err != nil || len(files) != want || files[name] != "new" || files["requests/2025/a.yaml"] != "a" || files["bcctl.yaml"] != "x" {
			t.Errorf("%s: %v, %v", name, files, err)
		}
	}
}

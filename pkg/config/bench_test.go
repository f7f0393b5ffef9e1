package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	// The loop to compare with uses the library as it is; nothing else may.
	"gopkg.in/yaml.v3"

	"github.com/bcctl/bcctl/schemas"
)

const benchDocuments = 10_000

// repository writes a repository of many resources in a hundred folders.
func repository(b *testing.B, documents int) string {
	b.Helper()
	dir := b.TempDir()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	put("sites.yaml", "apiVersion: bcctl/v1\nkind: SiteList\nmetadata: {name: sites}\nspec:\n  sites:\n    - name: fra\n    - name: ams\n")
	for i := range documents {
		put(fmt.Sprintf("resources/%02d/r%05d.yaml", i%100, i), fmt.Sprintf(`apiVersion: bcctl/v1
kind: Resource
metadata:
  name: pg/r%05[1]d
  labels:
    app: app-%[2]d
spec:
  platform: postgresql
  tier: %[3]d
  environment: production
  owner: team-dba
  objectives:
    rpo: 30s
    rto: 15m
  home:
    primary: fra
    dr: ams
  endpoints:
    - name: fra1
      site: fra
      address: r%05[1]d.fra.example.com:5432
    - name: ams1
      site: ams
      address: r%05[1]d.ams.example.com:5432
  credentials:
    monitor:
      username: bcctl_monitor
      password: env:LEDGER_MONITOR_PASSWORD
`, i, i%500, 1+i%2))
	}
	return dir
}

func BenchmarkLoad(b *testing.B) {
	dir := repository(b, benchDocuments)
	b.ReportAllocs()
	for b.Loop() {
		repo, problems := Load(os.DirFS(dir), Options{})
		if len(problems) > 0 || len(repo.Resources) != benchDocuments {
			b.Fatalf("%d resources, problems:\n%s", len(repo.Resources), problems.Error())
		}
	}
}

// BenchmarkPlainLoop does the least a validator can do, on one thread: parse with
// the YAML library, check against the schema. It has no places, no checks between
// documents and no safe YAML.
func BenchmarkPlainLoop(b *testing.B) {
	dir := repository(b, benchDocuments)
	compiled := make(map[string]interface{ Validate(any) error })
	for _, kind := range Kinds() {
		s, err := compile(kind, schemas.Formats())
		if err != nil {
			b.Fatal(err)
		}
		compiled[string(kind)] = s
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".yaml") {
				return err
			}
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			var doc map[string]any
			if err := yaml.Unmarshal(data, &doc); err != nil {
				return err
			}
			n++
			return compiled[doc["kind"].(string)].Validate(doc)
		})
		if err != nil || n != benchDocuments+1 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	formats := schemas.Formats()
	for _, kind := range Kinds() {
		b.Run(string(kind), func(b *testing.B) {
			for b.Loop() {
				if _, err := compile(kind, formats); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

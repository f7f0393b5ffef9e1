package pgpair

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pki"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var update = flag.Bool("update", false, "write golden files")

func TestResourceYAML(t *testing.T) {
	golden := filepath.Join("testdata", "resource.golden")
	got := testLab().Resource(caInRepository)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// postgresCatalog knows what the written policy gives limits to.
type postgresCatalog struct{}

func (postgresCatalog) Platforms() []string { return []string{"postgresql"} }

func (postgresCatalog) Indicators(string) []readiness.Indicator {
	return []readiness.Indicator{{ID: "replication.exposure_bytes", Unit: readiness.Bytes}}
}

func TestConfigIsValid(t *testing.T) {
	l := testLab()
	l.dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(l.dir, "tls"), 0o755); err != nil {
		t.Fatal(err)
	}
	ca, err := pki.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.CAFile(), ca.CertPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := l.WriteConfig(dir); err != nil {
		t.Fatal(err)
	}
	repo, problems := config.Load(os.DirFS(dir), config.Options{Catalog: postgresCatalog{}})
	for _, p := range problems {
		t.Error(p)
	}
	if len(repo.Resources) != 1 || len(repo.Resources[0].Spec.Endpoints) != 2 || len(repo.Groups) != 1 {
		t.Errorf("read as %+v", repo)
	}
}

func TestWriteConfig(t *testing.T) {
	l := testLab()
	l.dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(l.dir, "tls"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.CAFile(), []byte("a certificate"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "deep", "config")
	for _, again := range []string{"first", "again"} {
		if err := l.WriteConfig(dir); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	}
	for file, want := range map[string]string{
		"bcctl.yaml":            "\nrepository: lab\n",
		"sites.yaml":            "\nkind: SiteList\n",
		"resources/ledger.yaml": `password: "file:` + l.dir + `/secrets/bcctl_monitor"`,
		"groups/payments.yaml":  "\nkind: Group\n",
		"policies/default.yaml": "red: {raise: 64MiB}",
		"certs/lab-ca.pem":      "a certificate",
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, want %q in\n%s", file, err, want, text)
		}
	}

	settings := filepath.Join(dir, "bcctl.yaml")
	if err := os.WriteFile(settings, []byte("repository: production\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := l.WriteConfig(dir); err == nil || !strings.Contains(err.Error(), "another configuration") {
		t.Errorf("over somebody's configuration: %v", err)
	}
	if text, err := os.ReadFile(settings); err != nil || string(text) != "repository: production\n" {
		t.Errorf("somebody's configuration is now %q, %v", text, err)
	}
}

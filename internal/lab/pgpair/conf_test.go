package pgpair

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckDir(t *testing.T) {
	for _, dir := range []string{"/tmp/lab", "/home/o.k-1_2/x@y=z,w+"} {
		if err := checkDir(dir); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
	for _, dir := range []string{"/tmp/a b", "/tmp/it's", `/tmp/a\b`, "/tmp/$HOME", "/tmp/100%p", "/tmp/a\nb", `/tmp/"q"`, "/tmp/a;b", "/tmp/ü"} {
		if err := checkDir(dir); err == nil {
			t.Errorf("%q is accepted", dir)
		}
	}
}

// TestArchiveCommand runs the command as the archiver would.
func TestArchiveCommand(t *testing.T) {
	dir := t.TempDir()
	n := Node{Name: Primary, DataDir: filepath.Join(dir, "data")}
	if err := os.Mkdir(n.archive(), 0o700); err != nil {
		t.Fatal(err)
	}
	wal := filepath.Join(dir, "wal file") // %p is not ours to choose
	if err := os.WriteFile(wal, []byte("records"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := strings.NewReplacer("%p", wal, "%f", "000000010000000000000001").Replace(archiveCommand(n))
	archived := filepath.Join(n.archive(), "000000010000000000000001")
	for _, again := range []string{"first", "again after a crash"} {
		if out, err := exec.Command("/bin/sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", again, err, out)
		}
		if text, err := os.ReadFile(archived); err != nil || string(text) != "records" {
			t.Errorf("%s: %q, %v", again, text, err)
		}
	}
	if err := os.Remove(archived); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.archiveFault(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("/bin/sh", "-c", command).Run(); err == nil {
		t.Error("it succeeds when told to fail")
	}
	if _, err := os.Stat(archived); err == nil {
		t.Error("it archived when told to fail")
	}
}

func TestIdent(t *testing.T) {
	if got, want := ident("root", "postgres"), "# MAPNAME  SYSTEM-USERNAME  PG-USERNAME\nlab  \"postgres\"  postgres\nlab  \"root\"  postgres\n"; got != want {
		t.Errorf("got\n%s", got)
	}
	if got := ident("root", "root"); strings.Count(got, "root") != 1 {
		t.Errorf("twice the same user:\n%s", got)
	}
}

func TestConninfo(t *testing.T) {
	l := testLab()
	for major, mode := range map[int]string{14: "verify-ca", 15: "verify-full", 17: "verify-full"} {
		l.state.Binaries.Major = major
		got := l.conninfo(l.state.Nodes[1], 5432)
		if !strings.Contains(got, "sslmode="+mode+" ") || strings.Contains(got, "password") {
			t.Errorf("%d: %s", major, got)
		}
	}
}

func TestLastFork(t *testing.T) {
	for history, want := range map[string]string{
		"1\t0/3000148\tno recovery target specified\n":                           "0/3000148",
		"1\t0/3000148\tno recovery target specified\n\n2\tA/5F\tno recovery\n\n": "A/5F",
	} {
		if got, err := lastFork(history); err != nil || got != want {
			t.Errorf("%q: %q, %v", history, got, err)
		}
	}
	if got, err := lastFork("\n"); err == nil {
		t.Errorf("an empty history: %q", got)
	}
}

// testLab is a laboratory that exists on paper.
func testLab() *Lab {
	l := &Lab{dir: "/srv/lab", account: account{Name: "postgres"}}
	l.state = state{SystemIdentifier: "7312345678901234567", SocketDir: "/srv/lab/run", Nodes: layout("/srv/lab", false)}
	l.state.Nodes[0].Port, l.state.Nodes[1].Port = 21001, 21002
	l.state.ClientPort = 21003
	return l
}

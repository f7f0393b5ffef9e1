package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/pki"
)

// paper is a system that is nothing but its faults.
type paper struct {
	name   string
	broken []string
	closed bool
}

func (p *paper) Name() string      { return p.name }
func (p *paper) Platform() string  { return "paper" }
func (p *paper) Nodes() []lab.Node { return []lab.Node{{Name: p.name + "-a", Site: lab.PrimarySite}} }
func (p *paper) Faults() []lab.Fault {
	return []lab.Fault{{Name: "tear", Help: "tear it", Repairable: true}}
}
func (p *paper) Broken() []string { return p.broken }
func (p *paper) Secrets() map[string]string {
	return map[string]string{"monitor": "secret-of-" + p.name}
}
func (p *paper) Close() error { p.closed = true; return nil }

func (p *paper) Break(fault string) error {
	if fault != "tear" {
		return fmt.Errorf("no fault %q", fault)
	}
	p.broken = append(p.broken, fault)
	return nil
}

func (p *paper) Repair(fault string) error {
	p.broken = slices.DeleteFunc(p.broken, func(f string) bool { return f == fault })
	return nil
}

func (p *paper) Resource(ref func(string) string, ca string) string {
	return "password: " + ref("monitor") + "\nca: " + ca + "\n"
}

// hosted serves systems from a directory until the test ends.
func hosted(t *testing.T, systems ...lab.System) (dir string, ended chan error) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "bcctl-fleet")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ca, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	up := make(chan struct{})
	ended = make(chan error, 1)
	go func() {
		ended <- serve(t.Context(), dir, ca, systems, func() error { close(up); return nil })
	}()
	select {
	case <-up:
	case err := <-ended:
		t.Fatal(err)
	}
	return dir, ended
}

func TestHostAnswers(t *testing.T) {
	dir, ended := hosted(t, &paper{name: "one"}, &paper{name: "two"})
	f := Fleet{dir: dir}
	ctx := t.Context()
	if err := f.Break(ctx, "two", "tear"); err != nil {
		t.Fatal(err)
	}
	systems, err := f.Systems(ctx)
	if err != nil || len(systems) != 2 || len(systems[0].Broken) != 0 || !slices.Equal(systems[1].Broken, []string{"tear"}) {
		t.Fatalf("%+v, %v", systems, err)
	}
	// The document refers to the secret's file, and only the owner may read that.
	path := filepath.Join(dir, "secrets", "two", "monitor")
	if want := "password: file:" + path + "\nca: " + caInRepository + "\n"; systems[1].Resource != want {
		t.Errorf("resource is %q, want %q", systems[1].Resource, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secret: %v, %v", info, err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "secret-of-two\n" {
		t.Errorf("secret is %q, %v", text, err)
	}
	if err := f.Repair(ctx, "two", "tear"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ system, fault, want string }{
		{"three", "tear", `no system "three"; there are one, two`},
		{"one", "burn", `no fault "burn"`},
	} {
		if err := f.Break(ctx, tt.system, tt.fault); err == nil || err.Error() != tt.want {
			t.Errorf("break %s/%s: %v, want %s", tt.system, tt.fault, err, tt.want)
		}
	}
	if err := ask(ctx, dir, "POST", "/stop", nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := f.Systems(ctx); !errors.Is(err, ErrNoHost) {
		t.Errorf("a host that is gone: %v", err)
	}
}

// A host that never answers does not hold the caller for ever.
func TestAskIsBounded(t *testing.T) {
	dir, _ := hosted(t, &paper{name: "one"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&Fleet{dir: dir}).Break(ctx, "one", "tear"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Every group's members are systems of the fleet, and every system is in a group.
func TestPlanIsWhole(t *testing.T) {
	ca, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	systems, err := start(ca)
	t.Cleanup(func() {
		for _, s := range systems {
			if err := s.Close(); err != nil {
				t.Errorf("close %s: %v", s.Name(), err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	have := []string{"ledger"}
	for _, s := range systems {
		have = append(have, s.Name())
	}
	var grouped []string
	for _, g := range groups {
		grouped = append(grouped, g.members...)
	}
	slices.Sort(have)
	slices.Sort(grouped)
	if !slices.Equal(have, grouped) {
		t.Errorf("systems are %v, groups have %v", have, grouped)
	}
	for _, b := range shown {
		i := slices.IndexFunc(systems, func(s lab.System) bool { return s.Name() == b.System })
		if i < 0 || !slices.ContainsFunc(systems[i].Faults(), func(f lab.Fault) bool { return f.Name == b.Fault }) {
			t.Errorf("nobody has fault %s/%s", b.System, b.Fault)
		}
	}
}

func TestSocketPathIsShortEnough(t *testing.T) {
	long := "/" + strings.Repeat("a-long-name/", 20)
	if got := socketPath(long); len(got) > longestSocket || got == socketPath(long+"x") {
		t.Errorf("socket of a long path: %s", got)
	}
}

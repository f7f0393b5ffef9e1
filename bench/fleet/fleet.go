package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/internal/lab/sqlag"
)

// fleet is a configuration repository of many resources that are a few systems
// under different names, with what keeps them answering, or not.
type fleet struct {
	config         string // the repository
	sound          string // the same with everybody answering
	kinds          []kind
	of             map[string]string // target -> platform
	hung, refusing map[string]bool

	closers []func(context.Context) error
	silent  []net.Listener
}

// kind is a system that targets share.
type kind struct {
	name      string
	platform  string
	document  string   // a Resource
	addresses []string // host:port of every node, as the document has them
}

// broken is one in how many targets hangs, and one in how many refuses.
const broken = 20

// newFleet writes the repository below dir and starts what belongs to it. The pair
// is the caller's.
func newFleet(ctx context.Context, dir string, pair *pgpair.Lab, targets int) (f *fleet, err error) {
	f = &fleet{config: filepath.Join(dir, "config"), sound: filepath.Join(dir, "sound"), of: map[string]string{}, hung: map[string]bool{}, refusing: map[string]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := errors.Join(f.addPair(pair), f.addSystems(dir)); err != nil {
		return nil, err
	}
	for range 8 {
		if err := f.listen(); err != nil {
			return nil, err
		}
	}
	for i := range targets {
		k := f.kinds[i%len(f.kinds)]
		name := fmt.Sprintf("%s-%04d", k.name, i)
		text := k.document
		// Every kind has its share of both.
		switch block := i / broken; i % broken {
		case (7 + block) % broken:
			f.hung[name] = true
			text = k.elsewhere(func(n int) string { return f.silent[n].Addr().String() })
		case (13 + block) % broken:
			f.refusing[name] = true
			text = k.elsewhere(func(n int) string { return fmt.Sprintf("127.0.0.1:%d", n+1) }) // nobody listens on these ports
		}
		f.of[name] = k.platform
		file := filepath.Join("resources", name+".yaml")
		if err := errors.Join(write(f.config, file, k.rename(text, name)), write(f.sound, file, k.rename(k.document, name))); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// addPair makes the pair a kind. Its repository becomes that of the fleet.
func (f *fleet) addPair(pair *pgpair.Lab) error {
	var document []byte
	for _, dir := range []string{f.config, f.sound} {
		if err := pair.WriteConfig(dir); err != nil {
			return err
		}
		path := filepath.Join(dir, "resources", "ledger.yaml")
		var err error
		if document, err = os.ReadFile(path); err != nil {
			return err
		}
		if err := errors.Join(os.Remove(path), os.RemoveAll(filepath.Join(dir, "groups"))); err != nil {
			return err
		}
	}
	// Nobody writes the heartbeat of so many resources, and a row that gets old is
	// yellow.
	k := kind{name: "ledger", platform: "postgresql", document: heartbeat.ReplaceAllString(string(document), "")}
	for _, n := range pair.Nodes() {
		k.addresses = append(k.addresses, n.Address())
	}
	f.kinds = append(f.kinds, k)
	return f.both("sites.yaml", sitesYAML)
}

// system is one that runs in this process.
type system interface {
	lab.System
	CA() []byte
}

// addSystems starts a system of every other platform.
func (f *fleet) addSystems(dir string) error {
	set, err := mongoset.Start(mongoset.Options{Name: "catalog"})
	if err != nil {
		return err
	}
	if err := f.add(dir, set); err != nil {
		return err
	}
	group, err := sqlag.Start(sqlag.Options{Name: "orders"})
	if err != nil {
		return err
	}
	if err := f.add(dir, group); err != nil {
		return err
	}
	pair, err := snowpair.Start(snowpair.Options{Name: "warehouse"})
	if err != nil {
		return err
	}
	return f.add(dir, pair)
}

func (f *fleet) add(dir string, s system) error {
	f.closers = append(f.closers, func(context.Context) error { return s.Close() })
	k := kind{name: s.Name(), platform: s.Platform()}
	for _, n := range s.Nodes() {
		_, address, isURL := strings.Cut(n.Address, "://")
		if !isURL {
			address = n.Address
		}
		k.addresses = append(k.addresses, address)
	}
	secrets := filepath.Join(dir, "secrets", s.Name())
	if err := os.MkdirAll(secrets, 0o700); err != nil {
		return err
	}
	for name, value := range s.Secrets() {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(value), 0o600); err != nil {
			return err
		}
	}
	ca := "certs/" + s.Name() + "-ca.pem"
	k.document = heartbeat.ReplaceAllString(s.Resource(func(name string) string { return "file:" + filepath.Join(secrets, name) }, ca), "")
	f.kinds = append(f.kinds, k)
	return f.both(ca, string(s.CA()))
}

var heartbeat = regexp.MustCompile(`(?m)^  heartbeat: .*\n`)

const sitesYAML = `apiVersion: bcctl/v1
kind: SiteList
metadata: {name: sites}
spec:
  sites:
    - {name: fra}
    - {name: ams}
    - {name: par}
`

// listen opens a port that accepts and never answers.
func (f *fleet) listen() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f.silent = append(f.silent, l)
	var mu sync.Mutex
	var kept []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			kept = append(kept, conn) // nobody reads from it
			mu.Unlock()
		}
	}()
	f.closers = append(f.closers, func(context.Context) error {
		err := l.Close()
		<-done
		for _, conn := range kept {
			_ = conn.Close() // the other end has left
		}
		return err
	})
	return nil
}

// elsewhere is the document with all nodes at other addresses.
func (k kind) elsewhere(address func(n int) string) string {
	text := k.document
	for n, old := range k.addresses {
		text = strings.ReplaceAll(text, old, address(n))
	}
	return text
}

var metadataName = regexp.MustCompile(`(?m)^(metadata: *\{ *name: *|metadata:\n +name: *)[a-z0-9-]+`)

// rename gives a document another name.
func (k kind) rename(text, name string) string {
	return metadataName.ReplaceAllString(text, "${1}"+name)
}

// both writes a file that the two repositories have in common.
func (f *fleet) both(name, text string) error {
	return errors.Join(write(f.config, name, text), write(f.sound, name, text))
}

func write(dir, name, text string) error {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

func (f *fleet) close(ctx context.Context) error {
	var errs []error
	for _, c := range slices.Backward(f.closers) {
		errs = append(errs, c(ctx))
	}
	f.closers = nil
	return errors.Join(errs...)
}

func (f *fleet) platforms() string {
	counts := map[string]int{}
	for _, platform := range f.of {
		counts[platform]++
	}
	var texts []string
	for _, platform := range slices.Sorted(maps.Keys(counts)) {
		texts = append(texts, fmt.Sprintf("%d %s", counts[platform], platform))
	}
	return strings.Join(texts, ", ")
}

// wrong compares statuses of one of the two repositories with what they should be:
// unknown where nobody answers, green everywhere else.
func (f *fleet) wrong(repository string, statuses map[string]string) []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(f.of)) {
		want := "green"
		if repository == f.config && (f.hung[name] || f.refusing[name]) {
			want = "unknown"
		}
		if got := statuses[name]; got != want {
			problems = append(problems, fmt.Sprintf("%s is %q and should be %s", name, got, want))
		}
	}
	for name := range statuses {
		if f.of[name] == "" {
			problems = append(problems, fmt.Sprintf("%s is no target", name))
		}
	}
	if n := len(problems); n > 10 {
		problems = append(problems[:10], fmt.Sprintf("and %d more", n-10))
	}
	return problems
}

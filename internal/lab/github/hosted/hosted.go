// Package hosted runs the laboratory's GitHub in a process of its own, with its
// state in a folder, so that commands, curl and git can use it one after another.
// What GitHub does is package github's.
package hosted

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/lab/background"
	"github.com/bcctl/bcctl/internal/lab/github"
)

// Options say what Up makes.
type Options struct {
	Dir        string
	From       string // folder of the files in the first commit; empty: a README alone
	Repository string // owner/name; empty: acme/recovery
	People     []github.Person

	// Host makes the command that runs Host for the folder in a process of its own.
	Host func(dir string) *exec.Cmd
}

// plan is what Up leaves for the host to do.
type plan struct {
	From       string          `json:"from"`
	Repository string          `json:"repository"`
	People     []github.Person `json:"people"`
}

// Access is what leads to a server: where it is, and who may do what with which
// file. The files hold the secrets.
type Access struct {
	URL          string            `json:"url"`
	Repository   string            `json:"repository"`
	RepositoryID int64             `json:"repositoryId"`
	GitURL       string            `json:"gitUrl"`
	GitDir       string            `json:"gitDir"`
	Tokens       map[string]string `json:"tokens"` // login -> file
	App          int64             `json:"app"`
	Installation int64             `json:"installation"`
	AppKey       string            `json:"appKey"` // file
	People       []github.Person   `json:"people"`
}

const (
	planFile   = "plan.json"
	accessFile = "access.json"
	stopFile   = "stop-token" // who has it may end the server
)

// Errors a caller may ask for.
var (
	ErrNone    = errors.New("there is no GitHub of the laboratory")
	ErrStopped = errors.New("the laboratory's GitHub does not run")
)

// Up starts a server. One that was in the folder and has stopped goes on.
func Up(ctx context.Context, o Options) (Access, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return Access{}, err
	}
	if a, err := Open(ctx, dir); err == nil {
		return a, fmt.Errorf("the laboratory's GitHub runs in %s already", o.Dir)
	} else if errors.Is(err, ErrNone) {
		if err := prepare(dir, o); err != nil {
			return Access{}, err
		}
	} else if !errors.Is(err, ErrStopped) {
		return Access{}, err
	}
	if err := background.Start(o.Host(dir), filepath.Join(dir, "host.log")); err != nil {
		return Access{}, err
	}
	return Open(ctx, dir)
}

func prepare(dir string, o Options) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty, and not a GitHub of the laboratory", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	from := o.From
	if from != "" {
		var err error
		if from, err = filepath.Abs(from); err != nil {
			return err
		}
	}
	return writeJSON(filepath.Join(dir, planFile), plan{from, o.Repository, o.People})
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return atomicfile.WriteMode(path, append(data, '\n'), 0o600)
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// Open finds the server of a folder and asks whether it answers: ErrNone, ErrStopped.
func Open(ctx context.Context, dir string) (Access, error) {
	if _, err := os.Stat(filepath.Join(dir, planFile)); errors.Is(err, fs.ErrNotExist) {
		return Access{}, ErrNone
	}
	var a Access
	if err := readJSON(filepath.Join(dir, accessFile), &a); errors.Is(err, fs.ErrNotExist) {
		return Access{}, ErrStopped
	} else if err != nil {
		return Access{}, err
	}
	if err := ask(ctx, dir, a, http.MethodGet); err != nil {
		return a, err
	}
	return a, nil
}

// askTimeout bounds a question to the server, which is on this machine.
const askTimeout = 10 * time.Second

func ask(ctx context.Context, dir string, a Access, method string) error {
	secret, err := os.ReadFile(filepath.Join(dir, stopFile))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, a.URL+github.ControlPath, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(secret)))
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy: it is on loopback
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStopped, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%w: %s is somebody else", ErrStopped, a.URL)
	}
	return nil
}

// Down ends the server and removes its folder.
func Down(ctx context.Context, dir string) error {
	a, err := Open(ctx, dir)
	switch {
	case errors.Is(err, ErrNone):
		return err
	case err == nil:
		if err := ask(ctx, dir, a, http.MethodDelete); err != nil {
			return err
		}
		// It answers no more when it has let go of its files.
		for range 100 {
			if _, err := Open(ctx, dir); err != nil {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	case !errors.Is(err, ErrStopped):
		return err
	}
	return os.RemoveAll(dir)
}

// appPermissions are what the laboratory's App may: all that bcctl asks for.
var appPermissions = github.Permissions{
	"contents": "write", "pull_requests": "write", "issues": "write", "checks": "write", "statuses": "write",
	"administration": "read", "members": "read", "actions": "read",
}

// Host runs the server in this process until ctx is done or somebody asks it to
// stop. It calls ready when it answers.
func Host(ctx context.Context, dir string, log func(string), ready func() error) error {
	var p plan
	if err := readJSON(filepath.Join(dir, planFile), &p); err != nil {
		return err
	}
	files, err := contents(p.From)
	if err != nil {
		return err
	}
	var before Access
	known := readJSON(filepath.Join(dir, accessFile), &before) == nil
	o := github.Options{Repository: p.Repository, Files: files, Persist: true, Log: log}
	if known {
		o.Address = strings.TrimPrefix(before.URL, "http://")
	}
	srv, err := github.Start(dir, o)
	if err != nil && known {
		o.Address = "" // somebody else has the port now
		srv, err = github.Start(dir, o)
	}
	if err != nil {
		return err
	}
	stopped := make(chan struct{})
	secret := srv.Control(func() { close(stopped) })
	err = atomicfile.WriteMode(filepath.Join(dir, stopFile), []byte(secret+"\n"), 0o600)
	if err == nil {
		err = access(dir, srv, p, before, known)
	}
	if err == nil {
		err = ready()
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case <-stopped:
		}
	}
	return errors.Join(err, srv.Close())
}

// access adds people and writes what leads to the server.
func access(dir string, srv *github.Server, p plan, before Access, known bool) error {
	a := Access{URL: srv.URL(), Repository: srv.Name(), RepositoryID: srv.RepoID(), GitURL: srv.GitURL(), GitDir: srv.GitDir(), Tokens: map[string]string{}, People: p.People}
	if known {
		a.Tokens, a.App, a.Installation, a.AppKey = before.Tokens, before.App, before.Installation, before.AppKey
		return writeJSON(filepath.Join(dir, accessFile), a)
	}
	folder := filepath.Join(dir, "tokens")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	keep := func(name string, secret []byte) (string, error) {
		path := filepath.Join(folder, name)
		return path, atomicfile.WriteMode(path, secret, 0o600)
	}
	for i, person := range p.People {
		u := srv.AddPerson(person)
		a.People[i].ID = u.ID
		path, err := keep(person.Login, []byte(srv.Token(person.Login)+"\n"))
		if err != nil {
			return err
		}
		a.Tokens[person.Login] = path
	}
	// Rules as bcctl doctor asks for them. Without any, GitHub keeps no record of
	// whether a merge went past them.
	srv.AddRuleset(github.Ruleset{Name: "main", Include: []string{"~DEFAULT_BRANCH"}, Rules: []github.Rule{
		{Type: "deletion"}, {Type: "non_fast_forward"}, github.PullRequestRule(1),
	}})
	app := srv.AddApp("bcctl-lab", appPermissions)
	var err error
	a.App, a.Installation = app.ID, app.Installation
	if a.AppKey, err = keep("bcctl-lab.pem", app.Key); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, accessFile), a)
}

// maxFiles and maxBytes bound what the first commit may hold.
const (
	maxFiles = 20_000
	maxBytes = 64 << 20
)

// contents reads the ordinary files of a folder, without what git keeps there.
func contents(dir string) (map[string]string, error) {
	if dir == "" {
		return nil, nil
	}
	files, size := map[string]string{}, 0
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			return err
		}
		files[path] = string(data)
		if size += len(data); size > maxBytes || len(files) > maxFiles {
			return fmt.Errorf("%s holds more than %d files or %d bytes", dir, maxFiles, maxBytes)
		}
		return nil
	})
	return files, err
}

// Logins lists who has a token, in order.
func (a Access) Logins() []string {
	var all []string
	for login := range a.Tokens {
		all = append(all, login)
	}
	slices.Sort(all)
	return all
}

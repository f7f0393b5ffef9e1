package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/lab/github/openapi"
)

// Options say what a server starts with.
type Options struct {
	// Now is the clock of everything the server stamps. Nil: the machine's.
	Now func() time.Time

	// Violation is told what breaks GitHub's description: requests, answers, and calls
	// that nobody has modelled. Nil: Log is.
	Violation func(string)

	// Log is told what happens, a line each. Nil: nobody.
	Log func(string)

	// Repository is owner/name of the first repository. Empty: acme/recovery. The owner
	// is an organization.
	Repository string

	// Files are the first commit of its branch main. A new repository always has one.
	Files map[string]string

	// Address is where to listen. Empty: a free port of 127.0.0.1.
	Address string

	// Persist keeps the state in the folder after each change, so that a server started
	// there again goes on. Without it the folder is good for one server.
	Persist bool
}

// Server is a GitHub of one's own. Its methods may be called by several goroutines.
type Server struct {
	dir      string
	options  Options
	listener net.Listener
	http     *http.Server
	table    []route
	api      *openapi.Description
	ended    chan error

	mu       sync.Mutex
	st       *state
	faults   []*fault
	requests []string
	skew     time.Duration
	changed  bool
	latency  time.Duration
	said     map[string]string // by git, of commits by their ids
	control  string            // hash of the token that Control gave out
	stop     func()
}

// stateFile is the state's name in the folder. It holds no secret: tokens are kept
// as hashes, and of an App's key only the public half.
const stateFile = "github.json"

// Start makes a server, or with Persist opens the one that was in the folder. It
// listens on loopback until Close.
func Start(dir string, o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Violation == nil {
		o.Violation = func(what string) { o.Log("violation: " + what) }
	}
	if o.Repository == "" {
		o.Repository = "acme/recovery"
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(o.Address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen at %q: a laboratory is on loopback, such as 127.0.0.1:0", o.Address)
	}
	api, err := openapi.Load()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Server{dir: dir, options: o, api: api, ended: make(chan error, 1), said: map[string]string{}}
	if err := s.open(); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", o.Address); err != nil {
		return nil, fmt.Errorf("listen for the laboratory's GitHub: %w", err)
	}
	s.table = routes()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { s.ended <- s.http.Serve(s.listener) }()
	return s, nil
}

// open reads the state, or makes it.
func (s *Server) open() error {
	data, err := os.ReadFile(filepath.Join(s.dir, stateFile))
	if err == nil {
		s.st = &state{}
		if err := json.Unmarshal(data, s.st); err != nil {
			return fmt.Errorf("read the laboratory's GitHub in %s: %w", s.dir, err)
		}
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	now := s.now()
	// High, as GitHub's own are by now: people whose numbers are given come lower.
	s.st = &state{NextID: 7_000_000}
	for _, u := range []*user{
		{ID: ghostID, Login: "ghost", Type: "User", Created: now},
		{ID: webFlowID, Login: "web-flow", Type: "User", Emails: []string{"noreply@github.com"}, Created: now},
		{ID: queueID, Login: "github-merge-queue[bot]", Type: "Bot", Created: now},
	} {
		u.Name = u.Login
		s.st.Users = append(s.st.Users, u)
	}
	owner, name, ok := strings.Cut(s.options.Repository, "/")
	if !ok || owner == "" || name == "" {
		return fmt.Errorf("repository %q is not owner/name", s.options.Repository)
	}
	org := s.st.addUser(owner, "Organization", now)
	r, err := s.newRepo(org, name)
	if err != nil {
		return err
	}
	files := maps.Clone(s.options.Files)
	if len(files) == 0 {
		files = map[string]string{"README.md": "# " + name + "\n"}
	}
	g := s.bare(r)
	var entries []treeEntry
	for path, text := range files {
		sha, err := g.blob([]byte(text))
		if err != nil {
			return err
		}
		entries = append(entries, treeEntry{path, "100644", sha})
	}
	tree, err := g.treeWith("", entries)
	if err != nil {
		return err
	}
	by := ident{org.Name, noreply(org), now}
	first, err := g.write(commit{tree: tree, author: by, committer: by, message: "First commit"})
	if err != nil {
		return err
	}
	if err := g.setRef("refs/heads/main", first, ""); err != nil {
		return err
	}
	r.Refs = map[string]string{"refs/heads/main": first}
	return s.save()
}

func (s *Server) newRepo(owner *user, name string) (*repo, error) {
	r := &repo{
		ID: s.st.id(), Owner: owner.ID, Name: name, DefaultBranch: "main", Private: true, Created: s.now(), Pushed: s.now(),
		Roles: map[int64]string{}, Refs: map[string]string{}, WorkflowToken: "read",
	}
	if owner.Type == "User" {
		r.Roles[owner.ID] = "admin"
	}
	s.st.Repos = append(s.st.Repos, r)
	_, err := initBare(s.bare(r).dir)
	return r, err
}

func (s *Server) bare(r *repo) bare {
	return bare{filepath.Join(s.dir, "repositories", fmt.Sprintf("%d.git", r.ID)), &s.said}
}

// now is the clock, in whole seconds: github.com shows no more.
func (s *Server) now() time.Time { return s.options.Now().UTC().Truncate(time.Second) }

func (s *Server) save() error {
	if !s.options.Persist {
		return nil
	}
	data, err := json.MarshalIndent(s.st, "", "\t")
	if err != nil {
		return err
	}
	return atomicfile.WriteMode(filepath.Join(s.dir, stateFile), data, 0o600)
}

// URL is the address of the REST interface, as https://api.github.com is. The
// interface is also below /api/v3, as on GitHub Enterprise Server.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close ends the server. The folder stays.
func (s *Server) Close() error {
	err := s.http.Close()
	if e := <-s.ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// maxBody bounds a request.
const maxBody = 8 << 20

// SetLatency lets every answer wait for so long, as one that comes from far away
// does. Requests wait beside each other.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// far waits for the latency. It reports false when nobody waits for the answer any
// more.
func (s *Server) far(ctx context.Context) bool {
	s.mu.Lock()
	d := s.latency
	s.mu.Unlock()
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.far(r.Context()) {
		return
	}
	if owner, rest, ok := gitPath(r.URL.Path); ok {
		s.serveGit(w, r, owner, rest)
		return
	}
	if r.URL.Path == ControlPath {
		s.controlled(w, r)
		return
	}
	r.URL.Path, r.URL.RawPath = trimPrefix(r.URL.Path), trimPrefix(r.URL.RawPath)
	body, err := readAll(r.Body, maxBody)
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	a := s.answer(r, body, nil)
	s.write(w, r, a)
}

// trimPrefix takes away what GitHub Enterprise Server has before its paths.
func trimPrefix(path string) string {
	for _, prefix := range []string{"/api/v3", "/api"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && strings.HasPrefix(rest, "/") {
			return rest
		}
	}
	return path
}

// answer is what goes back.
type answer struct {
	status int
	header http.Header
	body   []byte
	drop   bool // break the connection instead
}

// answer works a request out. As is who asks, when it is not a token but the
// laboratory itself: such a request meets no fault.
func (s *Server) answer(r *http.Request, body []byte, as *identity) (out answer) {
	line := r.Method + " " + r.URL.Path
	var f *fault
	if as == nil {
		s.mu.Lock()
		s.requests = append(s.requests, line)
		f = s.faultFor(r.Method, r.URL.Path)
		s.mu.Unlock()
		if f != nil && f.Before != nil {
			f.Before() // somebody is first; without the lock, so that it may be anybody
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Log(line)
	c := &call{s: s, st: s.st, r: r, body: body, header: http.Header{}, as: as, fault: f}
	switch {
	case f != nil && f.DropBefore:
		return answer{drop: true}
	case f != nil && f.Status != 0:
		return c.finish(f.reply(s.now()))
	case f != nil && f.frozen != nil && r.Method == http.MethodGet:
		if err := json.Unmarshal(f.frozen, c.fresh()); err != nil {
			return c.finish(fail(http.StatusInternalServerError, err.Error()))
		}
	default:
		for _, repo := range s.st.Repos {
			if err := s.sync(repo, nil); err != nil {
				return c.finish(fail(http.StatusInternalServerError, err.Error()))
			}
		}
	}
	c.serve()
	if s.changed || r.Method != http.MethodGet {
		s.changed = false
		if err := s.save(); err != nil {
			return c.finish(fail(http.StatusInternalServerError, err.Error()))
		}
	}
	out = c.finish(c.reply)
	if f != nil && f.DropAfter {
		out.drop = true
	}
	return out
}

func (c *call) fresh() *state {
	c.st = &state{}
	return c.st
}

// write sends an answer, or breaks the connection.
func (s *Server) write(w http.ResponseWriter, r *http.Request, a answer) {
	if a.drop {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // the client is gone: nothing to do about it
	}
}

// endpoint is an operation with the permission that it needs of a token.
type endpoint struct {
	op    string // as in GitHub's description
	needs string // permission:level, or several with | between, or nothing
	serve func(*call) reply
}

// call is a request on its way.
type call struct {
	s      *Server
	st     *state
	r      *http.Request
	body   []byte
	header http.Header
	as     *identity
	fault  *fault
	op     string
	values map[string]string
	reply  reply
	repo   *repo
	links  string
}

// identity is who asks.
type identity struct {
	user  *user
	app   *app
	token *token // nil: the laboratory itself, or a JWT
	jwt   bool
}

type reply struct {
	status int
	body   any
	header http.Header
}

func ok(body any) reply      { return reply{status: http.StatusOK, body: body} }
func created(body any) reply { return reply{status: http.StatusCreated, body: body} }

const docs = "https://docs.github.com/rest"

// fail is an error as GitHub writes it.
func fail(status int, message string) reply {
	return reply{status: status, body: obj{"message": message, "documentation_url": docs, "status": fmt.Sprint(status)}}
}

// invalid is 422 with a word on each field.
func invalid(resource, field, code, message string) reply {
	e := obj{"resource": resource, "field": field, "code": code}
	if message != "" {
		e["message"] = message
	}
	return reply{status: http.StatusUnprocessableEntity, body: obj{"message": "Validation Failed", "errors": []any{e}, "documentation_url": docs, "status": "422"}}
}

// unprocessable is 422 in one sentence.
func unprocessable(message string) reply {
	return reply{status: http.StatusUnprocessableEntity, body: obj{"message": "Unprocessable Entity", "errors": []any{message}, "documentation_url": docs, "status": "422"}}
}

func notFound() reply { return fail(http.StatusNotFound, "Not Found") }

// broken is an error of the laboratory itself.
func broken(err error) reply { return fail(http.StatusInternalServerError, "laboratory: "+err.Error()) }

// serve finds the operation, checks who asks and what, and does it.
func (c *call) serve() {
	path := c.r.URL.EscapedPath()
	// A repository is also known by its number, though no description says so.
	if rest, ok := strings.CutPrefix(path, "/repositories/"); ok {
		id, tail, _ := strings.Cut(rest, "/")
		for _, r := range c.st.Repos {
			if fmt.Sprint(r.ID) == id {
				path = strings.TrimSuffix("/repos/"+c.st.fullName(r)+"/"+tail, "/")
			}
		}
	}
	if path == "/graphql" {
		c.op = "GRAPHQL"
		c.graphql()
		return
	}
	e, values, found := c.s.find(c.r.Method, path)
	if !found {
		c.s.options.Violation(fmt.Sprintf("%s %s: not modelled by the laboratory", c.r.Method, path))
		c.reply = notFound()
		return
	}
	c.op, c.values = e.op, values
	if err := c.s.api.Request(c.op, c.r.URL.Query(), c.r.Header.Get("Content-Type"), c.body); err != nil {
		c.s.options.Violation(err.Error())
	}
	if c.reply = c.authorize(e.needs); c.reply.status != 0 {
		return
	}
	c.reply = e.serve(c)
}

// finish makes bytes of a reply and checks them.
func (c *call) finish(r reply) answer {
	h := c.header
	maps.Copy(h, r.header)
	h.Set("Date", c.s.options.Now().Add(c.s.skew).UTC().Format(http.TimeFormat))
	h.Set("X-Github-Request-Id", fmt.Sprintf("LAB:%d", len(c.s.requests)))
	h.Set("X-Github-Media-Type", "github.v3; format=json")
	if c.links != "" {
		h.Set("Link", c.links)
	}
	var body []byte
	switch b := r.body.(type) {
	case nil:
	case []byte:
		body = b
		h.Set("Content-Type", "application/vnd.github.raw+json; charset=utf-8")
	default:
		var buffer bytes.Buffer
		e := json.NewEncoder(&buffer)
		e.SetEscapeHTML(false)
		if err := e.Encode(b); err != nil {
			c.s.options.Violation(fmt.Sprintf("%s: %v", c.op, err))
		}
		body = bytes.TrimSpace(buffer.Bytes())
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	if c.fault != nil && c.fault.Rewrite != nil {
		body = c.fault.Rewrite(body)
	}
	if _, raw := r.body.([]byte); !raw && c.op != "" && c.op != "GRAPHQL" {
		if err := c.s.api.Response(c.op, r.status, body); err != nil {
			c.s.options.Violation(err.Error())
		}
	}
	c.limits(h)
	return answer{status: r.status, header: h, body: body}
}

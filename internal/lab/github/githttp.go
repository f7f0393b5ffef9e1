package github

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi" //nolint:gosec // only git http-backend runs behind it, without the header that was once abused
	"os/exec"
	"strconv"
	"strings"
)

// gitPath splits what git asks of a repository: /owner/name.git/info/refs.
func gitPath(path string) (name, rest string, found bool) {
	name, rest, found = strings.Cut(strings.TrimPrefix(path, "/"), ".git/")
	if !found || strings.Count(name, "/") != 1 {
		return "", "", false
	}
	return name, "/" + rest, true
}

// maxPack bounds a push.
const maxPack = 64 << 20

// serveGit answers git over HTTP with git's own server program. Who pushes is known
// from the token; rules are asked before anything is received.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request, name, rest string) {
	body, err := readAll(r.Body, maxPack)
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	f := s.faultFor(r.Method, r.URL.Path)
	if f != nil && (f.DropBefore || f.Status != 0) {
		if f.DropBefore {
			panic(http.ErrAbortHandler)
		}
		http.Error(w, http.StatusText(f.Status), f.Status)
		return
	}
	c := &call{s: s, st: s.st, r: r, header: http.Header{}}
	id, refused := c.who()
	if refused.status != 0 {
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		http.Error(w, "Repository not found", http.StatusUnauthorized)
		return
	}
	c.as = id
	found, moved := s.st.named(name)
	if found == nil || !c.reaches(found) {
		http.Error(w, "Repository not found.", http.StatusNotFound)
		return
	}
	if moved {
		http.Redirect(w, r, s.URL()+"/"+s.st.fullName(found)+".git"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
		return
	}
	c.repo = found
	pushing := rest == "/git-receive-pack" || r.URL.Query().Get("service") == "git-receive-pack"
	need := "contents:read"
	if pushing {
		need = "contents:write"
	}
	if !permits(id, need) || !atLeast(c.roleHere(), roleFor(need)) {
		http.Error(w, fmt.Sprintf("Permission to %s.git denied to %s.", name, id.user.Login), http.StatusForbidden)
		return
	}
	if err := s.sync(found, nil); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	env := gitEnv("GIT_PROJECT_ROOT="+s.bare(found).dir, "GIT_HTTP_EXPORT_ALL=1", AsVariable+"="+id.user.Login, "REMOTE_USER="+id.user.Login)
	if v := r.Header.Get("Git-Protocol"); v != "" {
		env = append(env, "GIT_PROTOCOL="+v)
	}
	if rest == "/git-receive-pack" {
		if say := s.refusesPush(found, id.user, plain(r, body)); say != "" {
			env = append(env, refuseVariable+"="+say)
		}
	}
	program, err := exec.LookPath("git")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	again := r.Clone(r.Context())
	again.URL.Path = rest
	again.Body, again.ContentLength, again.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	again.Header.Del("Proxy")
	(&cgi.Handler{Path: program, Args: []string{"http-backend"}, Dir: s.bare(found).dir, Env: env}).ServeHTTP(w, again)
	if err := s.sync(found, id.user); err != nil {
		s.options.Violation(err.Error())
	}
	if err := s.save(); err != nil {
		s.options.Violation(err.Error())
	}
	if f != nil && f.DropAfter {
		panic(http.ErrAbortHandler)
	}
}

// plain is a body as it was before git compressed it.
func plain(r *http.Request, body []byte) []byte {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return body
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	data, err := readAll(z, maxPack)
	if err != nil {
		return nil
	}
	return data
}

// refusesPush reads which refs a push moves, from the lines at its start, and asks
// the rules. That a push is no fast forward can be seen only after its objects have
// come, so a ref that must not be forced is asked with what is known.
func (s *Server) refusesPush(r *repo, by *user, body []byte) string {
	for len(body) >= 4 {
		size, err := strconv.ParseUint(string(body[:4]), 16, 16)
		if err != nil || size < 5 || int(size) > len(body) {
			return ""
		}
		line, _, _ := strings.Cut(string(body[4:size]), "\x00")
		body = body[size:]
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		before, after := normal(f[0]), normal(f[1])
		failed := s.against(r, f[2], before, after, by)
		if after != "" && !s.bare(r).exists(after) {
			failed = withoutForce(failed)
		}
		if say := s.refuses(r, failed, by, false); say != "" {
			return say
		}
	}
	return ""
}

// withoutForce leaves out the rule that cannot be judged yet.
func withoutForce(all []broke) []broke {
	var kept []broke
	for _, b := range all {
		if b.rule != "non_fast_forward" {
			kept = append(kept, b)
		}
	}
	return kept
}

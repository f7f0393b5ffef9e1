package github

import (
	"net/url"
	"slices"
	"strings"
)

// route is an endpoint with its path in parts. Go's own mux cannot hold GitHub's
// paths: /issues/comments/{id} and /issues/{number}/comments overlap, and neither is
// narrower than the other.
type route struct {
	endpoint
	method string
	parts  []string
	tail   bool // the last parameter takes all that is left, slashes too
}

// tails are parameters that may hold slashes.
var tails = []string{"{ref}", "{path}", "{branch}", "{basehead}"}

func routes() []route {
	var all []route
	for _, e := range endpoints() {
		method, path, _ := strings.Cut(e.op, " ")
		parts := strings.Split(path, "/")
		all = append(all, route{e, method, parts, slices.Contains(tails, parts[len(parts)-1])})
	}
	return all
}

// match returns what a path's parameters are, and how narrow the match is: the more
// parts are words, the narrower.
func (r route) match(path []string) (values map[string]string, words int, ok bool) {
	if len(path) != len(r.parts) && !(r.tail && len(path) >= len(r.parts)) {
		return nil, 0, false
	}
	values = map[string]string{}
	for i, part := range r.parts {
		text := path[i]
		if r.tail && i == len(r.parts)-1 {
			text = strings.Join(path[i:], "/")
		}
		if !strings.HasPrefix(part, "{") {
			if part != text {
				return nil, 0, false
			}
			words++
			continue
		}
		if plain, err := url.PathUnescape(text); err == nil {
			text = plain
		}
		values[strings.Trim(part, "{}")] = text
	}
	if len(path) == len(r.parts) {
		words++ // a tail that is one part is narrower than one of several
	}
	return values, words, true
}

// find returns the endpoint of a request.
func (s *Server) find(method, path string) (found endpoint, values map[string]string, ok bool) {
	parts, best := strings.Split(path, "/"), -1
	for _, r := range s.table {
		if r.method != method {
			continue
		}
		if v, words, fits := r.match(parts); fits && words > best {
			found, values, best, ok = r.endpoint, v, words, true
		}
	}
	return found, values, ok
}

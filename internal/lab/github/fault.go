package github

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is what goes wrong with requests that come over the network. The first
// fault that matches takes a request; others wait for the next.
type Fault struct {
	// Match is a method and a path, such as "POST /repos/*/git/refs". A star stands for
	// anything, slashes too. Either part may be left out; "GET" is all reads.
	Match string

	Skip  int // so many matching requests go well first
	Times int // then so many do not; 0 is one, less than 0 is all

	// Status answers with an error instead of doing anything, in GitHub's own words or
	// in Message.
	Status  int
	Message string

	// With status 403 or 429:
	RetryAfter time.Duration // the header; 0: none
	Primary    bool          // the hour's requests are used up, until Reset
	Reset      time.Time
	Secondary  bool // "You have exceeded a secondary rate limit"

	DropBefore  bool // the connection breaks, nothing is done
	DropAfter   bool // the connection breaks, and it is done
	Stale       bool // reads answer from the state as it was at Inject
	EndlessNext bool // lists always have a next page

	// Rewrite changes an answer before it is checked against GitHub's description.
	Rewrite func(body []byte) []byte

	// Before runs before the request is looked at: somebody else is first.
	Before func()
}

type fault struct {
	Fault
	seen   int
	frozen []byte
}

// Inject adds a fault.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	kept := &fault{Fault: f}
	if f.Stale {
		data, err := json.Marshal(s.st)
		if err != nil {
			s.options.Violation("freeze the state: " + err.Error())
		}
		kept.frozen = data
	}
	s.faults = append(s.faults, kept)
}

// Heal takes all faults away.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// SetSkew puts the Date header off.
func (s *Server) SetSkew(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = by
}

// Requests lists what came over the network, as "GET /repos/acme/recovery".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

func (s *Server) faultFor(method, path string) *fault {
	for _, f := range s.faults {
		if !f.matches(method, path) {
			continue
		}
		f.seen++
		if f.seen > f.Skip && (f.Times < 0 || f.seen <= f.Skip+f.Times) {
			return f
		}
	}
	return nil
}

func (f *fault) matches(method, path string) bool {
	for part := range strings.FieldsSeq(f.Match) {
		if strings.HasPrefix(part, "/") || strings.HasPrefix(part, "*") {
			if !glob(part, path) {
				return false
			}
		} else if part != method {
			return false
		}
	}
	return true
}

// glob matches text with a pattern in which a star stands for anything.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	rest, found := strings.CutPrefix(text, parts[0])
	if !found {
		return false
	}
	for i, part := range parts[1:] {
		if i == len(parts)-2 {
			return strings.HasSuffix(rest, part)
		}
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return rest == ""
}

// reply is the error in GitHub's words.
func (f *fault) reply(now time.Time) reply {
	if f.Primary {
		reset := f.Reset
		if reset.IsZero() {
			reset = now.Add(time.Hour)
		}
		r := rateLimited(reset)
		r.status = f.Status
		return r
	}
	message := f.Message
	if message == "" {
		message = map[int]string{
			http.StatusForbidden: "Resource not accessible by integration", http.StatusNotFound: "Not Found", http.StatusBadGateway: "Server Error",
			http.StatusTooManyRequests: "API rate limit exceeded", http.StatusServiceUnavailable: "Service unavailable",
		}[f.Status]
	}
	if message == "" {
		message = http.StatusText(f.Status)
	}
	if f.Secondary {
		message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
	}
	r := fail(f.Status, message)
	if f.Secondary {
		r.body = obj{"message": message, "documentation_url": "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}
	}
	if f.RetryAfter > 0 {
		r.header = http.Header{"Retry-After": {strconv.Itoa(int(f.RetryAfter.Seconds()))}}
	}
	return r
}

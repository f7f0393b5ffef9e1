package github

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"
)

// ControlPath is where whoever has the token of Control asks whether the server is
// there (GET), or for its end (DELETE). github.com has no such thing.
const ControlPath = "/_lab/server"

// Control returns a token for ControlPath. Stop is called once, by who asks for the
// end.
func (s *Server) Control(stop func()) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := rand.Text()
	s.control, s.stop = hashToken(token), stop
	return token
}

func (s *Server) controlled(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	known := subtle.ConstantTimeCompare([]byte(hashToken(token)), []byte(s.control)) == 1
	stop := s.stop
	if known && r.Method == http.MethodDelete {
		s.stop = nil
	}
	s.mu.Unlock()
	switch {
	case !known:
		http.Error(w, "Not Found", http.StatusNotFound)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
		_ = http.NewResponseController(w).Flush() // before the connection is closed; who asked is gone otherwise
		if stop != nil {
			stop()
		}
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

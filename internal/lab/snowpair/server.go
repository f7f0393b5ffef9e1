package snowpair

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxBody bounds a request's body, packed and unpacked.
const maxBody = 4 << 20

// handler answers everything that comes to one account's URL.
func (p *Pair) handler(s *site) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		if p.ended {
			p.mu.Unlock()
			return
		}
		p.handlers.Add(1)
		p.counts.Requests++
		release, status := s.release, s.status
		hangs := s.mode == hung
		p.mu.Unlock()
		defer p.handlers.Done()
		if hangs {
			select {
			case <-release:
			case <-r.Context().Done():
			case <-p.closed:
			}
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		body, ok := read(w, r)
		if !ok {
			return
		}
		p.route(&packing{w, strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")}, r, s, body)
	})
}

func (p *Pair) route(w http.ResponseWriter, r *http.Request, s *site, body []byte) {
	p.mu.Lock()
	if s.leads != "" {
		s.serves = p.org.leadsTo(s.leads)
	}
	a := s.serves
	p.mu.Unlock()
	post := r.Method == http.MethodPost
	switch path := r.URL.Path; {
	case path == "/session/v1/login-request" && post:
		p.login(w, r, s, body)
	case path == "/session/token-request" && post:
		p.renew(w, r, a, body)
	case path == "/session" && post && r.URL.Query().Get("delete") == "true":
		p.endSession(w, r, a)
	case path == "/session/heartbeat" && post:
		p.heartbeat(w, r, a)
	case path == "/queries/v1/query-request" && post:
		p.queryRequest(w, r, a, body)
	case path == "/queries/v1/abort-request" && post:
		p.abortRequest(w, r, a, body)
	case strings.HasPrefix(path, "/queries/") && strings.HasSuffix(path, "/result") && r.Method == http.MethodGet:
		p.queryResult(w, r, a, strings.TrimSuffix(strings.TrimPrefix(path, "/queries/"), "/result"))
	case strings.HasPrefix(path, "/monitoring/queries/") && r.Method == http.MethodGet:
		p.queryStatus(w, r, a, strings.TrimPrefix(path, "/monitoring/queries/"))
	case strings.HasPrefix(path, "/telemetry/"):
		p.mu.Lock()
		p.counts.Telemetry++
		p.mu.Unlock()
		accept(w, "Log Received")
	case path == "/api/v2/statements" && post:
		p.submit(w, r, s, body)
	case strings.HasPrefix(path, "/api/v2/statements/"):
		p.statementHandle(w, r, s, strings.TrimPrefix(path, "/api/v2/statements/"))
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

// read takes a request's body, unpacked. It answers the request itself when it
// cannot.
func read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	var in io.Reader = http.MaxBytesReader(w, r.Body, maxBody)
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(in)
		if err != nil {
			http.Error(w, "body is not gzip", http.StatusBadRequest)
			return nil, false
		}
		in = io.LimitReader(z, maxBody+1)
	}
	body, err := io.ReadAll(in)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) || len(body) > maxBody:
		http.Error(w, "body is too large", http.StatusRequestEntityTooLarge)
		return nil, false
	case err != nil:
		http.Error(w, "body cannot be read", http.StatusBadRequest)
		return nil, false
	}
	return body, true
}

// decode reads a body as JSON, or refuses the request.
func decode(w http.ResponseWriter, body []byte, into any) bool {
	if err := json.Unmarshal(body, into); err != nil {
		http.Error(w, "body is not the JSON that is expected", http.StatusBadRequest)
		return false
	}
	return true
}

// accept answers that something was done.
func accept(w http.ResponseWriter, data any) {
	answer(w, http.StatusOK, map[string]any{"data": data, "message": nil, "code": nil, "success": true})
}

// refuse answers with a code of the service.
func refuse(w http.ResponseWriter, code, message string) {
	answer(w, http.StatusOK, map[string]any{
		"data": map[string]any{"nextAction": "RETRY_LOGIN", "pwdLastSetTime": nil}, "code": code, "message": message, "success": false, "headers": nil,
	})
}

// number6 writes a code with six digits.
func number6(code int) string { return fmt.Sprintf("%06d", code) }

// worthPacking is the size from which an answer is compressed, for those who take
// it.
const worthPacking = 1 << 10

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if p, ok := w.(*packing); ok && p.accepts && len(body) >= worthPacking {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write(body)
		if err == nil {
			err = z.Close()
		}
		if err == nil {
			w.Header().Set("Content-Encoding", "gzip")
			body = b.Bytes()
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever went away does not need it
}

// packing is a response to a client that says whether it takes gzip.
type packing struct {
	http.ResponseWriter
	accepts bool
}

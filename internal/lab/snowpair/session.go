package snowpair

import (
	"crypto/rand"
	"net/http"
	"strings"
	"time"
)

// Codes of the service that are about sessions.
const (
	codeNoToken        = "390101" // no Authorization header
	codeUnknownToken   = "390111" // the session no longer exists
	codeTokenExpired   = "390112" // renew it with the master token
	codeMasterExpired  = "390114" // log in again
	codeBadCredentials = "390100"
	codeBadJWT         = "390144"
	codeBadPAT         = "394400"
	codeNetworkPolicy  = "390422"
	codeBadRole        = "390189"
	codeBadDefault     = "390201" // a warehouse or database of the login does not exist
	codeInProgress     = "333333"
	codeInProgressNow  = "333334"
	codeNotExecuting   = "000605"
)

// session is a login. Tokens go to the client; a renewal replaces both.
type session struct {
	id         int64
	account    *account
	user       string
	role       string
	warehouse  string
	database   string
	schema     string
	client     string
	available  []string // roles
	parameters map[string]any
	token      string
	master     string
	expires    time.Time
	dies       time.Time // the master token
	lastQuery  string
	closed     bool
}

// maxSessions bounds what forgotten logins cost.
const maxSessions = 4096

// newSession begins a session. Pair.mu is held.
func (p *Pair) newSession(a *account, u *user, now time.Time) *session {
	s := &session{
		id: int64(1<<40 + p.org.nextSerial()), account: a, user: u.name, role: u.role, warehouse: u.warehouse, available: u.roles,
		parameters: map[string]any{},
	}
	if w := s.warehouse; w != "" && !a.has(s.role, onWarehouse, w) {
		s.warehouse = ""
	}
	p.give(s, now)
	p.open = append(p.open, s)
	if len(p.open) > maxSessions {
		p.forget(p.open[0])
		p.open = p.open[1:]
	}
	return s
}

// give makes new tokens for a session. The old ones are known as expired.
func (p *Pair) give(s *session, now time.Time) {
	old := s.token
	s.token, s.master = "ver:3-hint:"+rand.Text()+rand.Text(), "ver:3-hint:"+rand.Text()+rand.Text()
	s.expires, s.dies = now.Add(p.options.TokenLife), now.Add(p.options.MasterLife)
	for token, of := range p.sessions {
		if of == s && token != old {
			delete(p.sessions, token)
		}
	}
	p.sessions[s.token], p.sessions[s.master] = s, s
}

func (p *Pair) forget(s *session) {
	s.closed = true
	for token, of := range p.sessions {
		if of == s {
			delete(p.sessions, token)
		}
	}
}

// headerToken reads Authorization: Snowflake Token="...".
func headerToken(r *http.Request) string {
	h := r.Header.Get("Authorization")
	rest, ok := strings.CutPrefix(h, "Snowflake Token=")
	if !ok {
		return ""
	}
	return strings.Trim(rest, `"`)
}

// session finds the session of a request; the code says why there is none.
func (p *Pair) session(r *http.Request, a *account, now time.Time) (*session, string) {
	token := headerToken(r)
	if token == "" {
		return nil, codeNoToken
	}
	s := p.sessions[token]
	switch {
	case s == nil || s.closed || s.account != a:
		return nil, codeUnknownToken
	case token == s.master:
		return nil, codeUnknownToken
	case token != s.token || !now.Before(s.expires):
		return nil, codeTokenExpired
	}
	return s, ""
}

// sessionMessage is what the service says beside a code.
func sessionMessage(code string) string {
	switch code {
	case codeNoToken:
		return "Authorization header not found in the request data."
	case codeTokenExpired:
		return "Your session has expired. Please login again."
	case codeMasterExpired:
		return "Authentication token has expired.  The user must authenticate again."
	}
	return "Session no longer exists.  New login required to access the service."
}

// renew answers /session/token-request.
func (p *Pair) renew(w http.ResponseWriter, r *http.Request, a *account, body []byte) {
	var req struct {
		Old  string `json:"oldSessionToken"`
		Type string `json:"requestType"`
	}
	if !decode(w, body, &req) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	p.counts.Renewals++
	token := headerToken(r)
	s := p.sessions[token]
	switch {
	case token == "":
		refuse(w, codeNoToken, sessionMessage(codeNoToken))
	case s == nil || s.closed || s.account != a || token != s.master || req.Type != "RENEW" || p.sessions[req.Old] != s:
		refuse(w, codeUnknownToken, sessionMessage(codeUnknownToken))
	case !now.Before(s.dies):
		refuse(w, codeMasterExpired, sessionMessage(codeMasterExpired))
	default:
		p.give(s, now)
		accept(w, map[string]any{
			"sessionToken": s.token, "validityInSecondsST": int64(p.options.TokenLife.Seconds()),
			"masterToken": s.master, "validityInSecondsMT": int64(p.options.MasterLife.Seconds()), "sessionId": s.id,
		})
	}
}

// endSession answers /session?delete=true.
func (p *Pair) endSession(w http.ResponseWriter, r *http.Request, a *account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	s, code := p.session(r, a, now)
	if code == codeTokenExpired { // an expired session may still say goodbye
		s = p.sessions[headerToken(r)]
	}
	if s == nil {
		refuse(w, code, sessionMessage(code))
		return
	}
	p.forget(s)
	p.counts.Closed++
	// The driver's documentation says that a session that was logged out of cannot
	// sustain statements; there it takes minutes.
	for _, id := range p.recent {
		if q := p.queries[id]; q.session == s && q.status(now) == queryRunning {
			q.abort(now)
			p.counts.Orphaned++
		}
	}
	accept(w, nil)
}

// heartbeat answers /session/heartbeat, which keeps a session alive.
func (p *Pair) heartbeat(w http.ResponseWriter, r *http.Request, a *account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	s, code := p.session(r, a, now)
	if s == nil {
		refuse(w, code, sessionMessage(code))
		return
	}
	p.counts.Heartbeats++
	s.dies = now.Add(p.options.MasterLife)
	accept(w, nil)
}

package snowpair

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// loginRequest is the body of /session/v1/login-request.
type loginRequest struct {
	Data struct {
		App        string         `json:"CLIENT_APP_ID"`
		Version    string         `json:"CLIENT_APP_VERSION"`
		Account    string         `json:"ACCOUNT_NAME"`
		User       string         `json:"LOGIN_NAME"`
		Password   string         `json:"PASSWORD"`
		Method     string         `json:"AUTHENTICATOR"`
		Token      string         `json:"TOKEN"`
		Parameters map[string]any `json:"SESSION_PARAMETERS"`
	} `json:"data"`
}

// login answers /session/v1/login-request.
func (p *Pair) login(w http.ResponseWriter, r *http.Request, site *site, body []byte) {
	var req loginRequest
	if !decode(w, body, &req) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	p.counts.Logins++
	a := site.serves
	elsewhere := a != site.home
	if !elsewhere && !a.identifiedAs(req.Data.Account) {
		w.WriteHeader(http.StatusForbidden) // how a wrong account name shows
		return
	}
	if a.refuse != nil {
		refuse(w, number6(a.refuse.code), a.refuse.message)
		return
	}
	u, code, message := a.authenticate(req, elsewhere)
	if code != "" {
		p.counts.Refused++
		refuse(w, code, message)
		return
	}
	s := p.newSession(a, u, now)
	s.client = strings.TrimSpace(req.Data.App + " " + req.Data.Version)
	if code, message := p.startup(s, r.URL.Query(), req.Data.Parameters); code != "" {
		p.forget(s)
		refuse(w, code, message)
		return
	}
	if slices.Contains(p.broken, faultExpireTokens) {
		s.expires = now // the first statement finds it expired
	}
	u.logins++
	accept(w, map[string]any{
		"token": s.token, "validityInSeconds": int64(p.options.TokenLife.Seconds()),
		"masterToken": s.master, "masterValidityInSeconds": int64(p.options.MasterLife.Seconds()),
		"displayUserName": u.name, "serverVersion": p.org.release, "firstLogin": false, "remMeToken": nil, "remMeValidityInSeconds": 0,
		"healthCheckInterval": 45, "newClientForUpgrade": nil, "sessionId": s.id, "idToken": nil, "idTokenValidityInSeconds": 0,
		"mfaToken": nil, "mfaTokenValidityInSeconds": 0, "responseData": nil,
		"parameters":  clientParameters(),
		"sessionInfo": map[string]any{"databaseName": null(s.database), "schemaName": null(s.schema), "warehouseName": null(s.warehouse), "roleName": null(s.role)},
	})
}

// authenticate finds the user of a login. The code says why there is none.
func (a *account) authenticate(req loginRequest, elsewhere bool) (u *user, code, message string) {
	d := req.Data
	switch strings.ToUpper(d.Method) {
	case "SNOWFLAKE_JWT":
		u, err := a.keyPairUser(d.Token, elsewhere, time.Now())
		if err != nil || u.refused {
			return nil, codeBadJWT, "JWT token is invalid. [" + queryID(a.org.nextSerial()) + "]"
		}
		return u, "", ""
	case "PROGRAMMATIC_ACCESS_TOKEN":
		u := a.users[strings.ToUpper(d.User)]
		if u == nil || u.token == "" || u.refused || !same(u.token, d.Token) {
			return nil, codeBadPAT, "Programmatic access token is invalid."
		}
		return u, "", ""
	case "", "SNOWFLAKE", "USERNAME_PASSWORD_MFA":
		u := a.users[strings.ToUpper(d.User)]
		if u == nil || u.password == "" || u.refused || !same(u.password, d.Password) {
			return nil, codeBadCredentials, "Incorrect username or password was specified."
		}
		return u, "", ""
	}
	return nil, codeBadCredentials, "Authenticator " + d.Method + " is not accepted."
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// startup applies what a login asks for: role, warehouse, database, parameters.
func (p *Pair) startup(s *session, q url.Values, parameters map[string]any) (code, message string) {
	a := s.account
	for k, v := range parameters {
		s.parameters[strings.ToUpper(k)] = v
	}
	if role := strings.ToUpper(q.Get("roleName")); role != "" {
		if !slices.Contains(s.available, role) {
			return codeBadRole, "Role '" + role + "' specified in the connect string does not exist or not authorized. Contact your local system administrator, or attempt to login with another role, e.g. PUBLIC."
		}
		s.role = role
		if s.warehouse != "" && !a.has(role, onWarehouse, s.warehouse) {
			s.warehouse = ""
		}
	}
	strict := truth(s.parameters["CLIENT_VALIDATE_DEFAULT_PARAMETERS"])
	if w := strings.ToUpper(q.Get("warehouse")); w != "" {
		s.warehouse = ""
		if a.warehouse(w) != nil && a.has(s.role, onWarehouse, w) {
			s.warehouse = w
		} else if strict {
			return codeBadDefault, "The requested warehouse does not exist or not authorized."
		}
	}
	if d := strings.ToUpper(q.Get("databaseName")); d != "" {
		if d == sharedDatabase || a.database(d) != nil && a.has(s.role, onDatabase, d) {
			s.database, s.schema = d, "PUBLIC"
		} else if strict {
			return codeBadDefault, "The requested database does not exist or not authorized."
		}
	}
	if schema := strings.ToUpper(q.Get("schemaName")); schema != "" && s.database != "" {
		s.schema = schema
	}
	return "", ""
}

// clientParameters are those that drivers look at.
func clientParameters() []map[string]any {
	var out []map[string]any
	for _, p := range []struct {
		name  string
		value any
	}{
		{"TIMEZONE", "America/Los_Angeles"},
		{"TIMESTAMP_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM"},
		{"CLIENT_TELEMETRY_ENABLED", true},
		{"CLIENT_SESSION_KEEP_ALIVE", false},
		{"CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", 3600},
		{"CLIENT_RESULT_CHUNK_SIZE", 160},
		{"CLIENT_PREFETCH_THREADS", 4},
		{"AUTOCOMMIT", true},
		{"QUERY_CONTEXT_CACHE_SIZE", 5},
		{"GO_QUERY_RESULT_FORMAT", "json"},
		{"JS_TREAT_INTEGER_AS_BIGINT", false},
		{"CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", 65280},
	} {
		out = append(out, map[string]any{"name": p.name, "value": p.value})
	}
	return out
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

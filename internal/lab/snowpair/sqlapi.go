package snowpair

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The SQL API is the interface that Snowflake documents for clients without a
// driver: /api/v2/statements. It has no sessions; each request carries a token.

type statementBody struct {
	Statement string              `json:"statement"`
	Timeout   int64               `json:"timeout"`
	Database  string              `json:"database"`
	Schema    string              `json:"schema"`
	Warehouse string              `json:"warehouse"`
	Role      string              `json:"role"`
	Bindings  map[string]bindBody `json:"bindings"`
	// Parameters are session parameters such as query_tag.
	Parameters map[string]any `json:"parameters"`
}

// bearer finds the user of a request of the SQL API.
func (p *Pair) bearer(r *http.Request, site *site) (*user, string, string) {
	a := site.serves
	if a.refuse != nil {
		return nil, number6(a.refuse.code), a.refuse.message
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, codeNoToken, sessionMessage(codeNoToken)
	}
	switch r.Header.Get("X-Snowflake-Authorization-Token-Type") {
	case "PROGRAMMATIC_ACCESS_TOKEN":
		for _, name := range sortedKeys(a.users) {
			if u := a.users[name]; u.token != "" && !u.refused && same(u.token, token) {
				return u, "", ""
			}
		}
		return nil, codeBadPAT, "Programmatic access token is invalid."
	case "", "KEYPAIR_JWT":
		if u, err := a.keyPairUser(token, a != site.home, time.Now()); err == nil && !u.refused {
			return u, "", ""
		}
		return nil, codeBadJWT, "JWT token is invalid."
	}
	return nil, "390303", "Invalid OAuth access token."
}

// submit answers POST /api/v2/statements.
func (p *Pair) submit(w http.ResponseWriter, r *http.Request, site *site, body []byte) {
	var req statementBody
	if !decode(w, body, &req) {
		return
	}
	p.mu.Lock()
	now := p.org.advance()
	p.counts.Logins++
	u, code, message := p.bearer(r, site)
	if u == nil {
		p.counts.Refused++
		p.mu.Unlock()
		answer(w, http.StatusUnauthorized, map[string]any{"code": code, "message": message})
		return
	}
	s := p.newSession(site.serves, u, now)
	query := r.URL.Query()
	for key, value := range map[string]string{"roleName": req.Role, "warehouse": req.Warehouse, "databaseName": req.Database, "schemaName": req.Schema} {
		query.Set(key, value)
	}
	code, message = p.startup(s, query, req.Parameters)
	if code != "" {
		p.forget(s)
		p.mu.Unlock()
		answer(w, http.StatusUnprocessableEntity, map[string]any{"code": code, "message": message, "sqlState": "08001"})
		return
	}
	if req.Timeout > 0 {
		s.parameters["STATEMENT_TIMEOUT_IN_SECONDS"] = strconv.FormatInt(req.Timeout, 10)
	}
	q := p.run(s, order{req.Statement, bindings(req.Bindings), query.Get("requestId"), false, ""}, now)
	p.forget(s)
	p.mu.Unlock()
	if query.Get("async") == "true" || !p.await(r, q) {
		p.accepted(w, q)
		return
	}
	p.resultSet(w, q, http.StatusOK)
}

// statementHandle answers GET /api/v2/statements/HANDLE and POST
// /api/v2/statements/HANDLE/cancel.
func (p *Pair) statementHandle(w http.ResponseWriter, r *http.Request, site *site, rest string) {
	id, action, _ := strings.Cut(rest, "/")
	p.mu.Lock()
	now := p.org.advance()
	u, code, message := p.bearer(r, site)
	var q *query
	if u != nil {
		if found := p.queries[id]; found != nil && found.account == site.serves && found.user == u.name {
			q = found
		}
	}
	running := q != nil && q.status(now) == queryRunning
	if running && action == "cancel" && r.Method == http.MethodPost {
		p.counts.Aborts++
		q.abort(now)
	}
	p.mu.Unlock()
	switch {
	case u == nil:
		answer(w, http.StatusUnauthorized, map[string]any{"code": code, "message": message})
	case q == nil:
		answer(w, http.StatusNotFound, map[string]any{"code": "390142", "message": "Statement handle " + id + " is not known."})
	case action == "cancel" && r.Method == http.MethodPost:
		answer(w, http.StatusOK, map[string]any{
			"code": "000604", "sqlState": "57014", "message": "SQL execution canceled", "statementHandle": id, "statementStatusUrl": "/api/v2/statements/" + id,
		})
	case action != "" || r.Method != http.MethodGet:
		http.Error(w, "not found", http.StatusNotFound)
	case running:
		p.accepted(w, q)
	default:
		p.resultSet(w, q, http.StatusOK)
	}
}

func (p *Pair) accepted(w http.ResponseWriter, q *query) {
	answer(w, http.StatusAccepted, map[string]any{
		"code": codeInProgressNow, "message": "Asynchronous execution in progress. Use provided query id to perform query monitoring and management.",
		"statementHandle": q.id, "statementStatusUrl": "/api/v2/statements/" + q.id,
	})
}

// resultSet answers with a ResultSet or a QueryFailureStatus object.
func (p *Pair) resultSet(w http.ResponseWriter, q *query, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	url := "/api/v2/statements/" + q.id
	if f := q.outcome(now); f != nil {
		answer(w, http.StatusUnprocessableEntity, map[string]any{
			"code": number6(f.code), "message": f.message, "sqlState": f.sqlState, "statementHandle": q.id, "createdOn": q.started.UnixMilli(), "statementStatusUrl": url,
		})
		return
	}
	columns := make([]rowType, 0, len(q.result.columns))
	for _, c := range q.result.columns {
		columns = append(columns, c.rowType())
	}
	rows := make([][]*string, 0, len(q.result.rows))
	for _, row := range q.result.rows {
		cells := make([]*string, len(row))
		for i, v := range row {
			k := q.result.columns[i].kind
			if _, isBool := v.(bool); isBool {
				k = kindText // true and false, here
			}
			cells[i] = cell(v, k)
		}
		rows = append(rows, cells)
	}
	answer(w, status, map[string]any{
		"resultSetMetaData": map[string]any{
			"numRows": len(rows), "format": "jsonv2", "partitionInfo": []any{map[string]any{"rowCount": len(rows), "uncompressedSize": 0}}, "rowType": columns,
		},
		"data": rows, "code": "090001", "statementStatusUrl": url, "requestId": q.requestID, "sqlState": "00000",
		"statementHandle": q.id, "message": "Statement executed successfully.", "createdOn": q.started.UnixMilli(),
	})
}

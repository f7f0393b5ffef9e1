package snowpair

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// queryBody is the body of /queries/v1/query-request.
type queryBody struct {
	SQL        string              `json:"sqlText"`
	Async      bool                `json:"asyncExec"`
	Describe   bool                `json:"describeOnly"`
	Parameters map[string]any      `json:"parameters"`
	Bindings   map[string]bindBody `json:"bindings"`
}

type bindBody struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// values are the bindings in the order of their numbers.
func (b queryBody) values() []any { return bindings(b.Bindings) }

func bindings(in map[string]bindBody) []any {
	keys := sortedKeys(in)
	slices.SortStableFunc(keys, func(x, y string) int {
		a, _ := strconv.Atoi(x) // what is no number comes first and is not referred to
		b, _ := strconv.Atoi(y)
		return cmp.Compare(a, b)
	})
	var out []any
	for _, k := range keys {
		v, ok := in[k].Value.(string)
		if !ok {
			out = append(out, nil)
			continue
		}
		out = append(out, bound(in[k].Type, v))
	}
	return out
}

// bound is a value as its type says. Times come as nanoseconds since 1970.
func bound(kind, v string) any {
	switch kind {
	case "FIXED":
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n
		}
	case "REAL":
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return f
		}
	case "BOOLEAN":
		return v == "true" || v == "1"
	case "TIMESTAMP_LTZ", "TIMESTAMP_NTZ", "TIMESTAMP_TZ":
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return time.Unix(0, n)
		}
	}
	return v
}

// queryRequest answers /queries/v1/query-request.
func (p *Pair) queryRequest(w http.ResponseWriter, r *http.Request, a *account, body []byte) {
	var req queryBody
	if !decode(w, body, &req) {
		return
	}
	p.mu.Lock()
	now := p.org.advance()
	s, code := p.session(r, a, now)
	if s == nil {
		p.mu.Unlock()
		refuse(w, code, sessionMessage(code))
		return
	}
	var tag string
	for k, v := range req.Parameters {
		if k == "QUERY_TAG" {
			tag = text(v) // drivers send it with one statement, for that one
			continue
		}
		s.parameters[k] = v
	}
	cut := p.cutOf(a, req.SQL)
	if cut != nil && !cut.after || p.watched(a, req, false) {
		p.mu.Unlock()
		panic(http.ErrAbortHandler) // the connection ends, and nothing was done
	}
	q := p.run(s, order{req.SQL, req.values(), r.URL.Query().Get("requestId"), req.Describe, tag}, now)
	status := q.status(now)
	lost := p.watched(a, req, true)
	p.mu.Unlock()
	if cut != nil || lost {
		panic(http.ErrAbortHandler) // and here it was
	}
	switch {
	case status == queryRunning && req.Async:
		p.inProgress(w, q, codeInProgressNow)
	case p.await(r, q):
		p.finish(w, q)
	default:
		p.inProgress(w, q, codeInProgress)
	}
}

// poll is how often a waiting request looks at the model's clock, which nobody
// can wait for: it may be a test's.
const poll = 20 * time.Millisecond

// await waits for a statement for as long as a request may wait, and says whether
// it is over.
func (p *Pair) await(r *http.Request, q *query) bool {
	deadline := time.NewTimer(p.options.Hold)
	defer deadline.Stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		p.mu.Lock()
		over := q.status(p.org.advance()) != queryRunning
		p.mu.Unlock()
		if over {
			return true
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		case <-r.Context().Done():
			return false
		case <-p.closed:
			return false
		}
	}
}

func (p *Pair) inProgress(w http.ResponseWriter, q *query, code string) {
	message := "Query execution in progress."
	if code == codeInProgressNow {
		message = "Query execution in progress in asynchronous mode."
	}
	answer(w, http.StatusOK, map[string]any{
		"data": map[string]any{
			"queryId": q.id, "getResultUrl": "/queries/" + q.id + "/result", "queryAbortsAfterSecs": 300, "progressDesc": nil,
		},
		"code": code, "message": message, "success": true,
	})
}

// finish answers with a statement's result or failure.
func (p *Pair) finish(w http.ResponseWriter, q *query) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	if f := q.outcome(now); f != nil {
		kind := "COMPILATION"
		if q.group != nil {
			kind = "EXECUTION"
		}
		answer(w, http.StatusOK, map[string]any{
			"data": map[string]any{
				"internalError": false, "unredactedFromSecureObject": false, "errorCode": number6(f.code), "age": 0, "sqlState": f.sqlState,
				"queryId": q.id, "line": -1, "pos": -1, "type": kind,
			},
			"code": number6(f.code), "message": f.message, "success": false, "headers": nil,
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
			cells[i] = cell(v, q.result.columns[i].kind)
		}
		rows = append(rows, cells)
	}
	s := q.session
	accept(w, map[string]any{
		"parameters": clientParameters(), "rowtype": columns, "rowset": rows, "total": len(rows), "returned": len(rows),
		"queryId": q.id, "databaseProvider": nil, "finalDatabaseName": null(s.database), "finalSchemaName": null(s.schema),
		"finalWarehouseName": null(s.warehouse), "finalRoleName": null(s.role), "numberOfBinds": 0, "arrayBindSupported": false,
		"statementTypeId": q.result.kind, "version": 1, "sendResultTime": now.UnixMilli(), "queryResultFormat": "json",
	})
}

// known finds a statement of the session's user.
func (p *Pair) known(s *session, id string) *query {
	q := p.queries[id]
	if q == nil || q.account != s.account || q.user != s.user && s.role != roleAdmin {
		return nil
	}
	return q
}

// queryResult answers /queries/ID/result, from any session of the user.
func (p *Pair) queryResult(w http.ResponseWriter, r *http.Request, a *account, id string) {
	p.mu.Lock()
	s, code := p.session(r, a, p.org.advance())
	var q *query
	if s != nil {
		q = p.known(s, id)
	}
	p.mu.Unlock()
	switch {
	case s == nil:
		refuse(w, code, sessionMessage(code))
	case q == nil:
		refuse(w, "000709", "Statement "+id+" not found")
	case p.await(r, q):
		p.finish(w, q)
	default:
		p.inProgress(w, q, codeInProgressNow)
	}
}

// queryStatus answers /monitoring/queries/ID.
func (p *Pair) queryStatus(w http.ResponseWriter, r *http.Request, a *account, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	s, code := p.session(r, a, now)
	if s == nil {
		refuse(w, code, sessionMessage(code))
		return
	}
	queries := []any{}
	if q := p.known(s, id); q != nil {
		entry := map[string]any{
			"id": q.id, "status": q.status(now), "state": q.status(now), "sqlText": q.sql, "startTime": q.started.UnixMilli(), "endTime": 0,
			"errorCode": nil, "errorMessage": nil, "stats": map[string]any{"scanBytes": 0, "producedRows": 0}, "userName": q.user,
			"warehouseName": null(q.session.warehouse), "sessionId": q.session.id,
		}
		if q.status(now) != queryRunning {
			entry["endTime"] = q.end(now).UnixMilli()
		}
		if f := q.outcome(now); f != nil && q.status(now) == queryFailed {
			entry["errorCode"], entry["errorMessage"] = strconv.Itoa(f.code), f.message
		}
		queries = append(queries, entry)
	}
	accept(w, map[string]any{"queries": queries})
}

func (q *query) end(now time.Time) time.Time {
	if q.group != nil && !q.aborted {
		if f := q.group.find(q.refresh); f != nil {
			if end, ok := f.end(); ok {
				return end
			}
		}
	}
	if q.aborted {
		return q.ended
	}
	return q.until
}

// abortRequest answers /queries/v1/abort-request: by the id of the request that
// sent the statement.
func (p *Pair) abortRequest(w http.ResponseWriter, r *http.Request, a *account, body []byte) {
	var req struct {
		RequestID string `json:"requestId"`
	}
	if !decode(w, body, &req) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	s, code := p.session(r, a, now)
	if s == nil {
		refuse(w, code, sessionMessage(code))
		return
	}
	p.counts.Aborts++
	for i := len(p.recent) - 1; i >= 0; i-- {
		q := p.queries[p.recent[i]]
		if q.requestID != req.RequestID || req.RequestID == "" || q.account != a || q.user != s.user {
			continue
		}
		if q.status(now) == queryRunning {
			q.abort(now)
			accept(w, nil)
			return
		}
	}
	refuse(w, codeNotExecuting, "Identified SQL statement is not currently executing.")
}

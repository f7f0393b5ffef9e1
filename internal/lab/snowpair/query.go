package snowpair

import (
	"strconv"
	"time"
)

// States of a statement, as /monitoring/queries shows them.
const (
	queryRunning = "RUNNING"
	querySuccess = "SUCCESS"
	queryFailed  = "FAILED_WITH_ERROR"
	queryAborted = "ABORTED"
)

// query is a statement that was sent.
type query struct {
	id        string
	requestID string
	account   *account
	session   *session
	user      string
	sql       string
	tag       string // QUERY_TAG when it was sent
	started   time.Time
	until     time.Time // when it has its result
	timeout   bool      // it ends then without one
	result    *result
	failure   *failure
	group     *group // with refresh: it waits for one
	refresh   uint64
	aborted   bool
	ended     time.Time
}

// maxQueries bounds how many statements are remembered.
const maxQueries = 512

func (q *query) status(now time.Time) string {
	switch {
	case q.aborted:
		return queryAborted
	case q.failure != nil && !now.Before(q.until):
		return queryFailed
	case q.group != nil:
		f := q.group.find(q.refresh)
		if f == nil {
			return querySuccess // so old that the history forgot it
		}
		switch f.at(now) {
		case phaseCompleted:
			return querySuccess
		case phaseFailed:
			return queryFailed
		case phaseCanceled:
			return queryAborted
		}
		return queryRunning
	case now.Before(q.until):
		return queryRunning
	case q.timeout:
		return queryFailed
	}
	return querySuccess
}

// outcome is the failure of a statement that is over; nil when it succeeded.
func (q *query) outcome(now time.Time) *failure {
	switch q.status(now) {
	case queryAborted:
		return fail(604, "57014", "SQL execution canceled")
	case queryFailed:
		if q.failure != nil {
			return q.failure
		}
		if q.timeout {
			return fail(630, "57014", "Statement reached its statement or warehouse timeout of %d second(s) and was canceled.", int(q.until.Sub(q.started).Seconds()))
		}
		if f := q.group.find(q.refresh); f != nil {
			return fail(f.code, "55000", "%s", f.message)
		}
	}
	return nil
}

// abort cancels a running statement, and the refresh it started: that is what
// makes a deadline on REFRESH dangerous.
func (q *query) abort(now time.Time) {
	if q.group != nil {
		if f := q.group.find(q.refresh); f != nil && f.running(now) {
			f.cancel(now)
		}
	}
	q.aborted, q.ended = true, now
}

// order is a statement as a client sends it.
type order struct {
	sql       string
	binds     []any
	requestID string
	describe  bool
	tag       string // of this statement alone; empty: the session's
}

// run executes a statement. A request id that was seen before gives the statement
// of then: that is how a client may repeat a request whose answer it lost.
func (p *Pair) run(s *session, o order, now time.Time) *query {
	if o.requestID != "" {
		for i := len(p.recent) - 1; i >= 0; i-- {
			if q := p.queries[p.recent[i]]; q.requestID == o.requestID && q.account == s.account && q.user == s.user {
				p.counts.Repeated++
				return q
			}
		}
	}
	q := &query{account: s.account, session: s, user: s.user, sql: o.sql, requestID: o.requestID, started: now, until: now, ended: now}
	q.tag = o.tag
	if q.tag == "" {
		q.tag = text(s.parameters["QUERY_TAG"])
	}
	p.counts.Statements++
	if changing(o.sql) {
		p.counts.Changes++
	}
	e := &execution{pair: p, account: s.account, session: s, now: now}
	parsed := e.answer(q, o)
	q.failure = e.err
	if e.err == nil && changing(o.sql) {
		p.changed[s.account.Name+": "+o.sql]++
	}
	serial := uint64(0)
	if e.waits != nil && e.err == nil {
		q.group, q.refresh = e.group, e.waits.serial
		serial = q.refresh
	} else {
		serial = p.org.nextSerial()
	}
	q.id = queryID(serial) // of a refresh: its JOB_UUID
	p.delay(q, s, parsed, now)
	s.lastQuery = q.id
	p.queries[q.id] = q
	p.recent = append(p.recent, q.id)
	if len(p.recent) > maxQueries {
		delete(p.queries, p.recent[0])
		p.recent = p.recent[1:]
	}
	return q
}

// answer reads a statement and runs it. What the laboratory itself gets wrong
// shows as the product's internal error, not as a server that is gone.
func (r *execution) answer(q *query, o order) (parsed any) {
	defer func() {
		if recover() != nil {
			r.err, q.result, r.waits = fail(603, "XX000", "SQL execution internal error:\nProcessing aborted by error 300010"), nil, nil
		}
	}()
	parsed, err := parse(o.sql, o.binds)
	switch {
	case err != nil:
		r.fail(err)
	case o.describe && !describable(parsed):
		q.result = done(kindDDL)
	default:
		q.result = r.statement(parsed)
	}
	if o.describe && q.result != nil {
		q.result.rows = nil
	}
	return parsed
}

func describable(s any) bool {
	switch s.(type) {
	case *selection, show:
		return true
	}
	return false
}

// delay makes reads slow where a test asked for it, and ends what takes longer
// than the session's STATEMENT_TIMEOUT_IN_SECONDS.
func (p *Pair) delay(q *query, s *session, parsed any, now time.Time) {
	if q.failure != nil {
		return
	}
	if _, read := parsed.(*selection); read {
		q.until = now.Add(s.account.slow)
	}
	seconds, err := strconv.Atoi(text(number0(s.parameters["STATEMENT_TIMEOUT_IN_SECONDS"])))
	if err != nil || seconds <= 0 {
		return
	}
	limit := time.Duration(seconds) * time.Second
	if q.until.After(now.Add(limit)) {
		q.until, q.timeout = now.Add(limit), true
	}
	if q.group != nil {
		if f := q.group.find(q.refresh); f != nil && f.length > limit {
			f.last, f.length, f.ends = f.reached(now.Add(limit)), limit, phaseCanceled
		}
	}
}

// number0 is a parameter as a number: clients send it as one or as text.
func number0(v any) any {
	f, ok := number(v)
	if !ok {
		return int64(0)
	}
	return whole(f)
}

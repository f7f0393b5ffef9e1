package snowpair

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// task is a task of a database: a started root runs on its schedule where the
// database may be written. Runs are not modelled, but for one that goes on.
type task struct {
	schema, name string
	predecessors []string // names in the same schema; none: a root
	started      bool
	busyUntil    time.Time // of a run; zero: none
}

// pipe is a pipe of a database.
type pipe struct {
	schema, name string
	paused       bool
}

// workOf are the tasks and pipes that the first database has from the start.
func workOf(name string) ([]*task, []*pipe) {
	if name != homeDatabase {
		return nil, nil
	}
	return []*task{
		{schema: "PUBLIC", name: "NIGHTLY", started: true},
		{schema: "PUBLIC", name: "NIGHTLY_REPORT", predecessors: []string{"NIGHTLY"}, started: true},
		{schema: "PUBLIC", name: "OLD_EXPORT"},
	}, []*pipe{{schema: "PUBLIC", name: "ORDERS_IN"}}
}

// copyWork makes the copy of a database hold the tasks and pipes of its primary, as
// they are.
func (d *database) copyWork(from *database) {
	d.tasks, d.pipes = nil, nil
	for _, t := range from.tasks {
		copied := *t
		copied.busyUntil = time.Time{}
		d.tasks = append(d.tasks, &copied)
	}
	for _, p := range from.pipes {
		copied := *p
		d.pipes = append(d.pipes, &copied)
	}
}

// operates says whether a role may look after the tasks and pipes of a database. The
// laboratory grants that for a database as a whole.
func (r *execution) operates(d *database) bool {
	return r.account.has(r.session.role, onDatabase, d.name, "OPERATE", "OWNERSHIP")
}

// showTasks shows a role the tasks on which it has a privilege, and no error for the
// others.
func (r *execution) showTasks(s show) ([]column, [][]any) {
	columns := texts("created_on", "name", "id", "database_name", "schema_name", "owner", "comment", "warehouse", "schedule", "predecessors", "state", "definition", "condition")
	d := r.shownDatabase(s)
	if d == nil || !r.operates(d) {
		return columns, nil
	}
	var rows [][]any
	for i, t := range d.tasks {
		var before []string
		for _, p := range t.predecessors {
			before = append(before, `"`+d.name+"."+t.schema+"."+p+`"`)
		}
		state := "suspended"
		if t.started {
			state = "started"
		}
		rows = append(rows, []any{d.created, t.name, "task-" + strconv.Itoa(i), d.name, t.schema, roleAdmin, "", warehouse1, "USING CRON 0 2 * * * UTC", "[" + strings.Join(before, ",") + "]", state, "CALL WORK()", nil})
	}
	return columns, rows
}

func (r *execution) showPipes(s show) ([]column, [][]any) {
	columns := texts("created_on", "name", "database_name", "schema_name", "definition", "owner", "notification_channel", "comment")
	d := r.shownDatabase(s)
	if d == nil || !r.operates(d) {
		return columns, nil
	}
	var rows [][]any
	for _, p := range d.pipes {
		rows = append(rows, []any{d.created, p.name, d.name, p.schema, "COPY INTO ORDERS FROM @IN", roleAdmin, nil, ""})
	}
	return columns, rows
}

func (r *execution) shownDatabase(s show) *database {
	d := r.account.database(s.name)
	if s.in != "DATABASE" || d == nil || !r.databaseVisible(s.name) {
		r.fail(unknownObject("Database", s.name))
		return nil
	}
	return d
}

// alterWork is ALTER TASK name RESUME or SUSPEND, and ALTER PIPE name SET
// PIPE_EXECUTION_PAUSED.
type alterWork struct {
	kind string // Task, Pipe
	name []string
	runs bool // from now on
}

func (p *parser) alterTask() any {
	p.word("IF", "EXISTS")
	s := alterWork{kind: "Task", name: p.name()}
	if s.runs = p.word("RESUME"); !s.runs {
		p.wantWord("SUSPEND")
	}
	return s
}

func (p *parser) alterPipe() any {
	p.word("IF", "EXISTS")
	s := alterWork{kind: "Pipe", name: p.name()}
	p.wantWord("SET", "PIPE_EXECUTION_PAUSED")
	p.wantSymbol("=")
	if s.runs = p.word("FALSE"); !s.runs {
		p.wantWord("TRUE")
	}
	return s
}

func (r *execution) alterWork(s alterWork) *result {
	full := strings.Join(s.name, ".")
	var d *database
	if len(s.name) == 3 {
		d = r.account.database(s.name[0])
	}
	if d == nil || !r.operates(d) {
		r.fail(unknownObject(s.kind, full))
		return nil
	}
	ti := slices.IndexFunc(d.tasks, func(t *task) bool { return t.schema == s.name[1] && t.name == s.name[2] })
	pi := slices.IndexFunc(d.pipes, func(p *pipe) bool { return p.schema == s.name[1] && p.name == s.name[2] })
	switch {
	case s.kind == "Task" && ti < 0, s.kind == "Pipe" && pi < 0:
		r.fail(unknownObject(s.kind, full))
	case d.readOnly():
		r.fail(fail(3032, "55000", "SQL execution error: Cannot perform operation on secondary database %s. Database is read-only.", d.name))
	case s.kind == "Task":
		d.tasks[ti].started = s.runs
	default:
		d.pipes[pi].paused = !s.runs
	}
	if r.err != nil {
		return nil
	}
	return done(kindDDL)
}

// pipeStatus is SYSTEM$PIPE_STATUS.
func (r *execution) pipeStatus(name string) any {
	toks, err := tokenize(name)
	if err != nil {
		r.fail(err)
		return nil
	}
	p := &parser{sql: name, toks: toks}
	parts := p.name()
	if p.err == nil && len(parts) == 3 {
		if d := r.account.database(parts[0]); d != nil && r.operates(d) {
			for _, pipe := range d.pipes {
				if pipe.schema != parts[1] || pipe.name != parts[2] {
					continue
				}
				state := "RUNNING"
				switch {
				case d.readOnly():
					state = "READ_ONLY"
				case pipe.paused:
					state = "PAUSED"
				}
				return `{"executionState":"` + state + `","pendingFileCount":0}`
			}
		}
	}
	r.fail(unknownObject("Pipe", name))
	return nil
}

// taskHistory is INFORMATION_SCHEMA.TASK_HISTORY: the runs that go on.
func (r *execution) taskHistory(s *source) ([]column, [][]any) {
	columns := []column{{"QUERY_ID", kindText}, {"NAME", kindText}, {"DATABASE_NAME", kindText}, {"SCHEMA_NAME", kindText}, {"STATE", kindText}, {"QUERY_START_TIME", kindTime}}
	var rows [][]any
	for _, d := range r.account.databases {
		if len(s.name) == 3 && s.name[0] != d.name && s.name[0] != sharedDatabase || !r.operates(d) {
			continue
		}
		for _, t := range d.tasks {
			if r.now.Before(t.busyUntil) {
				rows = append(rows, []any{queryID(1), t.name, d.name, t.schema, "EXECUTING", r.now.Add(-time.Minute)})
			}
		}
	}
	return columns, rows
}

// tablesView is INFORMATION_SCHEMA.TABLES: those on which the role has a privilege.
func (r *execution) tablesView(d *database) ([]column, [][]any) {
	columns := []column{{"TABLE_CATALOG", kindText}, {"TABLE_SCHEMA", kindText}, {"TABLE_NAME", kindText}, {"TABLE_TYPE", kindText}, {"LAST_ALTERED", kindTime}}
	var rows [][]any
	for _, name := range sortedKeys(d.tables) {
		if !r.account.has(r.session.role, onTable, d.name+"."+name) {
			continue
		}
		schema, table, _ := strings.Cut(name, ".")
		at := d.created
		if v := d.tables[name].versions; len(v) > 0 && v[len(v)-1].at.After(at) {
			at = v[len(v)-1].at
		}
		rows = append(rows, []any{d.name, schema, table, "BASE TABLE", at})
	}
	return columns, rows
}

// maxHistory is the most that QUERY_HISTORY_BY_USER returns.
const maxHistory = 10000

// queryHistoryByUser is INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER, newest first: the
// user's own statements, those that run among them.
func (r *execution) queryHistoryByUser(s *source) ([]column, [][]any) {
	columns := []column{{"QUERY_ID", kindText}, {"QUERY_TEXT", kindText}, {"QUERY_TAG", kindText}, {"USER_NAME", kindText}, {"EXECUTION_STATUS", kindText},
		{"ERROR_CODE", kindText}, {"ERROR_MESSAGE", kindText}, {"START_TIME", kindTime}, {"END_TIME", kindTime}}
	user, limit := r.session.user, 100
	sc := scope{run: r, row: []any{}}
	for key, x := range s.named {
		v := sc.eval(x)
		switch key {
		case "USER_NAME":
			user = identifierText(plain(v))
		case "RESULT_LIMIT":
			f, ok := number(v)
			if limit = int(f); !ok || limit < 1 || limit > maxHistory {
				r.fail(fail(1023, "22023", "SQL compilation error:\ninvalid value for RESULT_LIMIT"))
			}
		default:
			r.fail(fail(1023, "22023", "SQL compilation error:\ninvalid argument name '%s'", key))
		}
	}
	if r.err != nil {
		return columns, nil
	}
	if user != r.session.user && r.session.role != roleAdmin {
		return columns, nil
	}
	var rows [][]any
	for _, id := range slices.Backward(r.pair.recent) {
		q := r.pair.queries[id]
		if q.account != r.account || q.user != user {
			continue
		}
		if len(rows) == limit {
			break
		}
		row := []any{q.id, q.sql, q.tag, q.user, q.status(r.now), nil, nil, q.started, nil}
		switch row[4] {
		case queryRunning:
		case queryAborted:
			row[4], row[8] = queryFailed, q.end(r.now)
		default:
			row[8] = q.end(r.now)
		}
		if f := q.outcome(r.now); f != nil {
			row[5], row[6] = number6(f.code), f.message
		}
		rows = append(rows, row)
	}
	return columns, rows
}

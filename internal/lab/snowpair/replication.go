package snowpair

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

var historyColumns = []column{
	{"PHASE_NAME", kindText}, {"START_TIME", kindTime}, {"END_TIME", kindTime}, {"JOB_UUID", kindText}, {"TOTAL_BYTES", kindVariant},
	{"OBJECT_COUNT", kindVariant}, {"COMMITTED_OBJECT_COUNT", kindVariant}, {"PRIMARY_SNAPSHOT_TIMESTAMP", kindTime}, {"ERROR", kindVariant},
}

var groupColumns = []column{{"GROUP_NAME", kindText}, {"GROUP_TYPE", kindText}}

// secondary finds a secondary group of this account by the text of an argument.
// The text is an identifier of its own: upper case unless in double quotes.
func (r *execution) secondary(s *source) *group {
	name := identifierText(r.argument(s))
	if r.err != nil {
		return nil
	}
	g := r.account.group(name)
	if g == nil || !r.account.sees(r.session.role, g) {
		r.fail(unknownObject("Replication group", name))
		return nil
	}
	return g
}

// span is the range of time asked for: the last twelve hours unless stated, and at
// most what is kept.
func (r *execution) span(s *source) (from, to time.Time) {
	from, to = r.now.Add(-12*time.Hour), r.now
	args := map[string]any{}
	for k, v := range s.named {
		args[k] = v
	}
	positional := s.args
	if !strings.HasSuffix(s.name[len(s.name)-1], "_ALL") && len(positional) > 0 {
		positional = positional[1:]
	}
	for i, key := range []string{"DATE_RANGE_START", "DATE_RANGE_END"} {
		if i < len(positional) {
			args[key] = positional[i]
		}
	}
	sc := scope{run: r, row: []any{}}
	for key, x := range args {
		t, ok := moment(sc.eval(x))
		switch {
		case r.err != nil:
			return from, to
		case key != "DATE_RANGE_START" && key != "DATE_RANGE_END":
			r.fail(fail(1023, "22023", "SQL compilation error:\ninvalid argument name '%s'", key))
			return from, to
		case r.pair.options.NameOnly:
			r.fail(fail(939, "22023", "SQL compilation error: error line %d at position %d\ntoo many arguments for function [%s] expected 1, got %d", s.tok.line, s.tok.pos, s.name[len(s.name)-1], 1+len(args)))
			return from, to
		case !ok:
			r.fail(fail(100035, "22007", "Timestamp '%s' is not recognized", text(sc.eval(x))))
			return from, to
		case key == "DATE_RANGE_START":
			from = t
		default:
			to = t
		}
	}
	if r.pair.options.NameOnly {
		from = r.now.Add(-retention)
	}
	if from.Before(r.now.Add(-retention - time.Minute)) {
		r.fail(fail(1003, "22023", "Cannot retrieve data from more than 14 days ago, please specify a start time within the last 14 days."))
	}
	return from, to
}

func (r *execution) refreshHistory(s *source) ([]column, [][]any) {
	g := r.secondary(s)
	if r.err != nil {
		return nil, nil
	}
	from, to := r.span(s)
	return historyColumns, r.historyRows(g, from, to)
}

func (r *execution) refreshHistoryAll(s *source) ([]column, [][]any) {
	from, to := r.span(s)
	var rows [][]any
	for _, g := range r.account.groups {
		if !r.account.sees(r.session.role, g) {
			continue
		}
		for _, row := range r.historyRows(g, from, to) {
			rows = append(rows, append([]any{g.name, g.kind}, row...))
		}
	}
	return slices.Concat(groupColumns, historyColumns), rows
}

// historyRows are one row for each refresh, newest first.
func (r *execution) historyRows(g *group, from, to time.Time) [][]any {
	var rows [][]any
	if g.primary {
		return nil
	}
	for i := len(g.history) - 1; i >= 0; i-- {
		f := &g.history[i]
		if f.start.Before(from) || f.start.After(to) {
			continue
		}
		row := []any{f.at(r.now).String(), f.start, nil, queryID(f.serial), r.bytes(g, f), r.objects(f), nil, nil, nil}
		if !f.running(r.now) {
			row[2], _ = f.end()
		}
		if f.at(r.now) == phaseCompleted {
			row[6] = r.objects(f)
		}
		if t, ok := f.snapshot(r.now); ok {
			row[7] = t
		}
		if f.at(r.now) == phaseFailed {
			row[8] = variant{map[string]any{"errorCode": fmt.Sprintf("%06d", f.code), "errorMessage": f.message}}
		}
		rows = append(rows, row)
	}
	return rows
}

// What every refresh is said to have moved: figures for show.
const (
	bytesPerRefresh   = 4 << 20
	objectsPerRefresh = 42
)

func (r *execution) bytes(g *group, f *refresh) any {
	up, down := 0, 0
	if f.reached(r.now) > phaseData || f.at(r.now) == phaseCompleted {
		up = bytesPerRefresh
	}
	switch {
	case f.at(r.now) == phaseCompleted || f.reached(r.now) >= phaseCommitting:
		down = bytesPerRefresh
	case f.reached(r.now) == phaseDownloadData:
		down = bytesPerRefresh / 2
	}
	databases := []any{}
	for _, d := range g.databases {
		databases = append(databases, map[string]any{"name": d, "totalBytesToReplicate": bytesPerRefresh / max(1, len(g.databases))})
	}
	return variant{map[string]any{"totalBytesToReplicate": bytesPerRefresh, "bytesUploaded": up, "bytesDownloaded": down, "databases": databases}}
}

func (r *execution) objects(f *refresh) any {
	done := 0
	if f.reached(r.now) > phaseDownloadMetadata {
		done = objectsPerRefresh
	}
	return variant{map[string]any{"totalObjects": objectsPerRefresh, "completedObjects": done, "objectTypes": []any{
		map[string]any{"objectType": "TABLE", "totalObjects": objectsPerRefresh, "completedObjects": done},
	}}}
}

var progressColumns = []column{
	{"PHASE_NAME", kindText}, {"START_TIME", kindTime}, {"END_TIME", kindTime}, {"PROGRESS", kindText}, {"DETAILS", kindVariant},
}

func (r *execution) refreshProgress(s *source) ([]column, [][]any) {
	g := r.secondary(s)
	if r.err != nil || g.primary || len(g.history) == 0 {
		return progressColumns, nil
	}
	return progressColumns, r.progressRows(g, &g.history[len(g.history)-1])
}

func (r *execution) refreshProgressByJob(s *source) ([]column, [][]any) {
	id := r.argument(s)
	for _, g := range r.account.groups {
		for i := range g.history {
			if queryID(g.history[i].serial) == id && r.account.sees(r.session.role, g) {
				return progressColumns, r.progressRows(g, &g.history[i])
			}
		}
	}
	return progressColumns, nil
}

func (r *execution) refreshProgressAll(s *source) ([]column, [][]any) {
	from, to := r.span(s)
	var rows [][]any
	for _, g := range r.account.groups {
		if g.primary || !r.account.sees(r.session.role, g) {
			continue
		}
		for i := range g.history {
			if f := &g.history[i]; !f.start.Before(from) && !f.start.After(to) {
				for _, row := range r.progressRows(g, f) {
					rows = append(rows, append([]any{g.name, g.kind}, row...))
				}
			}
		}
	}
	return slices.Concat(groupColumns, progressColumns), rows
}

func (r *execution) progressRows(g *group, f *refresh) [][]any {
	var rows [][]any
	for _, st := range f.steps(r.now, g.committing) {
		row := []any{st.phase.String(), st.start, nil, nil, nil}
		if !st.end.IsZero() {
			row[2] = st.end
		}
		switch st.phase {
		case phaseMetadata:
			if t, ok := f.snapshot(r.now); ok {
				row[4] = variant{map[string]any{"primarySnapshotTimestamp": t.Unix()}}
			}
		case phaseData, phaseDownloadData:
			row[3] = "100%"
			if st.end.IsZero() {
				row[3] = "50%"
			}
			row[4] = r.bytes(g, f)
		case phaseDownloadMetadata:
			row[3] = "100%"
			if st.end.IsZero() {
				row[3] = "50%"
			}
			row[4] = r.objects(f)
		case phaseFailed:
			row[4] = variant{map[string]any{"errorCode": fmt.Sprintf("%06d", f.code), "errorMessage": f.message}}
		}
		rows = append(rows, row)
	}
	return rows
}

var danglingColumns = []column{
	{"REFERENCED_ENTITY_DOMAIN", kindText}, {"REFERENCED_ENTITY_NAME", kindText}, {"REFERENCING_ENTITY_DOMAIN", kindText},
	{"REFERENCING_ENTITY_NAME", kindText}, {"REFERENCING_ENTITY_GROUPS", kindText}, {"IS_BLOCKING_REFRESH", kindBoolean},
}

// danglingReferences asks the primary's objects; a secondary asks for itself.
func (r *execution) danglingReferences(s *source) ([]column, [][]any) {
	g := r.secondary(s)
	if r.err != nil {
		return nil, nil
	}
	from := g
	if !g.primary {
		if from = g.link(); from == nil {
			return danglingColumns, nil
		}
	}
	var rows [][]any
	for _, d := range from.dangling {
		rows = append(rows, []any{d.referencedDomain, d.referencedName, d.referencingDomain, d.referencingName, from.name, d.blocking})
	}
	return danglingColumns, rows
}

// accountUsage is the view, hours behind.
func (r *execution) accountUsage() ([]column, [][]any) {
	const behind = 3 * time.Hour
	columns := append([]column{{"REPLICATION_GROUP_NAME", kindText}, {"REPLICATION_GROUP_ID", kindFixed}}, historyColumns...)
	if r.session.role != roleAdmin {
		r.fail(unknownObject("Object", "SNOWFLAKE.ACCOUNT_USAGE.REPLICATION_GROUP_REFRESH_HISTORY"))
		return nil, nil
	}
	var rows [][]any
	for i, g := range r.account.groups {
		for _, row := range r.historyRows(g, r.now.Add(-retention), r.now.Add(-behind)) {
			rows = append(rows, append([]any{g.name, int64(i + 1)}, row...))
		}
	}
	return columns, rows
}

package snowflake

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// workOperations are the steps about what runs in the databases of the groups: tasks and pipes.
// Applications are stopped by people.
func workOperations() []operation {
	tasks := action.Optional("tasks", "the tasks that ran before (${steps.work.tasks})")
	pipes := action.Optional("pipes", "the pipes that ran before (${steps.work.pipes})")
	both := []connectors.ActionParameter{tasks, pipes}
	return []operation{
		reads(onGroup+"writers-known", "the tasks and pipes of the groups at the source can be listed", workRecorded, []string{"tasks", "pipes"}),
		reads(onGroup+"record-work", "records which tasks and pipes run at the source", workRecorded, []string{"tasks", "pipes"}),
		{
			Action: connectors.Action{Name: onGroup + "quiesce", Summary: "suspends root tasks and pauses pipes at the source, waits for what runs, and returns the moment at which nothing did",
				Changes: true, Idempotent: true, Outputs: []string{"at"}, Parameters: both},
			Do: quiesce, Probe: quiesceProbe,
		},
		{
			Action: connectors.Action{Name: onGroup + "unquiesce", Summary: "lets the tasks and pipes at the source run again that ran when the run began",
				Changes: true, Idempotent: true, Parameters: both},
			Do: func(ctx context.Context, a *actor, c call) connectors.Outcome { return a.restart(ctx, c, a.spec.From) },
			Probe: func(ctx context.Context, a *actor, c call) connectors.Outcome {
				return a.restarted(ctx, c, a.spec.From)
			},
		},
		{
			Action: connectors.Action{Name: onGroup + "restart-work", Summary: "lets the tasks and pipes run on the new primary that ran on the old one",
				Changes: true, Idempotent: true, Parameters: both},
			Do: func(ctx context.Context, a *actor, c call) connectors.Outcome { return a.restart(ctx, c, a.spec.To) },
			Probe: func(ctx context.Context, a *actor, c call) connectors.Outcome {
				return a.restarted(ctx, c, a.spec.To)
			},
		},
		reads(onGroup+"work-running", "tasks and pipes that ran before run on the new primary", func(ctx context.Context, a *actor, c call) connectors.Finding {
			return action.AsFinding(a.restarted(ctx, c, a.spec.To))
		}, nil, both...),
		reads(onGroup+"old-source-quiet", "at the source that was left no task is running, and it is a copy", oldSourceQuiet, nil, unprovenParameter),
	}
}

// chores are the tasks and pipes of the groups' databases as one account shows them.
type chores struct {
	tasks, pipes   []work // all that are shown
	started, flows []work // root tasks that are started, pipes that run
	executing      []work
}

// databases are those of all groups, as the account shows them.
func (x *changing) databases(ctx context.Context) ([]string, *connectors.Finding) {
	var list []string
	for i := range x.a.groups() {
		row, bad := x.row(i)
		if bad != nil {
			return nil, bad
		}
		rows, err := x.query(ctx, membersSQL(row.Name))
		if err != nil {
			f := x.unread("the databases of "+row.Name, err)
			return nil, &f
		}
		list = append(list, databases(rows)...)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

func (x *changing) chores(ctx context.Context, executing bool) (chores, *connectors.Finding) {
	var c chores
	no := func(f connectors.Finding) (chores, *connectors.Finding) { return c, &f }
	databases, bad := x.databases(ctx)
	if bad != nil {
		return c, bad
	}
	for _, database := range databases {
		rows, err := x.query(ctx, tasksSQL(database))
		if err != nil {
			return no(x.unread("the tasks in "+database, err))
		}
		for _, r := range rows {
			w := work{r.Text("database_name"), r.Text("schema_name"), r.Text("name")}
			c.tasks = append(c.tasks, w)
			before := strings.Trim(r.Text("predecessors"), "[] ")
			switch state := r.Text("state"); {
			case strings.EqualFold(state, "suspended"):
			case !strings.EqualFold(state, "started"):
				return no(action.Unknown(readiness.ValueInvalid, "task %s on %s is %q, neither started nor suspended", w, x.account.Name, state))
			case before == "" || strings.EqualFold(before, "null"):
				c.started = append(c.started, w)
			}
		}
		if rows, err = x.query(ctx, pipesSQL(database)); err != nil {
			return no(x.unread("the pipes in "+database, err))
		}
		for _, r := range rows {
			w := work{r.Text("database_name"), r.Text("schema_name"), r.Text("name")}
			state, bad := x.pipe(ctx, w)
			if bad != nil {
				return c, bad
			}
			c.pipes = append(c.pipes, w)
			if state != "PAUSED" && state != "READ_ONLY" {
				c.flows = append(c.flows, w)
			}
		}
		if !executing {
			continue
		}
		if err := x.wake(ctx); err != nil {
			return no(x.unread("what runs in "+database, err))
		}
		if rows, err = x.query(ctx, executingSQL(database)); err != nil {
			return no(x.unread("what runs in "+database, err))
		}
		for _, r := range rows {
			if r.Text("database_name") == database {
				c.executing = append(c.executing, work{database, r.Text("schema_name"), r.Text("name")})
			}
		}
	}
	return c, nil
}

func (x *changing) pipe(ctx context.Context, w work) (string, *connectors.Finding) {
	rows, err := x.query(ctx, pipeStatusSQL(w))
	if err != nil {
		f := x.unread("the state of pipe "+w.String(), err)
		return "", &f
	}
	var status struct {
		State string `json:"executionState"`
	}
	if len(rows) != 1 || json.Unmarshal([]byte(rows[0].Text("status")), &status) != nil || status.State == "" {
		f := action.Unknown(readiness.ValueInvalid, "pipe %s on %s does not say its state", w, x.account.Name)
		return "", &f
	}
	return strings.ToUpper(status.State), nil
}

// openSource opens the account that is left, and requires that it is primary for every
// group.
func (a *actor) openSource(ctx context.Context) (*changing, *connectors.Outcome) {
	x, o := a.open(ctx, a.at(a.spec.From))
	if o != nil {
		return nil, o
	}
	for i, name := range a.groups() {
		row, bad := x.row(i)
		if bad == nil && !*row.IsPrimary {
			f := action.Refused(readiness.RoleUnexpected, "%s on %s is not primary", name, x.account.Name)
			bad = &f
		}
		if bad != nil {
			x.close()
			o := action.NotBegun(*bad)
			return nil, &o
		}
	}
	return x, nil
}

func workRecorded(ctx context.Context, a *actor, _ call) connectors.Finding {
	x, o := a.openSource(ctx)
	if o != nil {
		return action.Unknown(o.Code, "%s", o.Message)
	}
	defer x.close()
	c, bad := x.chores(ctx, false)
	if bad != nil {
		return *bad
	}
	f := action.Passed("the role sees %d tasks and %d pipes at %s; running: tasks %s, pipes %s. What it may not see, and applications, it cannot tell", len(c.tasks), len(c.pipes), x.account.Name, worksText(c.started), worksText(c.flows))
	f.Facts = connectors.Facts{"tasks": encode(named(c.started)), "pipes": encode(named(c.flows))}
	return f
}

// named is a list that is never null.
func named(list []work) []work {
	if list == nil {
		return []work{}
	}
	return list
}

// quiesce stops everything that is running, not only what ran when it was recorded. Its
// undo belongs to the step that recorded: one that was cut off half way is taken back
// as well.
func quiesce(ctx context.Context, a *actor, c call) connectors.Outcome {
	tasks, pipes, err := recorded(c)
	if err != nil {
		return action.Failed("", "%v", err)
	}
	x, o := a.openSource(ctx)
	if o != nil {
		return *o
	}
	defer x.close()
	now, bad := x.chores(ctx, false)
	if bad != nil {
		return *notSent(*bad)
	}
	// What nobody recorded would not be started again.
	for _, w := range now.started {
		if !slices.Contains(tasks, w) {
			return action.Failed(readiness.Conflict, "task %s was started since the work was recorded: nothing was stopped", w)
		}
	}
	for _, w := range now.flows {
		if !slices.Contains(pipes, w) {
			return action.Failed(readiness.Conflict, "pipe %s was started since the work was recorded: nothing was stopped", w)
		}
	}
	changed := false
	for _, w := range now.started {
		if o := x.run(ctx, taskSQL(w, false), a.tag("quiesce")); o != nil {
			return action.Partly(changed, *o)
		}
		changed = true
	}
	for _, w := range now.flows {
		if o := x.run(ctx, pipeSQL(w, false), a.tag("quiesce")); o != nil {
			return action.Partly(changed, *o)
		}
		changed = true
	}
	for {
		o := x.quiet(ctx)
		if o.State != connectors.NotDone {
			return o
		}
		if !a.pause(ctx) {
			return o
		}
	}
}

func recorded(c call) (tasks, pipes []work, err error) {
	if tasks, err = parseWorks(c.Arg("tasks")); err != nil {
		return nil, nil, err
	}
	pipes, err = parseWorks(c.Arg("pipes"))
	return tasks, pipes, err
}

// quiet tells whether nothing runs at the source. The time is read after that was seen:
// everything written before is in a snapshot that is later.
func (x *changing) quiet(ctx context.Context) connectors.Outcome {
	c, bad := x.chores(ctx, true)
	if bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	if len(c.started)+len(c.flows)+len(c.executing) > 0 {
		return action.NotDone("", "at %s run: tasks %s, pipes %s, started before: %s", x.account.Name, worksText(c.started), worksText(c.flows), worksText(c.executing))
	}
	at, err := x.clock(ctx)
	if err != nil {
		return action.InDoubt("", "the time of %s: %s", x.account.Name, x.says(err))
	}
	return action.Done(connectors.Facts{"at": stamp(at)}, "no task and no pipe that the role sees runs at %s, at %s by its clock", x.account.Name, at.UTC().Format(time.RFC3339))
}

func quiesceProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	x, o := a.openSource(ctx)
	if o != nil {
		return action.InDoubt(o.Code, "%s", o.Message)
	}
	defer x.close()
	return x.quiet(ctx)
}

// restart lets what was recorded run in the account of a site, and nothing else.
func (a *actor) restart(ctx context.Context, c call, site string) connectors.Outcome {
	tasks, pipes, err := recorded(c)
	if err != nil {
		return action.Failed("", "%v", err)
	}
	if len(tasks)+len(pipes) == 0 {
		return a.restarted(ctx, c, site)
	}
	x, o := a.openPrimary(ctx, site)
	if o != nil {
		return *o
	}
	defer x.close()
	now, bad := x.chores(ctx, false)
	if bad != nil {
		return *notSent(*bad)
	}
	changed := false
	for _, w := range tasks {
		if slices.Contains(now.started, w) {
			continue
		}
		if o := x.run(ctx, taskSQL(w, true), a.tag("restart")); o != nil {
			return action.Partly(changed, *o)
		}
		changed = true
	}
	for _, w := range pipes {
		if slices.Contains(now.flows, w) {
			continue
		}
		if o := x.run(ctx, pipeSQL(w, true), a.tag("restart")); o != nil {
			return action.Partly(changed, *o)
		}
		changed = true
	}
	return a.restarted(ctx, c, site)
}

// openPrimary opens the account of a site and requires that it is primary.
func (a *actor) openPrimary(ctx context.Context, site string) (*changing, *connectors.Outcome) {
	x, o := a.open(ctx, a.at(site))
	if o != nil {
		return nil, o
	}
	for i, name := range a.groups() {
		row, bad := x.row(i)
		if bad == nil && !*row.IsPrimary {
			f := action.Refused(readiness.RoleUnexpected, "%s on %s is not primary: what it holds is read-only", name, x.account.Name)
			bad = &f
		}
		if bad != nil {
			x.close()
			o := action.NotBegun(*bad)
			return nil, &o
		}
	}
	return x, nil
}

func (a *actor) restarted(ctx context.Context, c call, site string) connectors.Outcome {
	tasks, pipes, err := recorded(c)
	if err != nil {
		return action.InDoubt("", "%v", err)
	}
	x, o := a.openPrimary(ctx, site)
	if o != nil {
		return action.InDoubt(o.Code, "%s", o.Message)
	}
	defer x.close()
	now, bad := x.chores(ctx, false)
	if bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	var idle []string
	for _, w := range tasks {
		if !slices.Contains(now.started, w) {
			idle = append(idle, w.String())
		}
	}
	for _, w := range pipes {
		if !slices.Contains(now.flows, w) {
			idle = append(idle, w.String())
		}
	}
	if len(idle) > 0 {
		return action.NotDone("", "not running on %s: %s", x.account.Name, joined(idle))
	}
	return action.Done(nil, "running on %s: tasks %s, pipes %s", x.account.Name, worksText(now.started), worksText(now.flows))
}

// oldSourceQuiet is T9: started tasks of a copy do not run, but a run that had begun
// goes on until the account knows that it is one.
func oldSourceQuiet(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx, noHistory)
	if bad := s.proved(s.from); bad != nil {
		if c.Arg("unproven") == "accept" && s.silent(s.from) {
			return action.Passed("%s does not answer, which the request accepts; whether tasks run there is not known", s.from.Name)
		}
		return *bad
	}
	x, o := a.open(ctx, a.at(a.spec.From))
	if o != nil {
		return action.Unknown(o.Code, "%s", o.Message)
	}
	defer x.close()
	for i, name := range a.groups() {
		row, bad := x.row(i)
		switch {
		case bad != nil:
			return *bad
		case *row.IsPrimary:
			return action.Refused(readiness.TwoWriters, "%s on %s says that it is primary", name, x.account.Name)
		}
	}
	now, bad := x.chores(ctx, true)
	switch {
	case bad != nil:
		return *bad
	case len(now.executing) > 0:
		return action.Refused(readiness.PrimaryAlive, "on %s still run: %s", x.account.Name, worksText(now.executing))
	}
	return action.Passed("%s is a copy, and no task that the role sees runs there", x.account.Name)
}

package sqlserver

import (
	"context"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var discardParameter = action.Optional("discard", "databases, by name, of which what only a suspended replica has may be given up: orders, ledger")

func resuming() []operation {
	return []operation{
		changes(connectors.Action{Name: plain + "resume-data-movement", Summary: "resumes every suspended database on the secondaries; what resuming would give up has to be named (SI-26)", Idempotent: true,
			Parameters: []connectors.ActionParameter{discardParameter}, Outputs: []string{"resumed"}}, resume, resumeProbe),
	}
}

// suspendedAt is one suspended database of one secondary.
type suspendedAt struct {
	link *link
	pair pair
}

// suspensions lists what is suspended on secondaries that answer.
func (p *picture) suspensions() []suspendedAt {
	var list []suspendedAt
	for _, l := range p.links {
		if l.to == nil || p.proved(l.to) != nil || p.roles[l.to] != secondaryRole {
			continue
		}
		for _, pr := range l.pairs {
			if _, yes := pr.suspended(); yes {
				list = append(list, suspendedAt{l, pr})
			}
		}
	}
	return list
}

// resumable says what resuming a database would give up: log of its own beyond what
// the primary has in common with it. Nil is that it is proved to be nothing, or that it
// was named. (Exact test: sys.dm_hadr_database_replica_states, recovery_lsn)
func (p pair) resumable(l *link, discard string) *connectors.Finding {
	hardened := ""
	for _, s := range p.rows() {
		if isSet(s.Local) && s.Hardened != "" {
			hardened = s.Hardened
		}
	}
	recovery := ""
	if p.remote != nil {
		recovery = p.remote.Recovery
		if hardened == "" {
			hardened = p.remote.Hardened
		}
	}
	order, ok := compareLSN(recovery, hardened)
	if ok && order >= 0 {
		return nil
	}
	named := slices.ContainsFunc(endpoint.SplitList(discard), func(name string) bool { return name != "" && fold(name) == fold(p.name) })
	if named {
		return nil
	}
	f := action.Refused(readiness.TailNotPreserved, "database %s on %s has log from %s on that the primary does not have, up to %s: resuming gives it up; save it, or name the database under discard", p.name, l.name, recovery, hardened)
	if !ok {
		f = action.Unknown(readiness.TailNotPreserved, "whether resuming database %s on %s gives something up is not told: name it under discard if it may", p.name, l.name)
	}
	return &f
}

// allTold requires one primary, and an answer of every instance that is not optional.
func (p *picture) allTold() *connectors.Finding {
	if _, bad := p.onlyPrimary(); bad != nil {
		return bad
	}
	for _, n := range p.nodes {
		if bad := p.proved(n); bad != nil && !n.Optional {
			return bad
		}
	}
	return nil
}

// resume asks of all databases before it resumes the first one.
func resume(ctx context.Context, a *actor, c call) connectors.Outcome {
	p := a.look(ctx)
	if bad := p.allTold(); bad != nil {
		return action.NotBegun(*bad)
	}
	list := p.suspensions()
	for _, x := range list {
		if bad := x.pair.resumable(x.link, c.Arg("discard")); bad != nil {
			return action.NotBegun(*bad)
		}
	}
	var resumed []string
	for _, x := range list {
		s, o := a.open(ctx, p, x.link.to)
		if o != nil {
			return *o
		}
		statement := "ALTER DATABASE " + quoteName(x.pair.name) + " SET HADR RESUME"
		err := s.run(ctx, statement)
		ended := connectors.Outcome{}
		if err != nil {
			ended = s.ended(ctx, statement, err)
			if len(resumed) > 0 && ended.State == connectors.Failed {
				ended.State = connectors.NotDone
			}
		}
		s.close()
		if err != nil {
			return ended
		}
		resumed = append(resumed, x.pair.name+" on "+x.link.name)
	}
	o := resumeProbe(ctx, a, c)
	if o.State == connectors.Done {
		o.Facts = connectors.Facts{"resumed": strings.Join(resumed, ", ")}
		if len(resumed) > 0 {
			o.Message = "resumed: " + strings.Join(resumed, ", ")
		}
	}
	return o
}

func resumeProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	p := a.look(ctx)
	if bad := p.allTold(); bad != nil {
		return action.InDoubt(bad.Code, "whether something is suspended is not known: %s", bad.Message)
	}
	var left []string
	for _, x := range p.suspensions() {
		left = append(left, x.pair.name+" on "+x.link.name)
	}
	if len(left) > 0 {
		return action.NotDone(readiness.DatabaseSuspended, "suspended: %s", strings.Join(left, ", "))
	}
	return action.Done(connectors.Facts{"resumed": ""}, "nothing is suspended on a secondary")
}

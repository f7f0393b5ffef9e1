package plan

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

const (
	// checkTimeout is for a check whose runbook gives it no time.
	checkTimeout = 10 * time.Second
	// actorsPerMember is how many checks of one resource are made at once. More would
	// cost its servers connections and save little.
	actorsPerMember = 2
	// abandonAfter is how long past its deadline a check is waited for.
	abandonAfter = 500 * time.Millisecond
)

// memberChecks is what became of the prechecks of one member. Each precheck is in
// exactly one of the two (SI-39).
type memberChecks struct {
	seen      []runbook.CheckSeen
	unchecked []runbook.Unchecked
}

// prechecks makes the prechecks of all members, in the order of p.Members.
func (m *Maker) prechecks(ctx context.Context, src Source, p runbook.Plan, before map[string]check.Memory) []memberChecks {
	members := p.Members()
	out := make([]memberChecks, len(members))
	var group errgroup.Group
	group.SetLimit(max(m.Parallel, 1))
	for i, member := range members {
		group.Go(func() error {
			out[i] = m.checkMember(ctx, src, member, p.Accept, before[member.Resource])
			return nil
		})
	}
	_ = group.Wait() // nothing returns an error
	return out
}

func (m *Maker) checkMember(ctx context.Context, src Source, member runbook.MemberPlan, accepted []runbook.Acceptance, before check.Memory) memberChecks {
	var out memberChecks
	var ours []runbook.Check
	operator, can := m.operator(member.Platform)
	for _, c := range member.Prechecks {
		switch {
		case m.RunFollows:
			out.unchecked = append(out.unchecked, runbook.Unchecked{Resource: member.Resource, What: what(c), Why: "the run that starts now makes it"})
		case c.Uses == "":
			out.unchecked = append(out.unchecked, runbook.Unchecked{Resource: member.Resource, What: what(c), Why: whyNot(c)})
		case src.Replay != nil:
			out.unchecked = append(out.unchecked, runbook.Unchecked{Resource: member.Resource, What: what(c), Why: "the observations are recorded ones; no server was asked"})
		case !can || !offers(operator, c.Uses):
			out.unchecked = append(out.unchecked, runbook.Unchecked{Resource: member.Resource, What: what(c), Why: cannotRun(c.Uses)})
		default:
			ours = append(ours, c)
		}
	}
	if len(ours) == 0 {
		return out
	}
	res, _ := src.Repo.Resource(member.Resource)
	ctx, cancel := context.WithTimeout(ctx, m.TargetTimeout)
	defer cancel()
	for i, a := range m.ask(ctx, operator, m.actorSpec(src.Repo, res, member, before), ours) {
		if a.withheld && a.finding.Result == connectors.Unknown {
			out.unchecked = append(out.unchecked, runbook.Unchecked{Resource: member.Resource, What: what(ours[i]), Why: "it needs the login for changes, and a plan uses the one for monitoring only"})
			continue
		}
		out.seen = append(out.seen, seen(ours[i], a.finding, accepted))
	}
	return out
}

// actorSpec is what an actor may know while a plan is made: no run, no fence, and
// the monitoring login only.
func (m *Maker) actorSpec(repo *config.Repo, res *config.Resource, member runbook.MemberPlan, before check.Memory) connectors.ActorSpec {
	spec := check.Spec(repo, quiet(res), m.Secrets)
	spec.EndpointTimeout = m.TargetTimeout / 2
	spec.KeepOpen, spec.Now = true, m.Now
	spec.Previous = check.Recorded(before)
	return connectors.ActorSpec{Spec: spec, From: member.From, To: member.To}
}

// withhold gives the monitoring login only, and notes when another one was asked for.
func withhold(spec connectors.ActorSpec, asked *atomic.Bool) connectors.ActorSpec {
	resolve := spec.Credential
	spec.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
		if p != connectors.Monitor {
			asked.Store(true)
			return connectors.Credential{}, fmt.Errorf("a plan uses the monitoring login only, not the one for %s", p)
		}
		return resolve(ctx, p)
	}
	return spec
}

// asked is what became of one check.
type asked struct {
	finding  connectors.Finding
	withheld bool // it asked for a login that a plan does not use
}

// ask makes checks on a few actors at once. A check that does not come back is left
// behind together with its actor, and a panic is a check that could not tell: one
// bad check costs the others nothing.
func (m *Maker) ask(ctx context.Context, operator connectors.Operator, spec connectors.ActorSpec, checks []runbook.Check) []asked {
	out := make([]asked, len(checks))
	next := make(chan int, len(checks))
	for i := range checks {
		next <- i
	}
	close(next)
	var workers sync.WaitGroup
	for range min(actorsPerMember, len(checks)) {
		workers.Go(func() {
			var actor connectors.Actor
			var withheld atomic.Bool
			spec := withhold(spec, &withheld)
			for i := range next {
				withheld.Store(false)
				if ctx.Err() != nil {
					out[i].finding = unknown(m.Now(), "not asked: the time for all checks of this resource was over")
					continue
				}
				if actor == nil {
					var err error
					if actor, err = operator.OpenActor(spec); err != nil {
						out[i].finding = unknown(m.Now(), "prepare the check: "+err.Error())
						continue
					}
				}
				var left bool
				if out[i].finding, left = m.one(ctx, actor, checks[i]); left {
					actor = nil
				}
				out[i].withheld = withheld.Load()
			}
			if actor != nil {
				_ = actor.Close() // a goodbye that fails changes nothing
			}
		})
	}
	workers.Wait()
	return out
}

// one makes one check within its time, and reports whether its actor was left
// behind.
func (m *Maker) one(ctx context.Context, actor connectors.Actor, c runbook.Check) (f connectors.Finding, left bool) {
	limit := checkTimeout
	if c.Timeout != nil {
		limit = c.Timeout.Std()
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	answer := make(chan connectors.Finding, 1)
	go func() {
		defer func() {
			if recover() != nil { // what it was about may hold anything, so it is not repeated
				answer <- unknown(m.Now(), "internal error in the check; please report it")
			}
		}()
		answer <- actor.Check(ctx, connectors.Call{Action: c.Uses, With: c.With})
	}()
	defer cancel()
	select {
	case f = <-answer:
		return f, false
	case <-ctx.Done():
	}
	patience := time.NewTimer(abandonAfter)
	defer patience.Stop()
	select {
	case f = <-answer:
		return f, false
	case <-patience.C:
		go func() { // nobody waits for it
			defer func() { _ = recover() }()
			<-answer
			_ = actor.Close()
		}()
		return unknown(m.Now(), fmt.Sprintf("no answer within %s", limit)), true
	}
}

func unknown(now time.Time, message string) connectors.Finding {
	return connectors.Finding{Result: connectors.Unknown, Message: message, Observed: now}
}

// seen is a finding as the plan shows it. Anything but a clear answer is unknown.
// A warning that the runbook takes for one is a warning; one that it does not
// blocks.
func seen(c runbook.Check, f connectors.Finding, accepted []runbook.Acceptance) runbook.CheckSeen {
	s := runbook.CheckSeen{ID: c.ID, Name: c.Name, Result: string(f.Result), Code: f.Code, Message: f.Message}
	switch f.Result {
	case connectors.Passed, connectors.Warned:
	case connectors.Refused:
		if c.OnFailure == "warn" {
			s.Result = string(connectors.Warned)
		}
	default:
		s.Result = string(connectors.Unknown)
		if c.OnFailure == "warn" {
			s.Result = string(connectors.Warned)
			s.Message = "could not be told: " + s.Message
		}
	}
	if s.Result == string(connectors.Warned) && s.Code != "" &&
		slices.ContainsFunc(accepted, func(a runbook.Acceptance) bool { return a.Code == s.Code }) {
		s.Message += " (accepted by the request)"
	}
	return s
}

func offers(o connectors.Operator, name string) bool {
	return slices.ContainsFunc(o.Actions(), func(a connectors.Action) bool { return a.Name == name })
}

func cannotRun(action string) string {
	return fmt.Sprintf("%s cannot run in this version of bcctl", action)
}

func what(c runbook.Check) string {
	if c.Name != "" {
		return fmt.Sprintf("precheck %s: %s", c.ID, c.Name)
	}
	return "precheck " + c.ID
}

// whyNot says why a plan does not make a check that is none of the platform's.
func whyNot(c runbook.Check) string {
	switch {
	case c.Command != nil:
		return "it runs a program, and a plan runs none"
	case c.HTTP != nil:
		return "it makes an HTTP request, and a plan makes none"
	case c.SQL != nil:
		return "it runs a statement of the runbook, and a plan runs none"
	case c.DNSVerify != nil:
		return "it asks a name server from where the run takes place"
	case c.Manual != nil:
		return "a person attests it during the run"
	case c.Approval != nil:
		return "a person decides it during the run"
	default:
		return "it waits, and a plan does not"
	}
}

// outOfReach lists what a member would use and this version cannot run: never
// silently fine. A precheck among them is listed by itself.
func (m *Maker) outOfReach(scope runbook.Scope, member runbook.MemberPlan) []runbook.Unchecked {
	var out []runbook.Unchecked
	listed := map[string]bool{}
	for _, c := range member.Prechecks {
		listed["precheck "+c.ID] = true
	}
	for _, use := range member.Operations() {
		if use.SQL != nil {
			if _, ok := m.Registry[member.Platform].(connectors.SQLOperator); !ok {
				out = append(out, runbook.Unchecked{Resource: member.Resource, What: use.Where, Why: "bcctl sends no statements to " + member.Platform})
			}
		}
		if use.Uses == "" {
			continue
		}
		if _, ok := scope.Actions(member.Platform, use.Uses); ok || listed["precheck "+use.Step] && use.ReadOnly {
			continue
		}
		out = append(out, runbook.Unchecked{Resource: member.Resource, What: use.Where, Why: cannotRun(use.Uses)})
	}
	return out
}

// elsewhere lists what only execute can know.
func elsewhere(scope runbook.Scope, p runbook.Plan, pauses bool) []runbook.Unchecked {
	var out []runbook.Unchecked
	inPlan := map[string]bool{}
	posts := 0
	for _, m := range p.Members() {
		inPlan[m.Resource] = true
		posts += len(m.Postchecks)
	}
	for _, m := range p.Members() {
		for _, d := range scope.Members[m.Resource].DependsOn {
			if _, isResource := scope.Members[d]; isResource && !inPlan[d] {
				out = append(out, runbook.Unchecked{Resource: m.Resource, What: "dependency " + d, Why: "it is not part of this plan; see bcctl check " + d})
			}
		}
	}
	for name, g := range scope.Groups {
		if g.PerWindow && slices.ContainsFunc(g.Members, func(n string) bool { return inPlan[n] }) {
			out = append(out, runbook.Unchecked{What: "cap of group " + name + " over time", Why: "what ran before is known to execute, from the ledger"})
		}
	}
	if pauses {
		out = append(out, runbook.Unchecked{What: "pause after a failover", Why: "what ran before is known to execute, from the ledger"})
	}
	slices.SortFunc(out, func(a, b runbook.Unchecked) int {
		if a.Resource+a.What < b.Resource+b.What {
			return -1
		}
		return 1
	})
	return append(out, runbook.Unchecked{What: fmt.Sprintf("%d postchecks", posts), Why: "they are about the state after the run"})
}

// lossy reports whether a member may give up data: an action says so, or a failover
// goes past a point of no return, where what the other side has is left behind.
func (m *Maker) lossy(scope runbook.Scope, member runbook.MemberPlan) bool {
	return member.PointOfNoReturn != "" || slices.ContainsFunc(member.Operations(), func(use runbook.Use) bool {
		a, ok := scope.Actions(member.Platform, use.Uses)
		return use.Uses != "" && ok && a.Lossy
	})
}

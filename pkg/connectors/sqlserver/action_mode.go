package sqlserver

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Modes, as the views and statements have them.
const (
	synchronousCommit  = "SYNCHRONOUS_COMMIT"
	asynchronousCommit = "ASYNCHRONOUS_COMMIT"
	manualFailover     = "MANUAL"
)

// replicaMode is how one replica is configured.
type replicaMode struct {
	Mode     string `json:"mode"`
	Failover string `json:"failover,omitempty"`
}

var modesParameter = action.Required("modes", "the modes to give back, as mark recorded them (${steps.mark.modes})")

func modes() []operation {
	mode := connectors.ActionParameter{Name: "mode", Default: "synchronous", Summary: "synchronous; there is no other"}
	return []operation{
		changes(connectors.Action{Name: plain + "set-mode", Summary: "makes the primary and the target synchronous, so that commits wait for the target", Idempotent: true,
			Parameters: []connectors.ActionParameter{mode}, Outputs: []string{"modes"}}, setMode, setModeProbe),
		changes(connectors.Action{Name: plain + "restore-modes", Summary: "gives every replica the mode that was recorded", Idempotent: true, TakesBackParts: true,
			Parameters: []connectors.ActionParameter{modesParameter}, Outputs: []string{"modes"}}, restoreModes, restoreModesProbe),
		changes(connectors.Action{Name: distributed + "set-mode", Summary: "makes both groups synchronous, on both sides", Idempotent: true,
			Parameters: []connectors.ActionParameter{mode}, Outputs: []string{"modes"}}, setMode, setModeProbe),
		changes(connectors.Action{Name: distributed + "restore-modes", Summary: "gives both groups the mode that was recorded, on both sides", Idempotent: true, TakesBackParts: true,
			Parameters: []connectors.ActionParameter{modesParameter}, Outputs: []string{"modes"}}, restoreModes, restoreModesProbe),
		changes(connectors.Action{Name: plain + "unblock-commits", Summary: "lets commits on the new primary wait for no more secondaries than keep up", Idempotent: true,
			Outputs: []string{"required"}}, unblock, unblockProbe),
	}
}

// seats are the rows whose modes are changed: replicas, or the two groups of a
// distributed one.
func (p *picture) seats(n *node) []replica {
	if p.group.distributed {
		return p.places[n].across
	}
	return p.places[n].replicas
}

// modes is how the replicas are configured, as an instance shows it, as text.
func (p *picture) modes(n *node) string {
	all := map[string]replicaMode{}
	for _, r := range p.seats(n) {
		m := replicaMode{Mode: r.Mode, Failover: r.Failover}
		if p.group.distributed {
			m.Failover = "" // it has none but MANUAL
		}
		all[r.Server] = m
	}
	text, err := json.Marshal(all)
	if err != nil { // maps of texts always can be written
		return "{}"
	}
	return string(text)
}

func parseModes(text string) (map[string]replicaMode, error) {
	wanted := map[string]replicaMode{}
	if err := json.Unmarshal([]byte(text), &wanted); err != nil {
		return nil, fmt.Errorf("modes: %w", err)
	}
	for name, m := range wanted {
		if m.Mode != synchronousCommit && m.Mode != asynchronousCommit && m.Mode != "CONFIGURATION_ONLY" || !slices.Contains([]string{"", manualFailover, "AUTOMATIC", "EXTERNAL"}, m.Failover) {
			return nil, fmt.Errorf("modes: %q of %s is none", m.Mode+" "+m.Failover, name)
		}
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("modes: none are given")
	}
	return wanted, nil
}

// writers are the instances on which modes are changed: the primary, or both sides of
// a distributed group, each of which has its own configuration.
func (p *picture) changers() ([]*node, *connectors.Finding) {
	if p.group.distributed {
		if bad := p.provedAll(p.old, p.next); bad != nil {
			return nil, bad
		}
		for _, n := range []*node{p.old, p.next} {
			if len(p.places[n].across) == 0 {
				f := action.Unknown(readiness.RoleUnexpected, "%s does not show the distributed group: it is not primary of its own", n.Name)
				return nil, &f
			}
		}
		return []*node{p.old, p.next}, nil
	}
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return nil, bad
	}
	return []*node{primary}, nil
}

// wantedNow is what set-mode wants: what there is, with both ends of the way that the
// change takes synchronous.
func (p *picture) wantedNow(n *node) map[string]replicaMode {
	wanted := map[string]replicaMode{}
	for _, r := range p.seats(n) {
		m := replicaMode{Mode: r.Mode, Failover: r.Failover}
		target := p.next.facts != nil && fold(r.Server) == fold(p.next.facts.ServerName)
		if p.group.distributed || r.local() || target {
			m.Mode = synchronousCommit
		}
		wanted[r.Server] = m
	}
	return wanted
}

// differing are the statements that bring modes about, in an order in which none is
// refused: an asynchronous replica cannot fail over by itself.
func (p *picture) differing(n *node, wanted map[string]replicaMode) (statements []string, missing []string) {
	now := map[string]replica{}
	for _, r := range p.seats(n) {
		now[fold(r.Server)] = r
	}
	noun := " MODIFY REPLICA ON "
	if p.group.distributed {
		noun = " MODIFY AVAILABILITY GROUP ON "
	}
	var relax, modes, automatic []string
	set := func(list *[]string, name, option, value string) {
		*list = append(*list, "ALTER AVAILABILITY GROUP "+quoteName(p.ag(n))+noun+quoteText(name)+" WITH ("+option+" = "+value+")")
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		r, there := now[fold(name)]
		w := wanted[name]
		switch {
		case !there:
			missing = append(missing, name)
			continue
		case w.Mode == "CONFIGURATION_ONLY" || r.Mode == "CONFIGURATION_ONLY":
			continue
		}
		failover := w.Failover != "" && w.Failover != r.Failover && !p.group.distributed
		if failover && w.Failover == manualFailover {
			set(&relax, name, "FAILOVER_MODE", manualFailover)
		}
		if w.Mode != r.Mode {
			set(&modes, name, "AVAILABILITY_MODE", w.Mode)
		}
		if failover && w.Failover != manualFailover {
			set(&automatic, name, "FAILOVER_MODE", w.Failover)
		}
	}
	return slices.Concat(relax, modes, automatic), missing
}

// configure brings modes about, on each instance that keeps them.
func (a *actor) configure(ctx context.Context, wanted func(*picture, *node) map[string]replicaMode) connectors.Outcome {
	p := a.look(ctx)
	list, bad := p.changers()
	if bad != nil {
		return action.NotBegun(*bad)
	}
	changed := false
	for _, n := range list {
		statements, missing := p.differing(n, wanted(p, n))
		if len(missing) > 0 {
			return action.Partly(changed, action.Failed(readiness.Conflict, "%s has no replica %s any more: nothing was sent to it", n.Name, strings.Join(missing, ", ")))
		}
		if len(statements) == 0 {
			continue
		}
		s, o := a.open(ctx, p, n)
		if o != nil {
			return action.Partly(changed, *o)
		}
		for _, statement := range statements {
			if err := s.run(ctx, statement); err != nil {
				ended := s.ended(ctx, statement, err)
				s.close()
				return action.Partly(changed, ended)
			}
			changed = true
		}
		s.close()
	}
	return a.configured(ctx, wanted)
}

// configured tells whether modes are as they should be.
func (a *actor) configured(ctx context.Context, wanted func(*picture, *node) map[string]replicaMode) connectors.Outcome {
	p := a.look(ctx)
	list, bad := p.changers()
	if bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	for _, n := range list {
		statements, missing := p.differing(n, wanted(p, n))
		if len(missing)+len(statements) > 0 {
			return action.NotDone("", "on %s is yet to be done: %s", n.Name, strings.Join(append(statements, missing...), "; "))
		}
	}
	return action.Done(connectors.Facts{"modes": p.modes(list[0])}, "modes on %s: %s", names(list), p.modes(list[0]))
}

func setMode(ctx context.Context, a *actor, c call) connectors.Outcome {
	if mode := c.Arg("mode"); mode != "synchronous" {
		return action.Failed("", "mode: %q is not known; write synchronous", mode)
	}
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return action.NotBegun(*bad)
	}
	return a.configure(ctx, (*picture).wantedNow)
}

func setModeProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	if p := a.look(ctx); p.proved(p.next) != nil {
		return action.InDoubt("", "%s", p.proved(p.next).Message)
	}
	return a.configured(ctx, (*picture).wantedNow)
}

func restoreModes(ctx context.Context, a *actor, c call) connectors.Outcome {
	wanted, err := parseModes(c.Arg("modes"))
	if err != nil {
		return action.Failed("", "%v", err)
	}
	return a.configure(ctx, func(*picture, *node) map[string]replicaMode { return wanted })
}

func restoreModesProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	wanted, err := parseModes(c.Arg("modes"))
	if err != nil {
		return action.InDoubt("", "%v", err)
	}
	return a.configured(ctx, func(*picture, *node) map[string]replicaMode { return wanted })
}

// keepUp is how many synchronous secondaries of a primary keep up.
func (p *picture) keepUp(primary *node) int64 {
	n := int64(0)
	for _, l := range p.links {
		if l.from == primary && !l.across && l.synchronous() && l.row.Connected == "CONNECTED" && len(l.pairs) > 0 &&
			!slices.ContainsFunc(l.pairs, func(pr pair) bool { return pr.state() != synchronized }) {
			n++
		}
	}
	return n
}

// unblock follows a forced failover: replicas that are gone or suspended acknowledge
// nothing, and a commit that waits for them waits for ever.
func unblock(ctx context.Context, a *actor, _ call) connectors.Outcome {
	p, n, need, bad := a.blocked(ctx)
	switch {
	case bad != nil:
		return action.NotBegun(*bad)
	case need == nil:
		return unblockProbe(ctx, a, call{})
	}
	s, o := a.open(ctx, p, n)
	if o != nil {
		return *o
	}
	defer s.close()
	statement := "ALTER AVAILABILITY GROUP " + quoteName(s.ag) + " SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = " + strconv.FormatInt(*need, 10) + ")"
	if err := s.run(ctx, statement); err != nil {
		return s.ended(ctx, statement, err)
	}
	return unblockProbe(ctx, a, call{})
}

// blocked tells by what number commits wait for too many, nil when they do not.
func (a *actor) blocked(ctx context.Context) (p *picture, n *node, need *int64, bad *connectors.Finding) {
	p = a.look(ctx)
	n = p.next
	if bad = p.proved(n); bad == nil && p.roles[n] != primaryRole {
		f := action.Refused(readiness.RoleUnexpected, "%s is %s", n.Name, p.roles[n])
		bad = &f
	}
	if bad != nil {
		return p, n, nil, bad
	}
	required, there := p.places[n].own.Required, p.keepUp(n)
	if required == nil && n.facts.Major >= 14 {
		f := action.Unknown(readiness.ValueInvalid, "%s does not tell how many secondaries a commit waits for", n.Name)
		return p, n, nil, &f
	}
	if required != nil && *required > there {
		need = &there
	}
	return p, n, need, nil
}

func unblockProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	p, n, need, bad := a.blocked(ctx)
	switch {
	case bad != nil:
		return action.InDoubt(bad.Code, "%s", bad.Message)
	case need != nil:
		return action.NotDone(readiness.SyncStandbyMissing, "commits on %s wait for more than the %d secondaries that keep up", n.Name, *need)
	}
	required := "0"
	if r := p.places[n].own.Required; r != nil {
		required = strconv.FormatInt(*r, 10)
	}
	return action.Done(connectors.Facts{"required": required}, "commits on %s wait for %s secondaries", n.Name, required)
}

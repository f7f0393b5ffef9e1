package sqlserver

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var (
	evidenceParameter = action.Optional("evidence", "what proves that the old primary is fenced (${steps.fence.evidence})")
	unprovenParameter = connectors.ActionParameter{Name: "unproven", Default: "refuse",
		Summary: "accept: the request accepts that an instance that cannot be seen may still write; never one that is seen to"}
	ceilingParameter   = action.Optional("maxLoss", "the most that may be lost, as time (${max.loss})")
	unboundedParameter = connectors.ActionParameter{Name: "unbounded", Default: "refuse",
		Summary: "accept: the request accepts RPO_UNPROVEN, that the loss cannot be bounded; never one that is measured and over the ceiling"}
	fencedParameter = action.Optional("fencedAt", "when the old primary was proved to be fenced (${steps.fence.at}), for an estimate that decides nothing")
)

// lossChecks are those of a failover: M03 and M04 without a primary, and the bound of
// the loss.
func lossChecks() []operation {
	return slices.Concat(
		reads(plain, "primary-gone", "no instance is primary, by its own answer and by what the replicas hear", primaryGone, nil),
		reads(plain, "writer-fenced", "nothing contradicts that no instance but the target writes, and evidence or an answer proves it", writerFenced, nil, evidenceParameter, unprovenParameter),
		reads(plain, "target-may-be-forced", "the target is a secondary or between roles, and no other replica that answers has more of the log", targetMayBeForced, nil),
		reads(plain, "loss-bound", "what a forced failover would lose", lossBound, []string{"loss"}, ceilingParameter),
		reads(plain, "measure-loss", "says what was lost, per database, from what was marked before, as far as it is known", measureLoss, []string{"exact", "secondsAtMost", "method", "databases"},
			action.Optional("loss", "what was missing before the failover (${steps.mark.loss})"), fencedParameter),
	)
}

// primaryGone has two vantage points (SI-23): bcctl's own connections, and what
// replicas that answer say of their connection to a primary.
func primaryGone(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	if writers := p.with(primaryRole); len(writers) > 0 {
		return action.Refused(readiness.PrimaryAlive, "%s is primary", names(writers))
	}
	var away []*node
	witnesses := 0
	for _, n := range p.nodes {
		switch bad := p.proved(n); {
		case bad == nil:
			witnesses++
			if own := p.places[n].own; own.Role == "SECONDARY" && own.Connected == "CONNECTED" {
				return action.Refused(readiness.PrimaryAlive, "%s is connected to its primary, which so answered within %s: it is alive", n.Name, patience(*own))
			}
		case n.gone():
			away = append(away, n)
		default:
			return action.Unknown(readiness.WriterUnproven, "%s gives signs of life, and whether it writes is not known: %s", n.Name, bad.Message)
		}
	}
	if witnesses == 0 {
		return action.Unknown(readiness.WriterUnproven, "no replica answers that could say whether it hears a primary: there is one vantage point only")
	}
	if len(away) == 0 {
		return action.Passed("every instance answers, and none is primary or hears one")
	}
	return action.Passed("no answer of %s, and no replica that answers hears a primary. That is no proof of a fence", names(away))
}

func writerFenced(ctx context.Context, a *actor, c call) connectors.Finding {
	return a.look(ctx).fenced(c.Arg("evidence"), c.Arg("unproven") == "accept")
}

// fenced: an instance that answers and does not write is proof of itself. One that
// gives no sign of life at the site that is left is fenced by evidence, or accepted;
// one that does contradicts any evidence.
func (p *picture) fenced(evidence string, accepted bool) connectors.Finding {
	var doubtful []*node
	for _, n := range p.nodes {
		switch {
		case n == p.next:
		case p.member(n) && p.roles[n] == primaryRole:
			return action.Refused(readiness.TwoWriters, "%s is primary now, whatever was attested or accepted", n.Name)
		case p.proved(n) == nil:
		case n.Site == p.from && evidence != "" && n.gone():
		default:
			doubtful = append(doubtful, n)
		}
	}
	switch {
	case len(doubtful) == 0 && evidence != "":
		return action.Passed("no other instance is primary; evidence of the fence: %s", evidence)
	case len(doubtful) == 0:
		return action.Passed("every other instance answers, and none is primary")
	case accepted:
		return action.Passed("that %s does not write is not proved, and the request accepts that", names(doubtful))
	default:
		return action.Refused(readiness.WriterUnproven, "that %s does not write is not proved", names(doubtful))
	}
}

// targetMayBeForced is M04 of a failover. Databases can be best off on different
// replicas; a group fails over whole, so a person chooses then, by the target's site.
func targetMayBeForced(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return *bad
	}
	if r := p.roles[p.next]; r != secondaryRole && r != resolvingRole {
		return action.Refused(readiness.RoleUnexpected, "%s is %s", p.next.Name, r)
	}
	mine := p.next.forks()
	for _, n := range p.nodes {
		if n == p.next || p.proved(n) != nil || n.Site == p.from {
			continue
		}
		forks := n.forks()
		for _, s := range n.databases {
			for _, own := range p.next.databases {
				if !isSet(s.Local) || !isSet(own.Local) || s.ID != own.ID || mine[s.ID].Fork != forks[s.ID].Fork {
					continue
				}
				if order, ok := compareLSN(s.EndOfLog, own.EndOfLog); ok && order > 0 {
					return action.Refused(readiness.CandidateBehind, "%s has more of the log of database %s than %s", n.Name, s.Name, p.next.Name)
				}
			}
		}
	}
	return action.Passed("%s is %s, and no other replica that answers has more of the log", p.next.Name, p.roles[p.next])
}

// loss is what one database would lose, as far as it is known at one moment.
type loss struct {
	Database string     `json:"database"`
	Seconds  *float64   `json:"seconds,omitempty"`    // measured
	Commit   *time.Time `json:"lastCommit,omitempty"` // of the target
	Method   string     `json:"method"`
}

// losses are told per database. Nothing is lost where the cluster, whose quorum is
// normal, has the target as ready: only a primary that waits for it sets that. Where
// the old primary answers without being one, times of commits are compared, which the
// same clock has made. Else the loss is not known: see estimate.
func (p *picture) losses() []loss {
	l := p.bound()
	if l == nil {
		return nil
	}
	zero := 0.0
	var list []loss
	for _, pr := range l.pairs {
		x := loss{Database: pr.name, Method: "not known: the old primary does not tell what it had"}
		own := pr.own
		if own != nil && own.LastCommit != nil && !p.next.facts.Clock.IsZero() {
			at := p.next.facts.Clock.Add(-wall(p.next.facts.Clock).Sub(*own.LastCommit)).UTC()
			x.Commit = &at
		}
		switch theirs := p.localState(p.old, pr.id); {
		case p.surelyReady(own):
			x.Seconds, x.Method = &zero, "the cluster has it as ready for a planned failover"
		case theirs != nil && own != nil && atLeast(own.Hardened, theirs.EndOfLog) && sameFork(p.old, p.next, pr.id):
			x.Seconds, x.Method = &zero, "the target has hardened everything that "+p.old.Name+" has"
		case theirs != nil && own != nil && theirs.LastCommit != nil && own.LastCommit != nil && sameFork(p.old, p.next, pr.id):
			seconds := max(theirs.LastCommit.Sub(*own.LastCommit).Seconds(), 0)
			x.Seconds, x.Method = &seconds, "the last commit of "+p.old.Name+" compared with that of the target"
		}
		list = append(list, x)
	}
	return list
}

// wall is what a clock shows, without its zone, as columns of type datetime are read.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func atLeast(a, b string) bool {
	order, ok := compareLSN(a, b)
	return ok && order >= 0
}

func sameFork(a, b *node, id string) bool {
	x, y := a.forks()[id].Fork, b.forks()[id].Fork
	return x != "" && x == y
}

// localState is an instance's own row of a database, if it can be used.
func (p *picture) localState(n *node, id string) *databaseState {
	if p.proved(n) != nil {
		return nil
	}
	for i := range n.databases {
		if s := &n.databases[i]; isSet(s.Local) && s.ID == id {
			return s
		}
	}
	return nil
}

// surelyReady: the flag is kept by the cluster, and is worth nothing after quorum was
// forced, without quorum, or for a node that the cluster has as down.
func (p *picture) surelyReady(own *databaseState) bool {
	if own == nil || !isSet(own.Ready) || isSet(own.Suspended) || !p.places[p.next].own.windows() {
		return false
	}
	m := p.next.memberOf(p.next)
	return p.next.cluster != nil && p.next.cluster.QuorumState == "NORMAL_QUORUM" && m != nil && m.State == "UP"
}

// ceiling compares what would be lost with what may be (SI-25).
func ceiling(list []loss, most time.Duration, fenced time.Time, unbounded bool) connectors.Finding {
	if len(list) == 0 {
		return action.Unknown(readiness.RPOUnproven, "no database of the target is known, so neither is what would be lost")
	}
	for _, x := range list {
		switch estimate := x.estimate(fenced); {
		case x.Seconds != nil && *x.Seconds > most.Seconds():
			return action.Refused(readiness.LagOverRPO, "database %s would lose %.1f s (%s), and the ceiling is %s", x.Database, *x.Seconds, x.Method, most)
		case x.Seconds != nil, unbounded:
		case estimate != "":
			return action.Refused(readiness.RPOUnproven, "what database %s would lose is not known (%s), and the ceiling is %s; only a request that accepts RPO_UNPROVEN may go on", x.Database, estimate, most)
		default:
			return action.Refused(readiness.RPOUnproven, "what database %s would lose is not known in time, and the ceiling is %s; only a request that accepts RPO_UNPROVEN may go on", x.Database, most)
		}
	}
	return action.Passed("what would be lost is within %s, or accepted", most)
}

// estimate words the time from the target's last commit to the fence, for a person to
// weigh. It is no bound: times of commits are the lost primary's, without a zone, and
// read here as if they were the target's. Nothing that still answers tells the zone of
// the lost one.
func (x loss) estimate(fenced time.Time) string {
	if x.Seconds != nil || fenced.IsZero() || x.Commit == nil {
		return ""
	}
	seconds := fenced.Sub(*x.Commit).Seconds()
	if seconds < 0 {
		return "" // certainly of another zone, or of another clock
	}
	return fmt.Sprintf("%.0f s from its last commit to the fence, if both hosts have the same offset from UTC, which is not proved", seconds)
}

func lossText(list []loss) string {
	text, err := json.Marshal(list)
	if err != nil { // numbers that are none
		return "[]"
	}
	return string(text)
}

func lossBound(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	if _, bad := p.boundTo(); bad != nil {
		return *bad
	}
	list := p.losses()
	var each []string
	worst, known := 0.0, true
	for _, x := range list {
		if x.Seconds == nil {
			known = false
			each = append(each, x.Database+": "+x.Method)
			continue
		}
		worst = max(worst, *x.Seconds)
		each = append(each, fmt.Sprintf("%s: %.1f s, %s", x.Database, *x.Seconds, x.Method))
	}
	f := action.Warned(readiness.RPOUnproven, "%s; to force it needs a request that accepts RPO_UNPROVEN", some(each))
	if known {
		f = action.Passed("%s", some(each))
	}
	if most, err := c.Limit("maxLoss", 0); err != nil {
		f = action.Unknown("", "%v", err)
	} else if known && most > 0 && worst > most.Seconds() {
		f = action.Refused(readiness.LagOverRPO, "%s; the ceiling is %s", some(each), most)
	}
	f.Facts = connectors.Facts{"loss": lossText(list)}
	return f
}

func measureLoss(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return *bad
	}
	if p.roles[p.next] != primaryRole {
		return action.Refused(readiness.RoleUnexpected, "%s is %s: there was no failover", p.next.Name, p.roles[p.next])
	}
	var list []loss
	if text := c.Arg("loss"); text != "" {
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return action.Unknown("", "loss: %v", err)
		}
	}
	fenced, _ := time.Parse(time.RFC3339Nano, c.Arg("fencedAt")) // zero: not known
	facts := connectors.Facts{"exact": "false", "secondsAtMost": "", "method": "not known", "databases": lossText(list)}
	worst, exact := 0.0, len(list) > 0
	var each []string
	for _, x := range list {
		exact = exact && x.Seconds != nil
		if x.Seconds == nil {
			each = append(each, strings.TrimSuffix(x.Database+": not known; "+x.estimate(fenced), "; "))
			continue
		}
		worst = max(worst, *x.Seconds)
		each = append(each, fmt.Sprintf("%s: at most %.1f s", x.Database, *x.Seconds))
	}
	f := action.Passed("no bound of the loss is known")
	if len(each) > 0 {
		f = action.Passed("lost: %s", strings.Join(each, ", "))
	}
	if exact {
		facts["exact"], facts["secondsAtMost"] = "true", strconv.FormatFloat(worst, 'f', 1, 64)
		facts["method"] = list[0].Method
	}
	f.Facts = facts
	return f
}

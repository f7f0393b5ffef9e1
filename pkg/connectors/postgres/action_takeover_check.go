package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var evidenceParameter = connectors.ActionParameter{Name: "evidence",
	Summary: "what proves that the old primary is fenced, as the step that fenced it said (${steps.fence.evidence})"}

var unprovenParameter = connectors.ActionParameter{Name: "unproven", Default: "refuse",
	Summary: "accept: the request accepts that a server that cannot be seen may still write; never one that is seen to write"}

// failoverChecks are those that stand between a lost primary and a second writer.
func failoverChecks() []operation {
	failing := strictness{forFailover: blocks, forSwitchover: blocks, forFailback: blocks, forDrill: blocks}
	return []operation{
		simple("primary-gone", "the primary gives no sign of life, from two vantage points: bcctl and a standby (SI-23)", failing, primaryGone),
		asking("writer-fenced", "no server but the target writes or may write, unless it is fenced with evidence (SI-22)", failing, writerFenced, evidenceParameter, unprovenParameter),
		simple("most-advanced", "no other standby that answers has more of the primary's log than the target", failing, mostAdvanced),
	}
}

// primaryGone asks bcctl's own path and the standbys' links. A server that takes a
// connection and says nothing is hung, and may write again the next moment.
func primaryGone(v *view, _ call) connectors.Finding {
	suspects := v.those(func(n *node) bool { return n.Site == v.fromSite() })
	if len(suspects) == 0 {
		return action.Unknown("", "the resource has no endpoint at the site that is left")
	}
	for _, n := range v.nodes {
		if v.member(n) && n.isPrimary() {
			return action.Refused(readiness.PrimaryAlive, "%s answers and accepts writes", n.Name)
		}
	}
	for _, n := range v.those(func(n *node) bool { return v.trusted(n) && n.isStandby() }) {
		silent, ok := v.receiving(n)
		if !ok {
			continue
		}
		switch up := v.upstreamOf(n); {
		case up == nil:
			return action.Unknown(readiness.WriterUnproven, "%s heard %s ago from %s, which is no endpoint of this resource and may be the primary under another address", n.Name, seconds(silent), n.replay.Receiver.upstream())
		case up.Site == v.fromSite() || up.unreached != nil:
			return action.Refused(readiness.PrimaryPathLost, "%s heard from %s %s ago: it is alive, and only the way to it from here is broken", n.Name, up.Name, seconds(silent))
		}
	}
	for _, n := range suspects {
		switch u := n.unreached; {
		case u == nil && v.member(n):
			continue // it answers as a standby
		case u == nil:
			return action.Unknown(readiness.WriterUnproven, "something else answers in place of %s", n.Name)
		case u.alive:
			return action.Unknown(readiness.WriterUnproven, "%s: %s: its host is alive", n.Name, u.message)
		case u.accepted:
			return action.Unknown(readiness.WriterUnproven, "%s %s: it hangs, and may go on at any moment", n.Name, u.message)
		}
	}
	if bad := v.proved(v.next); bad != nil {
		return action.Unknown(bad.Code, "there is no second vantage point: %s", bad.Message)
	}
	if r := v.next.replay; r == nil || r.Receiver.masked() {
		return action.Unknown(readiness.InsufficientPrivilege, "%s does not tell whether it hears from the primary", v.next.Name)
	}
	var why []string
	for _, n := range suspects {
		if n.unreached != nil {
			why = append(why, fmt.Sprintf("%s gives no answer to bcctl (%s)", n.Name, n.unreached.message))
		} else {
			why = append(why, n.Name+" answers as a standby")
		}
	}
	return action.Passed("%s, and %s hears nothing from there", strings.Join(why, ", "), v.next.Name)
}

// fromSite is the site that is left; the old side stands there.
func (v *view) fromSite() string {
	if v.old == nil {
		return ""
	}
	return v.old.Site
}

func writerFenced(ctx context.Context, a *actor, c call) connectors.Finding {
	m := a.managed(ctx)
	f := m.fenced(c.Arg("evidence"), c.Arg("unproven") == "accept")
	if f.Result == connectors.Warned {
		f.Result = connectors.Passed // what the request accepts, it says in a field of its own, which two of IT approve
	}
	f.Observed = m.oldestProbe()
	return f
}

// claims: the Patroni of a server other than the target says that this is a primary and
// runs, and nothing better is known because the server itself does not answer. It is a
// writer that clients may reach although bcctl does not.
func (v *view) claims(n *node) *connectors.Finding {
	if n == v.next || v.member(n) || !n.manager.Member.Writes() {
		return nil
	}
	f := action.Refused(readiness.TwoWriters, "Patroni of %s says that it is a primary and %q; a promotion would make two writers, whatever was accepted", n.Name, n.manager.Member.State)
	return &f
}

// fenced is SI-22: a server that is seen to write is never acceptable, nor is one whose
// Patroni says that it does; one that cannot be seen needs evidence that it is fenced, or
// the request's own word.
func (v *view) fenced(evidence string, accepted bool) connectors.Finding {
	var doubtful []string
	for _, n := range v.nodes {
		if f := v.claims(n); f != nil {
			return *f
		}
		switch {
		case n == v.next:
		case v.member(n) && n.isPrimary():
			return action.Refused(readiness.TwoWriters, "%s accepts writes now; a promotion would make two writers, whatever was accepted", n.Name)
		case v.member(n):
		case n.Site == v.fromSite() && evidence != "" && v.silent(n):
		default:
			doubtful = append(doubtful, n.Name)
		}
	}
	switch {
	case len(doubtful) == 0 && evidence != "":
		return action.Passed("no other server writes; evidence of the fence: %s", evidence)
	case len(doubtful) == 0:
		return action.Passed("every other server was asked, and none accepts writes")
	case accepted:
		return action.Warned(readiness.WriterUnproven, "that %s does not accept writes is not proved; the request accepts that", strings.Join(doubtful, ", "))
	default:
		return action.Refused(readiness.WriterUnproven, "that %s does not accept writes is not proved", strings.Join(doubtful, ", "))
	}
}

// silent reports whether nothing at all answers at a node's address, nor at that of its
// Patroni, which fits evidence that it is fenced. Something that answers contradicts it.
func (v *view) silent(n *node) bool {
	return n.unreached != nil && !n.unreached.alive && !n.unreached.accepted && n.manager.Remote == ""
}

func mostAdvanced(v *view, _ call) connectors.Finding {
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	if v.primary != nil {
		return action.Passed("%s answers, so what one standby has before another is a matter of moments", v.primary.Name)
	}
	mine, known := v.next.have()
	if !known {
		return action.Unknown(readiness.ValueInvalid, "%s did not tell its position", v.next.Name)
	}
	for _, n := range v.standbys() {
		if have, ok := n.have(); n != v.next && ok && have > mine {
			return action.Refused(readiness.CandidateBehind, "%s has %s of the primary's log that %s has not", n.Name, sizeText(have.minus(mine)), v.next.Name)
		}
	}
	return action.Passed("no standby that answers has more than %s", v.next.Name)
}

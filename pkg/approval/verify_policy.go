package approval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// documents ties what was decoded to what was read (POL-01).
func (j *judge) documents() {
	tip := j.e.Main.Tip
	if !commitID(tip) {
		j.hard("API-01", "", "the tip of the default branch is not a commit id")
	}
	if !j.matches("roster", j.c.Roster.Path, j.c.Roster.Commit, j.c.Roster.SHA256, j.e.Roster, tip) || len(j.c.Roster.Spec.People) == 0 {
		j.hard("POL-01", j.c.Roster.Path, "the roster in use is not the one at the tip of the default branch")
	}
	if !j.unmerged() && !j.offline() {
		r := j.c.RosterBefore
		if !j.matches("roster", r.Path, r.Commit, r.SHA256, j.e.RosterBefore, j.e.Pull.FirstParent) {
			j.hard("ID-03", r.Path, "the roster before the merge could not be read")
		}
	}
	for _, r := range []Roster{j.c.Roster.Spec, j.c.RosterBefore.Spec} {
		j.distinct(r)
	}

	if j.e.Policies.Complete != Yes {
		j.hard("POL-01", "", "the approval policies at the tip of the default branch could not be listed")
	}
	files := make(map[string]bool)
	for _, at := range j.e.Policies.Items {
		files[at.Path] = true
		if !slices.ContainsFunc(j.c.Policies, func(p Decoded[Policy]) bool {
			return j.matches("policy", p.Path, p.Commit, p.SHA256, at, tip)
		}) {
			j.hard("POL-01", at.Path, "an approval policy at the tip of the default branch is not in use")
		}
	}
	for _, p := range j.c.Policies {
		if !files[p.Path] {
			j.hard("POL-01", p.Path, "an approval policy is in use that is not at the tip of the default branch")
		}
	}
}

// matches reports whether a document in use is the file that was read, from the
// commit it should be of.
func (*judge) matches(_, path, commit string, sha runbook.Digest, at DocumentAt, want string) bool {
	return commitID(want) && path != "" && path == at.Path && commit == want && at.Commit == want &&
		at.File.State == FilePresent && at.File.Mode == regularFile && sha.Valid() && sha == at.File.SHA256
}

// distinct denies where a roster could count one person as two (ID-06).
func (j *judge) distinct(r Roster) {
	owner := make(map[string]string)
	ids := make(map[string]bool)
	for _, p := range r.People {
		if p.ID == "" || ids[p.ID] {
			j.hard("ID-06", "person "+p.ID, "the roster has the person twice, or without an id")
		}
		ids[p.ID] = true
		mark := func(m string) {
			if other, ok := owner[m]; ok && other != p.ID {
				j.hard("ID-06", m, "it belongs to two persons of the roster")
			}
			owner[m] = p.ID
		}
		for _, a := range p.GitHub {
			mark(fmt.Sprintf("account %d", a.ID))
		}
		for _, e := range p.Emails {
			mark("address " + strings.ToLower(e))
		}
		for _, k := range p.SSHKeys {
			mark("key " + fingerprint(k.Key))
		}
	}
}

// policy finds the one entry that is about this request (POL-02).
func (j *judge) policy() {
	r := j.request()
	for _, t := range j.c.Targets {
		if t.Tier != 1 && t.Tier != 2 {
			j.hard("POL-02", "resource "+t.Resource, fmt.Sprintf("tier %d is neither 1 nor 2", t.Tier))
			continue
		}
		if j.v.Tier == 0 || t.Tier < j.v.Tier {
			j.v.Tier = t.Tier
		}
		if _, pinned := r.Pins[t.Path]; !pinned {
			j.hard("BIND-03", t.Path, "it declares the target "+t.Resource+" and is not pinned")
		}
	}
	if len(j.c.Targets) == 0 {
		j.hard("RUN-07", "", "the request reaches no resource")
	}
	if !slices.Contains(runbook.Types(), r.Type) {
		j.hard("POL-02", "", fmt.Sprintf("the action %q is unknown", r.Type))
	}
	if r.BreakGlass != nil {
		j.breakGlass()
	} else {
		j.entry()
	}
	if !j.terms.found {
		return
	}
	for _, s := range j.terms.slots {
		if s.Role.Role() == "" {
			j.hard("POL-04", "", fmt.Sprintf("the policy asks for the unknown role %q", s.Role))
		}
	}
}

// demand finds the entry that is about this request.
func (j *judge) demand() (Demand, int) {
	policies := make([]Policy, len(j.c.Policies))
	for i, p := range j.c.Policies {
		policies[i] = p.Spec
	}
	return DemandOf(policies, j.v.Tier, j.request().Type, j.request().BreakGlass != nil)
}

func (j *judge) entry() {
	r := j.request()
	d, found := j.demand()
	if found != 1 {
		j.hard("POL-02", "", fmt.Sprintf("%d entries of the policy are about a tier %d %s; exactly one must be", found, j.v.Tier, r.Type))
		return
	}
	e, of := d.Entry, j.c.Policies[d.Policy]
	j.pinnedPolicy(of.Path)
	j.terms = terms{
		found: true, slots: d.Slots(r.AcceptUnprovenWriter), maxAge: d.MaxAge(), window: d.Window(),
		digestLine: e.DigestLine != DigestOptional || j.v.Tier != 2, offline: e.Offline, offlinePolicy: of.Spec.Offline,
	}
	if len(e.Slots) == 0 {
		j.hard("POL-03", "", "the policy's entry names no slot")
	}
	if j.v.Tier == 1 && r.Type != runbook.Drill {
		for _, role := range []SlotRole{SlotIT, SlotBusiness} {
			if !slices.ContainsFunc(e.Slots, func(s Slot) bool { return s.Role == role }) {
				j.hard("POL-03", "", fmt.Sprintf("a tier 1 %s needs a slot for %s, and the policy's entry has none", r.Type, role))
			}
		}
	}
	j.ticket(d)
}

func (j *judge) pinnedPolicy(path string) {
	if _, pinned := j.request().Pins[path]; !pinned {
		j.hard("BIND-03", path, "it is the policy that decides and is not pinned")
	}
}

// ticket checks what the policy asks of the change ticket.
func (j *judge) ticket(d Demand) {
	t := d.Entry.Ticket
	if t == nil {
		return
	}
	r, f := j.request(), j.e.Ticket
	if why := d.Ticket(r.Ticket); why != "" {
		j.hard("POL-02", strings.TrimSpace("ticket "+r.Ticket), why)
	}
	if r.Ticket == "" {
		return
	}
	if len(t.States) == 0 {
		return
	}
	if f.System != t.System || f.Reference != r.Ticket || f.State == "" {
		j.hard("POL-02", "ticket "+r.Ticket, "its state could not be read from "+t.System)
	} else if !slices.Contains(t.States, f.State) {
		j.hard("POL-02", "ticket "+r.Ticket, fmt.Sprintf("it is %s, and the policy asks for %s", f.State, strings.Join(t.States, " or ")))
	}
}

// breakGlass takes the terms of the emergency entry (BG-01, BG-02).
func (j *judge) breakGlass() {
	r := j.request()
	j.v.BreakGlass = true
	d, found := j.demand()
	if found != 1 {
		j.hard("BG-01", "", fmt.Sprintf("%d break-glass entries of the policy are about a tier %d %s; exactly one must be", found, j.v.Tier, r.Type))
		return
	}
	b := d.BreakGlass
	j.pinnedPolicy(j.c.Policies[d.Policy].Path)
	j.terms = terms{found: true, slots: d.Slots(r.AcceptUnprovenWriter), maxAge: d.MaxAge(), window: d.Window(), digestLine: true, grant: d.Grant()}
	j.v.Emergency = &Emergency{Incident: r.BreakGlass.Incident, Reason: r.BreakGlass.Reason, Requester: r.Requester, ReviewWithin: b.ReviewWithin, Notify: b.Notify}
	if b.ReviewWithin <= 0 {
		j.v.Emergency.ReviewWithin = defaultReview
	}
	if len(b.Slots) == 0 {
		j.hard("BG-01", "", "the break-glass entry names no slot")
	}
	if why := d.Incident(*r.BreakGlass); why != "" {
		j.hard("BG-01", "", why)
	}
	for _, id := range b.Relax {
		if id.Relaxable() {
			j.relax[id] = true
		} else {
			j.hard("BG-02", "rule "+string(id), "the break-glass entry lifts a rule that always holds")
		}
	}
	if (j.running() && j.c.Attempt != 1 || len(j.e.Ledger.Attempts.Items) > 0) && !j.pastNoReturn() {
		j.hard("BG-02", "", "a break-glass request is good for one attempt, and it was used")
	}
	if j.e.Ledger.OpenReviews.Complete != Yes {
		j.hard("BG-04", "", "whether reviews of earlier break-glass runs are overdue could not be read")
	}
	for _, o := range j.e.Ledger.OpenReviews.Items {
		if o.Requester == r.Requester && (o.Due.IsZero() || o.Due.Before(j.c.Now)) {
			j.hard("BG-04", "request "+o.Request, "its review is overdue, and "+r.Requester+" asked for it")
		}
	}
}

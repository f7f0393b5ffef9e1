package runbook

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/connectors"
)

// Catalog finds the action a runbook refers to by its name.
type Catalog func(name string) (connectors.Action, bool)

// Terms are what a request allows beyond the plan.
type Terms struct {
	Type    Type
	MaxLoss *duration.Duration // nil: nothing may be lost
	Accept  []Acceptance
}

// course is a plan prepared for being followed: every member in its order, and
// where a run may stop.
type course struct {
	plan    *Plan
	terms   Terms
	catalog Catalog
	members []leg
}

// leg is one member of a course.
type leg struct {
	MemberPlan
	wave int

	// noReturn is the index of the step that cannot be taken back, len(Steps) when
	// there is none. gate is the index of the step before which everything is verified
	// for it: the first of the atomic section it lies in, else the step itself,
	// because a run is never stopped inside a section.
	noReturn, gate int

	soak time.Duration
}

// newCourse prepares a plan, and refuses one that must not run: nothing to do or to
// check (RUN-07), an action that does not exist, or one that may lose data where
// nothing may be lost (SI-24, SI-25).
func newCourse(p *Plan, terms Terms, catalog Catalog) (*course, error) {
	c := &course{plan: p, terms: terms, catalog: catalog}
	for w, wave := range p.Waves {
		if len(wave.Members) == 0 {
			return nil, fmt.Errorf("wave %d of the plan is empty (RUN-07)", w+1)
		}
		for _, m := range wave.Members {
			l, err := c.prepare(m, w)
			if err != nil {
				return nil, fmt.Errorf("plan of %s: %w", m.Resource, err)
			}
			if slices.ContainsFunc(c.members, func(o leg) bool { return o.Resource == m.Resource }) {
				return nil, fmt.Errorf("plan of %s: it is in the plan twice", m.Resource)
			}
			c.members = append(c.members, l)
		}
	}
	if len(c.members) == 0 {
		return nil, errors.New("the plan has no member: nothing would be done (RUN-07)")
	}
	return c, nil
}

func (c *course) prepare(m MemberPlan, wave int) (leg, error) {
	l := leg{MemberPlan: m, wave: wave, noReturn: len(m.Steps)}
	if why := (Runbook{Prechecks: m.Prechecks, Steps: m.Steps, Postchecks: m.Postchecks}).Lacks(); len(why) > 0 {
		return l, errors.New("it " + strings.Join(why, ", and "))
	}
	ids := map[string]bool{}
	for _, id := range slices.Concat(namesOfChecks(m.Prechecks), namesOfSteps(m.Steps), namesOfChecks(m.Postchecks)) {
		if id == "" || ids[id] {
			return l, fmt.Errorf("id %q is empty or given twice", id)
		}
		ids[id] = true
	}
	for _, step := range slices.Concat(m.Steps, m.Rollback) {
		for _, op := range []*Operation{&step.Operation, step.Done, step.Undo} {
			if op == nil {
				continue
			}
			if err := c.permits(*op, op == step.Done); err != nil {
				return l, fmt.Errorf("step %s: %w", step.ID, err)
			}
		}
	}
	for _, check := range slices.Concat(m.Prechecks, m.Postchecks) {
		if err := c.permits(check.Operation, true); err != nil {
			return l, fmt.Errorf("check %s: %w", check.ID, err)
		}
	}
	if m.Soak != "" {
		d, err := duration.Parse(m.Soak)
		if err != nil {
			return l, fmt.Errorf("soak: %w", err)
		}
		l.soak = d.Std()
	}
	return l, l.places(c.plan.Type)
}

// permits tells whether an operation may be part of the run at all.
func (c *course) permits(op Operation, reads bool) error {
	if kinds := op.Kinds(); len(kinds) != 1 {
		return fmt.Errorf("it does %d things and not one", len(kinds))
	}
	if op.Uses == "" {
		return nil
	}
	a, ok := c.catalog(op.Uses)
	switch {
	case !ok:
		return fmt.Errorf(NoSuchAction, op.Uses)
	case reads && a.Changes:
		return fmt.Errorf("%s changes something, and a check or probe may not", op.Uses)
	case a.Lossy && c.terms.Type != Failover:
		return fmt.Errorf("%s may lose data, and only a failover may: a %s never turns into one (SI-24)", op.Uses, c.terms.Type)
	case a.Lossy && c.terms.MaxLoss == nil:
		return fmt.Errorf("%s may lose data, and the request has no maxLoss (SI-25)", op.Uses)
	}
	return nil
}

// places finds the point of no return and its gate, and checks sections and hold
// points.
func (l *leg) places(t Type) error {
	index := func(id string) (int, error) {
		i := slices.Index(namesOfSteps(l.Steps), id)
		if i < 0 {
			return 0, fmt.Errorf("no step has the id %q", id)
		}
		return i, nil
	}
	if l.PointOfNoReturn == "" && t != Drill {
		return errors.New("it " + NoPointOfNoReturn)
	}
	if l.PointOfNoReturn != "" {
		i, err := index(l.PointOfNoReturn)
		if err != nil {
			return err
		}
		l.noReturn = i
	}
	l.gate = l.noReturn
	for _, a := range l.Atomic {
		from, err := index(a.From)
		if err != nil {
			return err
		}
		to, err := index(a.To)
		if err != nil {
			return err
		}
		if to <= from {
			return fmt.Errorf("the atomic section from %s to %s ends before it begins", a.From, a.To)
		}
		if from < l.noReturn && l.noReturn <= to {
			l.gate = min(l.gate, from)
		}
	}
	for _, id := range l.HoldPoints {
		i, err := index(id)
		if err != nil {
			return err
		}
		if l.inside(i) {
			return fmt.Errorf("hold point %s lies inside an atomic section", id)
		}
	}
	return nil
}

// inside reports whether the boundary before a step lies inside an atomic section.
func (l *leg) inside(i int) bool {
	ids := namesOfSteps(l.Steps)
	return slices.ContainsFunc(l.Atomic, func(a Section) bool {
		return i > slices.Index(ids, a.From) && i <= slices.Index(ids, a.To)
	})
}

// part reports whether a step is one of an atomic section.
func (l *leg) part(i int) bool { return l.inside(i) || l.inside(i+1) }

// leaves reports whether an atomic section ends with a step.
func (l *leg) leaves(i int) bool { return l.part(i) && !l.inside(i+1) }

// mayHold reports whether a run may stop before a step: where the runbook says so,
// before the first step and after the last one.
func (l *leg) mayHold(i int) bool {
	return i == 0 || i == len(l.Steps) || slices.Contains(l.HoldPoints, l.Steps[i].ID)
}

// mutates reports whether a step changes something. What an action says of itself
// counts more than what a runbook says of it.
func (c *course) mutates(s Step) bool {
	if s.Uses != "" {
		if a, ok := c.catalog(s.Uses); !ok || a.Changes {
			return true
		}
	}
	if s.Mutates != nil {
		return *s.Mutates
	}
	return s.Uses == "" && (s.Command != nil || s.HTTP != nil || s.SQL != nil)
}

// idempotent reports whether a step may be repeated without knowing how it ended.
// The runbook and, for an action, the action itself must say so. Asking a person,
// waiting and looking are harmless.
func (c *course) idempotent(s Step) bool {
	if s.Manual != nil || s.Approval != nil || s.Wait != nil || s.DNSVerify != nil || !c.mutates(s) {
		return true
	}
	if s.Uses != "" {
		a, ok := c.catalog(s.Uses)
		return ok && a.Idempotent
	}
	return s.Idempotent
}

// parts reports whether the undo of a step also takes back what was done of it in part.
// The action of the undo must say so, and needs nothing that only a step which was done
// returns. What makes the point of no return is never taken back (SI-35).
//
// What a person is asked to do may be there in part from the moment of asking on, and a
// person who takes it back sees what is there.
func (c *course) parts(l *leg, i int) bool {
	step := l.Steps[i]
	if step.Manual != nil {
		return i <= l.noReturn && c.mutates(step)
	}
	if step.Undo == nil || step.Undo.Uses == "" || i >= l.noReturn || !c.mutates(step) {
		return false
	}
	a, ok := c.catalog(step.Undo.Uses)
	if !ok || !a.TakesBackParts || !a.Idempotent {
		return false
	}
	for _, text := range step.Undo.With {
		for _, found := range Placeholder.FindAllStringSubmatch(text, -1) {
			if id, _, fact := StepFact(found[1]); fact && id == step.ID {
				return false
			}
		}
	}
	return true
}

// follows tells whether an event is what the plan says comes next; Fold knows only
// what is legal in any plan.
func (c *course) follows(s *State, e Event) error {
	switch e.Kind {
	case RunStarted, RunResumed:
		if e.Begin != nil && e.Begin.Plan != c.plan.Digest {
			return fmt.Errorf("event %d is of plan %s, and this is plan %s (PLAN_DRIFT)", e.Seq, e.Begin.Plan, c.plan.Digest)
		}
		return nil
	case RunFinished:
		if e.State == string(Succeeded) {
			return c.complete(s)
		}
		return nil
	case UndoEnded:
		return c.followsAnew(s, e)
	case StepIntent, PointOfNoReturn, PrecheckResult, PostcheckResult, StepOutcome, StepProbe, StepRefused:
	default:
		return nil
	}
	at := slices.IndexFunc(c.members, func(l leg) bool { return l.Resource == e.Member })
	if at < 0 {
		return fmt.Errorf("event %d: %s is not in the plan", e.Seq, e.Member)
	}
	l := &c.members[at]
	switch e.Kind {
	case PrecheckResult:
		return known(e, namesOfChecks(l.Prechecks))
	case PostcheckResult:
		return known(e, namesOfChecks(l.Postchecks))
	case PointOfNoReturn:
		if e.Step != l.PointOfNoReturn {
			return fmt.Errorf("event %d: the point of no return of %s is %s, not %s", e.Seq, l.Resource, l.PointOfNoReturn, e.Step)
		}
		return nil
	}
	if err := known(e, namesOfSteps(l.Steps)); err != nil || e.Kind != StepIntent {
		return err
	}
	return c.followsIntent(s, e, at)
}

// followsAnew tells whether what may begin anew is taken back as the runbook says.
func (c *course) followsAnew(s *State, e Event) error {
	for i := range c.members {
		l := &c.members[i]
		if e.Member != "" && e.Member != l.Resource {
			continue
		}
		if !c.repeatable(s, l) {
			return fmt.Errorf("event %d: what %s did may not be done again", e.Seq, l.Resource)
		}
		for _, step := range l.Steps {
			if step.Undo != nil && s.Step(l.Resource, step.ID).undoable() {
				return fmt.Errorf("event %d: %s of %s is not taken back", e.Seq, step.ID, l.Resource)
			}
		}
	}
	return nil
}

// repeatable reports whether all that a member did may be done again in this run, once
// it is taken back where the runbook says how.
func (c *course) repeatable(s *State, l *leg) bool {
	return !slices.ContainsFunc(l.Steps, func(step Step) bool {
		st := s.Step(l.Resource, step.ID)
		if a, _ := c.catalog(step.Uses); a.OncePerRun && st.Tries > 0 {
			return true
		}
		return st.Status == StepDone && step.Undo == nil && !c.idempotent(step)
	})
}

// left names the steps of a member that stay as they are when it is taken back: those
// that are done, and those that may be in part, of which the runbook does not say how.
func (c *course) left(s *State, l *leg) []string {
	var names []string
	for _, step := range l.Steps {
		if step.Undo != nil || !c.mutates(step) && step.Manual == nil {
			continue
		}
		switch st := s.Step(l.Resource, step.ID); {
		case st.Status == StepDone:
			names = append(names, l.Resource+"/"+step.ID)
		case st.Status == StepNotDone && attempted(st.Code) && step.ID != l.PointOfNoReturn:
			names = append(names, l.Resource+"/"+step.ID+" (perhaps in part)")
		}
	}
	return names
}

// holds reports whether a step keeps a run from leaving an atomic section backwards, once
// it is done: the runbook says of no way to take it back. A person may do it.
func (c *course) holds(l *leg, i int) bool {
	return i < l.noReturn && l.inside(i+1) && l.Steps[i].Undo == nil && c.mutates(l.Steps[i])
}

// stuck returns the done step of an atomic section that keeps a run from leaving it
// backwards where a later one does not work. Empty: there is none.
func (c *course) stuck(s *State, l *leg, i int) string {
	if i < 0 || s.Passed(l.Resource) {
		return ""
	}
	for ; i > 0 && l.inside(i); i-- {
		if id := l.Steps[i-1].ID; c.holds(l, i-1) && s.Step(l.Resource, id).Status == StepDone {
			return id
		}
	}
	return ""
}

// old reports whether a step only looked, in an attempt before, and no change rests on
// what it saw yet: things may have changed since (SI-8).
func (c *course) old(s *State, l *leg, i int) bool {
	step := l.Steps[i]
	if i >= l.noReturn || s.Step(l.Resource, step.ID).Attempt == s.Attempt || c.mutates(step) || step.Undo != nil || step.Wait != nil || byPerson(step.Operation) {
		return false
	}
	return !slices.ContainsFunc(l.Steps[i+1:], func(later Step) bool {
		st := s.Step(l.Resource, later.ID)
		switch {
		case !c.mutates(later) && later.Manual == nil:
			return false
		case st.undoable():
			return true
		}
		return st.Status == StepOpen || st.Status == StepInDoubt
	})
}

func known(e Event, ids []string) error {
	if !slices.Contains(ids, e.Step) {
		return fmt.Errorf("event %d: the plan of %s has no %s", e.Seq, e.Member, e.Step)
	}
	return nil
}

func (c *course) followsIntent(s *State, e Event, at int) error {
	l := &c.members[at]
	i := slices.Index(namesOfSteps(l.Steps), e.Step)
	step := l.Steps[i]
	if e.Undo {
		if step.Undo == nil {
			return fmt.Errorf("event %d: the runbook does not say how to take %s back", e.Seq, e.Step)
		}
		return nil
	}
	if e.Mutates != c.mutates(step) {
		return fmt.Errorf("event %d: whether %s changes something is not as the plan says", e.Seq, e.Step)
	}
	if e.Parts && !c.parts(l, i) {
		return fmt.Errorf("event %d: the plan does not say that %s is taken back in part", e.Seq, e.Step)
	}
	if st := s.Step(e.Member, e.Step); st.Tries > 0 && st.Tried == s.Attempt && !c.idempotent(step) {
		return fmt.Errorf("event %d: %s may not be tried again in this attempt, it is not idempotent (SI-34)", e.Seq, e.Step)
	}
	if done := s.Members[e.Member]; i >= l.gate && l.noReturn < len(l.Steps) && !s.Passed(e.Member) && (done == nil || done.Announced != s.Attempt) {
		return fmt.Errorf("event %d: the point of no return was not announced before %s", e.Seq, e.Step)
	}
	for _, check := range l.Prechecks {
		if _, ok := s.Members[e.Member].Prechecks[check.ID]; !ok {
			return fmt.Errorf("event %d: precheck %s has no result", e.Seq, check.ID)
		}
	}
	for _, before := range l.Steps[:i] {
		if s.Step(e.Member, before.ID).Status != StepDone {
			return fmt.Errorf("event %d: %s comes before %s, and is not done", e.Seq, before.ID, e.Step)
		}
	}
	for j := range c.members {
		o := &c.members[j]
		if o.wave < l.wave {
			if err := c.validated(s, o); err != nil {
				return fmt.Errorf("event %d: wave %d is not validated (SI-31): %w", e.Seq, o.wave+1, err)
			}
		}
	}
	return nil
}

// validated tells whether a member is done and was found good afterwards.
func (c *course) validated(s *State, l *leg) error {
	for _, step := range l.Steps {
		if s.Step(l.Resource, step.ID).Status != StepDone {
			return fmt.Errorf("step %s/%s is not done", l.Resource, step.ID)
		}
	}
	m := s.Members[l.Resource]
	for _, check := range l.Postchecks {
		if !m.Postchecks[check.ID].ok() {
			return fmt.Errorf("postcheck %s/%s has not passed", l.Resource, check.ID)
		}
	}
	return nil
}

// complete tells whether a run may be called succeeded (SI-36).
func (c *course) complete(s *State) error {
	soak := false
	for i := range c.members {
		if err := c.validated(s, &c.members[i]); err != nil {
			return err
		}
		soak = soak || c.members[i].soak > 0
	}
	if soak && !s.Soaked {
		return errors.New("the soak has not ended")
	}
	return nil
}

// Keys returns what must be locked for a plan: its group and every resource, in a
// fixed order (LOCK-01).
func (p *Plan) Keys() []string {
	var keys []string
	single := false
	for _, w := range p.Waves {
		for _, m := range w.Members {
			keys = append(keys, "resource/"+m.Resource)
			single = single || m.Resource == p.Target
		}
	}
	if !single {
		keys = append(keys, "group/"+p.Target)
	}
	slices.SortFunc(keys, strings.Compare)
	return slices.Compact(keys)
}

func namesOfSteps(steps []Step) []string {
	ids := make([]string, len(steps))
	for i, s := range steps {
		ids[i] = s.ID
	}
	return ids
}

func namesOfChecks(checks []Check) []string {
	ids := make([]string, len(checks))
	for i, c := range checks {
		ids[i] = c.ID
	}
	return ids
}

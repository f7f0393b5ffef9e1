package approval

import (
	"fmt"
	"time"
)

// line is the confirmation this attempt needs.
func (j *judge) line() string {
	return ConfirmationLine(j.verb(), j.c.Request.Name, *j.request(), j.v.Digest, j.c.Attempt)
}

func (j *judge) verb() Verb {
	if j.goesOn() {
		return VerbResume
	}
	return VerbExecute
}

// operator finds who confirms, before approvals are counted: whoever runs a request
// is none of its approvers (SI-15).
func (j *judge) operator() {
	if !j.running() {
		return
	}
	switch c := j.e.Confirmation; {
	case j.offline() || c == nil:
		if t, ok := j.typed(); ok {
			j.confirmer = t.Person
		}
	case c.User != nil && c.User.Type == UserTypeUser:
		j.confirmer, _ = j.now.account(c.User.ID)
	}
	j.exclude(j.confirmer, "operator of this run")
}

// confirmation checks that a person asked for exactly this (section 9 of the rules).
func (j *judge) confirmation() {
	if !j.running() {
		return
	}
	j.run()
	e := j.e
	if e.Ledger.Comments.Complete != Yes {
		j.hard("CONF-05", "", "which confirmations were used before could not be read")
	}
	switch {
	case j.offline() || e.Confirmation == nil && e.Typed != nil:
		j.typedConfirmation()
	case e.Confirmation == nil:
		j.hard("CONF-01", "", "there is no confirmation")
	default:
		j.comment(*e.Confirmation)
	}
}

func (j *judge) comment(c Comment) {
	subject := fmt.Sprintf("comment %d", c.ID)
	if c.ID <= 0 || c.Pull <= 0 || c.Pull != j.e.Pull.Number {
		j.hard("CONF-01", subject, "it does not stand on the pull request of the request")
	}
	if text, ok := oneLine(c.Body); !ok || text != j.line() || text == "" {
		j.hard("CONF-02", subject, "it is not exactly the line that must be written: "+j.line())
	}
	switch {
	case c.User == nil || c.User.ID <= 0 || c.User.Type != UserTypeUser:
		j.hard("CONF-03", subject, "it was not written by a person")
	case j.confirmer == "":
		j.hard("CONF-03", subject, account(c.User)+" is not on the roster")
	case !j.now.holds(j.confirmer, Operator, j.c.Now) || !j.now.holds(j.confirmer, Operator, c.CreatedAt):
		j.hard("CONF-03", subject, j.confirmer+" is not an operator")
	}
	if c.ViaApp != No {
		j.hard("CONF-03", subject, "it was posted through an App, or whether it was could not be read")
	}
	if c.CreatedAt.IsZero() || !c.CreatedAt.Equal(c.UpdatedAt) {
		j.hard("CONF-04", subject, "it was edited, or its times could not be read")
	}
	j.fresh(subject, c.CreatedAt)
	for _, used := range j.e.Ledger.Comments.Items {
		if used == c.ID {
			j.hard("CONF-05", subject, "it was used before; each attempt takes a new one")
		}
	}
}

// fresh checks the moment of a confirmation (CONF-04).
func (j *judge) fresh(subject string, at time.Time) {
	if !j.offline() && !at.After(j.e.Pull.MergedAt) {
		j.hard("CONF-04", subject, "it is not later than the merge")
	}
	if !at.After(j.lastCounted) {
		j.hard("CONF-04", subject, "it is not later than the last approval")
	}
	if age := j.age(at); age > confirmationAge || age < -maxSkew {
		j.hard("CONF-04", subject, fmt.Sprintf("it is %s old; at most %s is allowed", age.Round(time.Second), confirmationAge))
	} else {
		j.until(at.Add(confirmationAge))
	}
}

// run checks the workflow run that bcctl is part of (CONF-06, CONF-07).
func (j *judge) run() {
	w := j.e.Run
	if w == nil {
		if j.e.Confirmation != nil && !j.offline() {
			j.hard("CONF-07", "", "a comment starts a run of the workflow only, and which run this is could not be read")
		}
		return
	}
	subject := fmt.Sprintf("run %d", w.ID)
	if w.ID <= 0 || w.Attempt != 1 {
		j.hard("CONF-06", subject, fmt.Sprintf("it is attempt %d of the run; a run is never run again, continue with %s", w.Attempt, VerbResume))
	}
	if w.Actor == nil || w.TriggeringActor == nil || w.Actor.ID <= 0 || w.Actor.ID != w.TriggeringActor.ID {
		j.hard("CONF-06", subject, "who started it is not who it runs for")
	}
	switch {
	case j.c.Workflow == "" || w.Workflow != j.c.Workflow:
		j.hard("CONF-07", subject, fmt.Sprintf("it is of the workflow %q, which may not execute", w.Workflow))
	case w.RepositoryID <= 0 || w.RepositoryID != j.c.RepositoryID:
		j.hard("CONF-07", subject, "it belongs to another repository")
	case w.HeadBranch == "" || w.HeadBranch != j.e.Main.Ref:
		j.hard("CONF-07", subject, fmt.Sprintf("it is on the branch %q, not on the default branch", w.HeadBranch))
	case !commitID(w.HeadSHA) || w.HeadOnMain != Yes:
		j.hard("CONF-07", subject, "its commit is not on the default branch")
	}
	switch w.Event {
	case "issue_comment", "workflow_dispatch", "schedule": // the last one is denied by SCH-01
	default:
		j.hard("CONF-07", subject, fmt.Sprintf("it was triggered by %q", w.Event))
	}
	if j.e.Typed != nil {
		j.hard("CONF-08", subject, "nobody types in a workflow")
	}
}

// typedConfirmation checks what was typed at a terminal (CONF-08).
func (j *judge) typedConfirmation() {
	t, ok := j.typed()
	switch {
	case j.e.Typed == nil:
		j.hard("CONF-01", "", "there is no confirmation")
		return
	case j.e.Typed.Terminal != Yes:
		j.hard("CONF-08", "", "the confirmation was not typed at a terminal")
	case !ok:
		j.hard("CONF-08", "", "the confirmation is not signed by a key of the operator")
		return
	}
	subject := "person " + t.Person
	if t.Line != j.line() || t.Line == "" {
		j.hard("CONF-02", subject, "what was typed is not exactly the line that must be written: "+j.line())
	}
	if !j.now.holds(t.Person, Operator, j.c.Now) || !j.now.holds(t.Person, Operator, t.At) {
		j.hard("CONF-03", subject, t.Person+" is not an operator")
	}
	j.fresh(subject, t.At)
}

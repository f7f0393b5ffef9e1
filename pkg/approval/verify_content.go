package approval

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/runbook"
)

var requestPath = regexp.MustCompile(`^requests/[0-9]{4}/([^/]+)\.yaml$`)

// commitID reports whether a text is the id of a commit, by SHA-1 or SHA-256.
func commitID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == "" && !zeros(s)
}

// content checks that what was reviewed, merged and would be run is the same, byte
// for byte (BIND-01 to BIND-04).
func (j *judge) content() {
	r, raw, path := j.request(), j.e.Request, j.e.RequestPath
	if len(raw) == 0 {
		j.hard("BIND-01", path, "the request could not be read")
	} else {
		j.v.Digest = runbook.RequestDigest(j.c.RepositoryID, path, raw)
	}
	if m := requestPath.FindStringSubmatch(path); m == nil || m[1] != j.c.Request.Name || j.c.Request.Path != path {
		j.hard("PR-03", path, "it is not the file of the request "+j.c.Request.Name)
	}
	sha := runbook.FileDigest(raw)
	if j.c.Request.SHA256 != sha {
		j.hard("BIND-01", path, "the request in use is not the one that was read")
	}
	for _, place := range []struct {
		name string
		file File
		skip bool
	}{
		{"the head of the pull request", j.e.RequestAtHead, j.offline()},
		{"the merge commit", j.e.RequestAtMerge, j.offline() || j.unmerged()},
		{"the tip of the default branch", j.e.RequestAtTip, j.unmerged()},
	} {
		switch f := place.file; {
		case place.skip:
		case f.State == FileAbsent && place.file == j.e.RequestAtTip:
			j.hard("PR-04", path, "the request is no longer at "+place.name)
		case f.State != FilePresent:
			j.hard("BIND-01", path, "the request could not be read at "+place.name)
		case f.Mode != regularFile:
			j.hard("PR-03", path, "it is not a regular file at "+place.name)
		case f.SHA256 != sha || f.Size != int64(len(raw)):
			j.hard("BIND-01", path, "the request has other bytes at "+place.name)
		}
	}
	if j.running() && (j.e.Main.Checkout == "" || j.e.Main.Checkout != j.e.Main.Tip) {
		j.hard("BIND-01", "", "what would run was not loaded from the tip of the default branch")
	}
	j.pins(r)
	switch {
	case !r.Plan.Valid():
		j.hard("SI-14", "", "the request does not say which plan was shown")
	case j.c.Plan == "" && j.starting():
		j.hard("SI-14", "", "the plan was not compiled anew")
	case j.c.Plan != "" && j.c.Plan != r.Plan:
		j.hard("SI-14", "", "PLAN_DRIFT: the plan is no longer the one that was approved; see bcctl plan "+j.c.Request.Name)
	}
}

func (j *judge) pins(r *runbook.Request) {
	if len(r.Pins) == 0 {
		j.hard("BIND-03", "", "the request pins no file")
	}
	found, unclear := make(map[string]PinFact), make(map[string]bool)
	for _, f := range j.e.Pins {
		if other, twice := found[f.Path]; twice && other != f {
			unclear[f.Path] = true
		}
		found[f.Path] = f
	}
	for _, path := range slices.Sorted(maps.Keys(r.Pins)) {
		want, f := r.Pins[path], found[path]
		merged, tip := f.AtMerge, f.AtTip
		if j.offline() || j.unmerged() {
			merged = tip
		}
		switch {
		case unclear[path]:
			j.hard("BIND-02", path, "it was read twice, with different results")
		case !want.Valid():
			j.hard("BIND-02", path, "its pin is not a digest")
		case merged.State == "" || tip.State == "":
			j.hard("BIND-02", path, "the pinned file could not be read")
		case merged.State != FilePresent || tip.State != FilePresent:
			j.hard("BIND-02", path, "the pinned file is gone")
		case !plainFile(merged.Mode) || !plainFile(tip.Mode):
			j.hard("BIND-02", path, "the pinned file is not a regular one: a link is something else wherever it leads")
		case merged.SHA256 != want:
			j.hard("BIND-02", path, "the pinned file was another one when the request was merged")
		case tip.SHA256 != want:
			j.hard("BIND-02", path, "the pinned file has changed since the request was made")
		}
	}
}

func plainFile(mode string) bool { return mode == regularFile || mode == executableFile }

// schedule checks the window and the clock (BIND-06, SCH-01).
func (j *judge) schedule() {
	r, now := j.request(), j.c.Now
	switch {
	case r.NotBefore.IsZero() || r.ExpiresAt.IsZero() || !r.NotBefore.Before(r.ExpiresAt):
		j.hard("BIND-06", "", "the request has no window in which it may run")
	case j.terms.found && r.ExpiresAt.Sub(r.NotBefore) > j.terms.window:
		j.deny("BIND-06", "", fmt.Sprintf("the window of %s is longer than the %s that the policy allows", r.ExpiresAt.Sub(r.NotBefore), j.terms.window))
	}
	switch {
	case !now.Before(r.NotBefore):
	case j.running():
		j.deny("BIND-06", "", "the request may not run before "+stamp(r.NotBefore))
	default: // approvals are given ahead of the window
		j.warn("BIND-06", "", "the request may not run before "+stamp(r.NotBefore))
	}
	if !now.Before(r.ExpiresAt) {
		switch {
		case j.pastNoReturn():
			j.warn("RUN-06", "", "the request expired at "+stamp(r.ExpiresAt)+"; the attempt is past the point of no return and may be finished")
		case j.goesOn():
			why := ", and the attempt is not past the point of no return"
			if last, _ := j.lastAttempt(); last.PastNoReturn == "" {
				why = ", and whether the attempt is past the point of no return is not known here"
			}
			j.deny("RUN-06", "", "the request expired at "+stamp(r.ExpiresAt)+why)
		default:
			j.hard("BIND-06", "", "the request expired at "+stamp(r.ExpiresAt))
		}
	} else {
		j.until(r.ExpiresAt)
	}
	if age := now.Sub(j.e.ReadAt); j.e.ReadAt.IsZero() || age > maxEvidenceAge || age < -maxSkew {
		j.hard("APP-10", "", "the evidence was not read just now")
	} else {
		j.until(j.e.ReadAt.Add(maxEvidenceAge))
	}
	if j.offline() {
		j.warn("BIND-06", "", "no server's clock could be compared; this machine says "+stamp(now))
	} else if skew := j.e.ReadAt.Sub(j.e.ServerDate).Abs(); j.e.ServerDate.IsZero() || skew > maxSkew {
		j.hard("BIND-06", "", fmt.Sprintf("the clock of this machine and the server's are more than %s apart, or could not be compared", maxSkew))
	}
	if w := j.e.Run; w != nil && w.Event == "schedule" && j.running() {
		j.hard("SCH-01", fmt.Sprintf("run %d", w.ID), "a schedule starts nothing")
	}
}

// ledger checks what runs before this one have left behind.
func (j *judge) ledger() {
	l, path, id := j.e.Ledger, j.e.RequestPath, j.c.Request.Name
	if l.Paths.Complete != Yes {
		j.hard("PR-07", path, "whether the path or the id was used before could not be read")
	}
	for _, s := range l.Paths.Items {
		if (s.Path == path || s.ID == id) && (s.Path != path || s.ID != id || s.Digest != j.v.Digest) {
			j.hard("PR-07", "request "+s.ID, "its path or id was used before, for another content: "+s.Path)
		}
	}
	if l.Unreconciled.Complete != Yes {
		j.hard("OFF-06", "", "whether offline runs wait to be reconciled could not be read")
	}
	for _, other := range l.Unreconciled.Items {
		j.hard("OFF-06", "request "+other, "it was run offline on the same targets, and nobody has yet compared it with the forge and recorded it as settled")
	}
	switch l.Withdrawn {
	case No:
	case Yes:
		j.withdrawn("", "the request was withdrawn")
	default:
		j.hard("RUN-03", "", "whether the request was withdrawn could not be read")
	}
	j.attempts()
}

// withdrawn denies, unless stopping half way would be worse.
func (j *judge) withdrawn(subject, message string) {
	j.v.Withdrawn = true
	j.unlessPassed(subject, message)
}

// unlessPassed denies by RUN-03 up to the point of no return; beyond it there is a
// warning.
func (j *judge) unlessPassed(subject, message string) {
	if j.pastNoReturn() {
		j.warn("RUN-03", subject, message+", after the point of no return")
		return
	}
	j.hard("RUN-03", subject, message)
}

func (j *judge) lastAttempt() (Attempt, bool) {
	list := j.e.Ledger.Attempts.Items
	if len(list) == 0 {
		return Attempt{}, false
	}
	return slices.MaxFunc(list, func(a, b Attempt) int { // of two with one number, which is denied, the one that says less
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(b.PastNoReturn, a.PastNoReturn), cmp.Compare(a.State, b.State), a.At.Compare(b.At))
	}), true
}

// attempts checks that an attempt is new and follows (CONF-05, RUN-02, RUN-06).
func (j *judge) attempts() {
	l := j.e.Ledger
	if l.Attempts.Complete != Yes {
		j.hard("CONF-05", "", "earlier attempts could not be read")
	}
	seen := make(map[int]bool)
	for _, a := range l.Attempts.Items {
		subject := fmt.Sprintf("attempt %d", a.Number)
		if a.Number < 1 || seen[a.Number] {
			j.hard("CONF-05", subject, "the ledger has it twice, or with a number that is none")
		}
		seen[a.Number] = true
		if a.Digest != j.v.Digest {
			j.hard("RUN-06", subject, "it was made for a request with other bytes")
		}
		switch a.State {
		case AttemptDone, AttemptFailed, AttemptAborted, AttemptWithdrawn:
			j.hard("RUN-02", subject, "the request is finished: "+string(a.State))
		case AttemptRefused, AttemptStopped, AttemptClaimed:
		default:
			j.hard("RUN-02", subject, "how it ended is not known")
		}
	}
	last, _ := j.lastAttempt()
	if !j.running() {
		if j.unfinished() {
			j.warn("RUN-06", fmt.Sprintf("attempt %d", last.Number), "it is not finished; it is resumed, not executed again")
		}
		return
	}
	if j.c.Attempt != last.Number+1 {
		j.hard("CONF-05", fmt.Sprintf("attempt %d", j.c.Attempt), fmt.Sprintf("the next attempt of this request is %d", last.Number+1))
	}
	switch resumable := j.unfinished(); {
	case j.resuming() && !resumable:
		j.hard("RUN-06", "", "there is no attempt to go on with")
	case !j.resuming() && resumable:
		j.hard("RUN-06", fmt.Sprintf("attempt %d", last.Number), "it is not finished; go on with it: resume, not execute")
	}
}

func (j *judge) age(t time.Time) time.Duration { return j.c.Now.Sub(t) }

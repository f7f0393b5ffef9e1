package audit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// maxOrigin is how long the name of a log may be.
const maxOrigin = 200

// CheckOrigin reports whether a text can name a log: letters, digits and . _ / -,
// at most 200 of them, such as example.com/acme/bcctl-audit.
func CheckOrigin(origin string) error {
	ok := origin != "" && len(origin) <= maxOrigin
	for i := range len(origin) {
		c := origin[i]
		letter := '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		ok = ok && (letter || i > 0 && (c == '.' || c == '_' || c == '/' || c == '-'))
	}
	if !ok {
		return fmt.Errorf("%q is no name of a log; write letters, digits and . _ / -, such as example.com/acme/bcctl-audit", origin)
	}
	return nil
}

// need is a member that a type cannot do without, in words.
type need struct {
	name string
	has  func(*Entry) bool
}

// needs are the members of each type.
var needs = map[Type][]need{
	Genesis: {{"createdAt", func(e *Entry) bool { return !e.CreatedAt.IsZero() }}, {"nonce", func(e *Entry) bool { return isRun(e.Nonce) }},
		{"trustSha256", func(e *Entry) bool { return isHash(e.TrustSHA256) }}, {"signer", hasSigner}, {"tool", hasTool}},
	SegmentOpen:      {{"signer", hasSigner}, {"tool", hasTool}, {"seen", func(e *Entry) bool { return e.Seen != nil }}},
	CheckResult:      {{"actor", hasActor}, {"system", hasSystem}, {"verdict", func(e *Entry) bool { return e.Verdict != nil }}},
	ConfigChange:     {{"actor", hasActor}, {"change", func(e *Entry) bool { return e.Change != nil }}},
	RequestEvaluated: {{"actor", hasActor}, {"request", hasRequest}, {"policy", hasPolicy}},
	ExecutionIntent: {{"actor", hasActor}, {"system", hasSystem}, {"action", hasAction}, {"request", hasRequest}, {"policy", hasPolicy},
		{"plan", func(e *Entry) bool { return e.Plan != nil }}},
	StepResult:         {{"step", func(e *Entry) bool { return e.Step != nil }}},
	ExecutionOutcome:   {{"outcome", func(e *Entry) bool { return e.Outcome != "" }}},
	BreakGlassUsed:     {{"actor", hasActor}, {"breakGlass", func(e *Entry) bool { return e.BreakGlass != nil }}},
	BreakGlassReview:   {{"actor", hasActor}, {"evidence", hasEvidence}},
	LockBroken:         {{"actor", hasActor}, {"system", hasSystem}, {"evidence", hasEvidence}},
	ProtectionRestored: {{"actor", hasActor}, {"system", hasSystem}, {"request", hasRequest}, {"verdict", func(e *Entry) bool { return e.Verdict != nil }}, {"evidence", hasEvidence}},
	TrustUpdate:        {{"trust", func(e *Entry) bool { return e.Trust != nil && isHash(e.Trust.SHA256) && e.Trust.Version > 1 }}},
	RedactionNotice:    {{"evidence", hasEvidence}},
	RecoveryImport:     {{"evidence", hasEvidence}},
	Heartbeat:          {},
}

// Types returns every type of entry, sorted.
func Types() []Type { return slices.Sorted(maps.Keys(needs)) }

// Needs returns the members that an entry of a type cannot do without, beside those
// that every entry has.
func Needs(t Type) []string {
	var names []string
	for _, need := range needs[t] {
		names = append(names, need.name)
	}
	return names
}

func hasSigner(e *Entry) bool {
	return e.Signer != nil && e.Signer.Backend != "" && e.Signer.KeyID != ""
}
func hasTool(e *Entry) bool     { return e.Tool != "" }
func hasActor(e *Entry) bool    { return e.Actor != nil && e.Actor.ID != "" && e.Actor.Kind != "" }
func hasSystem(e *Entry) bool   { return e.System != "" }
func hasAction(e *Entry) bool   { return e.Action != "" }
func hasRequest(e *Entry) bool  { return e.Request != nil && isHash(e.Request.Digest) }
func hasPolicy(e *Entry) bool   { return e.Policy != nil && isHash(e.Policy.Digest) }
func hasEvidence(e *Entry) bool { return len(e.Evidence) > 0 }

var (
	outcomes = []Outcome{"", Succeeded, Failed, Aborted, Refused, RolledBack, InDoubt}
	statuses = []string{"green", "yellow", "red", "unknown"}
	kinds    = []string{"ci", "human", "service"}
)

// check reports what is wrong with an entry by itself. What it means in its log
// is for Verify.
func (e *Entry) check() error { return e.checkIn(new(common)) }

// common is what the entries of a segment have in common, known to be well formed.
type common struct {
	log, segment, run string

	of    Type // of the entry before
	needs []need
}

// checkIn is check of an entry that may belong to a segment whose common part is known.
func (e *Entry) checkIn(h *common) error {
	if e.V != Version {
		return fmt.Errorf("v is %d, this program knows %d", e.V, Version)
	}
	if e.Type != h.of || h.needs == nil {
		list, known := needs[e.Type]
		if !known {
			return fmt.Errorf("type %q is not known", e.Type)
		}
		h.of, h.needs = e.Type, list
	}
	run := h.run
	if e.Log == "" || e.Log != h.log {
		if err := CheckOrigin(e.Log); err != nil {
			return fmt.Errorf("log: %w", err)
		}
	}
	if e.Segment == "" || e.Segment != h.segment {
		id, err := ParseSegmentID(e.Segment)
		if err != nil {
			return err
		}
		run = id.Run
	}
	switch {
	case e.Run != run:
		return fmt.Errorf("run %q is not the one of segment %q", e.Run, e.Segment)
	case e.Seq < 0 || e.Seq > maxInteger:
		return fmt.Errorf("seq %d is out of range", e.Seq)
	case e.Time.IsZero():
		return errors.New("time is missing")
	}
	for _, need := range h.needs {
		if !need.has(e) {
			return fmt.Errorf("an entry of type %s needs %s", e.Type, need.name)
		}
	}
	return e.checkParts()
}

func (e *Entry) checkParts() error {
	switch {
	case e.Seen != nil && (e.Seen.Size < 0 || e.Seen.Size > maxInteger || !isHash(e.Seen.Root)):
		return errors.New("seen is no tree head")
	case e.PrevPart != "" && !isHash(e.PrevPart):
		return errors.New("prevPart is no SHA-256")
	case !slices.Contains(outcomes, e.Outcome):
		return fmt.Errorf("outcome %q is not known", e.Outcome)
	case e.Actor != nil && !slices.Contains(kinds, e.Actor.Kind):
		return fmt.Errorf("actor.kind %q is not one of ci, human, service", e.Actor.Kind)
	case e.Verdict != nil && !slices.Contains(statuses, e.Verdict.Status):
		return fmt.Errorf("verdict.status %q is not known", e.Verdict.Status)
	case e.Step != nil && (e.Step.Index < 0 || e.Step.Name == ""):
		return errors.New("step needs an index from 0 and a name")
	case e.Resolution != nil && (e.Step == nil && e.Type != ProtectionRestored || e.Resolution.By == "" || e.Resolution.Reason == "" || e.Resolution.Statement == "" || e.Resolution.Signature == ""):
		return errors.New("resolution needs what it is about, who said it, why, and what was signed")
	case !slices.IsSorted(e.Frontier):
		return errors.New("frontier is not sorted")
	}
	for _, digest := range e.Frontier {
		if !isHash(digest) {
			return errors.New("frontier holds something else than SHA-256")
		}
	}
	for _, x := range e.Evidence {
		if x.Name == "" || !isHash(x.SHA256) {
			return errors.New("evidence needs a name and a SHA-256")
		}
	}
	return nil
}

// isHash reports whether a text is a SHA-256 in lower-case hexadecimal digits.
func isHash(text string) bool { return len(text) == 64 && isHex(text) }

// isRun reports whether a text can be the id of a run.
func isRun(text string) bool { return len(text) == 32 && isHex(text) }

func isHex(text string) bool {
	other := byte(0)
	for i := range len(text) {
		other |= notHex[text[i]] // no branch: digits are random
	}
	return other == 0
}

// notHex is 1 for every byte that is no hexadecimal digit in lower case.
var notHex = func() (not [256]byte) {
	for i := range not {
		if c := byte(i); c-'0' > 9 && c-'a' > 'f'-'a' {
			not[i] = 1
		}
	}
	return not
}()

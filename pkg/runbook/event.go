package runbook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// EventVersion is the number of the format of events.
const EventVersion = 1

// Event is one line of the journal of a run. What a run has done and what it may
// do next is worked out from its events and from nothing else.
type Event struct {
	V       int       `json:"v"`
	Seq     int64     `json:"seq"`  // counts from 0 without a gap
	Prev    string    `json:"prev"` // SHA-256 of the line before; empty for the first
	At      time.Time `json:"at"`
	Run     string    `json:"run"`
	Attempt int       `json:"attempt"` // counts the claims of the request, from 1
	Kind    EventKind `json:"kind"`

	// Member and Step say what it is about: a resource of the plan, and a step or a
	// check of its runbook. Undo says that the step is taken back.
	Member string `json:"member,omitempty"`
	Step   string `json:"step,omitempty"`
	Undo   bool   `json:"undo,omitempty"`

	// Try counts the intents of a step, from 1. Key is the same for every try, so
	// that a system that is told twice can know it.
	Try     int    `json:"try,omitempty"`
	Key     string `json:"key,omitempty"`
	Mutates bool   `json:"mutates,omitempty"`

	// Parts says of the intent of a step that its undo also takes back what was done of
	// it in part.
	Parts bool `json:"parts,omitempty"`

	// State is the result of a check, an outcome, a ruling or the end of a run.
	State   string           `json:"state,omitempty"`
	Moment  Moment           `json:"moment,omitempty"` // verified
	Code    readiness.Code   `json:"code,omitempty"`
	Message string           `json:"message,omitempty"`
	Facts   connectors.Facts `json:"facts,omitempty"`
	By      string           `json:"by,omitempty"`   // the person, by the id of the roster
	Said    *Said            `json:"said,omitempty"` // step.resolved: what the person signed

	Begin   *Beginning          `json:"begin,omitempty"`  // run.started and run.resumed
	Fences  map[string]int64    `json:"fences,omitempty"` // locked: fencing number of each key
	Markers []connectors.Marker `json:"markers,omitempty"`
}

// Beginning says what is run, and who started it.
type Beginning struct {
	Request  string `json:"request"`
	Plan     Digest `json:"plan"`
	Type     Type   `json:"type"`
	Target   string `json:"target"`
	To       string `json:"to"`
	Tool     string `json:"tool,omitempty"`
	Evidence string `json:"evidence,omitempty"` // what the confirmation rests on, such as comment 123

	// Brought says that the journal came from another machine, which was at work when it
	// was heard of last and may have done more than it could say (run.resumed).
	Brought bool `json:"brought,omitempty"`
}

// Said is what a person signed. Whether it counts is decided by who reads it.
type Said struct {
	Statement string `json:"statement"`
	Signature string `json:"signature"` // armored, of SSH
}

// EventKind says what happened.
type EventKind string

// Kinds of events. The list only grows.
const (
	RunStarted         EventKind = "run.started"         // the first one
	RunResumed         EventKind = "run.resumed"         // the first one of a later start
	Locked             EventKind = "locked"              // all keys are this run's
	Verified           EventKind = "verified"            // approvals, pins, expiry and roster were looked at
	Claimed            EventKind = "claimed"             // the attempt is this run's alone
	PrecheckResult     EventKind = "precheck.result"     //
	MarkersRead        EventKind = "markers"             // how far each node has come
	PointOfNoReturn    EventKind = "point-of-no-return"  // about to be passed
	StepIntent         EventKind = "step.intent"         // about to be done
	StepOutcome        EventKind = "step.outcome"        // what became of it
	StepProbe          EventKind = "step.probe"          // what live state says of it
	StepResolved       EventKind = "step.resolved"       // what a person says of it
	StepDisputed       EventKind = "step.disputed"       // what a person is said to have said does not count
	StepRefused        EventKind = "step.refused"        // not even tried
	UndoStarted        EventKind = "undo.started"        // there is no way forward any more, or not now
	UndoEnded          EventKind = "undo.ended"          // what says how is taken back: the run, or a member, may begin anew
	CancelRequested    EventKind = "cancel.requested"    // acts at the next hold point
	Hold               EventKind = "hold"                // stopped; may go on
	PostcheckResult    EventKind = "postcheck.result"    //
	SoakStarted        EventKind = "soak.started"        //
	SoakEnded          EventKind = "soak.ended"          // the postchecks held all the time
	AuditDegraded      EventKind = "audit.degraded"      // what is recorded is on this machine only
	AuditRestored      EventKind = "audit.restored"      // and now elsewhere as well
	RunFinished        EventKind = "run.finished"        // never runs again
	Released           EventKind = "released"            // the keys are free
	ProtectionRestored EventKind = "protection.restored" // redundancy and a restorable backup exist again
)

// Moment is when approvals, pins, expiry and roster are looked at.
type Moment string

// Moments, in their order. The first one comes before anything is written.
const (
	AtStart           Moment = "start"
	AfterLock         Moment = "locked"
	BeforeFirstChange Moment = "first-change"
	BeforeNoReturn    Moment = "point-of-no-return"
)

// maxMessage bounds texts of an event, in bytes: a server that talks a lot must
// not fill the disk the journal is on.
const maxMessage = 4096

// Encode returns the line of an event, without a line break. Equal events have
// equal lines.
func (e Event) Encode() ([]byte, error) {
	e.At = e.At.UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write event %d: %w", e.Seq, err)
	}
	// What is read back must be written the same way; a text that is not UTF-8 is
	// only after one turn.
	var back Event
	if err := json.Unmarshal(line, &back); err != nil {
		return nil, fmt.Errorf("write event %d: %w", e.Seq, err)
	}
	return json.Marshal(back)
}

// DecodeEvent reads a line. Only what Encode writes is an event: an unknown or
// repeated member, another order or a blank more is an error.
func DecodeEvent(line []byte) (Event, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var e Event
	if err := d.Decode(&e); err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Event{}, fmt.Errorf("read event %d: something follows it on its line", e.Seq)
	}
	if e.V != EventVersion {
		return Event{}, fmt.Errorf("read event %d: version %d, and this bcctl knows %d; run a newer one", e.Seq, e.V, EventVersion)
	}
	again, err := e.Encode()
	if err != nil {
		return Event{}, err
	}
	if !bytes.Equal(again, line) {
		return Event{}, fmt.Errorf("read event %d: the line is not what bcctl writes; the journal was edited", e.Seq)
	}
	return e, nil
}

// HashLine is what the next event says of this line.
func HashLine(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// DecodeJournal reads all lines of a journal, each ended by a line break, and
// follows their chain.
func DecodeJournal(data []byte) ([]Event, error) {
	var events []Event
	prev := ""
	for len(data) > 0 {
		line, rest, ended := bytes.Cut(data, []byte("\n"))
		if !ended {
			return nil, fmt.Errorf("the journal ends in the middle of line %d", len(events)+1)
		}
		e, err := DecodeEvent(line)
		if err != nil {
			return nil, fmt.Errorf("journal line %d: %w", len(events)+1, err)
		}
		if e.Seq != int64(len(events)) || e.Prev != prev {
			return nil, fmt.Errorf("journal line %d: event %d does not follow the line before; lines were taken out, added or put into another order", len(events)+1, e.Seq)
		}
		events, prev, data = append(events, e), HashLine(line), rest
	}
	return events, nil
}

// short makes a text fit for an event: of bounded length, and without what a
// terminal would obey.
func short(text string) string {
	text = strings.ToValidUTF8(text, "?")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, text)
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage-3], "") + "..."
	}
	return text
}

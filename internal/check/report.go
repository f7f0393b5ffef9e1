package check

import (
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// ReportSchema identifies the JSON form of Report. Within v1 fields are only
// added.
const ReportSchema = "https://bcctl.dev/schemas/report/v1"

// Report is the answer of one check run.
type Report struct {
	Schema     string             `json:"schema"`
	Bcctl      string             `json:"bcctl"`  // version of the program
	Commit     string             `json:"commit"` // commit of the configuration; "" outside git; "+dirty" appended when files differ
	RunID      string             `json:"runId"`
	StartedAt  time.Time          `json:"startedAt"`
	FinishedAt time.Time          `json:"finishedAt"`
	Replay     *Replay            `json:"replay,omitempty"`
	Verdict    readiness.Status   `json:"verdict"`
	Counts     Counts             `json:"counts"`
	Results    []readiness.Result `json:"results"` // resources and groups, worst first, then by name
	// Transitions are what changed against the run before.
	Transitions []Transition `json:"transitions"`
	// Warnings are about the run itself, such as history that could not be kept.
	Warnings []string `json:"warnings,omitempty"`
}

// Replay marks a report made from recorded observations: it says nothing about
// the present.
type Replay struct {
	RecordedAt time.Time `json:"recordedAt"`
}

// Counts is how many results have each status.
type Counts struct {
	Red     int `json:"red"`
	Unknown int `json:"unknown"`
	Yellow  int `json:"yellow"`
	Green   int `json:"green"`
}

// TransitionKind is what happened to an alert episode.
type TransitionKind string

// Kinds of transition. An episode is raised once, reminded of, and cleared once.
const (
	Raised         TransitionKind = "raised"
	Reminder       TransitionKind = "reminder"
	Cleared        TransitionKind = "cleared"
	VisibilityLost TransitionKind = "visibility-lost"
	VisibilityBack TransitionKind = "visibility-back"
	Changed        TransitionKind = "changed" // the status changed; no alert by itself
)

// Transition is one change of one target.
type Transition struct {
	Target  string           `json:"target"`
	Kind    TransitionKind   `json:"kind"`
	From    readiness.Status `json:"from"`
	To      readiness.Status `json:"to"`
	Code    readiness.Code   `json:"code,omitempty"`
	Message string           `json:"message,omitempty"`
	Since   time.Time        `json:"since"` // when the episode began
	At      time.Time        `json:"at"`
}

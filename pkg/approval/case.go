package approval

import (
	"time"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// Mode says what the verdict is for. Every entry point asks the same function; the
// mode adds what must hold in addition, and never takes anything away but what
// cannot be had while the forge does not answer (POL-06).
type Mode string

// Modes.
const (
	// ModeReview asks how far the approvals are: the pull request may be open, nothing
	// is confirmed, nothing will be run on this verdict.
	ModeReview Mode = "review"

	// ModeConfirm is the first start of an attempt: everything must hold, and a person
	// confirmed.
	ModeConfirm Mode = "confirm"

	// ModeResume goes on with an attempt that stopped (RUN-06).
	ModeResume Mode = "resume"

	// ModeOffline is a start while the forge cannot be reached (OFF-01).
	ModeOffline Mode = "offline"

	// ModeOfflineResume goes on with an attempt that stopped, while the forge cannot be
	// reached.
	ModeOfflineResume Mode = "offline-resume"

	// ModeOfflineReview asks how far signed statements are: nothing is confirmed, nothing
	// will be run on this verdict, and the forge is not asked for.
	ModeOfflineReview Mode = "offline-review"
)

// Decoded is a document together with where its bytes came from, so that the
// decision can be tied to what was read (POL-01).
type Decoded[T any] struct {
	Name   string         // metadata.name
	Path   string         // of its file
	Commit string         // it was read from
	SHA256 runbook.Digest // of the file
	Spec   T
}

// Target is one resource the request reaches. The tier is that of the pinned
// resource, never of the request (POL-02).
type Target struct {
	Resource string
	Tier     int
	Path     string // of the file that declares it; it must be pinned
}

// Scheduled is what a schedule may ask for.
type Scheduled struct {
	Path    string // of the file that declares it; it must be pinned
	Type    runbook.Type
	Targets []string
	Site    string // empty: the schedule leaves it open
}

// Case is everything a verdict depends on.
type Case struct {
	Mode Mode
	Now  time.Time // of this machine; compared with the server's (BIND-06)

	// Settings of the operator.
	RepositoryID int64  // github.repository-id
	Workflow     string // path of the workflow that may execute; empty: none may

	Evidence Evidence

	Request Decoded[runbook.Request]
	Targets []Target // all of the plan

	// Plan is the digest of the plan as it is compiled now; it must be the request's
	// (SI-14). It is needed to start an attempt: for ModeConfirm and ModeOffline.
	Plan runbook.Digest

	// ScheduleOwner is the owner of the schedule that opened the request, a person. It
	// is needed when the request names a schedule (SCH-02).
	ScheduleOwner string

	// Schedule is what that schedule may ask for; a request that names it and asks for
	// something else is none of its requests (SCH-01).
	Schedule Scheduled

	Policies     []Decoded[Policy] // every one at main's tip
	Roster       Decoded[Roster]   // at main's tip
	RosterBefore Decoded[Roster]   // at the first parent of the merge commit

	// Problems are what went wrong while documents were decoded strictly; each denies
	// (BIND-05, POL-04).
	Problems []Finding

	// Attempt is the attempt that shall be made, from 1; in ModeResume it follows the one that
	// stopped. Zero in ModeReview.
	Attempt int

	// ToRun says that what is looked at is about to be run on this host: whether the host
	// may, and whether the forge answers, is held against it as for a start (OFF-01).
	ToRun bool

	// First is the fingerprint of the evidence of the first read. Where Claimed is set,
	// the claim has been made, this is the second read, and both must be the same
	// (APP-10). Offline the claim must be in the ledger of this host then (OFF-05).
	First   runbook.Digest
	Claimed bool

	// Trust holds what an offline decision rests on (OFF-02).
	Trust Trust
}

// Trust is what the host itself is configured with, outside of any repository.
type Trust struct {
	Roots     []string // fingerprints of the root keys, SHA256:...
	Threshold int      // how many of them must have signed a snapshot
}

package runbook

import "github.com/bcctl/bcctl/pkg/readiness"

// Reasons why a run stopped, in the journal and in messages.
const (
	CodeCanceled         readiness.Code = "RUN_CANCELED"           // a person or a signal asked for it
	CodeDenied           readiness.Code = "RUN_DENIED"             // approvals, pins, expiry or roster do not allow it any more
	CodeNoAnswer         readiness.Code = "RUN_NO_ANSWER"          // what must be asked before going on did not answer
	CodeLockLost         readiness.Code = "LOCK_LOST"              // the keys are not this run's any more
	CodeJournalAway      readiness.Code = "JOURNAL_AWAY"           // no place off this machine takes the journal
	CodePrecheck         readiness.Code = "PRECHECK_REFUSED"       // a precheck did not pass
	CodePostcheck        readiness.Code = "POSTCHECK_FAILED"       // a postcheck did not pass
	CodeStepFailed       readiness.Code = "STEP_FAILED"            // a step was not carried out
	CodeUndoFailed       readiness.Code = "UNDO_FAILED"            // a step could not be taken back
	CodeInDoubt          readiness.Code = "STEP_IN_DOUBT"          // nobody can tell whether a step took effect
	CodeTimeout          readiness.Code = "STEP_TIMEOUT"           // a step took longer than it may
	CodeProbeDisagrees   readiness.Code = "PROBE_DISAGREES"        // a step said done, and live state says no
	CodePlaceholder      readiness.Code = "PLACEHOLDER_UNRESOLVED" // what a step needs of an earlier one is not there
	CodeNobodyThere      readiness.Code = "PERSON_NEEDED"          // nobody was there to do or answer it
	CodeCrashed          readiness.Code = "STEP_CRASHED"           // a defect of bcctl; the effect is not known
	ProtectionUnrestored readiness.Code = "PROTECTION_NOT_RESTORED"
)

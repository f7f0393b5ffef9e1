package runbook

import "github.com/bcctl/bcctl/pkg/readiness"

// Reasons why a run stopped, in the journal and in messages.
const (
	CodeCanceled         = readiness.RunCanceled
	CodeDenied           = readiness.RunDenied
	CodeNoAnswer         = readiness.RunNoAnswer
	CodeLockLost         = readiness.LockLost
	CodeJournalAway      = readiness.JournalAway
	CodePrecheck         = readiness.PrecheckRefused
	CodeHook             = readiness.HookRefused
	CodePostcheck        = readiness.PostcheckFailed
	CodeStepFailed       = readiness.StepFailed
	CodeUndoFailed       = readiness.UndoFailed
	CodeInDoubt          = readiness.StepInDoubt
	CodeTimeout          = readiness.StepTimeout
	CodeProbeDisagrees   = readiness.ProbeDisagrees
	CodePlaceholder      = readiness.PlaceholderUnresolved
	CodeNobodyThere      = readiness.PersonNeeded
	CodeCrashed          = readiness.StepCrashed
	ProtectionUnrestored = readiness.ProtectionNotRestored
)

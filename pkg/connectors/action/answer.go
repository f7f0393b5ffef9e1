package action

import (
	"fmt"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Passed is the finding that all is as it should be.
func Passed(format string, args ...any) connectors.Finding {
	return connectors.Finding{Result: connectors.Passed, Message: fmt.Sprintf(format, args...)}
}

// Refused is the finding that the run must not go on.
func Refused(code readiness.Code, format string, args ...any) connectors.Finding {
	return connectors.Finding{Result: connectors.Refused, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Warned is a finding that a person must accept by its code.
func Warned(code readiness.Code, format string, args ...any) connectors.Finding {
	return connectors.Finding{Result: connectors.Warned, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Unknown is the finding that it could not be told.
func Unknown(code readiness.Code, format string, args ...any) connectors.Finding {
	return connectors.Finding{Result: connectors.Unknown, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Done is the outcome that the effect holds.
func Done(facts connectors.Facts, format string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.Done, Message: fmt.Sprintf(format, args...), Facts: facts}
}

// NotDone is the outcome that it does not, and that nothing is under way.
func NotDone(code readiness.Code, format string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.NotDone, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Failed is the outcome that nothing was changed.
func Failed(code readiness.Code, format string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.Failed, Code: code, Message: fmt.Sprintf(format, args...)}
}

// NotReached is the outcome of a change that was not sent, because whom it was for did
// not answer; unless the code says what is wrong there.
func NotReached(code readiness.Code, format string, args ...any) connectors.Outcome {
	if code == "" || code == readiness.NodeStarting || code == readiness.VisCollector {
		code = readiness.RunNoAnswer
	}
	return Failed(code, format, args...)
}

// InDoubt is the outcome that it cannot be told.
func InDoubt(code readiness.Code, format string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.InDoubt, Code: code, Message: fmt.Sprintf(format, args...)}
}

// NotBegun is the outcome of a change that was not begun because of a finding that is
// not a pass.
func NotBegun(f connectors.Finding) connectors.Outcome {
	return connectors.Outcome{State: connectors.Failed, Code: f.Code, Message: f.Message, Facts: f.Facts}
}

// Partly is the outcome of a change of several things, of which some were changed before
// the one that ended so: that nothing was changed is not true then.
func Partly(before bool, o connectors.Outcome) connectors.Outcome {
	if before && o.State == connectors.Failed {
		o.State = connectors.NotDone
		if o.Code == readiness.RunNoAnswer {
			o.Code = "" // which says that nothing was sent
		}
		o.Message += "; what came before it was changed"
	}
	return o
}

// AsFinding words an effect that is asked for as a check.
func AsFinding(o connectors.Outcome) connectors.Finding {
	result := map[connectors.OutcomeState]connectors.FindingResult{
		connectors.Done: connectors.Passed, connectors.NotDone: connectors.Refused,
		connectors.InDoubt: connectors.Unknown, connectors.Failed: connectors.Refused,
	}[o.State]
	return connectors.Finding{Result: result, Code: o.Code, Message: o.Message, Facts: o.Facts}
}

// AsOutcome words a check as an effect that is asked for.
func AsOutcome(f connectors.Finding) connectors.Outcome {
	state := map[connectors.FindingResult]connectors.OutcomeState{
		connectors.Passed: connectors.Done, connectors.Warned: connectors.NotDone,
		connectors.Refused: connectors.NotDone, connectors.Unknown: connectors.InDoubt,
	}[f.Result]
	return connectors.Outcome{State: state, Code: f.Code, Message: f.Message, Facts: f.Facts}
}

package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// IsVisibility reports whether a code tells that something cannot be seen, as
// opposed to seen and bad. Such a loss has its own grace and its own alert.
func IsVisibility(c readiness.Code) bool {
	return strings.HasPrefix(string(c), "VIS_") || c == readiness.StandbyPathLost || c == readiness.PrimaryPathLost ||
		c == readiness.NodeStarting || c == readiness.SecretUnresolved
}

// visibility turns a loss that outlasted its grace red. Within the grace it stays
// what it is: unknown, or yellow where the other side still shows it. Only what
// is required counts: an optional indicator or endpoint is yellow for ever.
func (e *evaluation) visibility() {
	if len(e.lost) == 0 {
		return
	}
	e.next.UnseenSince = e.prior.UnseenSince
	if e.next.UnseenSince.IsZero() || e.next.UnseenSince.After(e.now) {
		e.next.UnseenSince = e.now
	}
	unseen := e.now.Sub(e.next.UnseenSince)
	grace := e.judge.VisibilityGrace
	if unseen < grace {
		return
	}
	for _, l := range e.lost {
		r := &e.reasons[l.reason]
		oneSided := r.Code == readiness.StandbyPathLost
		r.Status = readiness.Red
		r.Message += fmt.Sprintf("; not seen for %s (grace %s)", unseen.Round(time.Second), grace)
		e.indicators[l.indicator].Status = readiness.Red
		if oneSided {
			e.reasons = append(e.reasons, readiness.Reason{Code: readiness.VisDR, Status: readiness.Red, Endpoint: r.Endpoint, Indicator: r.Indicator,
				Message: fmt.Sprintf("only the other side's view is left, for %s (grace %s)", unseen.Round(time.Second), grace)})
		}
	}
}

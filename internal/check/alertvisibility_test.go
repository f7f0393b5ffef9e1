package check

import (
	"slices"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

var dr = []series{{"b", lag}}

// Loss of visibility has its own alert: after the grace of its tier, once, with
// reminders, and one when all is seen again.
func TestVisibilityIsAlertedAfterItsGrace(t *testing.T) {
	t.Parallel()
	lostRed := []readiness.Reason{because(readiness.VisDR, red, "b", lag)}
	episode(t,
		seen{0, lostDR, dr, nil}, seen{119 * sec, lostDR, dr, nil}, seen{2 * m, lostRed, dr, []string{"visibility-lost VIS_DR"}}, seen{3 * m, lostRed, dr, nil},
		seen{2*m + 4*h, lostRed, dr, []string{"reminder VIS_DR"}}, seen{5 * h, nil, nil, []string{"visibility-back"}}, seen{6 * h, nil, nil, nil})
}

func TestVisibilityNeedsTwoSamplesToo(t *testing.T) {
	t.Parallel()
	episode(t, seen{0, lostDR, dr, nil}, seen{h, lostDR, dr, []string{"visibility-lost VIS_DR"}})
	episode(t, seen{0, lostDR, dr, nil}, seen{m, nil, nil, nil}, seen{2 * m, lostDR, dr, nil}, seen{3 * m, nil, nil, nil})
}

// Without a grace it still takes two samples.
func TestVisibilityWithoutGrace(t *testing.T) {
	t.Parallel()
	j := judgeOf(t)
	j.VisibilityGrace = 0
	r := sampled(noon, seen{reasons: lostDR, unread: dr})
	state, transitions := advance(Alerts{}, r, j, noon)
	if len(transitions) > 0 {
		t.Errorf("the first sample was alerted: %+v", transitions)
	}
	if _, transitions = advance(state, r, j, noon.Add(sec)); len(transitions) != 1 || transitions[0].Kind != VisibilityLost {
		t.Errorf("the second one: %+v", transitions)
	}
}

// It is alerted whatever the breaches do, and does not end them.
func TestVisibilityIsIndependentOfBreaches(t *testing.T) {
	t.Parallel()
	both := slices.Concat(lostDR, over)
	episode(t, seen{0, over, nil, nil}, seen{m, over, nil, []string{raised}}, seen{2 * m, both, dr, nil}, seen{4 * m, both, dr, []string{"visibility-lost VIS_DR"}},
		seen{5 * m, lostDR, dr, nil}, seen{6 * m, nil, nil, []string{"visibility-back", cleared}})
}

// The view of one side only is loss of visibility, though it is yellow.
func TestOneSidedViewIsLossOfVisibility(t *testing.T) {
	t.Parallel()
	oneSided := []readiness.Reason{because(readiness.StandbyPathLost, yellow, "b", lag)}
	episode(t, seen{0, oneSided, dr, nil}, seen{2 * m, oneSided, dr, []string{"visibility-lost STANDBY_PATH_LOST"}}, seen{3 * m, nil, nil, []string{"visibility-back"}})
}

// An optional part that is not seen is a breach like any other: it must not use
// up the alert of what is required, nor keep other breaches open.
func TestOptionalPartOutOfSight(t *testing.T) {
	t.Parallel()
	gone := []readiness.Reason{because(readiness.VisEndpoint, yellow, "c", exposure)}
	and := func(more []readiness.Reason) []readiness.Reason { return slices.Concat(gone, more) }
	episode(t, seen{0, gone, nil, nil}, seen{m, gone, nil, []string{"raised VIS_ENDPOINT"}},
		seen{h, and(lostDR), dr, nil}, seen{h + 2*m, and(lostDR), dr, []string{"visibility-lost VIS_DR"}}, seen{h + 3*m, gone, nil, []string{"visibility-back"}},
		seen{2 * h, and(over), nil, nil}, seen{2*h + m, and(over), nil, []string{raised}}, seen{2*h + 2*m, gone, nil, []string{cleared}},
		seen{3 * h, nil, nil, []string{"cleared VIS_ENDPOINT"}})
}

// SI-6: a target that is seen and yet not known is told of as well, with the
// reason that explains it and not the one that only sums up.
func TestSI6LastingUnknownIsAlerted(t *testing.T) {
	t.Parallel()
	missing := because(readiness.IndicatorMissing, unknown, "", "")
	for code, reasons := range map[readiness.Code][]readiness.Reason{
		readiness.InsufficientPrivilege: {because(readiness.InsufficientPrivilege, unknown, "b", lag), missing},
		readiness.LineageUnproven:       {because(readiness.LineageUnproven, unknown, "b", lag)},
		readiness.ExprError:             {because(readiness.ExprError, unknown, "", "")},
		readiness.IndicatorMissing:      {missing},
		readiness.NoIndicators:          {because(readiness.NoIndicators, unknown, "", "")},
		readiness.PlatformUnsupported:   {because(readiness.PlatformUnsupported, yellow, "", topology), because(readiness.NoIndicators, unknown, "", "")},
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			episode(t, seen{0, reasons, nil, nil}, seen{m, reasons, nil, []string{"raised " + string(code)}}, seen{2 * m, reasons, nil, nil}, seen{3 * m, nil, nil, []string{"cleared " + string(code)}})
		})
	}
}

// What follows from a loss of visibility is not alerted beside it.
func TestOneLossIsOneAlert(t *testing.T) {
	t.Parallel()
	reasons := slices.Concat(lostDR, []readiness.Reason{because(readiness.IndicatorMissing, unknown, "", ""), because(readiness.WriterUnproven, unknown, "", topology), because(readiness.LineageUnproven, unknown, "b", lag)})
	episode(t, seen{0, reasons, dr, nil}, seen{m, reasons, dr, nil}, seen{2 * m, reasons, dr, []string{"visibility-lost VIS_DR"}}, seen{3 * m, nil, nil, []string{"visibility-back"}})
}

// SI-6: every code, as a reason of its default status, is alerted in time: no
// trouble is silent.
func TestSI6EveryCodeIsAlerted(t *testing.T) {
	t.Parallel()
	j := judgeOf(t)
	for _, info := range readiness.Codes() {
		if info.Code == readiness.Clearing {
			continue // goes on with the episode of its breach
		}
		r := sampled(noon, seen{reasons: []readiness.Reason{because(info.Code, info.Default, "b", lag)}, unread: dr})
		state, _ := advance(Alerts{}, r, j, noon)
		_, transitions := advance(state, r, j, noon.Add(2*m))
		if !slices.ContainsFunc(transitions, func(x Transition) bool {
			return x.Code == info.Code && (x.Kind == Raised || x.Kind == VisibilityLost)
		}) {
			t.Errorf("%s is silent: %+v", info.Code, transitions)
		}
	}
}

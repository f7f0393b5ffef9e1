package check

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

const (
	green   = readiness.Green
	yellow  = readiness.Yellow
	unknown = readiness.Unknown
	red     = readiness.Red
)

// seen is one sample: its reasons, and which readings were unusable.
type seen struct {
	at      time.Duration // since noon
	reasons []readiness.Reason
	unread  []series
	want    []string // transitions but "changed", as "kind CODE"
}

func because(code readiness.Code, s readiness.Status, endpoint string, id readiness.ID) readiness.Reason {
	return readiness.Reason{Code: code, Status: s, Endpoint: endpoint, Indicator: id, Message: string(code)}
}

// sampled is a result with the readings of a healthy run, but for those unread.
func sampled(at time.Time, s seen) readiness.Result {
	r := readiness.Result{Name: "ledger", Status: green, EvaluatedAt: at, Reasons: readiness.SortReasons(slices.Clone(s.reasons))}
	for _, x := range r.Reasons {
		r.Status = readiness.Worst(r.Status, x.Status)
	}
	for _, at := range []series{{"", topology}, {"a", lag}, {"b", lag}, {"", exposure}} {
		i := readiness.IndicatorResult{Observation: readiness.Observation{Endpoint: at.Endpoint, Indicator: at.Indicator}, Required: at.Indicator != exposure}
		if !slices.Contains(s.unread, at) {
			i.ValidUntil = noon.Add(24 * time.Hour)
		}
		r.Indicators = append(r.Indicators, i)
	}
	return r
}

// episode plays samples one after the other, the state kept as a store keeps it.
func episode(t *testing.T, steps ...seen) Alerts {
	t.Helper()
	j := judgeOf(t)
	var state Alerts
	for n, s := range steps {
		data, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		var kept Alerts
		if err := json.Unmarshal(data, &kept); err != nil {
			t.Fatal(err)
		}
		var transitions []Transition
		state, transitions = advance(kept, sampled(noon.Add(s.at), s), j, noon.Add(s.at))
		var got []string
		for _, x := range transitions {
			if x.Kind == Changed {
				continue
			}
			text := string(x.Kind)
			if x.Code != "" {
				text += " " + string(x.Code)
			}
			got = append(got, text)
			if x.Target != "ledger" || !x.At.Equal(noon.Add(s.at)) || x.Since.After(x.At) {
				t.Errorf("step %d: %+v", n, x)
			}
		}
		if !slices.Equal(got, s.want) {
			t.Fatalf("step %d at %s: %q, want %q", n, s.at, got, s.want)
		}
	}
	return state
}

var (
	over    = []readiness.Reason{because(readiness.LagOverRPO, red, "", exposure)}
	high    = []readiness.Reason{because(readiness.ReplicationLagHigh, yellow, "b", lag)}
	worse   = []readiness.Reason{because(readiness.ReplicationLagHigh, red, "b", lag)}
	lostDR  = []readiness.Reason{because(readiness.VisDR, unknown, "b", lag)}
	queried = []readiness.Reason{because(readiness.QueryFailed, yellow, "", exposure)} // an optional reading
)

const (
	sec     = time.Second
	m       = time.Minute
	h       = time.Hour
	raised  = "raised LAG_OVER_RPO"
	cleared = "cleared LAG_OVER_RPO"
)

func TestBreachIsRaisedOnceRemindedAndClearedOnce(t *testing.T) {
	t.Parallel()
	state := episode(t,
		seen{0, over, nil, nil}, seen{59 * sec, over, nil, nil}, seen{m, over, nil, []string{raised}}, seen{2 * m, over, nil, nil},
		seen{m + 4*h - 1, over, nil, nil}, seen{m + 4*h, over, nil, []string{"reminder LAG_OVER_RPO"}}, seen{m + 5*h, over, nil, nil},
		seen{m + 8*h, over, nil, []string{"reminder LAG_OVER_RPO"}}, seen{9 * h, nil, nil, []string{cleared}}, seen{10 * h, nil, nil, nil})
	if len(state.Episodes) != 0 || state.Unseen != nil {
		t.Errorf("left over: %+v", state)
	}
}

// A breach is alerted after its time and at least two samples.
func TestOneSampleIsNoAlert(t *testing.T) {
	t.Parallel()
	episode(t, seen{0, over, nil, nil}, seen{h, over, nil, []string{raised}})
	episode(t, seen{0, over, nil, nil}, seen{30 * sec, nil, nil, nil}, seen{h, over, nil, nil}, seen{h + 59*sec, over, nil, nil}, seen{h + m, over, nil, []string{raised}})
}

// An unknown sample neither resets the timer nor clears what was raised.
func TestUnknownSampleNeitherResetsNorClears(t *testing.T) {
	t.Parallel()
	blind := []readiness.Reason{because(readiness.QueryFailed, unknown, "b", lag)}
	for name, between := range map[string]seen{
		"nothing seen":                          {0, lostDR, []series{{"b", lag}}, nil},
		"a required reading unknown":            {0, blind, []series{{"b", lag}}, nil},
		"only an expression unknown":            {0, []readiness.Reason{because(readiness.ExprError, unknown, "", "")}, nil, nil},
		"the reading itself, which is optional": {0, queried, []series{{"", exposure}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := func(d time.Duration) seen { s := between; s.at = d; return s }
			episode(t, seen{0, over, nil, nil}, at(30*sec), seen{m, over, nil, []string{raised}}, at(m+30*sec), seen{2 * m, over, nil, nil},
				at(2*m+10*sec), seen{2*m + 20*sec, nil, nil, []string{cleared}})
			episode(t, seen{0, over, nil, nil}, at(30*sec), seen{40 * sec, nil, nil, nil}, seen{m, over, nil, nil}, seen{m + 59*sec, over, nil, nil})
		})
	}
}

// A value that is good but not for long enough goes on with its episode, and is
// no breach of its own.
func TestClearingIsStillTheSameBreach(t *testing.T) {
	t.Parallel()
	clearing := []readiness.Reason{because(readiness.Clearing, red, "", exposure)}
	episode(t, seen{0, over, nil, nil}, seen{m, over, nil, []string{raised}}, seen{2 * m, clearing, nil, nil}, seen{9 * m, clearing, nil, nil},
		seen{10 * m, over, nil, nil}, seen{11 * m, clearing, nil, nil}, seen{12 * m, nil, nil, []string{cleared}})
}

// Who is told of red only must be told when yellow becomes red, once it lasts; and
// not again when it goes up and down.
func TestBreachThatTurnsWorseIsRaisedAgain(t *testing.T) {
	t.Parallel()
	again := []string{"raised REPLICATION_LAG_HIGH"}
	episode(t, seen{0, high, nil, nil}, seen{m, high, nil, again}, seen{2 * m, worse, nil, nil}, seen{2*m + 30*sec, high, nil, nil},
		seen{3 * m, worse, nil, nil}, seen{3*m + 59*sec, worse, nil, nil}, seen{4 * m, worse, nil, again}, seen{5 * m, worse, nil, nil},
		seen{6 * m, high, nil, nil}, seen{7 * m, worse, nil, nil}, seen{20 * m, worse, nil, nil},
		seen{4*m + 4*h - 1, worse, nil, nil}, seen{4*m + 4*h, worse, nil, []string{"reminder REPLICATION_LAG_HIGH"}},
		seen{5 * h, nil, nil, []string{"cleared REPLICATION_LAG_HIGH"}})
	// One sample that is worse is no alert, however late it comes.
	episode(t, seen{0, high, nil, nil}, seen{m, high, nil, again}, seen{3 * h, worse, nil, nil}, seen{3*h + m, worse, nil, again})
}

// A lag near its objective that becomes one over it is not over.
func TestMilderBreachIsNotClearedByAWorseOne(t *testing.T) {
	t.Parallel()
	near := []readiness.Reason{because(readiness.LagNearRPO, yellow, "", exposure)}
	episode(t, seen{0, near, nil, nil}, seen{m, near, nil, []string{"raised LAG_NEAR_RPO"}}, seen{2 * m, over, nil, nil}, seen{3 * m, over, nil, []string{raised}},
		seen{4 * m, near, nil, []string{cleared}}, seen{5 * m, nil, nil, []string{"cleared LAG_NEAR_RPO"}})
}

// A breach at an endpoint that is gone from view has not ended; one whose series
// is no longer read at all, because roles changed, has.
func TestBreachAtAnEndpointThatIsNotSeen(t *testing.T) {
	t.Parallel()
	dark := []readiness.Reason{because(readiness.VisEndpoint, yellow, "b", exposure)} // an optional endpoint: yellow
	episode(t, seen{0, high, nil, nil}, seen{m, high, nil, []string{"raised REPLICATION_LAG_HIGH"}}, seen{m + 30*sec, dark, nil, nil}, seen{2 * m, nil, nil, []string{"cleared REPLICATION_LAG_HIGH"}})
	elsewhere := []readiness.Reason{because(readiness.ReplicationLagHigh, yellow, "z", lag)}
	episode(t, seen{0, elsewhere, nil, nil}, seen{m, elsewhere, nil, []string{"raised REPLICATION_LAG_HIGH"}}, seen{2 * m, nil, nil, []string{"cleared REPLICATION_LAG_HIGH"}})
}

// Each code has its own episode.
func TestEpisodesDoNotMix(t *testing.T) {
	t.Parallel()
	both := slices.Concat(over, high)
	episode(t, seen{0, over, nil, nil}, seen{30 * sec, both, nil, nil}, seen{m, both, nil, []string{raised}},
		seen{m + 30*sec, both, nil, []string{"raised REPLICATION_LAG_HIGH"}}, seen{2 * m, high, nil, []string{cleared}}, seen{3 * m, nil, nil, []string{"cleared REPLICATION_LAG_HIGH"}})
}

// A clock that was wrong by a year must not keep an alert back for a year.
func TestClockSetBackDoesNotSilence(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * h
	episode(t, seen{year, over, nil, nil}, seen{0, over, nil, nil}, seen{m, over, nil, []string{raised}})
	episode(t, seen{year, over, nil, nil}, seen{year + m, over, nil, []string{raised}}, seen{0, over, nil, nil}, seen{4 * h, over, nil, []string{"reminder LAG_OVER_RPO"}})
	episode(t, seen{year, lostDR, []series{{"b", lag}}, nil}, seen{0, lostDR, []series{{"b", lag}}, nil}, seen{2 * m, lostDR, []series{{"b", lag}}, []string{"visibility-lost VIS_DR"}})
	episode(t, seen{0, high, nil, nil}, seen{m, high, nil, []string{"raised REPLICATION_LAG_HIGH"}}, seen{year, worse, nil, []string{"reminder REPLICATION_LAG_HIGH"}},
		seen{2 * m, worse, nil, nil}, seen{3 * m, worse, nil, []string{"raised REPLICATION_LAG_HIGH"}})
}

// A change of status is told once, and the first verdict of all is no change.
func TestChangeOfStatus(t *testing.T) {
	t.Parallel()
	j := judgeOf(t)
	var state Alerts
	for n, tt := range []struct {
		reasons []readiness.Reason
		change  bool
		message string
	}{{over, false, ""}, {over, false, ""}, {nil, true, ""}, {nil, false, ""}, {high, true, "REPLICATION_LAG_HIGH: REPLICATION_LAG_HIGH"}} {
		from := state.Status
		var transitions []Transition
		state, transitions = advance(state, sampled(noon, seen{reasons: tt.reasons}), j, noon)
		changes := slices.DeleteFunc(transitions, func(x Transition) bool { return x.Kind != Changed })
		if (len(changes) == 1) != tt.change {
			t.Fatalf("step %d: %+v", n, transitions)
		}
		if tt.change && (changes[0].From != from || changes[0].To != state.Status || changes[0].Message != tt.message) {
			t.Errorf("step %d: %+v", n, changes[0])
		}
	}
}

func TestAdvanceChangesNothingItWasGiven(t *testing.T) {
	t.Parallel()
	j := judgeOf(t)
	prior, _ := advance(Alerts{}, sampled(noon, seen{reasons: slices.Concat(high, lostDR)}), j, noon)
	kept := prior.Episodes[readiness.ReplicationLagHigh]
	kept.Series = slices.Grow(kept.Series, 8)
	before, _ := json.Marshal(prior)
	next, _ := advance(prior, sampled(noon, seen{reasons: slices.Concat(worse, lostDR, []readiness.Reason{because(readiness.ReplicationLagHigh, red, "a", lag)})}), j, noon.Add(h))
	after, _ := json.Marshal(prior)
	if string(before) != string(after) {
		t.Errorf("given %s, left %s", before, after)
	}
	if spare := kept.Series[:2][1]; spare != (series{}) {
		t.Errorf("%+v was written behind the series it was given", spare)
	}
	if reflect.DeepEqual(next.Episodes[readiness.ReplicationLagHigh], kept) {
		t.Error("nothing was added to the episode")
	}
}

package readiness_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// byPrecedence is the normative order, best first.
var byPrecedence = []readiness.Status{readiness.Green, readiness.Yellow, readiness.Unknown, readiness.Red}

// notAStatus is a number that a later version might use.
const notAStatus = readiness.Status(200)

func TestPrecedenceIsRedUnknownYellowGreen(t *testing.T) {
	t.Parallel()
	for i, s := range byPrecedence {
		for j, other := range byPrecedence {
			if got, want := s.Worse(other), i > j; got != want {
				t.Errorf("%s.Worse(%s) = %v, want %v", s, other, got, want)
			}
		}
	}
}

// SI-6: a status nobody set is unknown, and so is one from a later version.
func TestSI6AnUnsetOrUnfamiliarStatusIsUnknown(t *testing.T) {
	t.Parallel()
	var unset readiness.Status
	if unset != readiness.Unknown {
		t.Errorf("the zero value is %s", unset)
	}
	if got := notAStatus.String(); got != "unknown" {
		t.Errorf("Status(200).String() = %q", got)
	}
	for _, s := range byPrecedence {
		if s.Worse(notAStatus) != s.Worse(readiness.Unknown) || notAStatus.Worse(s) != readiness.Unknown.Worse(s) {
			t.Errorf("Status(200) is not ranked as unknown beside %s", s)
		}
	}
}

// SI-6: over every list of up to four statuses, repeats allowed, Worst is the one
// that stands highest in the precedence, and the order makes no difference.
func TestSI6WorstOfEveryList(t *testing.T) {
	t.Parallel()
	lists := [][]readiness.Status{{}}
	for range 4 {
		var longer [][]readiness.Status
		for _, l := range lists {
			for _, s := range byPrecedence {
				longer = append(longer, append(slices.Clone(l), s))
			}
		}
		for _, l := range longer {
			want := byPrecedence[0]
			for _, s := range l {
				if slices.Index(byPrecedence, s) > slices.Index(byPrecedence, want) {
					want = s
				}
			}
			for _, order := range permutations(l) {
				if got := readiness.Worst(order...); got != want {
					t.Fatalf("Worst(%v) = %s, want %s", order, got, want)
				}
			}
		}
		lists = longer
	}
}

func permutations(list []readiness.Status) [][]readiness.Status {
	if len(list) < 2 {
		return [][]readiness.Status{list}
	}
	var all [][]readiness.Status
	for i := range list {
		rest := slices.Concat(list[:i], list[i+1:])
		for _, p := range permutations(rest) {
			all = append(all, append([]readiness.Status{list[i]}, p...))
		}
	}
	return all
}

// SI-6: an empty roll-up proves nothing.
func TestSI6WorstOfNothingIsUnknown(t *testing.T) {
	t.Parallel()
	if got := readiness.Worst(); got != readiness.Unknown {
		t.Errorf("Worst() = %s", got)
	}
	if got := readiness.Worst(notAStatus, readiness.Green); got == readiness.Green {
		t.Errorf("Worst(Status(200), green) = %s", got)
	}
}

func TestAtMostLimitsAndNeverImprovesToGreen(t *testing.T) {
	t.Parallel()
	all := append(slices.Clone(byPrecedence), notAStatus)
	for _, s := range all {
		for _, limit := range all {
			got := s.AtMost(limit)
			if got == readiness.Green && s != readiness.Green {
				t.Errorf("%s.AtMost(%s) is green", s, limit)
			}
			if limit != readiness.Green && got.Worse(limit) {
				t.Errorf("%s.AtMost(%s) = %s, which is worse than the limit", s, limit, got)
			}
			if !s.Worse(limit) && got != s {
				t.Errorf("%s.AtMost(%s) = %s, although it was within the limit", s, limit, got)
			}
			if limit == readiness.Green && got != s {
				t.Errorf("%s.AtMost(green) = %s, want it unchanged", s, got)
			}
		}
	}
}

func TestStatusTextRoundTrip(t *testing.T) {
	t.Parallel()
	for _, s := range byPrecedence {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back readiness.Status
		if err := json.Unmarshal(text, &back); err != nil || back != s {
			t.Errorf("%s became %s (%v)", text, back, err)
		}
	}
}

// SI-6: a reader of a newer bcctl's output must not take what it does not know
// for healthy, and must not fail on it.
func TestSI6UnfamiliarTextsAreUnknown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "ok", "amber", "greenish", " green", "green\n", "gréen", "0", "1", "GREEN!"} {
		s := readiness.Green // what stood there before must not survive
		if err := s.UnmarshalText([]byte(text)); err != nil || s != readiness.Unknown {
			t.Errorf("UnmarshalText(%q) = %s, %v; want unknown without an error", text, s, err)
		}
		if s, err := readiness.ParseStatus(text); err == nil || s != readiness.Unknown {
			t.Errorf("ParseStatus(%q) = %s, %v; want unknown with an error", text, s, err)
		}
	}
	for text, want := range map[string]readiness.Status{"green": readiness.Green, "Red": readiness.Red, "YELLOW": readiness.Yellow, "uNkNown": readiness.Unknown} {
		if s, err := readiness.ParseStatus(text); err != nil || s != want {
			t.Errorf("ParseStatus(%q) = %s, %v", text, s, err)
		}
	}
}

func TestStatusIsNotANumberInJSON(t *testing.T) {
	t.Parallel()
	var s readiness.Status
	if err := json.Unmarshal([]byte("1"), &s); err == nil && s == readiness.Green {
		t.Error("the number 1 was taken for green")
	}
}

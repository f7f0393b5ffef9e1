package render

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// verdict is the sum of a report that was Seen: "RED 2 of 4,800".
func verdict(r check.Report) string {
	n, total := 0, 0
	groups, groupTotal := 0, 0
	for _, result := range r.Results {
		if result.Kind == readiness.KindGroup {
			groupTotal++
			if result.Status == r.Verdict {
				groups++
			}
			continue
		}
		total++
		if result.Status == r.Verdict {
			n++
		}
	}
	word := term.Word(r.Verdict)
	switch {
	case len(r.Results) == 0:
		return word + ": nothing was checked"
	case n == 0:
		return fmt.Sprintf("%s %s of %s groups", word, term.Count(groups), term.Count(groupTotal))
	default:
		return fmt.Sprintf("%s %s of %s", word, term.Count(n), term.Count(total))
	}
}

// next is what to do about the verdict; empty when there is nothing to do.
func (v View) next(r check.Report) string {
	if len(r.Results) == 0 || r.Verdict == readiness.Green {
		return ""
	}
	return v.command() + " explain " + Quote(r.Results[0].Name)
}

func (v View) command() string {
	if v.Command == "" {
		return "bcctl"
	}
	return v.Command
}

// validUntil is when the first verdict of a report that was Seen stops being one;
// zero when nothing is valid.
func validUntil(r check.Report) time.Time {
	var first time.Time
	for i, result := range r.Results {
		if i == 0 || result.ValidUntil.Before(first) {
			first = result.ValidUntil
		}
	}
	return first
}

// replayNotice says of a replay that it is one; it is empty otherwise.
func replayNotice(r check.Report) string {
	if r.Replay == nil {
		return ""
	}
	return "REPLAY of observations recorded at " + stamp(r.Replay.RecordedAt) + ": it says nothing about now."
}

// stamp is a time as every machine format has it; empty when there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

var plainWord = regexp.MustCompile(`^[\p{L}\p{N}_./][\p{L}\p{N}_./:@%+,-]*$`)

// Quote makes a name safe to paste behind a command.
func Quote(name string) string {
	if plainWord.MatchString(name) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// headline is the code and the message of a reason.
func headline(r readiness.Reason) string {
	return strings.TrimSpace(string(r.Code) + " " + r.Message)
}

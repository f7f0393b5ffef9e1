// Package report makes documents that are kept: the readiness page, one HTML file
// that opens from a disk in the middle of an incident.
//
// It is pure: a report, a history and a time in, bytes out. It does not know
// where verdicts come from, how history is stored, or who opens the file when.
// Because the reader's time is not known here, the page carries the time until
// which every status holds, in words for people and as data for its own script,
// which takes back whatever the reader's clock says has expired.
package report

import (
	"bytes"
	"fmt"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Input is what a page is made of.
type Input struct {
	Report check.Report

	// Now is when the page is made. Whatever has expired by then is unknown on it
	// from the start.
	Now time.Time

	// Targets says of resources and groups, by name, what their verdicts do not.
	Targets map[string]Target

	// Total is how many resources the repository has; a page that shows fewer says
	// so. Zero: not known.
	Total int

	// Command is how the reader calls bcctl, for commands to paste. Empty: "bcctl".
	Command string
}

// Target is what a page shows of a resource or group besides its verdict.
type Target struct {
	RPO, RTO time.Duration // objectives; zero: it has none
	Groups   []string      // the groups a resource belongs to, also through other groups
	History  render.History
}

// Page makes the page. Equal input gives equal bytes.
func Page(in Input) ([]byte, error) {
	if in.Command == "" {
		in.Command = "bcctl"
	}
	shown := render.View{Report: in.Report, Now: in.Now}.Shown()
	b := builder{in: in, report: shown, at: in.Now, targets: make(map[string]Target, len(in.Targets))}
	if shown.Replay != nil {
		b.at = shown.Replay.RecordedAt
	}
	for name, target := range in.Targets {
		b.targets[term.Sanitize(name)] = target.clean()
	}
	limit := max(mostBytes, len(shown.Results)*bytesOfResource)
	var out bytes.Buffer
	for _, b.detail = range details {
		out.Reset()
		b.codes = map[readiness.Code]readiness.CodeInfo{}
		if err := pageTemplate.ExecuteTemplate(&out, "page", b.page()); err != nil {
			return nil, fmt.Errorf("make the page: %w", err)
		}
		if out.Len() <= limit {
			break
		}
	}
	return out.Bytes(), nil
}

// clean makes the texts of a target fit to be shown, as those of the report are.
func (t Target) clean() Target {
	groups := make([]string, len(t.Groups))
	for i, name := range t.Groups {
		groups[i] = term.Sanitize(name)
	}
	t.Groups = groups
	return t
}

// builder turns results into what the template prints.
type builder struct {
	in      Input
	report  check.Report // as it must be seen at the time of the page, and harmless
	at      time.Time    // the time the report is seen at
	targets map[string]Target
	detail  detail
	codes   map[readiness.Code]readiness.CodeInfo // that the page names
}

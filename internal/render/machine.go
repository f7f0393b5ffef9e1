package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/internal/yamldoc"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func (v View) json() ([]byte, error) { return marshal(v.Seen(), "  ") }

// jsonLines is one result a line and then the summary: a stream without it was
// cut off.
func (v View) jsonLines() ([]byte, error) {
	r := v.Seen()
	var out []byte
	for _, result := range r.Results {
		line, err := marshal(result, "")
		if err != nil {
			return nil, fmt.Errorf("result of %q: %w", result.Name, err)
		}
		out = append(out, line...)
	}
	line, err := marshal(map[string]summary{"summary": summarize(r)}, "")
	return append(out, line...), err
}

// summary is a report without its results.
type summary struct {
	Schema      string             `json:"schema"`
	Bcctl       string             `json:"bcctl"`
	Commit      string             `json:"commit"`
	RunID       string             `json:"runId"`
	StartedAt   time.Time          `json:"startedAt"`
	FinishedAt  time.Time          `json:"finishedAt"`
	Replay      *check.Replay      `json:"replay,omitempty"`
	Verdict     readiness.Status   `json:"verdict"`
	Counts      check.Counts       `json:"counts"`
	ResultCount int                `json:"resultCount"` // lines before this one
	Transitions []check.Transition `json:"transitions"`
	Warnings    []string           `json:"warnings,omitempty"`
}

func summarize(r check.Report) summary {
	return summary{r.Schema, r.Bcctl, r.Commit, r.RunID, r.StartedAt, r.FinishedAt, r.Replay, r.Verdict, r.Counts,
		len(r.Results), r.Transitions, r.Warnings}
}

func (v View) yaml() ([]byte, error) {
	data, err := yamldoc.Marshal(v.Seen())
	// A text of several lines stands in a block of its own lines.
	return text(string(data)), err
}

// marshal writes one JSON value and a line break. Texts stay as they are, but for
// the way they are written: nothing a terminal or a CI log obeys stands there.
func marshal(value any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // lag > 16 MiB is to be readable; pages have their own escaping
	e.SetIndent("", indent)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return escapeUnseen(b.Bytes()), nil
}

// escapeUnseen writes \u escapes for what encoding/json leaves as it is and
// term.Sanitize would not: such characters stand in JSON in texts only. The old
// form of a workflow command is broken the same way.
func escapeUnseen(data []byte) []byte {
	data = bytes.ReplaceAll(data, []byte("##["), []byte(`#\u0023[`))
	if !bytes.ContainsFunc(data, unseen) {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case !unseen(r):
			out = append(out, data[:size]...)
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		data = data[size:]
	}
	return out
}

// unseen tells the characters that term.Sanitize writes out, less the line break
// of the encoding itself.
func unseen(r rune) bool {
	if r < 0x7f {
		return false
	}
	text := string(r)
	return r == 0x7f || term.Sanitize(text) != text
}

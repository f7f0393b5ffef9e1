package audit

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/canonical"
)

// Filter selects entries. Empty members select everything.
type Filter struct {
	Since  time.Time `json:"since,omitzero"` // inclusive, by the writer's clock
	Until  time.Time `json:"until,omitzero"` // exclusive
	Target string    `json:"target,omitempty"`
	Actor  string    `json:"actor,omitempty"` // number or login
	Kind   string    `json:"kind,omitempty"`
	Run    string    `json:"run,omitempty"` // beginning of its id
}

func (f Filter) matches(e Recorded) bool {
	switch {
	case !f.Since.IsZero() && e.Time.Before(f.Since), !f.Until.IsZero() && !e.Time.Before(f.Until),
		f.Target != "" && e.System != f.Target, f.Kind != "" && string(e.Type) != f.Kind, !strings.HasPrefix(e.Run, f.Run):
		return false
	case f.Actor != "":
		return e.Actor != nil && (e.Actor.ID == f.Actor || e.Actor.Login == f.Actor)
	default:
		return true
	}
}

// Export collects the entries that match a filter. Add is made for Options.Each.
type Export struct {
	filter  Filter
	total   int64
	matched []Recorded
}

// NewExport begins an export.
func NewExport(f Filter) *Export { return &Export{filter: f} }

// Add takes an entry.
func (x *Export) Add(e Recorded) error {
	x.total++
	if x.filter.matches(e) {
		x.matched = append(x.matched, e)
	}
	return nil
}

// header says what an export is of.
type header struct {
	Schema     string   `json:"schema"`
	Result     Class    `json:"result"`
	Origin     string   `json:"origin"`
	LogID      string   `json:"logId"`
	Head       TreeHead `json:"head"`
	AnchorTier int      `json:"anchorTier"`
	Filter     Filter   `json:"filter"`
	Total      int64    `json:"totalEntries"`
	Matched    int64    `json:"matchedEntries"`
}

func (x *Export) header(r Report) header {
	return header{"https://bcctl.dev/schemas/audit-export/v1", r.Result, r.Origin, r.LogID, r.Head, r.Tier, x.filter, x.total, int64(len(x.matched))}
}

// row is an entry with its place and what proves it.
type row struct {
	Leaf   int64  `json:"leaf"`
	Path   string `json:"path"`
	Line   int    `json:"line"`
	KeyID  string `json:"keyId"`
	Sealed bool   `json:"sealed"`
	Result Class  `json:"logResult"`
	// Content is the entry's line, byte for byte.
	Content json.RawMessage `json:"entry"`
}

// JSON writes the export as one document. Equal logs and filters give equal bytes.
func (x *Export) JSON(w io.Writer, r Report) error {
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out) // it ends every value with a line feed
	encoder.SetEscapeHTML(false)    // which would change the entries' bytes
	out.WriteString(`{"header":`)
	if err := encoder.Encode(x.header(r)); err != nil {
		return err
	}
	out.WriteString(",\"entries\":[\n")
	for i, e := range x.matched {
		line, err := canonical.Encode(e.Entry)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(row{e.Leaf, e.Path, e.Line, e.KeyID, e.Sealed, r.Result, line}); err != nil {
			return err
		}
	}
	out.WriteString("]}\n")
	return out.Flush()
}

var columns = []string{"leaf", "time", "type", "run", "seq", "system", "environment", "action", "actorKind", "actorId", "actorLogin", "outcome", "status", "reasons",
	"entry", "path", "line", "keyId", "sealed", "logResult", "anchorTier", "totalEntries", "matchedEntries", "logId", "treeSize", "treeRoot"}

// CSV writes the export as RFC 4180. Each row says of what log and selection it is
// one of, so that the file proves itself without a second one.
func (x *Export) CSV(w io.Writer, r Report) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(columns); err != nil {
		return err
	}
	h := x.header(r)
	for _, e := range x.matched {
		text, err := canonical.Encode(e.Entry)
		if err != nil {
			return err
		}
		var actor Actor
		if e.Actor != nil {
			actor = *e.Actor
		}
		status := ""
		if e.Verdict != nil {
			status = e.Verdict.Status
		}
		cells := []string{itoa(e.Leaf), e.Time.Format(TimeForm), string(e.Type), e.Run, itoa(e.Seq), e.System, e.Environment, e.Action, actor.Kind, actor.ID, actor.Login,
			string(e.Outcome), status, strings.Join(e.Reasons, " "), string(text), e.Path, strconv.Itoa(e.Line), e.KeyID, strconv.FormatBool(e.Sealed), string(h.Result),
			strconv.Itoa(h.AnchorTier), itoa(h.Total), itoa(h.Matched), h.LogID, itoa(h.Head.Size), h.Head.Root}
		for i := range cells {
			cells[i] = harmless(cells[i])
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// harmless keeps a cell from being a formula in a spreadsheet.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

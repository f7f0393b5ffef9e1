package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Copy keeps the journal of a run, with its plan, beside the locks: where every machine
// sees it, so that another one can go on when the first is lost. It is a journal.Sink.
// It is written by compare and swap: a machine whose copy was overtaken gets nothing
// off itself any more, and so changes nothing.
type Copy struct {
	Cells ledger.Cells
	Run   string

	// Whole returns every event there is, and Plan the plan they are of.
	Whole func() ([]runbook.Event, error)
	Plan  func() *runbook.Plan

	mu      sync.Mutex
	version string          // of the cell, as it was read or written last
	tried   map[string]bool // versions that went along with another push, and may be there
}

var _ journal.Sink = (*Copy)(nil)

// ErrOvertaken says that another machine has gone on with the run meanwhile.
var ErrOvertaken = errors.New("another machine has gone on with this run; start again, to go on from there")

// copied is the content of the cell.
type copied struct {
	Version int             `json:"v"`
	Run     string          `json:"run"`
	Plan    json.RawMessage `json:"plan"`
	Journal string          `json:"journal"` // its lines
}

func (c *Copy) cell() string { return "run-" + c.Run }

// Load reads the copy: the lines of the journal and the plan; nil when there is none.
func (c *Copy) Load(ctx context.Context) (lines, plan []byte, err error) {
	cells, err := c.Cells.Read(ctx, c.cell())
	if err != nil {
		return nil, nil, fmt.Errorf("read the copy of the journal: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cell, ok := cells[c.cell()]
	c.version = cell.Version
	if !ok {
		return nil, nil, nil
	}
	var there copied
	d := json.NewDecoder(bytes.NewReader(cell.Data))
	d.DisallowUnknownFields()
	if err := d.Decode(&there); err != nil || there.Version != 1 || there.Run != c.Run {
		return nil, nil, fmt.Errorf("the copy of the journal of run %s is not one that this bcctl wrote", c.Run)
	}
	return []byte(there.Journal), there.Plan, nil
}

// content is what the cell is to hold now: the whole journal.
func (c *Copy) content() ([]byte, error) {
	events, err := c.Whole()
	if err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	for _, e := range events {
		line, err := e.Encode()
		if err != nil {
			return nil, err
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	plan, err := json.Marshal(c.Plan())
	if err != nil {
		return nil, err
	}
	return json.Marshal(copied{1, c.Run, plan, lines.String()})
}

// Put implements journal.Sink. It brings the whole journal.
func (c *Copy) Put(ctx context.Context, _ []runbook.Event) error {
	data, err := c.content()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		versions, err := c.Cells.Swap(ctx, ledger.Change{Name: c.cell(), From: c.version, Data: data})
		if err == nil {
			c.version = versions[c.cell()]
			return nil
		}
		// The answer may have been lost after it was written, and it may be written later.
		if version := versions[c.cell()]; version != "" && !errors.Is(err, ledger.ErrMoved) {
			if c.tried == nil {
				c.tried = map[string]bool{}
			}
			c.tried[version] = true
		}
		cells, readErr := c.Cells.Read(ctx, c.cell())
		there := cells[c.cell()]
		switch {
		case readErr != nil:
			return fmt.Errorf("bring the journal off this machine: %w", errors.Join(err, readErr))
		case bytes.Equal(there.Data, data):
			c.version = there.Version
			return nil
		case c.tried[there.Version]:
			c.version = there.Version // ours, of a push whose answer was lost
			delete(c.tried, there.Version)
			continue
		case there.Version != c.version:
			return ErrOvertaken
		}
		return fmt.Errorf("bring the journal off this machine: %w", err)
	}
}

// Current reports ErrOvertaken when the copy is not the one that was read or written
// last.
func (c *Copy) Current(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	cells, err := c.Cells.Read(ctx, c.cell())
	if err != nil {
		return fmt.Errorf("read the copy of the journal: %w", err)
	}
	if cells[c.cell()].Version != c.version {
		return ErrOvertaken
	}
	return nil
}

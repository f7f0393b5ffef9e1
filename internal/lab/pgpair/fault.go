package pgpair

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Fault is something that can be broken in a laboratory.
type Fault = lab.Fault

// fault is how one is done.
type fault struct {
	Fault
	inject  func(*Lab, context.Context) error
	visible func(*Lab, context.Context) (bool, error) // the servers themselves show it
	repair  func(*Lab, context.Context) error
	mended  func(*Lab, context.Context) (bool, error) // and no longer do
}

// Faults returns what Break knows, in the order of a tour: the standby, the
// primary, history, slots and links, settings, and what is none of them.
func Faults() []Fault {
	var all []Fault
	for _, f := range catalog() {
		all = append(all, f.Fault)
	}
	return all
}

func codes(c ...readiness.Code) []readiness.Code { return c }

func catalog() []fault {
	var all []fault
	for _, part := range [][]fault{replayFaults(), serverFaults(), historyFaults(), linkFaults(), settingFaults(), observerFaults()} {
		all = append(all, part...)
	}
	for i := range all {
		all[i].Repairable = all[i].repair != nil
	}
	return all
}

func faultNamed(name string) (fault, error) {
	all := catalog()
	i := slices.IndexFunc(all, func(f fault) bool { return f.Name == name })
	if i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
	}
	return fault{}, fmt.Errorf("no fault %q; there are %s", name, strings.Join(names, ", "))
}

// Break puts a fault in. It returns when the servers show it, so that a check
// right after sees it. A fault that was begun and not completed counts as being
// in place: Repair takes it out too.
func (l *Lab) Break(ctx context.Context, name string) error {
	f, err := faultNamed(name)
	if err != nil {
		return err
	}
	record, err := l.readFaults()
	if err != nil {
		return err
	}
	if slices.Contains(record.Active, name) {
		return fmt.Errorf("break %s: it is broken already", name)
	}
	record.Active = append(record.Active, name)
	if err := l.writeFaults(record); err != nil {
		return err
	}
	if err := f.inject(l, ctx); err != nil {
		return fmt.Errorf("break %s: %w", name, err)
	}
	if f.visible != nil {
		if err := l.await(ctx, "the servers to show it", func(ctx context.Context) (bool, error) { return f.visible(l, ctx) }); err != nil {
			return fmt.Errorf("break %s: %w", name, err)
		}
	}
	return nil
}

// Repair takes a fault out that Break put in, and waits until it is gone. The
// home primary is the primary again then; that may mean new timelines and
// copies, so data written to the wrong side is lost.
func (l *Lab) Repair(ctx context.Context, name string) error {
	f, err := faultNamed(name)
	if err != nil {
		return err
	}
	if f.repair == nil {
		return fmt.Errorf("repair %s: there is no way but a new laboratory", name)
	}
	record, err := l.readFaults()
	if err != nil {
		return err
	}
	if !slices.Contains(record.Active, name) {
		return fmt.Errorf("repair %s: it is not broken", name)
	}
	if err := f.repair(l, ctx); err != nil {
		return fmt.Errorf("repair %s: %w", name, err)
	}
	if f.mended != nil {
		if err := l.await(ctx, "the servers to recover", func(ctx context.Context) (bool, error) { return f.mended(l, ctx) }); err != nil {
			return fmt.Errorf("repair %s: %w", name, err)
		}
	}
	if record, err = l.readFaults(); err != nil { // the repair may have changed it
		return err
	}
	record.Active = slices.DeleteFunc(record.Active, func(s string) bool { return s == name })
	return l.writeFaults(record)
}

// Broken returns the names of the faults that are in place, oldest first.
func (l *Lab) Broken() ([]string, error) {
	record, err := l.readFaults()
	return record.Active, err
}

// ClockSkew returns by how much the clock of whoever observes the laboratory
// should be taken to be ahead of the servers'. The servers share the clock of
// this machine, which is not ours to set; so the fault clock-skew only asks for
// it, and the caller adds it to the clock it gives its observer.
func (l *Lab) ClockSkew() (time.Duration, error) {
	record, err := l.readFaults()
	return time.Duration(record.ClockSkewSeconds) * time.Second, err
}

// faultRecord is what faults.json keeps.
type faultRecord struct {
	Active           []string `json:"active"`
	ClockSkewSeconds int      `json:"clockSkewSeconds"`
}

func (l *Lab) readFaults() (faultRecord, error) {
	var record faultRecord
	text, err := os.ReadFile(l.path("faults.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return record, nil
	}
	if err != nil {
		return record, fmt.Errorf("read the faults of the laboratory: %w", err)
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return record, fmt.Errorf("read %s: %w", l.path("faults.json"), err)
	}
	return record, nil
}

func (l *Lab) writeFaults(record faultRecord) error {
	if err := writeJSON(l.path("faults.json"), record); err != nil {
		return fmt.Errorf("note the faults of the laboratory: %w", err)
	}
	return nil
}

package snowpair

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// fault is how something is broken. Repairing is the same for all: the pair is put
// back into its healthy state, and what is still broken is broken again.
type fault struct {
	lab.Fault
	apply func(p *Pair, now time.Time)
}

// breakage is what a fault that concerns one group looks at.
type breakage struct {
	source, target     *account
	primary, secondary *group
	interval           time.Duration
}

func (p *Pair) breakage(n int) breakage {
	b := breakage{source: p.source(), target: p.target()}
	b.primary, b.secondary = b.source.group(p.options.Groups[n].Name), b.target.group(p.options.Groups[n].Secondary)
	b.interval = 10 * time.Minute
	if s, err := parseSchedule(b.primary.schedule); err == nil && s.cron == nil && s.runs() {
		b.interval = s.interval
	}
	return b
}

func catalog() []fault {
	return slices.Concat(scheduleFaults(), refreshFaults(), roleFaults(), connectionFaults(), accessFaults(), serverFaults())
}

// newFault describes a fault; every fault of this laboratory can be repaired.
func newFault(name, help string, apply func(*Pair, time.Time), shows ...readiness.Code) fault {
	return fault{lab.Fault{Name: name, Help: help, Shows: shows, Repairable: true}, apply}
}

// Faults lists what Break knows.
func (p *Pair) Faults() []lab.Fault {
	var out []lab.Fault
	for _, f := range catalog() {
		if (f.Name == faultSnapshotSkew || f.Name == faultGroupsSplit) && len(p.options.Groups) < 2 || p.options.Connection == none && strings.Contains(f.Name, "connection") {
			continue
		}
		out = append(out, f.Fault)
	}
	return out
}

func (p *Pair) faultNamed(name string) (fault, error) {
	var names []string
	for _, known := range p.Faults() {
		names = append(names, known.Name)
	}
	for _, f := range catalog() {
		if f.Name == name && slices.Contains(names, name) {
			return f, nil
		}
	}
	return fault{}, fmt.Errorf("no fault %q; there are %s", name, strings.Join(names, ", "))
}

// Break puts a fault in. A check right after sees it.
func (p *Pair) Break(name string) error {
	f, err := p.faultNamed(name)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.broken, name) {
		return fmt.Errorf("break %s: it is broken already", name)
	}
	now := p.org.advance()
	p.broken = append(p.broken, name)
	f.apply(p, now)
	return nil
}

// Repair takes a fault out again. Primaries are at home afterwards, and schedules
// as they were at the start, whatever statements changed.
func (p *Pair) Repair(name string) error {
	if _, err := p.faultNamed(name); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.broken, name)
	if i < 0 {
		return fmt.Errorf("repair %s: it is not broken", name)
	}
	p.broken = slices.Delete(p.broken, i, i+1)
	now := p.org.advance()
	for _, s := range p.sites {
		s.serves, s.status = s.home, 0
		if s.mode != running {
			s.set(running)
		}
	}
	p.org.settle(p.options, now)
	for _, f := range catalog() {
		if slices.Contains(p.broken, f.Name) {
			f.apply(p, now)
		}
	}
	return nil
}

// Broken lists the faults that are in.
func (p *Pair) Broken() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.broken)
}

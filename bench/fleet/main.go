// Command fleet measures one `bcctl check` of N targets on all platforms, of which
// some hang and some refuse: how long it takes, how much memory, and whether exactly
// those are unknown.
//
// The servers are laboratories, shared by groups of targets under different names,
// and use the same cores. docs/performance.md says what was measured.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

func main() {
	var o options
	flag.StringVar(&o.bcctl, "bcctl", "bin/bcctl", "program to measure")
	flag.IntVar(&o.targets, "n", 500, "targets")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds")
	flag.IntVar(&o.parallel, "parallel", 0, "targets at once; 0 is the program's default")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

type options struct {
	bcctl                     string
	targets, rounds, parallel int
}

// What is asked of a sweep: one target's deadline and five seconds, whoever hangs.
const (
	targetDeadline = 10 * time.Second // the default of check --target-timeout
	timeLimit      = targetDeadline + 5*time.Second
	memoryLimit    = 300 << 10 // KiB
)

func run(ctx context.Context, o options) (err error) {
	program, err := filepath.Abs(o.bcctl)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("/tmp", "bcctl-fleet")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the servers' user must get through
		return err
	}
	pair, err := pgpair.Up(ctx, pgpair.Options{Dir: filepath.Join(dir, "lab"), Settings: map[string]string{"max_connections": "200"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pair.Destroy(context.WithoutCancel(ctx))) }()
	f, err := newFleet(ctx, dir, pair, o.targets)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close(context.WithoutCancel(ctx))) }()
	fmt.Printf("%d targets: %s; %d hang and %d refuse; %d rounds\n", o.targets, f.platforms(), len(f.hung), len(f.refusing), o.rounds)
	var missed []string
	for round := range o.rounds {
		for _, sweep := range []struct{ what, repository string }{{"all answer", f.sound}, {"some do not", f.config}} {
			problems, err := f.measure(ctx, fmt.Sprintf("round %d, %s", round+1, sweep.what), program, sweep.repository, dir, o.parallel)
			if err != nil {
				return err
			}
			missed = append(missed, problems...)
		}
	}
	if len(missed) > 0 {
		return errors.New(strings.Join(missed, "\n"))
	}
	return nil
}

// measure makes one sweep, prints its figures and returns what is not as it should
// be.
func (f *fleet) measure(ctx context.Context, what, program, repository, dir string, parallel int) (missed []string, err error) {
	before, err := spentHere()
	if err != nil {
		return nil, err
	}
	m, report, err := checkAll(ctx, program, repository, dir, parallel)
	if err != nil {
		return nil, err
	}
	after, err := spentHere()
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s: %6.2f s, %4d MiB at most, %s; CPU of bcctl %.1f s, of the servers in this process %.1f s\n",
		what, m.took.Seconds(), m.memory>>10, report.counts(), m.cpu.Seconds(), (after - before).Seconds())
	if m.took > timeLimit {
		missed = append(missed, fmt.Sprintf("%s: it took %s, the aim is %s", what, m.took.Round(time.Millisecond), timeLimit))
	}
	if m.memory > memoryLimit {
		missed = append(missed, fmt.Sprintf("%s: it used %d MiB, the aim is %d", what, m.memory>>10, memoryLimit>>10))
	}
	return append(missed, f.wrong(repository, report.statuses())...), nil
}

// report is what is looked at of a report (docs/json-output.md).
type report struct {
	Results []struct {
		Name    string `json:"name"`
		Kind    string `json:"kind"`
		Status  string `json:"status"`
		Reasons []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"reasons"`
	} `json:"results"`
}

// statuses are those of resources, by name.
func (r report) statuses() map[string]string {
	found := map[string]string{}
	for _, result := range r.Results {
		if result.Kind == "resource" {
			found[result.Name] = result.Status
		}
	}
	return found
}

func (r report) counts() string {
	counts := map[string]int{}
	for _, status := range r.statuses() {
		counts[status]++
	}
	var texts []string
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		texts = append(texts, fmt.Sprintf("%d %s", counts[status], status))
	}
	return strings.Join(texts, ", ")
}

// measured is what one run of the program took.
type measured struct {
	took, cpu time.Duration
	memory    int64 // peak, in KiB
}

// checkAll runs the program as a person would.
func checkAll(ctx context.Context, program, config, dir string, parallel int) (m measured, r report, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	file := filepath.Join(dir, "report.json")
	// A history of its own for each run: what is unknown for minutes becomes red.
	args := []string{"-C", config, "-q", "check", "-o", "json=" + file, "--store", filepath.Join(dir, fmt.Sprintf("history-%d.db", time.Now().UnixNano()))}
	if parallel > 0 {
		args = append(args, "--parallel", strconv.Itoa(parallel))
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	start := time.Now()
	err = cmd.Run()
	m.took = time.Since(start)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // targets that are not green make it end with a code
		return m, r, fmt.Errorf("bcctl check: %w", err)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return m, r, errors.New("no resource usage on this system")
	}
	m.memory, m.cpu = usage.Maxrss, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	text, err := os.ReadFile(file)
	if err != nil {
		return m, r, fmt.Errorf("bcctl check left no report: %w: %s", err, stderr.String())
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return m, r, fmt.Errorf("read the report: %w", err)
	}
	return m, r, nil
}

// spentHere is the CPU time of this process, which the laboratory's servers run in
// but for PostgreSQL's.
func spentHere() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

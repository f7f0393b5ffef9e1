// Command audit measures the verification of a long audit log against the bare
// floor taken in the same run, on as many cores: every hash and every signature that
// the format asks a verifier for. These are SHA-256 of every leaf, of a node of the
// tree for each, of every segment and of every sidecar, and one Ed25519 signature for
// each segment and each checkpoint. A lower floor, without the digests of files and the
// checkpoints, is measured too. It measures also how many records a second can be
// appended, to a directory, to a branch, and to a branch of a remote.
//
// It prints medians and ratios; docs/performance.md says what was measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.entries, "n", 100_000, "entries")
	flag.IntVar(&o.per, "per", 10, "entries in a segment")
	flag.IntVar(&o.seal, "seal", 10, "segments in a seal")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each, alternating")
	flag.IntVar(&o.appends, "appends", 20, "records to append in each place; 0 for none")
	flag.StringVar(&o.dir, "dir", "", "folder of a log to keep and use again; empty for a new one that is removed")
	flag.StringVar(&o.part, "part", "", "measure one part in this process: floor, least, read, verify, memory")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of the part to this file")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(1)
	}
}

type options struct {
	entries, per, seal, rounds, appends int
	dir, part, profile                  string
}

func run(ctx context.Context, o options) (err error) {
	if o.part != "" {
		return one(ctx, o)
	}
	if o.rounds < 1 || o.per < 2 || o.entries < o.per {
		return errors.New("there is to be a round, and a segment of two entries")
	}
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "bcctl-bench"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if err := makeLog(ctx, dir, o); err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	parts := []string{"floor", "least", "read", "verify"}
	if o.entries <= inMemory {
		parts = append(parts, "memory")
	}
	took, cpu, memory := map[string][]float64{}, map[string][]float64{}, map[string]int64{}
	for round := range o.rounds + 1 {
		for _, part := range parts {
			m, rss, err := child(ctx, part, dir, o)
			if err != nil {
				return fmt.Errorf("%s: %w", part, err)
			}
			if round > 0 { // files are in the system's cache from here on, for all alike
				took[part], cpu[part] = append(took[part], m.took.Seconds()), append(cpu[part], m.cpu.Seconds())
				memory[part] = max(memory[part], rss)
			}
		}
	}
	fmt.Printf("%d entries, %d in a segment, %d segments in a seal, Ed25519; %d cores; medians of %d rounds\n", o.entries, o.per, o.seal, runtime.GOMAXPROCS(0), o.rounds)
	line := func(what, part, more string) {
		fmt.Printf("%-34s %7.3f s (min %.3f, max %.3f), %7.3f s of CPU%s\n", what, median(took[part]), slices.Min(took[part]), slices.Max(took[part]), median(cpu[part]), more)
	}
	ratio := func(what, part, floor, more string) {
		fmt.Printf("%-34s %7.2f by time, %.2f by CPU%s\n", what, median(took[part])/median(took[floor]), median(cpu[part])/median(cpu[floor]), more)
	}
	line("floor: all hashes and signatures", "floor", "")
	line("lower floor: no files, no seals", "least", "")
	line("floor, files listed and read too", "read", fmt.Sprintf(", %d MiB", memory["read"]>>10))
	line("Verify, from a directory", "verify", fmt.Sprintf(", %d MiB (aim: under 200)", memory["verify"]>>10))
	if took["memory"] != nil {
		line("Verify, from memory", "memory", "")
		ratio("ratio, memory to floor", "memory", "floor", " (aim: at most 1.3)")
		ratio("ratio, memory to lower floor", "memory", "least", "")
	}
	ratio("ratio, directory to its floor", "verify", "read", " (aim: at most 1.3)")
	ratio("ratio, directory to bare floor", "verify", "floor", "")
	if o.appends == 0 {
		return nil
	}
	return measureAppends(ctx, dir, o.appends)
}

// inMemory is how many entries are measured in memory too.
const inMemory = 100_000

// measured is what a part took: on the clock, and of all cores together.
type measured struct{ took, cpu time.Duration }

// watch begins to measure; what it returns ends it.
func watch() func() measured {
	begun, used := time.Now(), cpuUsed()
	return func() measured { return measured{time.Since(begun), cpuUsed() - used} }
}

func cpuUsed() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// child measures a part in a process of its own, so that its memory can be told,
// and returns what the part says and the process's peak memory in KiB.
func child(ctx context.Context, part, dir string, o options) (m measured, rss int64, err error) {
	self, err := os.Executable()
	if err != nil {
		return m, 0, err
	}
	cmd := exec.CommandContext(ctx, self, "-part", part, "-dir", dir, "-n", strconv.Itoa(o.entries))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return m, 0, err
	}
	if _, err := fmt.Sscan(string(out), (*int64)(&m.took), (*int64)(&m.cpu)); err != nil {
		return m, 0, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return m, 0, errors.New("no resource usage on this system")
	}
	return m, usage.Maxrss, nil
}

// one measures a part in this process and prints how many nanoseconds it took, on
// the clock and of the cores.
func one(ctx context.Context, o options) error {
	measure, known := map[string]func(context.Context, string) (measured, error){
		"floor": floor, "least": least, "read": floorFromDisk, "verify": verifyFromDisk, "memory": verifyFromMemory}[o.part]
	if !known {
		return fmt.Errorf("unknown part %q", o.part)
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	m, err := measure(ctx, o.dir)
	if err == nil {
		fmt.Println(m.took.Nanoseconds(), m.cpu.Nanoseconds())
	}
	return err
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

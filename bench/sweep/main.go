// Command sweep measures one `bcctl check` of N targets against a floor taken in
// the same run: a bare pgx loop that connects to the same endpoints with the same
// TLS and login at the same concurrency, runs one query and closes.
//
// It prints medians and ratios; docs/performance.md says what was measured.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

func main() {
	var o options
	flag.StringVar(&o.bcctl, "bcctl", "bin/bcctl", "program to measure")
	flag.IntVar(&o.targets, "n", 500, "targets, of two endpoints each")
	flag.IntVar(&o.parallel, "parallel", 16, "targets at once")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each, alternating")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(1)
	}
}

type options struct {
	bcctl                     string
	targets, parallel, rounds int
}

func run(ctx context.Context, o options) (err error) {
	program, err := filepath.Abs(o.bcctl)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bcctl-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	lab, err := pgpair.Up(ctx, pgpair.Options{Dir: filepath.Join(dir, "lab"), Settings: map[string]string{"max_connections": "200"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Destroy(context.WithoutCancel(ctx))) }()
	config := filepath.Join(dir, "config")
	if err := writeFleet(lab, config, o.targets); err != nil {
		return err
	}
	floor, err := newFloor(lab)
	if err != nil {
		return err
	}
	check := []string{"-C", config, "-q", "check", "--parallel", fmt.Sprint(o.parallel), "-o", "json=" + filepath.Join(dir, "report.json"), "--store", filepath.Join(dir, "history.db")}
	var bare, ours, start []float64
	var memory int64
	for round := range o.rounds + 1 {
		b, err := floor.sweep(ctx, o.targets, o.parallel)
		if err != nil {
			return fmt.Errorf("bare loop: %w", err)
		}
		c, rss, err := child(ctx, dir, program, check...)
		if err != nil {
			return fmt.Errorf("bcctl check: %w", err)
		}
		v, _, err := child(ctx, dir, program, "version")
		if err != nil {
			return fmt.Errorf("bcctl version: %w", err)
		}
		if round == 0 {
			continue // caches are warm from here on, for both alike
		}
		bare, ours, start = append(bare, b.Seconds()), append(ours, c.Seconds()), append(start, v.Seconds())
		memory = max(memory, rss)
	}
	report, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		return err
	}
	green := strings.Count(string(report), `"kind": "resource",`)
	fmt.Printf("PostgreSQL %s, %d targets of 2 endpoints, %d at once, TLS verify-full, SCRAM, new connections; medians of %d rounds\n",
		lab.ServerVersion(), o.targets, o.parallel, o.rounds)
	fmt.Printf("bare pgx loop          %6.3f s   (min %.3f, max %.3f)\n", median(bare), slices.Min(bare), slices.Max(bare))
	fmt.Printf("bcctl check, process   %6.3f s   (min %.3f, max %.3f), %d results\n", median(ours), slices.Min(ours), slices.Max(ours), green)
	fmt.Printf("ratio                  %6.2f     (aim: at most 1.25)\n", median(ours)/median(bare))
	fmt.Printf("memory, most           %6d MiB (aim: under 150)\n", memory>>10)
	fmt.Printf("bcctl version          %6.1f ms  (aim: under 50)\n", median(start)*1000)
	return nil
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// child runs a program and returns its time and its peak memory in KiB.
func child(ctx context.Context, dir, program string, args ...string) (time.Duration, int64, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		return took, 0, fmt.Errorf("%w: %s", err, stderr.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return took, 0, errors.New("no resource usage on this system")
	}
	return took, usage.Maxrss, nil
}

// floor is the bare loop.
type floor struct {
	configs []*pgx.ConnConfig
}

func newFloor(lab *pgpair.Lab) (*floor, error) {
	ca, err := lab.CA()
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("no certificate in the laboratory's CA file")
	}
	f := &floor{}
	for _, n := range lab.Nodes() {
		config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=bcctl_monitor dbname=postgres sslmode=disable", n.Host, n.Port))
		if err != nil {
			return nil, err
		}
		config.Password = lab.Password("bcctl_monitor")
		config.TLSConfig = &tls.Config{RootCAs: roots, ServerName: n.Host, MinVersion: tls.VersionTLS12}
		config.Fallbacks = nil
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
		f.configs = append(f.configs, config)
	}
	return f, nil
}

func (f *floor) sweep(ctx context.Context, targets, parallel int) (time.Duration, error) {
	start := time.Now()
	var group errgroup.Group
	group.SetLimit(parallel)
	for range targets {
		group.Go(func() error {
			errs := make([]error, len(f.configs))
			var wg sync.WaitGroup
			for i, config := range f.configs {
				wg.Go(func() { errs[i] = one(ctx, config) })
			}
			wg.Wait()
			return errors.Join(errs...)
		})
	}
	err := group.Wait()
	return time.Since(start), err
}

func one(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return err
	}
	var inRecovery bool
	if err := conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&inRecovery); err != nil {
		return errors.Join(err, conn.Close(ctx))
	}
	return conn.Close(ctx)
}

// writeFleet makes a repository of many resources that are all the laboratory's
// pair under different names.
func writeFleet(lab *pgpair.Lab, dir string, targets int) error {
	if err := lab.WriteConfig(dir); err != nil {
		return err
	}
	one, err := os.ReadFile(filepath.Join(dir, "resources", "ledger.yaml"))
	if err != nil {
		return err
	}
	// The heartbeat is a write, which the bare loop does not make.
	text := strings.Replace(string(one), "write: true", "write: false", 1)
	for i := range targets - 1 {
		name := fmt.Sprintf("ledger-%04d", i)
		body := strings.Replace(text, "name: ledger\n", "name: "+name+"\n", 1)
		body = strings.Replace(body, "{name: ledger,", "{name: "+name+",", 1)
		if err := os.WriteFile(filepath.Join(dir, "resources", name+".yaml"), []byte(body), 0o600); err != nil {
			return err
		}
	}
	return nil
}

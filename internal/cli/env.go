package cli

import (
	"context"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	xterm "github.com/charmbracelet/x/term"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/all"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Version is set by the build: -ldflags "-X github.com/bcctl/bcctl/internal/cli.Version=1.2.3".
var Version = ""

// Env is everything a command touches of the world around it.
type Env struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Lookup func(string) (string, bool) // environment variables
	Dir    string                      // working directory
	Now    func() time.Time

	// Sleep waits, for a server that asks for it; nil: by the machine's clock. Terminal
	// tells whether a person types; nil: the stream says so itself.
	Sleep    func(context.Context, time.Duration) error
	Terminal func(io.Reader) bool

	Registry func() connectors.Registry

	// journal is put around the journal of a run; nil: nothing is. Tests of this package
	// end the process there.
	journal func(runbook.Journal) runbook.Journal

	// Medium tells what a folder lies on, so that two can be told apart; nil: as the system
	// says.
	Medium func(dir string) (string, error)
}

// realEnv is the process's own environment. PG* variables are cleared: they
// would point a connection to another server than the resource says.
func realEnv() Env {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "PG") {
			_ = os.Unsetenv(name) // a name that came from Environ can be unset
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "." // a deleted working directory: commands that need it say so
	}
	return Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Lookup: os.LookupEnv, Dir: dir, Now: clock(os.LookupEnv), Registry: all.Registry,
	}
}

func (e Env) getenv(name string) string {
	value, _ := e.Lookup(name)
	return value
}

// labClockSkew shifts the collector's clock, so that the laboratory can show what
// bcctl does when clocks differ. A shift beyond the tolerance can only turn a
// verdict unknown; every report made with it says so.
const labClockSkew = "BCCTL_LAB_CLOCK_SKEW"

func clock(lookup func(string) (string, bool)) func() time.Time {
	shift := clockShift(lookup)
	if shift == 0 {
		return time.Now
	}
	return func() time.Time { return time.Now().Add(shift) }
}

func clockShift(lookup func(string) (string, bool)) time.Duration {
	text, _ := lookup(labClockSkew)
	shift, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return shift
}

// version is what the build says, else what Go recorded of the checkout.
func version() string {
	if Version != "" {
		return Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}

// sleep is how this process waits.
func (e Env) sleep() func(context.Context, time.Duration) error {
	if e.Sleep != nil {
		return e.Sleep
	}
	return func(ctx context.Context, d time.Duration) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// typedBy tells whether a person sits at the standard input. What comes from a file or
// a pipe was typed by nobody (CONF-08).
func (e Env) typedBy() bool {
	if e.Terminal != nil {
		return e.Terminal(e.Stdin)
	}
	f, ok := e.Stdin.(interface{ Fd() uintptr })
	return ok && xterm.IsTerminal(f.Fd())
}

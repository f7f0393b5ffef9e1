package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/lab/fleet"
)

// fleetUp starts a fleet. Its systems run in another process of this program.
func (a *app) fleetUp(ctx context.Context, dir string) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	f, err := fleet.Up(ctx, fleet.Options{
		Dir:      a.path(dir),
		Host:     func(dir string) *exec.Cmd { return exec.Command(program, "lab", "host", "--dir", dir) },
		Program:  program,
		Progress: a.labProgress,
	})
	if err != nil {
		return err
	}
	nodes, broken, err := laboratory{f.Dir(), f.Pair(), f}.look(ctx)
	if err != nil {
		return err
	}
	a.printNodes(nodes)
	a.printBroken(broken)
	_, err = fmt.Fprintf(a.Stdout, "Next: bcctl -C %s check\n", f.ConfigDir())
	return err
}

// newLabHost is the process that fleetUp starts. It is of no use to a person.
func newLabHost(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "host", Short: "Run the systems of a fleet in this process", Args: noArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := cmd.Flags().GetString("dir")
			if err != nil {
				return err
			}
			return fleet.Host(cmd.Context(), dir, func() error {
				_, err := fmt.Fprintln(a.Stdout, "ready")
				return err
			})
		},
	}
}

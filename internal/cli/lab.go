package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

func newLab(a *app) *cobra.Command {
	var dir string
	lab := &cobra.Command{
		Use:   "lab",
		Short: "A laboratory on this machine: a real PostgreSQL pair, to check and to break",
		Long: `Starts real PostgreSQL servers on loopback addresses, with TLS and SCRAM, and
writes a configuration repository for them. Nothing of it touches other servers.`,
		Example: exampleLines("bcctl lab up", "bcctl lab break pause-replay", "bcctl lab status", "bcctl lab down"),
	}
	lab.PersistentFlags().StringVar(&dir, "dir", filepath.Join(os.TempDir(), fmt.Sprintf("bcctl-lab-%d", os.Getuid())), "where the laboratory is")
	lab.PersistentFlags().Lookup("dir").DefValue = "bcctl-lab-UID in the temporary folder"
	lab.AddCommand(newLabUp(a, &dir), newLabDown(a, &dir), newLabStatus(a, &dir), newLabBreak(a, &dir), newLabRepair(a, &dir))
	return lab
}

// labConfig is the configuration repository inside a laboratory.
func labConfig(dir string) string { return filepath.Join(dir, "config") }

func newLabUp(a *app, dir *string) *cobra.Command {
	var cascade bool
	cmd := &cobra.Command{
		Use: "up", Short: "Start a primary, a standby and what leads to them", Args: noArgs,
		Example: exampleLines("bcctl lab up", "bcctl lab up --cascade"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			lab, err := pgpair.Up(cmd.Context(), pgpair.Options{Dir: a.path(*dir), Cascade: cascade, Progress: func(s string) { a.remark("lab: %s", s) }})
			if err != nil {
				return fail(exitFailed, err, "bcctl lab status; bcctl lab down")
			}
			if err := lab.WriteConfig(labConfig(lab.Dir())); err != nil {
				return errors.Join(err, lab.Destroy(context.WithoutCancel(cmd.Context())))
			}
			a.printNodes(lab.Status(cmd.Context()))
			fmt.Fprintf(a.Stdout, "Next: bcctl -C %s check\n", labConfig(lab.Dir()))
			return nil
		},
	}
	cmd.Flags().BoolVar(&cascade, "cascade", false, "add a standby that follows the standby")
	return cmd
}

// openLab opens the laboratory that is up.
func (a *app) openLab(dir string) (*pgpair.Lab, error) {
	lab, err := pgpair.Open(a.path(dir))
	if errors.Is(err, pgpair.ErrNoLab) {
		return nil, fail(exitFailed, fmt.Errorf("no laboratory in %s", dir), "bcctl lab up, or --dir DIR if it is elsewhere")
	}
	return lab, err
}

func newLabDown(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "Stop all servers and remove the laboratory", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lab, err := a.openLab(*dir)
			if err != nil {
				return err
			}
			if err := lab.Destroy(cmd.Context()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.Stdout, "laboratory is gone")
			return err
		},
	}
}

func newLabStatus(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the servers as they are, and what is broken", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lab, err := a.openLab(*dir)
			if err != nil {
				return err
			}
			a.printNodes(lab.Status(cmd.Context()))
			broken, err := lab.Broken()
			if err != nil {
				return err
			}
			if len(broken) == 0 {
				broken = []string{"nothing"}
			}
			_, err = fmt.Fprintf(a.Stdout, "broken: %s\n", strings.Join(broken, ", "))
			return err
		},
	}
}

func (a *app) printNodes(nodes []pgpair.NodeStatus) {
	t := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tSITE\tADDRESS\tPROCESS\tROLE\tPOSITION\tRECEIVER")
	for _, n := range nodes {
		receiver := n.Receiver
		if n.Paused {
			receiver += " (replay paused)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, n.Site, n.Address(), n.State, dash(string(n.Role)), dash(n.LSN), dash(receiver))
	}
	_ = t.Flush() // the writer's error shows at the next write
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func newLabBreak(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "break [fault]", Short: "Break something; without a fault, list them",
		Args:    cobra.MaximumNArgs(1),
		Example: exampleLines("bcctl lab break", "bcctl lab break pause-replay", "bcctl lab break split-brain"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, f := range pgpair.Faults() {
				names = append(names, f.Name+"\t"+f.Help)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				a.listFaults()
				return nil
			}
			lab, err := a.openLab(*dir)
			if err != nil {
				return err
			}
			if err := lab.Break(cmd.Context(), args[0]); err != nil {
				return err
			}
			prefix := ""
			if skew, err := lab.ClockSkew(); err == nil && skew != 0 {
				prefix = fmt.Sprintf("%s=%s ", labClockSkew, skew)
			}
			_, err = fmt.Fprintf(a.Stdout, "broken: %s. Next: %sbcctl -C %s check\n", args[0], prefix, labConfig(lab.Dir()))
			return err
		},
	}
}

func (a *app) listFaults() {
	t := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "FAULT\tREPAIR\tWHAT IT DOES\tA CHECK SHOWS")
	for _, f := range pgpair.Faults() {
		repair := "new lab"
		if f.Repairable {
			repair = "yes"
		}
		var codes []string
		for _, c := range f.Shows {
			codes = append(codes, string(c))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Name, repair, f.Help, dash(strings.Join(codes, ", ")))
	}
	_ = t.Flush() // the writer's error shows at the next write
}

func newLabRepair(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "repair [fault...]", Short: "Repair what was broken; without a fault, all of it",
		RunE: func(cmd *cobra.Command, args []string) error {
			lab, err := a.openLab(*dir)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				if args, err = lab.Broken(); err != nil {
					return err
				}
			}
			for _, fault := range args {
				if err := lab.Repair(cmd.Context(), fault); err != nil {
					return err
				}
				fmt.Fprintf(a.Stdout, "repaired: %s\n", fault)
			}
			return nil
		},
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

func newLabBreak(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "break [[system/]fault]", Short: "Break something; without a fault, list them",
		Long: `Puts a fault into the PostgreSQL pair, or into another system of a fleet by
its name: orders/suspend-database. A check right after sees it.`,
		Args:    cobra.MaximumNArgs(1),
		Example: exampleLines("bcctl lab break", "bcctl lab break pause-replay", "bcctl lab break catalog/split-brain"),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, f := range a.faults(cmd.Context(), *dir) {
				names = append(names, f.Name+"\t"+f.Help)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				a.listFaults(a.faults(cmd.Context(), *dir))
				return nil
			}
			lab, err := a.openLab(*dir)
			if err != nil {
				return err
			}
			if err := lab.inject(cmd.Context(), args[0]); err != nil {
				return err
			}
			prefix := ""
			if lab.pair != nil {
				if skew, err := lab.pair.ClockSkew(); err == nil && skew != 0 {
					prefix = fmt.Sprintf("%s=%s ", labClockSkew, skew)
				}
			}
			_, err = fmt.Fprintf(a.Stdout, "broken: %s. Next: %sbcctl -C %s check\n", args[0], prefix, labConfig(lab.dir))
			return err
		},
	}
}

// pairSystem is the name of the PostgreSQL pair in a fleet.
const pairSystem = "ledger"

// target splits system/fault. Without a system it is the PostgreSQL pair's.
func target(text string) (system, fault string) {
	system, fault, found := strings.Cut(text, "/")
	if !found {
		return pairSystem, text
	}
	return system, fault
}

func (l laboratory) inject(ctx context.Context, text string) error {
	return l.change(text, func(fault string) error { return l.pair.Break(ctx, fault) },
		func(system, fault string) error { return l.fleet.Break(ctx, system, fault) })
}

func (l laboratory) repair(ctx context.Context, text string) error {
	return l.change(text, func(fault string) error { return l.pair.Repair(ctx, fault) },
		func(system, fault string) error { return l.fleet.Repair(ctx, system, fault) })
}

// change does something about a fault where it belongs.
func (l laboratory) change(text string, pair func(fault string) error, other func(system, fault string) error) error {
	system, fault := target(text)
	switch {
	case system == pairSystem && l.pair != nil:
		return pair(fault)
	case l.fleet == nil:
		return fail(exitFailed, fmt.Errorf("there is no system %q in this laboratory, only the pair %s", system, pairSystem), "bcctl lab up --fleet")
	default:
		return other(system, fault)
	}
}

// faults lists what can be broken: in the laboratory that is up, else in a pair.
func (a *app) faults(ctx context.Context, dir string) []lab.Fault {
	all := pgpair.Faults()
	l, err := a.openLab(dir)
	if err != nil || l.fleet == nil {
		return all
	}
	systems, err := l.fleet.Systems(ctx)
	if err != nil {
		return all
	}
	for _, s := range systems {
		for _, f := range s.Faults {
			f.Name = s.Name + "/" + f.Name
			all = append(all, f)
		}
	}
	return all
}

func (a *app) listFaults(all []lab.Fault) {
	t := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "FAULT\tREPAIR\tWHAT IT DOES\tA CHECK SHOWS")
	for _, f := range all {
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
		Use: "repair [[system/]fault...]", Short: "Repair what was broken; without a fault, all of it",
		Example: exampleLines("bcctl lab repair", "bcctl lab repair pause-replay", "bcctl lab repair catalog/split-brain"),
		RunE: func(cmd *cobra.Command, args []string) error {
			lab, err := a.openLab(*dir)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				if _, args, err = lab.look(cmd.Context()); err != nil {
					return err
				}
			}
			var failed error
			for _, fault := range args {
				if err := lab.repair(cmd.Context(), fault); err != nil {
					failed = errors.Join(failed, fmt.Errorf("repair %s: %w", fault, err))
					continue
				}
				fmt.Fprintf(a.Stdout, "repaired: %s\n", fault)
			}
			return failed
		},
	}
}

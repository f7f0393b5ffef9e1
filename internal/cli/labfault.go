package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newLabBreak(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "break [[system/]fault]", Short: "Break something; without a fault, list what can be broken",
		Long: `Puts a fault into the PostgreSQL pair, or into another system of a fleet by
its name: orders/suspend-database. A check right after sees it. Several faults may be
in at once; bcctl lab status names them, bcctl lab repair takes them out.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(errors.New("break takes one fault at a time"), "bcctl lab break "+args[0])
			}
			return nil
		},
		Example: exampleLines("bcctl lab break", "bcctl lab break pause-replay", "bcctl lab break catalog/", "bcctl lab break catalog/split-brain"),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, s := range a.labSystems(cmd.Context(), *dir) {
				for _, f := range s.faults {
					name := f.Name
					if s.name != pairSystem {
						name = s.name + "/" + name
					}
					names = append(names, name+"\t"+f.Help)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			systems := a.labSystems(cmd.Context(), *dir)
			if len(args) == 0 && len(systems) > 1 {
				a.listSystems(systems)
				return nil
			}
			if len(args) == 0 {
				a.listFaults(systems[0], "")
				return nil
			}
			if s, ok := wholeSystem(systems, args[0]); ok {
				a.listFaults(s, s.name+"/")
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
			what := "check"
			if lab.fleet != nil {
				system, _ := target(args[0])
				what += " " + system
			}
			_, err = fmt.Fprintf(a.Stdout, "broken: %s. Next: %sbcctl -C %s %s\n", args[0], prefix, labConfig(lab.dir), what)
			return err
		},
	}
}

func (l laboratory) inject(ctx context.Context, text string) error {
	return l.change(ctx, text, func(fault string) error { return l.pair.Break(ctx, fault) },
		func(system, fault string) error { return l.fleet.Break(ctx, system, fault) })
}

func (l laboratory) repair(ctx context.Context, text string) error {
	return l.change(ctx, text, func(fault string) error { return l.pair.Repair(ctx, fault) },
		func(system, fault string) error { return l.fleet.Repair(ctx, system, fault) })
}

// change does something about a fault where it belongs.
func (l laboratory) change(ctx context.Context, text string, pair func(fault string) error, other func(system, fault string) error) error {
	system, fault := target(text)
	// The pair can be changed when the process that runs the others is gone.
	if system == pairSystem && l.pair != nil && thePair().has(fault) {
		return pair(fault)
	}
	systems, err := l.systems(ctx)
	if err != nil {
		return err
	}
	if err := knownFault(systems, text); err != nil {
		return err
	}
	return other(system, fault)
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
				if len(args) == 0 {
					a.remark("nothing is broken")
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

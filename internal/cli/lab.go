package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/fleet"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

func newLab(a *app) *cobra.Command {
	var dir string
	lab := &cobra.Command{
		Use:   "lab",
		Short: "A laboratory on this machine: databases to check and to break",
		Long: `Starts a real PostgreSQL pair on loopback addresses, with TLS and SCRAM, and writes
a configuration repository for it. With --fleet, seven systems that speak the protocols
of MongoDB, SQL Server and Snowflake stand beside it: models of those products, not the
products. Nothing of it touches other servers. It does not outlive a restart of the
machine: take it down then, and up again.`,
		Example: exampleLines("bcctl lab up", "bcctl lab break pause-replay", "bcctl lab up --fleet", "bcctl lab break catalog/split-brain", "bcctl lab status", "bcctl lab down"),
	}
	lab.PersistentFlags().StringVar(&dir, "dir", filepath.Join(os.TempDir(), fmt.Sprintf("bcctl-lab-%d", os.Getuid())), "where the laboratory is")
	lab.PersistentFlags().Lookup("dir").DefValue = "bcctl-lab-UID in the temporary folder"
	lab.AddCommand(newLabUp(a, &dir), newLabDown(a, &dir), newLabStatus(a, &dir), newLabBreak(a, &dir), newLabRepair(a, &dir), newLabGitHub(a, &dir), newLabHost(a), newLabHook(a), newLabRelay(a))
	return lab
}

// labConfig is the configuration repository inside a laboratory.
func labConfig(dir string) string { return filepath.Join(dir, "config") }

func newLabUp(a *app, dir *string) *cobra.Command {
	var cascade, all bool
	cmd := &cobra.Command{
		Use: "up", Short: "Start the servers and write what leads to them", Args: noArgs,
		Example: exampleLines("bcctl lab up", "bcctl lab up --cascade", "bcctl lab up --fleet"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all && cascade {
				return usage(errors.New("--cascade is for a pair alone"), "bcctl lab up --fleet")
			}
			if _, err := a.openLab(*dir); err == nil {
				return fail(exitFailed, fmt.Errorf("there is a laboratory in %s already", *dir),
					"bcctl lab status shows it, bcctl lab down removes it; --dir DIR for another one")
			}
			if all {
				return a.fleetUp(cmd.Context(), *dir)
			}
			lab, err := a.pairUp(cmd.Context(), *dir, cascade)
			if err != nil {
				return err
			}
			if err := lab.WriteConfig(labConfig(lab.Dir())); err != nil {
				return errors.Join(err, lab.Destroy(context.WithoutCancel(cmd.Context())))
			}
			a.printNodes(pairNodes(lab.Status(cmd.Context())))
			fmt.Fprintf(a.Stdout, "Next: bcctl -C %s check\n", labConfig(lab.Dir()))
			return nil
		},
	}
	cmd.Flags().BoolVar(&cascade, "cascade", false, "add a standby that follows the standby")
	cmd.Flags().BoolVar(&all, "fleet", false, "a fleet on all platforms instead of one pair")
	return cmd
}

func (a *app) labProgress(what string) { a.remark("lab: %s", what) }

// laboratory is what is up: a pair, or a fleet with a pair in it.
type laboratory struct {
	dir   string
	pair  *pgpair.Lab
	fleet *fleet.Fleet // nil: the pair is all there is
}

// openLab opens the laboratory that is up.
func (a *app) openLab(dir string) (laboratory, error) {
	path := a.path(dir)
	f, err := fleet.Open(path)
	if err == nil {
		return laboratory{f.Dir(), f.Pair(), f}, nil
	}
	if !errors.Is(err, fleet.ErrNoFleet) {
		return laboratory{}, err
	}
	pair, err := pgpair.Open(path)
	if errors.Is(err, pgpair.ErrNoLab) {
		return laboratory{}, fail(exitFailed, fmt.Errorf("no laboratory in %s", dir), "bcctl lab up, or --dir DIR if it is elsewhere")
	}
	if err != nil {
		return laboratory{}, err
	}
	return laboratory{pair.Dir(), pair, nil}, nil
}

func (l laboratory) destroy(ctx context.Context) error {
	if l.fleet != nil {
		return l.fleet.Destroy(ctx)
	}
	return l.pair.Destroy(ctx)
}

func newLabDown(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "Stop all servers and remove the laboratory", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lab, err := a.openLab(*dir)
			if err != nil {
				return err
			}
			if err := lab.destroy(cmd.Context()); err != nil {
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
			nodes, broken, err := lab.look(cmd.Context())
			if err != nil {
				return err
			}
			a.printNodes(nodes)
			a.printBroken(broken)
			if len(broken) == 0 && slices.ContainsFunc(nodes, func(n labNode) bool { return n.State == string(pgpair.Stopped) }) {
				_, err = fmt.Fprintln(a.Stdout, "Servers stopped by themselves. Next: bcctl lab down, then bcctl lab up")
			}
			return err
		},
	}
}

// look returns the servers as they are, and the names of the faults that are in.
func (l laboratory) look(ctx context.Context) (nodes []labNode, broken []string, err error) {
	if l.pair != nil {
		nodes = pairNodes(l.pair.Status(ctx))
		if broken, err = l.pair.Broken(); err != nil {
			return nil, nil, err
		}
	}
	if l.fleet == nil {
		return nodes, broken, nil
	}
	systems, err := l.fleet.Systems(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range systems {
		for _, n := range s.Nodes {
			nodes = append(nodes, labNode{s.Name, n})
		}
		for _, fault := range s.Broken {
			broken = append(broken, s.Name+"/"+fault)
		}
	}
	return nodes, broken, nil
}

// pairNodes shows servers of the PostgreSQL pair like all others.
func pairNodes(pair []pgpair.NodeStatus) []labNode {
	var nodes []labNode
	for _, n := range pair {
		detail := strings.TrimSpace(n.LSN + " " + n.Receiver)
		if n.Paused {
			detail += " (replay paused)"
		}
		nodes = append(nodes, labNode{pairSystem, lab.Node{Name: n.Name, Site: n.Site, Address: n.Address(), State: string(n.State), Role: string(n.Role), Detail: detail}})
	}
	return nodes
}

// labNode is a server of a system. Two systems may have servers of the same name.
type labNode struct {
	system string
	lab.Node
}

// printNodes shows servers; to which system each belongs, where there are several.
func (a *app) printNodes(nodes []labNode) {
	several := slices.ContainsFunc(nodes, func(n labNode) bool { return n.system != pairSystem })
	t := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	if several {
		fmt.Fprint(t, "SYSTEM\t")
	}
	fmt.Fprintln(t, "NODE\tSITE\tADDRESS\tSTATE\tROLE\tDETAIL")
	for _, n := range nodes {
		if several {
			fmt.Fprintf(t, "%s\t", n.system)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, n.Site, n.Address, n.State, dash(n.Role), dash(n.Detail))
	}
	_ = t.Flush() // the writer's error shows at the next write
}

func (a *app) printBroken(broken []string) {
	if len(broken) == 0 {
		broken = []string{"nothing"}
	}
	fmt.Fprintf(a.Stdout, "broken: %s\n", strings.Join(broken, ", "))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

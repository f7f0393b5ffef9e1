package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// globals are the flags of every command.
type globals struct {
	repo       string
	configFile string
	quiet      bool
	verbose    int
	color      string
	noColor    bool
	timeout    time.Duration
	asOf       string
	store      string

	planParallel int
}

const map3am = `bcctl: is the DR side of your databases ready?

  bcctl check              look at every target now and judge it
  bcctl status             the last recorded verdicts, no connection made
  bcctl explain TARGET     why it is so, and what to do first
  bcctl history TARGET     what it was in the last hours
  bcctl watch TARGET       until it is green
  bcctl plan switchover TARGET
                           exactly what a switchover would do; changes nothing
  bcctl report page        all of it as one page for a browser, from the record
  bcctl validate           every problem of the configuration, with its place
  bcctl init DIR           start a configuration repository (--demo: with recorded data)
  bcctl lab up             a real PostgreSQL pair on this machine, to break
  bcctl help               everything else
`

func newRoot(env Env) *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:           "bcctl",
		Short:         "Disaster-recovery readiness of databases: looked at, judged, explained",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), map3am)
			return err
		},
	}
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetIn(env.Stdin)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(err, cmd.CommandPath()+" --help")
	})
	f := root.PersistentFlags()
	f.StringVarP(&g.repo, "repo", "C", "", "configuration repository (default: upwards from here to a bcctl.yaml)")
	f.StringVar(&g.configFile, "config", "", "file with operator settings")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no progress and no remarks on stderr")
	f.CountVarP(&g.verbose, "verbose", "v", "say more on stderr; repeat for more")
	f.StringVar(&g.color, "color", "auto", "colour: auto, always or never")
	f.BoolVar(&g.noColor, "no-color", false, "same as --color never")
	f.DurationVar(&g.timeout, "timeout", 0, "give up the whole command after this long (0: no limit)")

	app := &app{Env: env, globals: g}
	root.AddGroup(
		&cobra.Group{ID: "start", Title: "Start:"},
		&cobra.Group{ID: "config", Title: "Configuration:"},
		&cobra.Group{ID: "look", Title: "Look:"},
		&cobra.Group{ID: "plan", Title: "Plan:"},
		&cobra.Group{ID: "run", Title: "Run:"},
		&cobra.Group{ID: "prove", Title: "Prove:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("start", newInit(app), newDoctor(app), newLab(app))
	add("config", newValidate(app), newFmt(app), newSchema(app), newRules(app))
	add("look", newCheck(app), newStatus(app), newExplain(app), newHistory(app), newWatch(app), newReport(app))
	add("plan", newPlan(app), newRequest(app), newApprove(app), newWithdraw(app), newRunbook(app))
	add("run", newExecute(app), newReconcile(app), newReview(app), newResolve(app), newUnlock(app), newClose(app))
	add("prove", newAudit(app), newTrust(app))
	root.AddCommand(newVersion(app), newGen(app))
	root.AddCommand(helpTopics(app)...)
	suggestCommands(root)
	return root
}

// app is what commands share: the world and the global flags.
type app struct {
	Env
	globals *globals
}

// noArgs refuses arguments; on the root they are mistyped commands.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasParent() {
		return usage(fmt.Errorf("%s takes no argument, got %q", cmd.CommandPath(), args[0]), cmd.CommandPath()+" --help")
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		message += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return usage(fmt.Errorf("%s", message), "bcctl help")
}

func suggestCommands(root *cobra.Command) {
	root.SuggestionsMinimumDistance = 2
	for _, c := range root.Commands() {
		if c.HasSubCommands() && c.RunE == nil && c.Run == nil {
			parent := c
			c.Args = cobra.ArbitraryArgs
			c.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) == 0 {
					return cmd.Help()
				}
				message := fmt.Sprintf("unknown command %q of %s", args[0], parent.CommandPath())
				if near := parent.SuggestionsFor(args[0]); len(near) > 0 {
					message += fmt.Sprintf("; did you mean %q?", near[0])
				}
				return usage(fmt.Errorf("%s", message), parent.CommandPath()+" --help")
			}
		}
	}
}

// exampleLines formats a command's examples as cobra prints them.
func exampleLines(lines ...string) string { return "  " + strings.Join(lines, "\n  ") }

// flagSection is a titled group of flags in a command's help.
type flagSection struct {
	title string
	flags *pflag.FlagSet
}

// sections prints flags in groups; flags that are in none come last.
func sections(cmd *cobra.Command, list ...flagSection) {
	for _, s := range list {
		cmd.Flags().AddFlagSet(s.flags)
	}
	cmd.SetUsageFunc(func(c *cobra.Command) error {
		w := c.OutOrStderr()
		fmt.Fprintf(w, "Usage:\n  %s\n", c.UseLine())
		if c.HasExample() {
			fmt.Fprintf(w, "\nExamples:\n%s\n", c.Example)
		}
		for _, s := range list {
			fmt.Fprintf(w, "\n%s:\n%s", s.title, s.flags.FlagUsages())
		}
		fmt.Fprintf(w, "\nEverywhere:\n%s", c.InheritedFlags().FlagUsages())
		_, err := fmt.Fprintf(w, "\nExit codes: bcctl help exit-codes\n")
		return err
	})
}

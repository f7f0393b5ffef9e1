package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// helpTopics are pages of `bcctl help` that are no commands.
func helpTopics(a *app) []*cobra.Command {
	topic := func(name, short string, print func(io.Writer)) *cobra.Command {
		c := &cobra.Command{Use: name, Short: short}
		c.SetHelpFunc(func(*cobra.Command, []string) { print(a.Stdout) })
		return c
	}
	return []*cobra.Command{
		topic("exit-codes", "What each exit code means", PrintExitCodes),
		topic("environment", "Every environment variable that is read", printEnvironment),
		topic("output", "Formats, streams, and what scripts may rely on", printOutputHelp),
		topic("secrets", "How credentials are referred to", printSecretsHelp),
	}
}

// PrintExitCodes prints the table of exit codes; docs/exit-codes.md shows the
// same.
func PrintExitCodes(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "CODE\tMEANING\tCOMMANDS")
	for _, c := range exitCodes {
		fmt.Fprintf(t, "%d\t%s\t%s\n", c.Code, c.Meaning, c.Commands)
	}
	_ = t.Flush() // the writer's error shows at the next write
	fmt.Fprint(w, `
When several apply, the one that needs a person soonest is returned:
15, 14, 12, 11, 13, 10, 16, 1, 4, 3, 17. --fail-on never silences 3 and 4 only.
Codes never change meaning; treat one you do not know as failure. Those of commands
that this version does not have are reserved.
`)
}

func printEnvironment(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(name, meaning string) { fmt.Fprintf(t, "%s\t%s\n", name, meaning) }
	row("BCCTL_REPO", "configuration repository, like -C")
	for _, name := range settingNames() {
		row(name, "setting of the same name in bcctl.yaml")
	}
	row(labClockSkew, "laboratory only: shift the collector's clock (a Go duration); every report says so")
	row("NO_COLOR, CLICOLOR_FORCE, TERM", "colour on a terminal")
	row("LC_ALL, LC_CTYPE, LANG", "whether signs may be Unicode")
	row("GITHUB_ACTIONS", "annotations, job summary and outputs for GitHub Actions; BCCTL_GITHUB=off switches them off")
	row("GITHUB_STEP_SUMMARY, GITHUB_OUTPUT", "files GitHub Actions gives for them")
	row("VAULT_TOKEN", "token of Vault, with audit.signer vault")
	row("XDG_CONFIG_HOME, XDG_STATE_HOME, HOME", "where your settings and the history are")
	row("PG*", "ignored on purpose: they would lead a connection to another server than the resource says")
	_ = t.Flush() // the writer's error shows at the next write
}

func printOutputHelp(w io.Writer) {
	fmt.Fprint(w, `stdout is the answer in the chosen format and nothing else; stderr has progress,
remarks and errors.

  -o table      for people (default); -o wide: endpoints and every reason
  -o name       one target a line
  -o json       one object, schema report/v1; fields are only added
  -o jsonl      one result a line, the summary last; without it the stream is cut
  -o yaml, csv, markdown, junit, sarif
  -o github     annotations for GitHub Actions
  -o template=GO_TEMPLATE

-o may be repeated with a file: -o table -o json=report.json -o sarif=bcctl.sarif

Treat an unknown status as "unknown", and a verdict past its validUntil as
"unknown" too: green is a statement about evidence that is fresh.
`)
}

func printSecretsHelp(w io.Writer) {
	fmt.Fprint(w, `A repository holds references, never values:

  password: env:LEDGER_MONITOR_PASSWORD      an environment variable
  password: file:/run/secrets/ledger         a file, not readable by others

Values are looked up when a connection is made, and appear in no output. A
variable that belongs to other machinery (GITHUB_*, AWS_*, BCCTL_*, ...) is
refused: whoever may edit a document must not be able to send it somewhere.
`)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/secret"
	"github.com/bcctl/bcctl/pkg/config"
)

// probe is one line of `bcctl doctor`.
type probe struct {
	name    string
	problem string // empty: fine
	why     string // why it matters
	fix     string // the command or change that mends it
	note    string // shown when it is fine
}

func newDoctor(a *app) *cobra.Command {
	var sel selection
	var github bool
	cmd := &cobra.Command{
		Use:   "doctor [target...]",
		Short: "Probe what bcctl needs here: what is wrong, why it matters, what fixes it",
		Long: `Looks at git, the configuration, the history file, every credential reference and
whether every endpoint accepts a connection. Logs in nowhere and changes nothing;
what a login may see is told by bcctl check.

With --github it looks at the repository on GitHub instead: each permission of the
credential, rules of branches, the environment, workflows, owners of files. What the
credential cannot see is said to be unproven. Changes nothing.`,
		Example:           exampleLines("bcctl doctor", "bcctl doctor ledger", "bcctl doctor --github"),
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			if github {
				if len(args) > 0 {
					return usage(errors.New("--github looks at the repository, not at targets"), "bcctl doctor --github")
				}
				return a.doctorGitHub(ctx, cmd)
			}
			return a.doctor(ctx, cmd, args, sel)
		},
	}
	cmd.Flags().BoolVar(&github, "github", false, "look at the repository on GitHub: permissions, rules, environment")
	sections(cmd, sel.flags())
	return cmd
}

func (a *app) doctor(ctx context.Context, cmd *cobra.Command, args []string, sel selection) error {
	bad := 0
	show := func(p probe) {
		if p.problem == "" {
			fmt.Fprintf(a.Stdout, "ok    %s%s\n", p.name, prefixed(": ", p.note))
			return
		}
		bad++
		fmt.Fprintf(a.Stdout, "BAD   %s: %s\n", p.name, p.problem)
		if p.why != "" {
			fmt.Fprintf(a.Stdout, "      why it matters: %s\n", p.why)
		}
		if p.fix != "" {
			fmt.Fprintf(a.Stdout, "      fix: %s\n", p.fix)
		}
	}
	show(probeGit(ctx))
	r, err := a.openRepository(ctx, cmd.Flags())
	show(probeConfig(r, err))
	if err == nil {
		show(a.probeStore(ctx, r))
		show(a.probeClock())
		if r.settings.Audit.Origin != "" {
			show(a.probeSpool(ctx, r))
		}
		targets, err := sel.choose(ctx, r, args)
		if err != nil {
			return err
		}
		for _, res := range targets.targets {
			for _, p := range a.probeTarget(ctx, r, res) {
				show(p)
			}
		}
	}
	if bad > 0 {
		return fail(exitFailed, fmt.Errorf("%s found", plural(bad, "problem")), "")
	}
	fmt.Fprintln(a.Stdout, "nothing found. Next: bcctl check")
	return nil
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func probeGit(ctx context.Context) probe {
	p := probe{name: "git"}
	out, err := exec.CommandContext(ctx, "git", "--version").Output()
	if err != nil {
		p.problem, p.why, p.fix = "the git program cannot be run", "commits, --as-of and --changed-since need it", "install git 2.30 or newer"
		return p
	}
	p.note = strings.TrimPrefix(strings.TrimSpace(string(out)), "git version ")
	return p
}

func probeConfig(r *repository, err error) probe {
	p := probe{name: "configuration"}
	if err != nil {
		lines := strings.Split(err.Error(), "\n")
		p.problem = lines[0]
		if len(lines) > 1 {
			p.problem += fmt.Sprintf(" (and %d more)", len(lines)-1)
		}
		p.why, p.fix = "a repository with problems is not acted upon", "bcctl validate"
		return p
	}
	p.note = fmt.Sprintf("%s in %s", plural(r.repo.Count(), "document"), r.dir)
	return p
}

func (a *app) probeStore(ctx context.Context, r *repository) probe {
	p := probe{name: "history"}
	db, err := a.openStore(ctx, r)
	if err != nil {
		p.problem, p.why, p.fix = err.Error(), "without history there are no trends, no grace and no hysteresis; verdicts are not affected", "bcctl check --store FILE"
		return p
	}
	p.note = db.Path()
	if err := db.Close(); err != nil {
		p.problem = err.Error()
	}
	return p
}

// probeSpool looks for records of this repository that are not in the audit log.
func (a *app) probeSpool(ctx context.Context, r *repository) probe {
	p := probe{name: "audit log"}
	b, err := a.logOf(ctx, r.dir, r.settings)
	if err != nil {
		p.problem, p.why, p.fix = err.Error(), "what is checked and done is not recorded", "bcctl audit verify"
		return p
	}
	if n := b.Waiting(); n > 0 {
		p.problem, p.why, p.fix = verb(n, "segment waits", "segments wait")+" on this machine", "nobody else can see what they record, and after a day they look back-dated", "bcctl audit recover"
		return p
	}
	p.note = b.Origin + ", nothing waits on this machine"
	return p
}

// probeClock cannot know the true time; it says what this machine believes.
func (a *app) probeClock() probe {
	now := a.Now()
	p := probe{name: "clock", note: now.UTC().Format(time.RFC3339) + "; each check compares it with every server's"}
	if now.Year() < 2025 {
		p.problem, p.why, p.fix = "this machine's clock says "+now.UTC().Format(time.RFC3339), "every age and every expiry depends on it", "set up time synchronization"
	}
	return p
}

func (a *app) probeTarget(ctx context.Context, r *repository, res *config.Resource) []probe {
	var probes []probe
	if _, ok := r.registry[res.Spec.Platform]; !ok {
		return []probe{{name: res.Name(), problem: fmt.Sprintf("platform %s has no connector in this version", res.Spec.Platform), why: "it stays unknown"}}
	}
	if r.settings.Replay != "" {
		return []probe{{name: res.Name(), note: "judged from a recording; no connection is made"}}
	}
	resolver := secret.NewResolver(a.Lookup)
	for _, c := range []struct {
		purpose    string
		credential *config.Credential
	}{{"monitor", res.Spec.Credentials.Monitor}, {"heartbeat", res.Spec.Credentials.Heartbeat}} {
		p := probe{name: res.Name() + " " + c.purpose + " credential"}
		switch {
		case c.credential == nil && c.purpose == "monitor":
			p.problem, p.why, p.fix = "none is configured", "nothing can be read", "add spec.credentials.monitor to "+res.Origin.String()
		case c.credential == nil:
			continue
		default:
			if _, err := resolver.Credential(ctx, c.credential); err != nil {
				p.problem, p.why, p.fix = err.Error(), "without it the target is unknown", "see bcctl help secrets"
			}
		}
		probes = append(probes, p)
	}
	for _, e := range res.Spec.Endpoints {
		probes = append(probes, probeAddress(ctx, res, e))
	}
	return probes
}

// probeAddress opens a TCP connection and closes it.
func probeAddress(ctx context.Context, res *config.Resource, e config.Endpoint) probe {
	p := probe{name: fmt.Sprintf("%s endpoint %s (%s)", res.Name(), e.Name, e.Where())}
	if e.Address == "" {
		return p // a URL: the platform's own probe tells
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.Address)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		p.problem, p.why, p.fix = err.Error(), "what cannot be reached cannot be proved ready", "check address, firewall and server; bcctl check says what the other side sees"
		return p
	}
	_ = conn.Close() // only the connect was of interest
	return p
}

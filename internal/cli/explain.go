package cli

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func newExplain(a *app) *cobra.Command {
	o := &checkOptions{}
	signed := &signedOptions{}
	var live, all bool
	var output string
	cmd := &cobra.Command{
		Use:   "explain <target|request|REASON_CODE|exit-code|platform/NAME>",
		Short: "Why it is so: the reasons, the numbers, the rule's line, what to do first",
		Long: `Explains the last recorded verdict of a target without making a connection; --live
looks now. Also explains a reason code (REPLAY_PAUSED), an exit code (4), a rule
of the audit log (AUD-11), and what this program can do with a platform (platform/mongodb).

A request (its id, its file, or its pull request as #12) is asked of GitHub: each review
with whether it counts and by which rule not, what is missing and who can give it.
The exit code is the verdict: 0 approved, 12 not, 16 GitHub did not answer.
With --offline no connection is made: signed statements count, by the trust snapshot
and what this clone holds.`,
		Example: exampleLines("bcctl explain ledger", "bcctl explain ledger --live", "bcctl explain REPLAY_PAUSED", "bcctl explain 4", "bcctl explain platform/postgresql", "bcctl explain 2026-001-ledger", "bcctl explain 2026-001-ledger --offline --snapshot trust --statements statements"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("name one target, request, reason code, exit code or platform/NAME"), "bcctl explain ledger")
			}
			return nil
		},
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := signed.check(cmd); err != nil {
				return err
			}
			if signed.on {
				ctx, cancel := a.deadline(cmd.Context())
				defer cancel()
				return a.explainOffline(ctx, cmd, args[0], output, *signed)
			}
			if !fixedForm(args[0]) {
				ctx, cancel := a.deadline(cmd.Context())
				defer cancel()
				if a.isRequest(ctx, cmd, args[0]) {
					return a.explainRequest(ctx, cmd, args[0], output)
				}
			}
			if output != "" {
				return usage(errors.New("-o is for requests; a verdict about a target is in bcctl status -o json"), "")
			}
			return a.explain(cmd, args[0], o, live, all)
		},
	}
	cmd.Flags().AddFlagSet(signed.flags().flags)
	cmd.Flags().BoolVar(&live, "live", false, "look now instead of at the record")
	cmd.Flags().BoolVar(&all, "all", false, "every indicator, not only what matters")
	cmd.Flags().StringVarP(&output, "output", "o", "", "of a request: table or json")
	cmd.Flags().StringVar(&a.globals.store, "store", "", "history file")
	return cmd
}

var codeForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)

// fixedForm tells whether an argument is a code, a number or a platform, which no
// repository is needed for.
func fixedForm(what string) bool {
	_, err := strconv.Atoi(what)
	return err == nil || codeForm.MatchString(what) || strings.HasPrefix(what, "AUD-") || strings.HasPrefix(what, "platform/")
}

func (a *app) explain(cmd *cobra.Command, what string, o *checkOptions, live, all bool) error {
	if strings.HasPrefix(what, "AUD-") {
		return a.audited(what)
	}
	if codeForm.MatchString(what) {
		return a.explainCode(readiness.Code(what))
	}
	if n, err := strconv.Atoi(what); err == nil {
		return explainExit(a.Stdout, n)
	}
	if platform, ok := strings.CutPrefix(what, "platform/"); ok {
		return a.explainPlatform(platform)
	}
	look := func() (check.Report, *repository, error) { return a.recorded(cmd, []string{what}, &o.selection) }
	if live {
		look = func() (check.Report, *repository, error) { return a.lookAt(cmd, what, o) }
	}
	report, r, err := look()
	if err != nil {
		return err
	}
	options := render.ExplainOptions{AllIndicators: all}
	if res, ok := r.repo.Resource(what); ok {
		objectives := check.Subject(r.repo, res).Objectives
		options.RPO, options.RTO = objectives.RPO, objectives.RTO
	}
	for _, result := range report.Results {
		if result.Name == what {
			return render.Explain(a.Stdout, result, a.view(report, a.Stdout), options)
		}
	}
	return fail(exitFailed, fmt.Errorf("%q is not one target; explain takes a name, no pattern", what), "bcctl check -o name")
}

func (a *app) lookAt(cmd *cobra.Command, what string, o *checkOptions) (check.Report, *repository, error) {
	ctx, cancel := a.deadline(cmd.Context())
	defer cancel()
	s, err := a.newSweeper(ctx, cmd.Flags(), []string{what}, o)
	if err != nil {
		return check.Report{}, nil, err
	}
	defer s.close()
	report, err := s.once(ctx)
	return report, s.repo, err
}

func (a *app) explainCode(code readiness.Code) error {
	if _, known := code.Info(); !known {
		var all []string
		for _, c := range readiness.Codes() {
			all = append(all, string(c.Code))
		}
		message := fmt.Sprintf("no reason code %s", code)
		if near := config.Nearest(string(code), all); near != "" {
			message += fmt.Sprintf("; did you mean %s?", near)
		}
		return fail(exitFailed, errors.New(message), "docs/reason-codes.md lists all")
	}
	return render.ExplainCode(a.Stdout, code)
}

// explainPlatform shows a platform's matrix.
func (a *app) explainPlatform(name string) error {
	factory, ok := a.Registry()[name]
	if !ok {
		return fail(exitFailed, fmt.Errorf("no platform %q; there are %s", name, strings.Join(a.Registry().Platforms(), ", ")), "bcctl explain platform/postgresql")
	}
	platform := render.Platform{Name: name, Capabilities: factory.Capabilities(), Indicators: factory.Indicators()}
	return render.ExplainPlatform(a.Stdout, platform, a.profile(a.Stdout))
}

func explainExit(w io.Writer, n int) error {
	for _, c := range exitCodes {
		if c.Code == n {
			_, err := fmt.Fprintf(w, "exit code %d: %s\n", c.Code, c.Meaning)
			return err
		}
	}
	return fail(exitFailed, fmt.Errorf("%d is no exit code of bcctl; treat it as failure", n), "bcctl help exit-codes")
}

// readerNow is the time at which a reader sees recorded verdicts: now, or the
// time of the recording where they were replayed.
func (a *app) readerNow(judgements []store.Judgement) time.Time {
	now := a.Now()
	for _, j := range judgements {
		if j.Run.Replay != nil {
			return j.Run.Replay.RecordedAt
		}
	}
	return now
}

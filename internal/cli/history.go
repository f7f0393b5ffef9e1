package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func newHistory(a *app) *cobra.Command {
	var since time.Duration
	var indicators []string
	cmd := &cobra.Command{
		Use:   "history <target>",
		Short: "What a target was in the last hours: verdicts, changes, trends",
		Long: `Draws the recorded verdicts and numbers of one target. Time in which nothing was
measured is a gap, never a line through it.`,
		Example: exampleLines("bcctl history ledger", "bcctl history ledger --since 2h --indicator replication.exposure_bytes"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("name one target"), "bcctl history ledger")
			}
			return nil
		},
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.history(cmd, args[0], since, indicators)
		},
	}
	cmd.Flags().DurationVar(&since, "since", 24*time.Hour, "how far back")
	cmd.Flags().StringSliceVar(&indicators, "indicator", nil, "only these indicators")
	cmd.Flags().StringVar(&a.globals.store, "store", "", "history file")
	return cmd
}

func (a *app) history(cmd *cobra.Command, target string, since time.Duration, indicators []string) error {
	ctx := cmd.Context()
	r, err := a.openRepository(ctx, cmd.Flags())
	if err != nil {
		return err
	}
	if _, isResource := r.repo.Resource(target); !isResource {
		if _, isGroup := r.repo.Group(target); !isGroup {
			return unknownTarget(r.repo, target)
		}
	}
	db, err := a.openStore(ctx, r)
	if err != nil {
		return err
	}
	defer a.closeStore(db)
	last, err := db.Latest(ctx, target)
	if err != nil {
		return err
	}
	if len(last) == 0 {
		return fail(exitFailed, fmt.Errorf("nothing is recorded yet of %q", target), "bcctl check "+target)
	}
	now := a.readerNow(last)
	h := render.History{Target: target, Since: now.Add(-since), Until: now}
	statuses, err := db.Statuses(ctx, target, h.Since, now)
	if err != nil {
		return err
	}
	for _, s := range statuses {
		h.Statuses = append(h.Statuses, render.StatusPoint{At: s.At, Last: s.Last, ValidUntil: s.ValidUntil, Covered: s.Covered, Status: s.Status, Code: s.Code})
	}
	if h.Transitions, err = db.Transitions(ctx, target, h.Since); err != nil {
		return err
	}
	if h.Series, err = a.series(cmd, db, target, h, indicators); err != nil {
		return err
	}
	return render.RenderHistory(a.Stdout, h, a.profile(a.Stdout))
}

// series reads the numbers; those that never moved say nothing and are left out
// unless they were asked for.
func (a *app) series(cmd *cobra.Command, db *store.DB, target string, h render.History, indicators []string) ([]render.Series, error) {
	ctx := cmd.Context()
	infos, err := db.SeriesOf(ctx, target)
	if err != nil {
		return nil, err
	}
	wanted := map[readiness.ID]bool{}
	for _, id := range indicators {
		wanted[readiness.ID(id)] = true
	}
	var out []render.Series
	for _, info := range infos {
		if len(wanted) > 0 && !wanted[info.Indicator] {
			continue
		}
		samples, err := db.Series(ctx, target, info.Endpoint, info.Indicator, h.Since, h.Until)
		if err != nil {
			return nil, err
		}
		s := render.Series{Endpoint: info.Endpoint, Indicator: info.Indicator, Unit: info.Unit}
		moved := false
		for _, x := range samples {
			s.Points = append(s.Points, render.Point{At: x.At, Min: x.Min, Max: x.Max, Last: x.Last})
			moved = moved || x.Min != x.Max || x.Last != samples[0].Last
		}
		if len(s.Points) > 0 && (moved || len(wanted) > 0) {
			out = append(out, s)
		}
	}
	return out, nil
}

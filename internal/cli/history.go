package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if h.Statuses, err = statusPoints(ctx, db, &h); err != nil {
		return err
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
	still := 0
	for _, info := range infos {
		if len(wanted) > 0 && !wanted[info.Indicator] {
			continue
		}
		s, err := seriesPoints(ctx, db, readiness.Key{Target: target, Endpoint: info.Endpoint, Indicator: info.Indicator}, info.Unit, &h)
		if err != nil {
			return nil, err
		}
		moved := slices.ContainsFunc(s.Points, func(p render.Point) bool { return p.Min != p.Max || p.Last != s.Points[0].Last })
		switch {
		case len(s.Points) == 0:
		case moved || len(wanted) > 0:
			out = append(out, s)
		default:
			still++
		}
	}
	if still > 0 {
		a.remark("numbers that did not change are not drawn (%d); --indicator NAME draws one", still)
	}
	return out, nil
}

// statusPoints reads the verdicts on the target of a history.
func statusPoints(ctx context.Context, db *store.DB, h *render.History) ([]render.StatusPoint, error) {
	statuses, err := db.Statuses(ctx, h.Target, h.Since, h.Until)
	var points []render.StatusPoint
	for _, s := range statuses {
		points = append(points, render.StatusPoint{At: s.At, Last: s.Last, ValidUntil: s.ValidUntil, Covered: s.Covered, Status: s.Status, Code: s.Code})
	}
	return points, err
}

// seriesPoints reads the numbers of one series in the time of a history.
func seriesPoints(ctx context.Context, db *store.DB, k readiness.Key, unit readiness.Unit, h *render.History) (render.Series, error) {
	samples, err := db.Series(ctx, k.Target, k.Endpoint, k.Indicator, h.Since, h.Until)
	s := render.Series{Endpoint: k.Endpoint, Indicator: k.Indicator, Unit: unit}
	for _, x := range samples {
		s.Points = append(s.Points, render.Point{At: x.At, Min: x.Min, Max: x.Max, Last: x.Last})
	}
	return s, err
}

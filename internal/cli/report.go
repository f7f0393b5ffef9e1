package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/report"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func newReport(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Make documents that are kept",
		Args:  noArgs,
	}
	cmd.AddCommand(newReportPage(a))
	return cmd
}

// pageFile is where the page goes unless told otherwise.
const pageFile = "bcctl-page.html"

// pageHours is how far back the drawings of a page go.
const pageHours = 24 * time.Hour

func newReportPage(a *app) *cobra.Command {
	var sel selection
	var file string
	cmd := &cobra.Command{
		Use:   "page [target...]",
		Short: "Write the readiness page: one file that opens from disk in a browser",
		Long: `Writes the last recorded verdicts with the history of 24 hours as one HTML file that
needs nothing else: no server, no network, no script to be read. It makes no connection;
run check before it.

The page says until when each status holds. Its script takes back by the reader's clock
what has expired, so a page that is left open or kept turns UNKNOWN and is never green
by mistake. The exit code is about the file, not about the verdicts.`,
		Example: exampleLines("bcctl check; bcctl report page", "bcctl report page -l tier=1 --output-file tier1.html",
			"bcctl report page --group payments --output-file /srv/www/payments.html", "bcctl report page ledger --output-file - > ledger.html"),
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reportPage(cmd, args, &sel, file)
		},
	}
	output := pflag.NewFlagSet("output", pflag.ContinueOnError)
	output.StringVar(&file, "output-file", pageFile, "the file to write; - is stdout")
	sections(cmd, sel.flags(), flagSection{"Output", output})
	cmd.Flags().StringVar(&a.globals.store, "store", "", "history file")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if strings.Contains(err.Error(), "'o' in -o") {
			return usage(errors.New("the page has one format; the file is named by --output-file"), "bcctl report page --output-file page.html")
		}
		return usage(err, cmd.CommandPath()+" --help")
	})
	return cmd
}

func (a *app) reportPage(cmd *cobra.Command, args []string, sel *selection, file string) error {
	if file == "" {
		return usage(errors.New("--output-file needs a name"), "bcctl report page --output-file page.html")
	}
	last, r, err := a.recorded(cmd, args, sel)
	if err != nil {
		return err
	}
	targets, err := a.pageTargets(cmd.Context(), r, last)
	if err != nil {
		return err
	}
	page, err := report.Page(report.Input{Report: last, Now: a.Now(), Targets: targets, Total: len(r.repo.Resources), Command: a.command()})
	if err != nil {
		return err
	}
	if file == "-" {
		_, err := a.Stdout.Write(page)
		return err
	}
	if err := render.WriteFile(a.path(file), page); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.Stdout, file)
	return err
}

// pageTargets reads what a page shows besides the verdicts: objectives and groups
// from the repository, the last day from the history.
func (a *app) pageTargets(ctx context.Context, r *repository, last check.Report) (map[string]report.Target, error) {
	db, err := a.openStore(ctx, r)
	if err != nil {
		return nil, err
	}
	defer a.closeStore(db)
	until := last.FinishedAt
	since := until.Add(-pageHours)
	changes, err := db.Transitions(ctx, "", since)
	if err != nil {
		return nil, err
	}
	byTarget := map[string][]check.Transition{}
	for _, c := range changes {
		byTarget[c.Target] = append(byTarget[c.Target], c)
	}
	groups := map[string][]string{}
	for _, g := range r.repo.Groups {
		for _, name := range members(r.repo, g, map[string]bool{}) {
			groups[name] = append(groups[name], g.Name())
		}
	}
	if len(last.Results) >= manyResources {
		a.remark("reading the history of %s resources", term.Count(len(last.Results)))
	}
	targets := map[string]report.Target{}
	var keep sync.Mutex
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(pageReaders)
	for _, result := range last.Results {
		res, ok := r.repo.Resource(result.Name)
		if !ok {
			continue // of a group the page shows the sum of its members
		}
		reading.Go(func() error {
			objectives := check.Subject(r.repo, res).Objectives
			t := report.Target{RPO: objectives.RPO, RTO: objectives.RTO, Groups: groups[result.Name]}
			t.History = render.History{Target: result.Name, Since: since, Until: until, Transitions: byTarget[result.Name]}
			if err := pageHistory(ctx, db, result, &t.History); err != nil {
				return err
			}
			keep.Lock()
			defer keep.Unlock()
			targets[result.Name] = t
			return nil
		})
	}
	return targets, reading.Wait()
}

// pageReaders is how many targets' histories are read at once; a history file has
// no more connections than that.
const pageReaders = 4

// manyResources is from how many on reading takes so long that a person wonders.
const manyResources = 200

// pageHistory reads the verdicts and the series that are worth drawing.
func pageHistory(ctx context.Context, db *store.DB, result readiness.Result, h *render.History) error {
	var err error
	if h.Statuses, err = statusPoints(ctx, db, h); err != nil {
		return err
	}
	infos, err := db.SeriesOf(ctx, result.Name)
	if err != nil {
		return err
	}
	units := map[readiness.Key]readiness.Unit{}
	var have []readiness.Key
	for _, i := range infos {
		k := readiness.Key{Target: result.Name, Endpoint: i.Endpoint, Indicator: i.Indicator}
		have, units[k] = append(have, k), i.Unit
	}
	for _, k := range report.Wanted(result, have) {
		s, err := seriesPoints(ctx, db, k, units[k], h)
		if err != nil {
			return err
		}
		h.Series = append(h.Series, s)
	}
	return nil
}

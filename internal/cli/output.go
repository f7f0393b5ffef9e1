package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// outputOptions are the flags that say how a report is shown.
type outputOptions struct {
	formats []string
	all     bool
}

func (o *outputOptions) flags() flagSection {
	f := pflag.NewFlagSet("output", pflag.ContinueOnError)
	f.StringArrayVarP(&o.formats, "output", "o", nil, "table, wide, name, json, jsonl, yaml, csv, markdown, github, junit, sarif, template=...; FORMAT=FILE writes a file; repeatable")
	f.BoolVar(&o.all, "all", false, "list green targets too, not only their number")
	return flagSection{"Output", f}
}

// render writes a report in every format asked for, and returns the verdict as
// the reader must see it.
func (a *app) render(report check.Report, o outputOptions) (readiness.Status, error) {
	view := a.view(report, a.Stdout)
	seen := view.Seen().Verdict
	specs, err := o.specs()
	if err != nil {
		return seen, err
	}
	reportPath := ""
	var failed []error
	for _, spec := range specs {
		if spec.Path != "" {
			spec.Path = a.path(spec.Path)
			if spec.Format == render.JSON {
				reportPath = spec.Path
			}
		}
		shown := view
		shown.All = o.all || spec.Format == render.Name // a list of names is for scripts: whole
		if err := render.Render(a.Stdout, spec, shown); err != nil {
			failed = append(failed, fmt.Errorf("write %s: %w", spec.Format, err))
		}
	}
	return seen, errors.Join(append(failed, a.githubFiles(view, reportPath))...)
}

// specs reads the formats; the table when none is asked for.
func (o outputOptions) specs() ([]render.Spec, error) {
	formats := o.formats
	if len(formats) == 0 {
		formats = []string{"table"}
	}
	var specs []render.Spec
	stdout := 0
	for _, text := range formats {
		spec, err := render.Parse(text)
		if err != nil {
			return nil, usage(err, "bcctl help output")
		}
		if spec.Path == "" {
			stdout++
		}
		specs = append(specs, spec)
	}
	if stdout > 1 {
		return nil, usage(errors.New("two formats cannot share stdout; give all but one a file"), "bcctl check -o table -o json=report.json")
	}
	return specs, nil
}

func (a *app) view(report check.Report, w io.Writer) render.View {
	return render.View{Report: report, Now: a.Now(), Profile: a.profile(w), Command: a.command()}
}

// command is how bcctl is called for this repository, for commands to paste.
func (a *app) command() string {
	if a.globals.repo == "" {
		return "bcctl"
	}
	return "bcctl -C " + a.globals.repo
}

func (a *app) profile(w io.Writer) term.Profile {
	mode, err := term.ParseColorMode(a.globals.color)
	if err != nil || a.globals.noColor {
		mode = term.ColorNever
	}
	return term.Detect(w, a.Lookup, term.WithColor(mode))
}

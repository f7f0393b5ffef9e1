package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bcctl/bcctl/internal/render"
)

// inActions reports whether this is a step of GitHub Actions, where annotations,
// a summary and outputs are written without being asked for.
func (a *app) inActions() bool {
	return a.getenv("GITHUB_ACTIONS") == "true" && a.getenv("BCCTL_GITHUB") != "off"
}

// githubFiles adds what GitHub Actions reads: annotations to stderr's log, the job
// summary and the step's outputs.
func (a *app) githubFiles(view render.View, reportPath string) error {
	if !a.inActions() {
		return nil
	}
	failed := []error{render.Render(a.Stderr, render.Spec{Format: render.GitHub}, view)}
	if path := a.getenv("GITHUB_STEP_SUMMARY"); path != "" {
		failed = append(failed, appendTo(path, func(w io.Writer) error { return render.Summary(w, view) }))
	}
	if path := a.getenv("GITHUB_OUTPUT"); path != "" {
		failed = append(failed, appendTo(path, func(w io.Writer) error { return render.Outputs(w, view, reportPath) }))
	}
	return errors.Join(failed...)
}

// appendTo adds to a file that the runner created.
func appendTo(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("write for GitHub Actions: %w", err)
	}
	return errors.Join(write(f), f.Close())
}

// Escaping of GitHub workflow commands.

func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

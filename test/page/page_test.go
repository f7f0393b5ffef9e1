// Package page_test opens the readiness page in a real browser.
package page_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/report"
	"github.com/bcctl/bcctl/internal/report/reporttest"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestPageInBrowser runs page.test.mjs. Without a browser or Node it is skipped;
// with BCCTL_TEST_REQUIRE=browser it fails instead. With SHOTS=DIR pictures are
// left there.
func TestPageInBrowser(t *testing.T) {
	node, chromium := require(t)
	dir := t.TempDir()
	all := pages()
	in, expected := matrix(t)
	all["matrix"] = in
	if err := os.WriteFile(filepath.Join(dir, "matrix.json"), expected, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, in := range all {
		page, err := report.Page(in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".html"), page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "--test", "--test-reporter=spec", "page.test.mjs")
	cmd.Env = append(os.Environ(), "PAGES="+dir, "CHROMIUM="+chromium, "WRITTEN="+reporttest.Noon.Format(time.RFC3339),
		"VALID_UNTIL="+reporttest.Noon.Add(reporttest.Valid-reporttest.Checked).Format(time.RFC3339), "SHOTS="+os.Getenv("SHOTS"))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("in the browser: %v", err)
	}
}

// pages are the pages the cases open, by name.
func pages() map[string]report.Input {
	later := reporttest.Fleet()
	later.Now = reporttest.Noon.Add(time.Hour)
	replay := reporttest.Fleet()
	replay.Report.Replay = &check.Replay{RecordedAt: reporttest.Noon}
	return map[string]report.Input{
		"fleet":   reporttest.Fleet(),
		"large":   reporttest.Large(500),
		"broken":  reporttest.Broken(500),
		"hostile": reporttest.Hostile(),
		"green":   reporttest.Green(),
		"soft":    soft(),
		"expired": later,
		"replay":  replay,
		"empty":   {Now: reporttest.Noon},
	}
}

// soft is a green resource of which an optional reading expires soon.
func soft() report.Input {
	in := reporttest.Green()
	for i := range in.Report.Results {
		r := &in.Report.Results[i]
		for k := range r.Indicators {
			if x := &r.Indicators[k]; r.Kind == readiness.KindResource && !x.Required {
				x.ValidUntil = reporttest.Noon.Add(20 * time.Second)
			}
		}
	}
	return in
}

// require finds Node, Chromium and the packages of package.json, or ends the test.
func require(t *testing.T) (node, chromium string) {
	t.Helper()
	missing := func(what string) {
		message := what + " is missing; scripts/setup-browser.sh installs it"
		if strings.Contains(os.Getenv("BCCTL_TEST_REQUIRE"), "browser") {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("node")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if chromium, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if chromium == "" {
		missing("Chromium")
	}
	if _, err := os.Stat("node_modules/playwright-core/package.json"); err != nil {
		missing("playwright-core")
	}
	if _, err := os.Stat("node_modules/axe-core/axe.min.js"); err != nil {
		missing("axe-core")
	}
	return node, chromium
}

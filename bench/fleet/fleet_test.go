package main

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/internal/secret"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors/all"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestMixedSweep is the benchmark in small: whoever hangs or refuses costs its own
// deadline, is unknown, and takes nothing from the others' verdicts.
func TestMixedSweep(t *testing.T) {
	pair := pgpairtest.Start(t, pgpair.Options{Settings: map[string]string{"max_connections": "200"}})
	f, err := newFleet(t.Context(), t.TempDir(), pair, 60)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.close(context.Background()); err != nil {
			t.Errorf("close the fleet: %v", err)
		}
	})
	registry := all.Registry()
	repo, problems := config.Load(os.DirFS(f.config), config.Options{Catalog: registry})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	set, problems := check.Validate(repo, registry)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	runner := &check.Runner{Registry: registry, Secrets: secret.NewResolver(os.LookupEnv), Version: "test",
		Parallel: 16, TargetTimeout: targetDeadline, Now: time.Now} // as check does by default
	start := time.Now()
	report, err := runner.Run(t.Context(), check.Sweep{Repo: repo, Rules: set, Targets: repo.Resources, Groups: repo.Groups})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > timeLimit {
		t.Errorf("the sweep took %s", took)
	}
	statuses := map[string]string{}
	for _, result := range report.Results {
		if result.Kind == readiness.KindResource {
			statuses[result.Name] = result.Status.String()
		}
	}
	for _, problem := range f.wrong(f.config, statuses) {
		t.Error(problem)
	}
	if len(f.hung) < 3 || len(f.refusing) < 3 || len(statuses) != 60 {
		t.Errorf("%d targets, of which %d hang and %d refuse: this test shows nothing", len(statuses), len(f.hung), len(f.refusing))
	}
}

package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// RecordingSchema identifies the JSON form of Recording.
const RecordingSchema = "https://bcctl.dev/schemas/recording/v1"

// DemoEnvironment is the only environment whose resources may be judged from a
// recording: a repository of real resources cannot be switched to one.
const DemoEnvironment = "demo"

// Recording is what a sweep saw, kept to be judged again: for demonstrations, for
// trying thresholds, and for reports of faults. It proves nothing about the
// present.
type Recording struct {
	Schema       string                  `json:"schema"`
	RecordedAt   time.Time               `json:"recordedAt"`
	Observations []readiness.Observation `json:"observations"`
}

// Record takes the observations of a report.
func Record(r Report) Recording {
	rec := Recording{Schema: RecordingSchema, RecordedAt: r.FinishedAt}
	for _, result := range r.Results {
		if result.Kind != readiness.KindResource {
			continue
		}
		for _, i := range result.Indicators {
			o := i.Observation
			o.Target = result.Name
			rec.Observations = append(rec.Observations, o)
		}
	}
	return rec
}

// Of returns the observations of one target.
func (r Recording) Of(target string) []readiness.Observation {
	var out []readiness.Observation
	for _, o := range r.Observations {
		if o.Target == target {
			out = append(out, o)
		}
	}
	return out
}

// LoadRecording reads the recordings of a folder of a repository and joins them;
// their time is that of the newest. Every resource must be of DemoEnvironment.
func LoadRecording(fsys fs.FS, dir string, repo *config.Repo) (*Recording, error) {
	for _, res := range repo.Resources {
		if res.Spec.Environment != DemoEnvironment {
			return nil, fmt.Errorf("%s: replay is for resources of environment %q only, and %s is of %q; remove replay from bcctl.yaml",
				res.Origin, DemoEnvironment, res.Name(), res.Spec.Environment)
		}
	}
	entries, err := fs.ReadDir(fsys, path.Clean(dir))
	if err != nil {
		return nil, fmt.Errorf("read recordings: %w", err)
	}
	joined := &Recording{Schema: RecordingSchema}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		name := path.Join(dir, e.Name())
		rec, err := readRecording(fsys, name)
		if err != nil {
			return nil, err
		}
		joined.Observations = slices.Concat(joined.Observations, rec.Observations)
		if rec.RecordedAt.After(joined.RecordedAt) {
			joined.RecordedAt = rec.RecordedAt
		}
	}
	if joined.RecordedAt.IsZero() {
		return nil, fmt.Errorf("%s: holds no recording", dir)
	}
	return joined, nil
}

func readRecording(fsys fs.FS, name string) (Recording, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return Recording{}, fmt.Errorf("read recording: %w", err)
	}
	var rec Recording
	if err := json.Unmarshal(data, &rec); err != nil {
		return rec, fmt.Errorf("%s: %w", name, err)
	}
	if rec.Schema != RecordingSchema || rec.RecordedAt.IsZero() {
		return rec, fmt.Errorf("%s: %w", name, errors.New("is not a recording; make one with `bcctl check --record FILE`"))
	}
	return rec, nil
}

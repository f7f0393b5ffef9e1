package snowflake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
)

// Facts about several groups or objects are JSON: names may hold any character.

// encode writes a fact. What is encoded here can always be.
func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// moments are times by the declared name of a group.
type moments map[string]time.Time

func (m moments) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s of %s", name, m[name].UTC().Format(time.RFC3339)))
	}
	return strings.Join(parts, ", ")
}

// oldest is the consistency point of all groups together.
func (m moments) oldest() (at time.Time) {
	for _, t := range m {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at
}

// parseMoments reads what encode wrote of moments, and requires one for each group.
func parseMoments(text string, groups []string) (moments, error) {
	m := moments{}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("%q is no list of snapshots by group", text)
	}
	for _, name := range groups {
		if m[name].IsZero() {
			return nil, fmt.Errorf("there is no snapshot of %s in %s", name, text)
		}
	}
	return m, nil
}

// schedulesBefore are the states of schedules by endpoint and declared group.
type schedulesBefore map[string]map[string]string

func parseSchedules(text string) (schedulesBefore, error) {
	m := schedulesBefore{}
	if text == "" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("%q is no list of schedules by account and group", text)
	}
	return m, nil
}

// started reports whether the copy was being refreshed when the run began.
func (m schedulesBefore) started(endpoint, group string) bool {
	return strings.EqualFold(m[endpoint][group], "STARTED")
}

func parseJobs(text string, groups []string) (map[string]string, error) {
	m := map[string]string{}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("%q is no list of refreshes by group", text)
	}
	for _, name := range groups {
		if m[name] == "" {
			return nil, fmt.Errorf("there is no refresh of %s in %s", name, text)
		}
	}
	return m, nil
}

func parseWorks(text string) ([]work, error) {
	var list []work
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("%q is no list of tasks or pipes", text)
	}
	for _, w := range list {
		if w[0] == "" || w[1] == "" || w[2] == "" {
			return nil, fmt.Errorf("%q holds a name that is not whole", text)
		}
	}
	return list, nil
}

func worksText(list []work) string {
	names := make([]string, len(list))
	for i, w := range list {
		names[i] = w.String()
	}
	return joined(names)
}

// parseWork reads DATABASE.SCHEMA.NAME, each as it is or in double quotes.
func parseWork(text string) (work, error) {
	var w work
	rest := strings.TrimSpace(text)
	for i := range w {
		part := rest
		if strings.HasPrefix(rest, `"`) {
			end := strings.Index(rest[1:], `"`)
			if end < 0 {
				return w, fmt.Errorf("%q is not DATABASE.SCHEMA.NAME", text)
			}
			part = rest[:end+2]
		} else if n := strings.IndexByte(rest, '.'); n >= 0 {
			part = rest[:n]
		}
		rest = strings.TrimPrefix(rest, part)
		if dot := strings.HasPrefix(rest, "."); dot != (i < 2) {
			return w, fmt.Errorf("%q is not DATABASE.SCHEMA.NAME", text)
		}
		rest = strings.TrimPrefix(rest, ".")
		if w[i] = failover.Identifier(part); w[i] == "" {
			return w, fmt.Errorf("%q is not DATABASE.SCHEMA.NAME", text)
		}
	}
	if rest != "" {
		return w, fmt.Errorf("%q is not DATABASE.SCHEMA.NAME", text)
	}
	return w, nil
}

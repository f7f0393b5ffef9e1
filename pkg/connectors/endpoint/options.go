package endpoint

import (
	"maps"
	"slices"
	"strings"
)

// UnknownOptions reports every key of given that is not in known, with a hint
// that lists what there is.
func UnknownOptions(given map[string]string, known []string, report func(key, hint string)) {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, key) {
			report(key, "known here: "+strings.Join(known, ", "))
		}
	}
}

// SplitList reads an option that is a list: a, b,c.
func SplitList(text string) []string {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

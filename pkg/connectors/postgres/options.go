package postgres

import (
	"slices"
	"strings"
)

func unknownOptions(given map[string]string, known []string, report func(key, hint string)) {
	for key := range given {
		if !slices.Contains(known, key) {
			report(key, "known here: "+strings.Join(known, ", "))
		}
	}
}

func splitList(text string) []string {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

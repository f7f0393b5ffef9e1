package config

import (
	"fmt"
	"slices"
	"strings"
)

// Nearest returns the candidate that a mistyped text was probably meant to be, and
// "" when none is near. Messages all over bcctl use it, so that they guess alike.
func Nearest(text string, candidates []string) string { return nearest(text, candidates) }

// nearest returns the candidate that text was probably meant to be: at most two
// slips of the hand away, or begun by it. It returns "" when there is none.
func nearest(text string, candidates []string) string {
	best, distance := "", 3
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if c == text {
			continue
		}
		d := editDistance(strings.ToLower(text), strings.ToLower(c), distance)
		// In a short word two slips turn anything into anything.
		if d < distance && 2*d < max(len(c), len(text)) {
			best, distance = c, d
		}
	}
	if best != "" || len(text) < 2 {
		return best
	}
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if c != text && (strings.HasPrefix(c, text) || len(c) > 2 && strings.HasPrefix(text, c)) {
			return c
		}
	}
	return ""
}

// didYouMean returns `did you mean "x"?`, or alternative when nothing is near.
func didYouMean(text string, candidates []string, alternative string) string {
	if c := nearest(text, candidates); c != "" {
		return fmt.Sprintf("did you mean %q?", c)
	}
	return alternative
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours (Damerau-Levenshtein, optimal string alignment). It stops early and
// returns limit when the distance is limit or more.
func editDistance(a, b string, limit int) int {
	s, t := []rune(a), []rune(b)
	if len(s)-len(t) >= limit || len(t)-len(s) >= limit {
		return limit
	}
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(t)], limit)
}

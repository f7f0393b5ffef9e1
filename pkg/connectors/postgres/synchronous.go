package postgres

import (
	"strconv"
	"strings"
)

// synchronous is a parsed synchronous_standby_names: how many of which standbys a
// commit waits for (PostgreSQL documentation, "synchronous_standby_names").
type synchronous struct {
	count int
	names []string // "*" is any
}

// parseSynchronous reads the setting. It reports false for an empty text, which
// means that no commit waits, and for one it cannot read.
func parseSynchronous(text string) (synchronous, bool) {
	text = strings.TrimSpace(text)
	s := synchronous{count: 1}
	if head, list, ok := strings.Cut(text, "("); ok && !strings.Contains(head, `"`) && !strings.Contains(head, ",") {
		fields := strings.Fields(head)
		if len(fields) == 2 && (strings.EqualFold(fields[0], "FIRST") || strings.EqualFold(fields[0], "ANY")) {
			fields = fields[1:]
		}
		inner, closed := strings.CutSuffix(list, ")")
		if len(fields) != 1 || !closed {
			return synchronous{}, false
		}
		count, err := strconv.Atoi(fields[0])
		if err != nil || count < 1 {
			return synchronous{}, false
		}
		s.count, text = count, inner
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if unquoted, ok := strings.CutPrefix(name, `"`); ok {
			name = strings.ReplaceAll(strings.TrimSuffix(unquoted, `"`), `""`, `"`)
		}
		if name == "" {
			return synchronous{}, false
		}
		s.names = append(s.names, name)
	}
	return s, true
}

// wants reports whether a standby of this application name counts.
func (s synchronous) wants(name string) bool {
	for _, n := range s.names {
		if n == "*" || strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

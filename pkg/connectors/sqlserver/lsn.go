package sqlserver

import (
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// compareLSN orders two log positions, which are decimal numbers of up to 25
// digits. They can be ordered within one recovery fork and nothing else: most of
// them name log blocks, so that their difference is no number of bytes.
// (sys.dm_hadr_database_replica_states, Understanding the LSN column values)
func compareLSN(a, b string) (order int, ok bool) {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if !digits(a) || !digits(b) {
		return 0, false
	}
	if len(a) != len(b) {
		return sign(len(a) - len(b)), true
	}
	return strings.Compare(a, b), true
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	default:
		return 0
	}
}

// forks maps the databases of an instance to their recovery fork.
func (n *node) forks() map[string]localDatabase {
	found := map[string]localDatabase{}
	for _, l := range n.local {
		if l.ID != "" {
			found[l.ID] = l
		}
	}
	return found
}

// parted says whether the histories of two primaries can be told apart.
func parted(a, b *node) string {
	theirs := b.forks()
	var apart []string
	compared := 0
	for id, l := range a.forks() {
		other, both := theirs[id]
		if !both || l.Fork == "" || other.Fork == "" {
			continue
		}
		compared++
		if l.Fork != other.Fork {
			apart = append(apart, l.Name)
		}
	}
	switch {
	case len(apart) > 0:
		return "the recovery forks of " + some(apart) + " differ: they have parted already"
	case compared == 0:
		return "their recovery forks could not be compared"
	default:
		return "their recovery forks do not tell them apart: ask which is legitimate, do not choose"
	}
}

// mostLog says for each database which replica has the most of its log. Different
// databases may be best off on different replicas, while a group fails over whole.
func mostLog(nodes []*node) string {
	type best struct {
		node      *node
		state     databaseState
		contested bool // not of one fork, or not comparable
	}
	found := map[string]*best{}
	var order []string
	for _, n := range nodes {
		forks := n.forks()
		for _, s := range n.databases {
			if !isSet(s.Local) || s.EndOfLog == "" || s.ID == "" {
				continue
			}
			b := found[s.ID]
			if b == nil {
				found[s.ID], order = &best{node: n, state: s}, append(order, s.ID)
				continue
			}
			if mine, theirs := forks[s.ID].Fork, b.node.forks()[s.ID].Fork; mine == "" || mine != theirs {
				b.contested = true
			}
			switch cmp, ok := compareLSN(s.EndOfLog, b.state.EndOfLog); {
			case !ok:
				b.contested = true
			case cmp > 0:
				b.node, b.state = n, s
			}
		}
	}
	var parts []string
	for _, id := range order {
		if b := found[id]; b.contested {
			parts = append(parts, fmt.Sprintf("of %s not comparable", b.state.Name))
		} else {
			parts = append(parts, fmt.Sprintf("of %s on %s", b.state.Name, b.node.Name))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "; the most log is, " + some(parts)
}

// forkFinding compares the history of one database on two instances.
func forkFinding(l *link, p pair, theirs localDatabase) readiness.Finding {
	return finding(readiness.Diverged, "database %s on %s is on recovery fork %s, on %s on %s: they have parted", p.name, l.name, theirs.Fork, l.from.Name, p.fork)
}

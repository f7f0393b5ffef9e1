package render

import (
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// cannotRunSuffix ends the reason of everything that a version has no action for.
const cannotRunSuffix = " cannot run in this version of bcctl"

// grouped shortens what was not checked for people: what a version cannot run at
// all is one line for each resource. The JSON has each by itself.
func grouped(list []runbook.Unchecked) []runbook.Unchecked {
	actions := map[string][]string{}
	places := map[string]int{}
	for _, u := range list {
		if name, ok := strings.CutSuffix(u.Why, cannotRunSuffix); ok {
			if !strings.Contains(" "+strings.Join(actions[u.Resource], " ")+" ", " "+name+" ") {
				actions[u.Resource] = append(actions[u.Resource], name)
			}
			places[u.Resource]++
		}
	}
	var out []runbook.Unchecked
	told := map[string]bool{}
	for _, u := range list {
		if !strings.HasSuffix(u.Why, cannotRunSuffix) || places[u.Resource] < 4 {
			out = append(out, u)
			continue
		}
		if told[u.Resource] {
			continue
		}
		told[u.Resource] = true
		out = append(out, runbook.Unchecked{Resource: u.Resource,
			What: fmt.Sprintf("%d checks and steps cannot run in this version of bcctl", places[u.Resource]), Why: strings.Join(actions[u.Resource], ", ")})
	}
	return out
}

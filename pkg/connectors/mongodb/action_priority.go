package mongodb

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// priorities are those of all members, by _id.
func (c *config) priorities() map[int64]float64 {
	p := map[int64]float64{}
	for _, m := range c.Members {
		p[m.ID] = m.Priority
	}
	return p
}

// moved makes a seat the preferred one with the least change: it changes places with
// the one that is preferred now, so that the others keep their order and nobody gets
// a priority of 0. Where several share the highest priority, it gets one more.
func (c *config) moved(target *seat) (map[int64]float64, error) {
	p, highest := c.priorities(), 0.0
	for _, m := range c.Members {
		highest = max(highest, m.Priority)
	}
	var at []int64
	for _, m := range c.Members {
		if m.Priority == highest {
			at = append(at, m.ID)
		}
	}
	if len(at) == 1 && at[0] != target.ID {
		p[at[0]], p[target.ID] = p[target.ID], highest
		return p, nil
	}
	if highest+1 > 1000 {
		return nil, fmt.Errorf("several members have priority %g, and none may have more than 1000: lower them by hand", highest)
	}
	p[target.ID] = highest + 1
	return p, nil
}

// reprioritized is a configuration with other priorities and the next version. All
// else stays as the server told it, also what bcctl does not know.
func reprioritized(raw document, version int64, priorities map[int64]float64) (bson.D, error) {
	var next bson.D
	if err := bson.Unmarshal(raw, &next); err != nil {
		return nil, err
	}
	seen := 0
	for i, e := range next {
		switch e.Key {
		case "version":
			next[i].Value = version
			seen++
		case "members":
			list, ok := e.Value.(bson.A)
			if !ok {
				return nil, errors.New("its members are no list")
			}
			for _, item := range list {
				member, ok := item.(bson.D)
				if !ok || !prioritize(member, priorities) {
					return nil, errors.New("a member cannot be read")
				}
			}
			seen++
		}
	}
	if seen != 2 {
		return nil, errors.New("it has no version, or no members")
	}
	return next, nil
}

func prioritize(member bson.D, priorities map[int64]float64) bool {
	var id int64
	set := false
	for _, e := range member {
		if e.Key == "_id" {
			raw, err := bson.Marshal(bson.D{e})
			if err != nil {
				return false
			}
			n := document(raw).integer("_id")
			if n == nil {
				return false
			}
			id = *n
		}
	}
	for i, e := range member {
		if want, ok := priorities[id]; ok && e.Key == "priority" {
			member[i].Value, set = want, true
		}
	}
	return set
}

func priorityFacts(c *config, after map[int64]float64) connectors.Facts {
	text := func(p map[int64]float64) string {
		var list []string
		for _, m := range c.Members {
			list = append(list, fmt.Sprintf("%s=%g", m.Host, p[m.ID]))
		}
		return strings.Join(list, " ")
	}
	return connectors.Facts{"version": strconv.FormatInt(*c.Version, 10), "before": text(c.priorities()), "after": text(after)}
}

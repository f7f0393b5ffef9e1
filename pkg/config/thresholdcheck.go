package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// indicators is what may be given thresholds in some place; nil when it is not
// known and nothing is checked.
type indicators map[readiness.ID]readiness.Indicator

// catalogOf returns the indicators of a platform, and of all platforms when it is
// empty. A platform without a connector has none that are known.
func (c *checker) catalogOf(platform string) indicators {
	if c.catalog == nil {
		return nil
	}
	platforms := []string{platform}
	if platform == "" {
		platforms = c.catalog.Platforms()
	} else if !slices.Contains(c.catalog.Platforms(), platform) {
		return nil
	}
	known := make(indicators)
	for _, p := range platforms {
		for _, i := range c.catalog.Indicators(p) {
			known[i.ID] = i
		}
	}
	return known
}

// thresholds checks the limits of indicators that stand at a path of a spec.
func (c *checker) thresholds(o Origin, thresholds map[readiness.ID]rules.Threshold, known indicators, path ...any) {
	c.indicatorNames(o, slices.Collect(maps.Keys(thresholds)), known, path...)
	for _, id := range slices.Sorted(maps.Keys(thresholds)) {
		if i, ok := known[id]; ok {
			c.threshold(o, thresholds[id], i, append(slices.Clone(path), string(id)))
		}
	}
}

// indicatorNames checks that indicators exist.
func (c *checker) indicatorNames(o Origin, ids []readiness.ID, known indicators, path ...any) {
	if known == nil {
		return
	}
	slices.Sort(ids)
	for _, id := range ids {
		if _, ok := known[id]; !ok {
			c.addKey(o, fmt.Sprintf("unknown indicator %q", id), c.suggestIndicator(id, known), append(slices.Clone(path), string(id))...)
		}
	}
}

func (c *checker) suggestIndicator(id readiness.ID, known indicators) string {
	var names []string
	for k := range known {
		names = append(names, string(k))
	}
	return c.suggest(string(id), names, "no connector of the platform measures it")
}

// threshold checks the two levels of one indicator.
func (c *checker) threshold(o Origin, t rules.Threshold, i readiness.Indicator, path []any) {
	yellow, yellowOK := c.level(o, t.Yellow, i, append(slices.Clone(path), "yellow"))
	red, redOK := c.level(o, t.Red, i, append(slices.Clone(path), "red"))
	if !yellowOK || !redOK {
		return
	}
	if beyond(yellow, red, i) || yellow == red {
		side := "above"
		if i.LowIsBad {
			side = "below"
		}
		c.add(o, fmt.Sprintf("red of %s starts at %s, not %s yellow, which starts at %s", i.ID, t.Red.Raise, side, t.Yellow.Raise),
			"yellow comes before red; change one of them", append(slices.Clone(path), "red", "raise")...)
	}
}

// beyond reports whether a is further on the bad side than b.
func beyond(a, b float64, i readiness.Indicator) bool {
	if i.LowIsBad {
		return a < b
	}
	return a > b
}

// level checks one level and returns where it starts; ok is false when there is
// none or it cannot be read.
func (c *checker) level(o Origin, l *rules.Level, i readiness.Indicator, path []any) (raise float64, ok bool) {
	if l == nil {
		return 0, false
	}
	raise, ok = c.quantity(o, l.Raise, i, append(slices.Clone(path), "raise"))
	if l.Clear == nil {
		return raise, ok
	}
	end, endOK := c.quantity(o, *l.Clear, i, append(slices.Clone(path), "clear"))
	if ok && endOK && beyond(end, raise, i) {
		side := "not above"
		if i.LowIsBad {
			side = "not below"
		}
		c.add(o, fmt.Sprintf("clear of %s is %s, on the bad side of raise, %s", i.ID, *l.Clear, l.Raise),
			"write a value "+side+" raise", append(slices.Clone(path), "clear")...)
	}
	return raise, ok
}

// quantity reads a limit in the unit of its indicator.
func (c *checker) quantity(o Origin, q rules.Quantity, i readiness.Indicator, path []any) (float64, bool) {
	f, err := q.In(i.Unit)
	if err != nil {
		what, instead := fmt.Sprintf("%q is not a limit of %s", q, i.ID), "write a number without a unit, for example 5"
		switch i.Unit {
		case readiness.Seconds:
			what, instead = fmt.Sprintf("%q is not a time; %s is measured in seconds", q, i.ID), "write for example 30s, 15m or 4h"
		case readiness.Bytes:
			what, instead = fmt.Sprintf("%q is not a size; %s is measured in bytes", q, i.ID), "write for example 16MiB, 1GiB or a number of bytes"
		}
		c.add(o, what, instead, path...)
		return 0, false
	}
	if i.Unit == readiness.Ratio && (f < 0 || f > 1) {
		c.add(o, fmt.Sprintf("%q is not between 0 and 1; %s is a ratio", q, i.ID), "write for example 0.9 for 90 %", path...)
		return 0, false
	}
	return f, true
}

package config

import (
	"fmt"
	"slices"
	"time"
)

func (c *checker) calendars() {
	for _, cal := range c.repo.Calendars {
		o := cal.Origin
		c.unique(o, "pause", namesOf(cal.Spec.AfterFailover, func(p Pause) string { return p.Name }), func(i int) []any { return []any{"afterFailover", i, "name"} })
		for i, p := range cal.Spec.AfterFailover {
			c.pause(o, p, "afterFailover", i)
		}
		for _, list := range []struct {
			key     string
			windows []Window
		}{{"freezes", cal.Spec.Freezes}, {"maintenance", cal.Spec.Maintenance}} {
			c.unique(o, "window", namesOf(list.windows, func(w Window) string { return w.Name }), func(i int) []any { return []any{list.key, i, "name"} })
			for i, w := range list.windows {
				c.window(o, w, list.key, i)
				c.repeated(o, cal.Spec, w, list.key, i)
			}
		}
	}
}

func (c *checker) pause(o Origin, p Pause, path ...any) {
	if p.Lasts <= 0 {
		c.add(o, "lasts is zero", "write how long it lasts, for example 2h", append(slices.Clone(path), "lasts")...)
	}
	c.match(o, p.Match, nil, append(slices.Clone(path), "match")...)
}

func (c *checker) window(o Origin, w Window, path ...any) {
	at := func(key string) []any { return append(slices.Clone(path), key) }
	switch {
	case w.Until == nil && w.Lasts == nil:
		c.add(o, fmt.Sprintf("window %q has no end", w.Name), "add until, or lasts", path...)
	case w.Until != nil && w.Lasts != nil:
		c.add(o, fmt.Sprintf("window %q has both until and lasts", w.Name), "keep one of them", at("lasts")...)
	case w.Lasts != nil && *w.Lasts <= 0:
		c.add(o, "lasts is zero", "write how long it lasts, for example 8h", at("lasts")...)
	}
	c.span(o, &w.From, w.Until, "until", path...)
	c.match(o, w.Match, nil, at("match")...)
}

// repeated checks what is repeated: that its first time is one of the rule.
func (c *checker) repeated(o Origin, cal CalendarSpec, w Window, path ...any) {
	at := func(key string) []any { return append(slices.Clone(path), key) }
	switch {
	case w.Repeat == "" && w.WorkdaysOnly:
		c.add(o, "workdaysOnly is for a window that is repeated", "add repeat, or remove it", at("workdaysOnly")...)
		return
	case w.Repeat == "":
		return
	case w.Until != nil:
		c.add(o, fmt.Sprintf("window %q is repeated and has until", w.Name), "write lasts, and for the last time UNTIL or COUNT in repeat", at("until")...)
		return
	}
	rule, zone, err := w.rule(cal)
	if err != nil {
		return // the schema says so
	}
	for first := range rule.Times(w.From, zone, cal.working(w), w.From.AddDate(12, 0, 0)) {
		if !first.Equal(w.From) {
			c.add(o, "from is not one of the times of repeat", "the first after it is "+first.Format(time.RFC3339), at("from")...)
		}
		return
	}
	c.add(o, "no day is one of repeat for twelve years", "write a rule that holds on the day of from", at("repeat")...)
}

func (c *checker) schedules() {
	for _, s := range c.repo.Schedules {
		o, spec := s.Origin, s.Spec
		for i, name := range spec.Targets {
			c.refer(o, "resource or group", name, targets, "targets", i)
			if r, ok := c.repo.Resource(name); ok && r.Spec.Procedures.Of(spec.Type) == nil {
				c.add(o, fmt.Sprintf("resource %q has no procedure for %s", name, spec.Type), "add procedures."+string(spec.Type)+" at "+r.Origin.String(), "targets", i)
			}
		}
		if spec.TargetSite != "" {
			c.referSite(o, spec.TargetSite, "targetSite")
		}
		c.referPerson(o, spec.Owner, "owner")
		for i, name := range spec.Calendars {
			c.refer(o, "calendar", name, []Kind{KindCalendar}, "calendars", i)
		}
		if spec.Window != nil && *spec.Window <= 0 {
			c.add(o, "window is zero: the exercise could never begin", "write for example 4h", "window")
		}
	}
}

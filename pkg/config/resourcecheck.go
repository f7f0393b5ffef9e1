package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/config/secretref"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// targets are the kinds a dependency, a member or a schedule may name.
var targets = []Kind{KindResource, KindGroup}

func (c *checker) resources() {
	for _, r := range c.repo.Resources {
		o, s := r.Origin, r.Spec
		known := c.referSite(o, s.Home.Primary, "home", "primary")
		known = c.referSite(o, s.Home.DR, "home", "dr") && known
		if s.Home.Primary == s.Home.DR {
			c.add(o, "home.primary and home.dr are the same site", "name two sites: losing one must not lose both", "home", "dr")
		}
		if c.endpoints(r) && known {
			c.bothSides(r)
		}
		c.tls(r)
		c.credentials(r)
		c.procedures(r)
		c.integrity(r)
		for i, name := range s.DependsOn {
			c.refer(o, "resource or group", name, targets, "dependsOn", i)
		}
		c.thresholds(o, s.Thresholds, c.catalogOf(s.Platform), "thresholds")
		c.indicatorNames(o, slices.Collect(maps.Keys(s.Require)), c.catalogOf(s.Platform), "require")
	}
}

// endpoints checks the nodes one by one, and reports whether all their sites are
// known.
func (c *checker) endpoints(r *Resource) (known bool) {
	o, s := r.Origin, r.Spec
	c.unique(o, "endpoint", namesOf(s.Endpoints, func(e Endpoint) string { return e.Name }), func(i int) []any { return []any{"endpoints", i, "name"} })
	first := make(map[string]int)
	known = true
	for i, e := range s.Endpoints {
		known = c.referSite(o, e.Site, "endpoints", i, "site") && known
		switch {
		case e.Address == "" && e.URL == "":
			c.add(o, fmt.Sprintf("endpoint %q has no address", e.Name), "add address: host:port, or url", "endpoints", i)
			continue
		case e.Address != "" && e.URL != "":
			c.add(o, fmt.Sprintf("endpoint %q has both address and url", e.Name), "keep one of them", "endpoints", i, "url")
		}
		field := "address"
		if e.Address == "" {
			field = "url"
		}
		where := strings.ToLower(e.Where())
		if j, twice := first[where]; twice {
			c.add(o, fmt.Sprintf("endpoints %q and %q have the same address", s.Endpoints[j].Name, e.Name), "give each node its own address, not a virtual IP, pooler or load balancer", "endpoints", i, field)
		} else {
			first[where] = i
		}
		c.plainOptions(o, e.Options, underCredentials, "endpoints", i, "options")
	}
	c.plainOptions(o, s.Connection.Options, underCredentials, "connection", "options")
	return known
}

// bothSides checks that each side has a node that can be seen.
func (c *checker) bothSides(r *Resource) {
	home := r.Spec.Home
	for _, side := range []struct{ key, site string }{{"primary", home.Primary}, {"dr", home.DR}} {
		if !slices.ContainsFunc(r.Spec.Endpoints, func(e Endpoint) bool { return e.Site == side.site }) {
			c.addKey(r.Origin, fmt.Sprintf("no endpoint stands at home.%s, site %q", side.key, side.site), "add one; without it that side is never seen", "endpoints")
		}
	}
}

func (c *checker) credentials(r *Resource) {
	o, cr := r.Origin, r.Spec.Credentials
	if h := r.Spec.Heartbeat; h != nil {
		if h.Interval <= 0 {
			c.add(o, "heartbeat.interval is zero", "write how often the row is written, for example 10s", "heartbeat", "interval")
		}
		if h.Write && cr.Heartbeat == nil {
			c.add(o, "heartbeat.write needs a login of its own", "add credentials.heartbeat: the monitoring login only reads", "heartbeat", "write")
		}
	}
	if m, e := cr.Monitor, cr.Execute; m != nil && e != nil && *m == *e {
		c.add(o, "credentials.execute is the same login as credentials.monitor", "use two logins: checking must not be able to change anything", "credentials", "execute")
	}
	if m, g := cr.Monitor, cr.Manager; m != nil && g != nil && *m == *g {
		c.add(o, "credentials.manager is the same login as credentials.monitor", "use two logins: checking must not be able to change anything", "credentials", "manager")
	}
	if m, h := cr.Monitor, cr.Heartbeat; m != nil && h != nil && *m == *h {
		c.add(o, "credentials.heartbeat is the same login as credentials.monitor", "use two logins: checking must not be able to change anything", "credentials", "heartbeat")
	}
}

// platformPrefixes begin the names of the procedures of each platform.
var platformPrefixes = map[string]string{"postgresql": "pg.", "sqlserver": "mssql.", "mongodb": "mongodb.", "snowflake": "snowflake."}

// ActionOf reports whether an action is one of a platform, by its name.
func ActionOf(platform, action string) bool {
	return strings.HasPrefix(action, platformPrefixes[platform])
}

func (c *checker) procedures(r *Resource) {
	o := r.Origin
	for _, t := range runbook.Types() {
		p := r.Spec.Procedures.Of(t)
		if p == nil {
			continue
		}
		at := []any{"procedures", string(t)}
		prefix := platformPrefixes[r.Spec.Platform]
		switch {
		case p.Name == "" && p.Runbook == "":
			c.add(o, fmt.Sprintf("procedure %s names nothing to run", t), "add name: "+prefix+"native, or runbook", at...)
		case p.Name != "" && !strings.HasPrefix(p.Name, prefix):
			c.add(o, fmt.Sprintf("procedure %q is not one of platform %s", p.Name, r.Spec.Platform), "its procedures begin with "+prefix, append(at, "name")...)
		case p.Runbook == "":
			c.procedureExists(o, p.Name, t, prefix, append(slices.Clone(at), "name"))
		}
		c.plainOptions(o, p.Parameters, underCredentials, append(at, "parameters")...)
		if p.Runbook != "" && !c.refer(o, "runbook", p.Runbook, []Kind{KindRunbook}, append(at, "runbook")...) {
			continue
		}
		name := cmp.Or(p.Runbook, p.Name+"/"+string(t))
		if book, ok := c.repo.Runbook(name); ok {
			c.runbookFits(r, t, p, book)
		} else if p.Runbook == "" && len(p.Parameters) > 0 { // those that bcctl brings along need none
			if book, ok := BuiltinRunbook(name); ok {
				c.parameters(o, p.Parameters, book, at)
			}
		}
	}
}

// procedureExists checks that a procedure can do what a resource names it for: with a
// document of the repository, or with a runbook that bcctl brings along.
func (c *checker) procedureExists(o Origin, name string, t runbook.Type, prefix string, at []any) {
	end := "/" + string(t)
	if _, ok := c.repo.Runbook(name + end); ok {
		return
	}
	var known []string
	for _, full := range slices.Concat(runbook.BuiltinNames(), namesOf(c.repo.Runbooks, (*Runbook).Name)) {
		if short, ok := strings.CutSuffix(full, end); ok && strings.HasPrefix(short, prefix) {
			known = append(known, short)
		}
	}
	if slices.Contains(known, name) {
		return
	}
	c.add(o, fmt.Sprintf("procedure %q has no runbook for a %s", name, t), c.suggest(name, known, "add a Runbook named "+name+end), at...)
}

// runbookFits checks a runbook that a resource names against what it is for.
func (c *checker) runbookFits(r *Resource, t runbook.Type, p *Procedure, book *Runbook) {
	o, at := r.Origin, []any{"procedures", string(t)}
	named := append(slices.Clone(at), "runbook")
	if p.Runbook == "" {
		named = append(slices.Clone(at), "name")
	}
	if book.Spec.For.Type != t {
		c.add(o, fmt.Sprintf("runbook %q is for %s, not for %s", book.Name(), book.Spec.For.Type, t), "see "+book.Origin.lineOf("spec", "for"), named...)
	}
	if platform := book.Spec.For.Platform; platform != "" && platform != r.Spec.Platform {
		c.add(o, fmt.Sprintf("runbook %q is for platform %s", book.Name(), platform), "see "+book.Origin.lineOf("spec", "for"), named...)
	}
	if only := book.Spec.For.Resource; only != "" && only != r.Name() {
		c.add(o, fmt.Sprintf("runbook %q is for resource %q only", book.Name(), only), "see "+book.Origin.lineOf("spec", "for"), named...)
	}
	c.parameters(o, p.Parameters, book, at)
}

// parameters checks the values given to a runbook.
func (c *checker) parameters(o Origin, given map[string]string, book *Runbook, at []any) {
	declared := book.Spec.Parameters
	names := namesOf(declared, func(p runbook.Parameter) string { return p.Name })
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.Index(names, name)
		if i < 0 {
			c.addKey(o, fmt.Sprintf("runbook %q has no parameter %q", book.Name(), name), c.suggest(name, names, "remove it"), append(slices.Clone(at), "parameters", name)...)
			continue
		}
		if strings.Contains(given[name], "${") {
			c.add(o, fmt.Sprintf("the value of parameter %q %s", name, runbook.RefersElsewhere), "write it out", append(slices.Clone(at), "parameters", name)...)
		}
		if allowed := declared[i].Allowed; len(allowed) > 0 && !slices.Contains(allowed, given[name]) {
			c.add(o, fmt.Sprintf("parameter %q has a value that is not allowed", name), "write one of "+strings.Join(allowed, ", "), append(slices.Clone(at), "parameters", name)...)
		}
	}
	for _, p := range declared {
		if _, ok := given[p.Name]; !ok && p.Default == nil {
			c.addKey(o, fmt.Sprintf("parameter %q of runbook %q is missing", p.Name, book.Name()), "add it under parameters", at...)
		}
	}
}

func (c *checker) integrity(r *Resource) {
	i := r.Spec.Integrity
	if i == nil {
		return
	}
	for _, list := range []struct {
		key   string
		names []string
	}{
		{"rowCounts", namesOf(i.RowCounts, func(x RowCount) string { return x.Name })},
		{"checksums", namesOf(i.Checksums, func(x Checksum) string { return x.Name })},
		{"invariants", namesOf(i.Invariants, func(x Invariant) string { return x.Name })},
	} {
		c.unique(r.Origin, "check", list.names, func(n int) []any { return []any{"integrity", list.key, n, "name"} })
	}
}

const underCredentials = "put a reference under credentials"

// plainOptions refuses options that hold secrets: their values are sent as they
// are and may be printed. Better says where the secret belongs.
func (c *checker) plainOptions(o Origin, options map[string]string, better string, path ...any) {
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if !secretKey(key) {
			continue
		}
		at := append(slices.Clone(path), key)
		if _, err := secretref.Parse(options[key]); err == nil {
			c.addKey(o, fmt.Sprintf("%q is not a place for a secret: references are not resolved here", key), better, at...)
			continue
		}
		c.addKey(o, fmt.Sprintf("%q is not a place for a secret", key), better+", and change the secret if it was ever committed", at...)
	}
}

package report

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// light is a group or a site with the sum of what is in it.
type light struct {
	Name    string
	Verdict verdict
	Counts  []count
	Why     string // of a group: a reason that is not one of its members'; may be empty
}

// count is how many things have a status.
type count struct {
	Status readiness.Status
	N      int
}

// Letter and Word are those of the status.
func (c count) Letter() string { return c.Status.String()[:1] }
func (c count) Word() string   { return term.Word(c.Status) }

// codeInfo explains a reason code, once for the whole page.
type codeInfo struct{ Code, Meaning, First string }

// overview is the whole page.
type overview struct {
	assets
	Replay    string  // when the recording was made; empty: no replay
	Verdict   verdict // the worst, for as long as the first of all is valid
	Total     int
	Counts    []count // all four, worst first
	Written   stamp
	Checked   stamp
	RunID     string
	Commit    string
	Version   string
	Notes     []string
	Groups    []light
	Sites     []light
	Rows      []row
	Codes     []codeInfo
	Platforms []string
	Tiers     []string
	Next      string
	Again     string // how to make the page anew
}

func (b *builder) page() overview {
	o := overview{assets: newAssets(), Written: stampOf(b.in.Now), Checked: stampOf(b.report.StartedAt), RunID: b.report.RunID, Commit: b.report.Commit,
		Version: b.report.Bcctl, Again: b.in.Command + " check; " + b.in.Command + " report page"}
	if b.report.Replay != nil {
		o.Replay = stampOf(b.report.Replay.RecordedAt).Text
	}
	for _, r := range b.report.Results {
		if r.Kind != readiness.KindGroup {
			o.Rows = append(o.Rows, b.row(len(o.Rows), r))
		}
	}
	o.Total = len(o.Rows)
	for _, status := range worstFirst {
		o.Counts = append(o.Counts, count{status, countRows(o.Rows, func(row) bool { return true }, status)})
	}
	o.Groups, o.Sites = b.groups(o.Rows), b.sites(o.Rows)
	o.Verdict = b.whole(o.Rows, o.Groups)
	o.Platforms = unique(o.Rows, func(r row) string { return r.Platform })
	o.Tiers = unique(o.Rows, func(r row) string { return strconv.Itoa(r.Tier) })
	o.Notes = b.notes(o.Total)
	if len(b.report.Results) > 0 && o.Verdict.Status != readiness.Green {
		o.Next = b.in.Command + " explain " + render.Quote(b.report.Results[0].Name)
	}
	for code, info := range b.codes {
		o.Codes = append(o.Codes, codeInfo{string(code), info.Meaning, info.FirstAction})
	}
	slices.SortFunc(o.Codes, func(a, b codeInfo) int { return cmp.Compare(a.Code, b.Code) })
	return o
}

// whole is the verdict on everything on the page. An empty page proves nothing.
func (b *builder) whole(rows []row, groups []light) verdict {
	var all []verdict
	for _, r := range rows {
		all = append(all, r.Verdict)
	}
	for _, g := range groups {
		all = append(all, g.Verdict)
	}
	return b.worst(all)
}

// worst is as bad as the worst of several verdicts, for as long as the first of
// them is valid. One that never was valid is no limit to those that are.
func (b *builder) worst(list []verdict) verdict {
	w := verdict{Then: b.report.Replay != nil, Until: stampOf(time.Time{}), Observed: stampOf(time.Time{})}
	var statuses []readiness.Status
	for _, v := range list {
		statuses = append(statuses, v.Status)
		w.Reached = max(w.Reached, v.Reached)
		if w.Until.zero() || !v.Until.zero() && v.Until.Sec < w.Until.Sec {
			w.Until = v.Until
		}
	}
	w.Status = readiness.Worst(statuses...)
	w.Stale = !w.Then && w.Until.Sec <= b.at.Unix()
	return w
}

func (b *builder) notes(shown int) []string {
	var notes []string
	if b.in.Total > shown {
		notes = append(notes, "This page shows "+term.Count(shown)+" of the "+term.Count(b.in.Total)+" resources of the repository; it says nothing about the others.")
	}
	for _, w := range b.report.Warnings {
		notes = append(notes, clip(w))
	}
	return notes
}

// groups are the groups of the report. A group is never better than what is in
// it: where a member got worse since the group was judged, it is yellow.
func (b *builder) groups(rows []row) []light {
	var out []light
	for _, r := range b.report.Results {
		if r.Kind != readiness.KindGroup {
			continue
		}
		g := light{Name: r.Name, Verdict: b.verdictOf(r)}
		member := func(x row) bool { return slices.Contains(x.Groups, r.Name) }
		g.Counts = counts(rows, member)
		if g.Verdict.Status == readiness.Green && countRows(rows, member, readiness.Green) < countRows(rows, member, worstFirst...) {
			g.Verdict.Status = readiness.Yellow
		}
		for _, x := range r.Reasons {
			if !ofMember(x.Code) && g.Why == "" {
				g.Why = clip(string(x.Code) + " " + x.Message)
			}
		}
		out = append(out, g)
	}
	sortLights(out)
	return out
}

// ofMember tells the codes that only repeat what the counts say.
func ofMember(c readiness.Code) bool {
	return c == readiness.MemberRed || c == readiness.MemberUnknown || c == readiness.MemberYellow
}

// sites are the sites at which the resources of the page have nodes. A site is as
// good as the worst node there, for as long as the first of them is valid.
func (b *builder) sites(rows []row) []light {
	var out []light
	nodes := map[string][]verdict{}
	for _, r := range rows {
		for _, e := range r.Endpoints {
			if e.Site != "" {
				nodes[e.Site] = append(nodes[e.Site], e.Verdict)
			}
		}
	}
	for name, list := range nodes {
		site := light{Name: name, Verdict: b.worst(list)}
		for _, status := range worstFirst {
			n := 0
			for _, v := range list {
				if v.Status == status {
					n++
				}
			}
			if n > 0 {
				site.Counts = append(site.Counts, count{status, n})
			}
		}
		out = append(out, site)
	}
	sortLights(out)
	return out
}

func sortLights(list []light) {
	slices.SortFunc(list, func(a, b light) int {
		switch {
		case a.Verdict.Status.Worse(b.Verdict.Status):
			return -1
		case b.Verdict.Status.Worse(a.Verdict.Status):
			return 1
		default:
			return cmp.Compare(a.Name, b.Name)
		}
	})
}

func counts(rows []row, in func(row) bool) []count {
	var out []count
	for _, status := range worstFirst {
		if n := countRows(rows, in, status); n > 0 {
			out = append(out, count{status, n})
		}
	}
	return out
}

func countRows(rows []row, in func(row) bool, statuses ...readiness.Status) int {
	n := 0
	for _, r := range rows {
		if in(r) && slices.Contains(statuses, r.Verdict.Status) {
			n++
		}
	}
	return n
}

func unique(rows []row, of func(row) string) []string {
	var list []string
	for _, r := range rows {
		if v := of(r); v != "" && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return list
}

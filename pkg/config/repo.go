package config

import (
	"cmp"
	"slices"
)

// Repo is a repository that was read. Its lists are sorted by name. It is not
// changed after Load, and may be used by several goroutines.
type Repo struct {
	Resources        []*Resource
	Groups           []*Group
	SiteLists        []*SiteList
	Rosters          []*Roster
	ApprovalPolicies []*ApprovalPolicy
	StatusPolicies   []*StatusPolicy
	AlertPolicies    []*AlertPolicy
	Calendars        []*Calendar
	Runbooks         []*Runbook
	Schedules        []*Schedule
	Requests         []*Request
	StatusTests      []*StatusTest

	cas map[string][]byte // PEM files by path
}

// Resource returns the resource with a name.
func (r *Repo) Resource(name string) (*Resource, bool) { return byName(r.Resources, name) }

// Group returns the group with a name.
func (r *Repo) Group(name string) (*Group, bool) { return byName(r.Groups, name) }

// Runbook returns the runbook with a name.
func (r *Repo) Runbook(name string) (*Runbook, bool) { return byName(r.Runbooks, name) }

// Calendar returns the calendar with a name.
func (r *Repo) Calendar(name string) (*Calendar, bool) { return byName(r.Calendars, name) }

// Schedule returns the schedule with a name.
func (r *Repo) Schedule(name string) (*Schedule, bool) { return byName(r.Schedules, name) }

// Request returns the request with an id.
func (r *Repo) Request(id string) (*Request, bool) { return byName(r.Requests, id) }

// Roster returns the roster; a repository has at most one.
func (r *Repo) Roster() (*Roster, bool) {
	if len(r.Rosters) == 0 {
		return nil, false
	}
	return r.Rosters[0], true
}

// Site returns the site with a name.
func (r *Repo) Site(name string) (Site, bool) {
	for _, list := range r.SiteLists {
		for _, site := range list.Spec.Sites {
			if site.Name == name {
				return site, true
			}
		}
	}
	return Site{}, false
}

// Sites returns every site, sorted by name.
func (r *Repo) Sites() []Site {
	var sites []Site
	for _, list := range r.SiteLists {
		sites = append(sites, list.Spec.Sites...)
	}
	slices.SortFunc(sites, func(a, b Site) int { return cmp.Compare(a.Name, b.Name) })
	return sites
}

// Count returns how many documents were read.
func (r *Repo) Count() int {
	return len(r.Resources) + len(r.Groups) + len(r.SiteLists) + len(r.Rosters) + len(r.ApprovalPolicies) +
		len(r.StatusPolicies) + len(r.AlertPolicies) + len(r.Calendars) + len(r.Runbooks) + len(r.Schedules) +
		len(r.Requests) + len(r.StatusTests)
}

// CA returns the PEM file that res trusts, and nil when it trusts the machine's
// own roots.
func (r *Repo) CA(res *Resource) []byte { return r.cas[res.Spec.Connection.TLS.CA] }

// byName searches a list that is sorted by name.
func byName[S any](list []*Document[S], name string) (*Document[S], bool) {
	i, ok := slices.BinarySearchFunc(list, name, func(d *Document[S], name string) int {
		return cmp.Compare(d.Metadata.Name, name)
	})
	if !ok {
		return nil, false
	}
	return list[i], true
}

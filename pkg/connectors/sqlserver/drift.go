package sqlserver

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// drift compares what is not replicated: who could log in, what would run and what
// could be opened after a failover. A contained group carries logins and jobs
// itself. (What is a contained availability group?)
func (d *deriver) drift(l *link) {
	from, to := l.from.outside, l.to.outside
	if !l.source.Contained {
		d.compare(l, loginsID, readiness.DriftLogin, from.logins != nil && to.logins != nil, "login", from.strangeLogins(to, l.from.facts.PhysicalName))
		d.compare(l, jobsID, readiness.DriftJob, from.jobs != nil && to.jobs != nil, "job", missing(from.jobs, to.jobs))
	}
	d.compare(l, serversID, readiness.DriftLinkedServer, from.servers != nil && to.servers != nil, "linked server", missing(from.servers, to.servers))
	d.compare(l, credentialsID, readiness.DriftCredential, from.credentials != nil && to.credentials != nil, "credential", missing(from.credentials, to.credentials))
	d.compare(l, certificatesID, readiness.DriftCertificate, from.encryptors != nil && to.certificates != nil, "certificate of database", from.unopenable(to, l))
}

// compare records how many things the replica lacks. Where one side could not be
// read nothing is known, and why stands with that side.
func (d *deriver) compare(l *link, id readiness.ID, code readiness.Code, known bool, what string, lacking []string) {
	if !known {
		if !d.failedReading(l.to, id) {
			if f, failed := l.from.failed[id]; failed {
				d.fail(l.to, id, f)
			}
		}
		return
	}
	var findings []readiness.Finding
	if len(lacking) > 0 {
		findings = append(findings, finding(code, "%s lacks %s of %s: %s", l.to.Name, plural(len(lacking), what), l.from.Name, some(lacking)))
	}
	d.add(l.to, id, readiness.Num(float64(len(lacking))), findings...)
}

func plural(n int, what string) string {
	if n == 1 {
		return "a " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func missing(from, to map[string]bool) []string {
	folded := map[string]bool{}
	for name := range to {
		folded[fold(name)] = true
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(from)), func(name string) bool { return folded[fold(name)] })
}

// strangeLogins compares by name and, for logins whose identifier is made by the
// instance, by that too: a user in a database refers to it, not to the name.
// Accounts of the host itself can exist nowhere else.
func (o outside) strangeLogins(to outside, host string) []string {
	theirs := map[string]login{}
	for name, l := range to.logins {
		theirs[fold(name)] = l
	}
	var strange []string
	for _, name := range slices.Sorted(maps.Keys(o.logins)) {
		switch other, ok := theirs[fold(name)]; {
		case host != "" && strings.HasPrefix(fold(name), fold(host)+`\`):
		case !ok:
			strange = append(strange, name)
		case o.logins[name].SID != other.SID:
			strange = append(strange, name+" (another SID)")
		}
	}
	return strange
}

// unopenable are the group's encrypted databases whose certificate the replica does
// not have, or has without its private key.
func (o outside) unopenable(to outside, l *link) []string {
	var list []string
	for _, p := range l.pairs {
		if thumbprint, encrypted := o.encryptors[fold(p.name)]; encrypted && !to.certificates[thumbprint] {
			list = append(list, p.name)
		}
	}
	return list
}

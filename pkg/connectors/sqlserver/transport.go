package sqlserver

import (
	"cmp"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// mirroring looks at the endpoint that replicas talk through and its certificate.
func (d *deriver) mirroring(n *node) {
	if d.failedReading(n, mirroringID) {
		return
	}
	if len(n.mirroring) == 0 {
		d.add(n, mirroringID, readiness.Str("none"), finding(readiness.MirroringEndpointDown, "%s has no database mirroring endpoint", n.Name))
		return
	}
	e := n.mirroring[0] // there can be one
	var findings []readiness.Finding
	if e.State != "STARTED" {
		findings = append(findings, finding(readiness.MirroringEndpointDown, "endpoint %s of %s is %s", e.Name, n.Name, cmp.Or(e.State, "in a state that is not told")))
	}
	d.add(n, mirroringID, readiness.Str(strings.TrimSpace(e.Name+" "+e.State)), findings...)
	if e.Certificate != "" && e.MinutesLeft == nil {
		d.fail(n, certificateID, finding(readiness.ValueInvalid, "until when certificate %s of %s's endpoint is valid is not told", e.Certificate, n.Name))
	} else if e.Certificate != "" {
		var expired []readiness.Finding
		if *e.MinutesLeft <= 0 {
			expired = append(expired, finding(readiness.CertExpiry, "certificate %s of %s's endpoint has expired: a connection that is lost cannot be made again", e.Certificate, n.Name))
		}
		d.add(n, certificateID, readiness.Num(float64(*e.MinutesLeft)*60), expired...)
	}
}

// seedings looks at copies that were being made automatically. In a group whose
// database was restored by hand a failed run can be left over, so it counts only
// where the database is missing.
func (d *deriver) seedings(l *link) {
	if l.from == nil || l.row == nil || l.from.seeding == nil {
		return
	}
	latest := map[string]seedingRun{}
	for _, run := range l.from.seeding {
		if run.Replica != l.row.ID {
			continue
		}
		if last, ok := latest[run.Database]; !ok || later(run, last) {
			latest[run.Database] = run
		}
	}
	var findings []readiness.Finding
	for _, p := range l.pairs {
		if run, ok := latest[p.id]; ok && run.State == "FAILED" && !p.moving() {
			findings = append(findings, finding(readiness.SeedingFailed, "seeding of database %s to %s failed: %s", p.name, l.name, cmp.Or(run.Failure, "no reason is told")))
		}
	}
	if len(latest) > 0 {
		d.addAt(l.to, d.told(l), seedingID, readiness.Str(count(int64(len(findings)))+" failed"), findings...)
	}
}

func later(a, b seedingRun) bool {
	return b.Started == nil || a.Started != nil && a.Started.After(*b.Started)
}

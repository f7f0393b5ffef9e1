package postgres

import (
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// notLower are the settings a standby must not have lower than its primary.
// Too low, replay pauses (14+) or the standby stops, and a promotion shuts the
// server down (PostgreSQL documentation, "Hot Standby", administrator's
// overview).
var notLower = []string{
	"max_connections", "max_worker_processes", "max_wal_senders",
	"max_prepared_transactions", "max_locks_per_transaction",
}

// settingsList records them in one text, so that the next run can compare with
// a primary it cannot see.
func (d *deriver) settingsList(n *node) {
	var parts []string
	for _, name := range notLower {
		if v, ok := n.settings[name]; ok {
			parts = append(parts, name+"="+v)
		}
	}
	if len(parts) > 0 {
		d.add(n, settingsListID, readiness.Str(strings.Join(parts, " ")))
	}
}

// recordedSettings are the primary's settings: read now, or as last recorded.
func (d *deriver) recordedSettings() (settings, string) {
	if d.primary != nil && d.primary.settings != nil {
		return d.primary.settings, d.primary.Name
	}
	for _, n := range d.nodes {
		role, ok := d.previous(n, roleID)
		if text, _ := role.Value.Text(); !ok || text != "primary" {
			continue
		}
		prev, ok := d.previous(n, settingsListID)
		text, isText := prev.Value.Text()
		if !ok || !isText {
			continue
		}
		s := settings{}
		for field := range strings.FieldsSeq(text) {
			if name, value, ok := strings.Cut(field, "="); ok {
				s[name] = value
			}
		}
		return s, n.Name + " (as last recorded)"
	}
	return nil, ""
}

// promotion lists what would make a promotion of this standby fail, hang or come
// up unusable.
func (d *deriver) promotion(n *node) {
	if n.settings == nil {
		d.failedReading(n, settingsListID)
		return
	}
	d.settingsList(n)
	d.rewind(n)
	d.collation(n)
	var findings []readiness.Finding
	findings = append(findings, d.tooLow(n)...)
	findings = append(findings, d.fenceLeft(n)...)
	findings = append(findings, d.wouldHang(n)...)
	findings = append(findings, d.couldServe(n)...)
	findings = append(findings, d.recoveryTarget(n)...)
	if p := d.primary; p != nil && p.facts.Version/10000 != n.facts.Version/10000 {
		findings = append(findings, finding(readiness.VersionMismatch, "%s runs %s, %s runs %s", n.Name, versionText(n.facts.Version), p.Name, versionText(p.facts.Version)))
	}
	verdict := "no obstacle found"
	if reference, _ := d.recordedSettings(); reference == nil {
		verdict += "; not compared with a primary"
	}
	if len(findings) > 0 {
		verdict = "see reasons"
	}
	d.add(n, settingsID, readiness.Str(verdict), findings...)
}

func (d *deriver) tooLow(n *node) []readiness.Finding {
	reference, from := d.recordedSettings()
	var low []string
	for _, name := range notLower {
		need, ok1 := reference.number(name)
		got, ok2 := n.settings.number(name)
		if ok1 && ok2 && got < need {
			low = append(low, fmt.Sprintf("%s is %d, %s has %d", name, got, from, need))
		}
	}
	if len(low) == 0 {
		return nil
	}
	return []readiness.Finding{finding(readiness.ParameterTooLow, "on %s %s: a promotion would shut it down", n.Name, strings.Join(low, "; "))}
}

func (d *deriver) fenceLeft(n *node) []readiness.Finding {
	return readOnly(n, readiness.FenceLeft, "once promoted it would refuse writes")
}

// readOnly reports defaults that make transactions read-only. A default of the
// monitoring role, a sound precaution, hides the server's own from it.
func readOnly(n *node, code readiness.Code, so string) []readiness.Finding {
	var findings []readiness.Finding
	var others []string
	own, here := false, false
	for _, r := range n.readOnlyFor {
		own, here = own || r.Own, here || r.Here
		if !r.Own {
			others = append(others, r.Where)
		}
	}
	switch {
	case own:
		findings = append(findings, finding(readiness.InsufficientPrivilege,
			"default_transaction_read_only is set for the monitoring role on %s, which hides from it whether it is on for everybody; reset it, sessions of bcctl are read-only anyway", n.Name))
	case n.settings.on("default_transaction_read_only") && !here:
		findings = append(findings, finding(code, "default_transaction_read_only is on on %s; %s", n.Name, so))
	}
	if len(others) > 0 {
		findings = append(findings, finding(code, "default_transaction_read_only is on for %s on %s; %s", strings.Join(others, ", "), n.Name, so))
	}
	return findings
}

// wouldHang: a promoted node that waits for synchronous standbys which do not
// exist commits nothing. Only those attached to it now would exist.
func (d *deriver) wouldHang(n *node) []readiness.Finding {
	want := n.settings["synchronous_standby_names"]
	if want == "" {
		return nil
	}
	rule, ok := parseSynchronous(want)
	if !ok {
		return []readiness.Finding{finding(readiness.ValueInvalid, "synchronous_standby_names on %s cannot be read: %q", n.Name, want)}
	}
	there := 0
	for i := range n.senders {
		if name := n.senders[i].ApplicationName; name != nil && rule.wants(*name) {
			there++
		}
	}
	if there >= rule.count {
		return nil
	}
	return []readiness.Finding{finding(readiness.SyncStandbyMissing,
		"synchronous_standby_names is %q on %s, which asks for %d and has %d standbys of its own that count: promoted, its commits would wait for ever", want, n.Name, rule.count, there)}
}

func (d *deriver) couldServe(n *node) []readiness.Finding {
	var missing []string
	if level := n.settings["wal_level"]; level == "minimal" {
		missing = append(missing, "wal_level is "+level)
	}
	for _, name := range []string{"max_wal_senders", "max_replication_slots"} {
		if v, ok := n.settings.number(name); ok && v == 0 {
			missing = append(missing, name+" is 0")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []readiness.Finding{finding(readiness.StandbySettings, "on %s %s: once promoted it could not serve standbys", n.Name, strings.Join(missing, ", "))}
}

// recoveryTarget: a standby with a target stops following when it gets there, and
// then pauses, shuts down or promotes itself beside the primary (PostgreSQL
// documentation, "Recovery Target").
func (d *deriver) recoveryTarget(n *node) []readiness.Finding {
	var set []string
	for _, name := range []string{"recovery_target", "recovery_target_time", "recovery_target_lsn", "recovery_target_xid", "recovery_target_name"} {
		if value := n.settings[name]; value != "" {
			set = append(set, name+" = "+value)
		}
	}
	if len(set) == 0 {
		return nil
	}
	return []readiness.Finding{finding(readiness.RecoveryTargetSet, "on %s %s, with recovery_target_action = %s: it will not follow beyond that", n.Name, strings.Join(set, ", "), n.settings["recovery_target_action"])}
}

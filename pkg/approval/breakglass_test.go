package approval

import "testing"

func TestRuleIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[RuleID]struct{ known, relaxable bool }{
		"APP-07":  {true, true},
		"APP-11":  {true, false},
		"BIND-06": {true, true},
		"APP-12":  {false, false},
		"APP-00":  {false, false},
		"APP-7":   {false, false},
		"XYZ-01":  {false, false},
		"":        {false, false},
		"-01":     {false, false},
		"ID-01":   {true, false},
		"ID-02":   {true, false},
		"ID-03":   {true, true},
		"ID-04":   {true, false},
		"ID-06":   {true, false},
		"BIND-01": {true, false},
		"BIND-05": {true, false},
		"LOCK-07": {true, false},
		"AUD-01":  {true, false},
		"CONF-02": {true, false},
		"RUN-01":  {true, false},
		"RUN-04":  {true, false},
		"BG-02":   {true, false},
		"BIND-02": {true, false},
		"APP-05":  {true, false},
		"RUN-06":  {true, true},
		"WF-05":   {true, false},
	} {
		if id.Known() != want.known || id.Relaxable() != want.relaxable {
			t.Errorf("%q: known %v, relaxable %v; want %v", id, id.Known(), id.Relaxable(), want)
		}
	}
}

func TestSlotRoles(t *testing.T) {
	t.Parallel()
	for slot, want := range map[SlotRole]Role{SlotIT: ApproverIT, SlotBusiness: ApproverBusiness, "ceo": ""} {
		if got := slot.Role(); got != want {
			t.Errorf("slot %q is for role %q, want %q", slot, got, want)
		}
	}
}

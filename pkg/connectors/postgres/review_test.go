package postgres

import (
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestWhatOnlySettingsAndSlotsTell: things a healthy-looking pair hides.
func TestWhatOnlySettingsAndSlotsTell(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{Settings: map[string]string{"wal_level": "logical"}})

	step(t, "a standby that will promote itself is red", func(t *testing.T) {
		exec(t, lab, pgpair.Standby, `ALTER SYSTEM SET recovery_target_time = '2100-01-01'`)
		exec(t, lab, pgpair.Standby, `ALTER SYSTEM SET recovery_target_action = 'promote'`)
		restart(t, lab, pgpair.Standby)
		v := newDesk(t, lab).sweep(t)
		v.want(t, readiness.Red, readiness.RecoveryTargetSet)
		exec(t, lab, pgpair.Standby, `ALTER SYSTEM RESET recovery_target_time`)
		exec(t, lab, pgpair.Standby, `ALTER SYSTEM RESET recovery_target_action`)
		restart(t, lab, pgpair.Standby)
		newDesk(t, lab).awaitGreen(t)
	})

	step(t, "a logical slot nobody reads keeps WAL as well", func(t *testing.T) {
		exec(t, lab, pgpair.Primary, `SELECT pg_create_logical_replication_slot('cdc', 'pgoutput')`)
		v := newDesk(t, lab).sweep(t)
		v.want(t, readiness.Yellow, readiness.SlotInactive)
		if !strings.Contains(v.String(), `logical slot "cdc"`) {
			t.Errorf("the slot is not named as what it is:\n%s", v)
		}
		exec(t, lab, pgpair.Primary, `SELECT pg_drop_replication_slot('cdc')`)
		newDesk(t, lab).awaitGreen(t)
	})
}

// TestForkedApart: timelines with one number that began at different positions.
func TestForkedApart(t *testing.T) {
	a := []historyEntry{{1, 0xE622C98}}
	b := []historyEntry{{1, 0xE7000A0}}
	if _, _, differ := forkedApart(a, b); !differ {
		t.Error("two forks of timeline 1 are taken for one")
	}
	if _, _, differ := forkedApart(a, append([]historyEntry{{1, 0xE622C98}}, historyEntry{2, 0xF000000})); differ {
		t.Error("a longer history of the same fork is taken for another")
	}
	if _, _, differ := forkedApart(nil, b); differ {
		t.Error("no history differs from none")
	}
}

// TestNamesakeOfAnUnseenStandby (recorded facts): the slot of a standby that is not
// seen has no reader, and somebody else streams under its name.
func TestNamesakeOfAnUnseenStandby(t *testing.T) {
	text, pid, age := func(s string) *string { return &s }, 7, 1.2
	flush := lsn(0x1000)
	primary := &node{Endpoint: connectors.Endpoint{Name: "a", Site: "fra"}, facts: &nodeFacts{Monitor: true},
		senders: []sender{{PID: &pid, ApplicationName: text("b"), State: text("streaming"), Flush: &flush, Replay: &flush, ReplyAge: &age}},
		slots:   []slot{{Name: "b_slot", Type: "physical"}}}
	unseen := &node{Endpoint: connectors.Endpoint{Name: "b", Site: "ams", Options: map[string]string{"slot": "b_slot"}}, unreached: &unreached{message: "connection refused"}}
	d := &deriver{spec: connectors.Spec{Home: connectors.Home{Primary: "fra", DR: "ams"}}, nodes: []*node{primary, unseen}}
	if s := d.senderOf(primary, unseen); s != nil {
		t.Errorf("a dead standby is taken for alive because of a namesake: %+v", s)
	}
}

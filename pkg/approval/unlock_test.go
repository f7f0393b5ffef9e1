package approval

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// What two persons sign breaks one lock, once, and soon.
func TestLOCK05WhoUnlocks(t *testing.T) {
	t.Parallel()
	roster := approved().Roster.Spec
	line := UnlockLine("resource/ledger", 7, "r1")
	say := func(person, text, namespace string, at time.Time) TypedLine {
		statement, err := EncodeTyped(TypedStatement{At: at, Line: text, Person: person})
		if err != nil {
			t.Fatal(err)
		}
		return TypedLine{Statement: statement, Signature: sign(person, namespace, statement)}
	}
	good := func(person string) TypedLine { return say(person, line, NamespaceUnlock, ago(time.Minute)) }
	forged := good("ben")
	forged.Statement = []byte(strings.Replace(string(forged.Statement), `"ben"`, `"cleo"`, 1))
	for name, c := range map[string]struct {
		said   []TypedLine
		holder string
		want   string // empty: two persons
	}{
		"two persons":           {said: []TypedLine{good("dora"), good("ben")}, holder: "dora"},
		"one":                   {said: []TypedLine{good("dora")}, want: "by two persons"},
		"one twice":             {said: []TypedLine{good("dora"), good("dora")}, want: "by two persons"},
		"another lock":          {said: []TypedLine{good("dora"), say("ben", UnlockLine("resource/ledger", 8, "r1"), NamespaceUnlock, ago(time.Minute))}, want: "fence=8"},
		"a confirmation":        {said: []TypedLine{good("dora"), say("ben", line, NamespaceConfirm, ago(time.Minute))}, want: NamespaceUnlock},
		"too old":               {said: []TypedLine{good("dora"), say("ben", line, NamespaceUnlock, ago(2*time.Hour))}, want: "old"},
		"from the future":       {said: []TypedLine{good("dora"), say("ben", line, NamespaceUnlock, noon.Add(time.Hour))}, want: "old"},
		"in another's name":     {said: []TypedLine{good("dora"), forged}, want: "LOCK-05"},
		"nothing that was said": {said: []TypedLine{good("dora"), {}}, want: "LOCK-05"},
	} {
		persons, err := Unlockers(roster, line, c.holder, c.said, noon)
		if c.want == "" && (err != nil || len(persons) != 2) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, %v", name, persons, err)
		}
	}
}

// A step that is in doubt is settled by an operator, with a key that counts (RUN-05).
func TestRUN05WhoMaySettleAStep(t *testing.T) {
	t.Parallel()
	key := func(name string) string { return ssh.FingerprintSHA256(signer(name).PublicKey()) }
	r := roster()
	if p, err := Resolver(r, key("dora"), noon); err != nil || p.ID != "dora" {
		t.Fatalf("%v, %v", p.ID, err)
	}
	for name, c := range map[string]struct {
		by     string
		change func(*Roster)
	}{
		"a viewer":                 {"finn", nil},
		"an approver":              {"ben", nil},
		"nobody of the roster":     {"root1", nil},
		"an operator who has left": {"dora", func(r *Roster) { person(r, "dora").ActiveUntil = ptr(noon) }},
		"a key that was revoked":   {"dora", func(r *Roster) { person(r, "dora").SSHKeys[0].RevokedAt = ptr(ago(time.Minute)) }},
		"a key that two have":      {"dora", func(r *Roster) { person(r, "finn").SSHKeys = person(r, "dora").SSHKeys }},
	} {
		r := roster()
		if c.change != nil {
			c.change(&r)
		}
		if p, err := Resolver(r, key(c.by), noon); err == nil {
			t.Errorf("%s may: %s", name, p.ID)
		}
	}
}

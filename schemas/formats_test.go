package schemas

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIOv90DPqh3LDW8gIC/0CUsMZSX0qFfPLkbTBtvqv+0s"
	cases := map[string]struct{ good, bad []string }{
		"bcctl-name": {
			[]string{"a", "pg/ledger", "a.b-c_d/e9", strings.Repeat("a", 63)},
			[]string{"", "A", "-a", "a-", "a//b", "a--b", "/a", "a/", "a b", "ä", strings.Repeat("a", 64)},
		},
		"bcctl-key":    {[]string{"a", "hostName_2"}, []string{"", "2a", "a-b", "${a}"}},
		"bcctl-action": {[]string{"pg.native/promote", "pg.pg_auto_failover/perform"}, []string{"promote", "pg.native/", "/x", "a/b/c"}},
		"bcctl-duration": {
			[]string{"30s", "1d12h", "90d", "0s", "100ms"},
			[]string{"", "30", "1.5h", "1 h", "-30s", "12h1d", "99999999999y"},
		},
		"bcctl-time": {
			[]string{"2026-03-01T12:00:00Z", "2026-03-01T12:00:00.5Z"},
			[]string{"", "2026-03-01", "2026-03-01T12:00:00", "2026-03-01T12:00:00+01:00", "2026-02-30T12:00:00Z", "2026-03-01 12:00:00Z"},
		},
		"bcctl-date":     {[]string{"2026-12-25"}, []string{"", "25.12.2026", "2026-02-30", "2026-1-1"}},
		"bcctl-timezone": {[]string{"UTC", "Europe/Berlin", "America/New_York"}, []string{"", "Local", "CET", "+01:00", "Etc/GMT+1", "Europe/Berlim", "../etc"}},
		"bcctl-recurrence": {
			[]string{"FREQ=DAILY", "FREQ=MONTHLY;INTERVAL=3;BYDAY=2TU", "FREQ=MONTHLY;BYMONTHDAY=-1"},
			[]string{"", "RRULE:FREQ=DAILY", "FREQ=HOURLY", "freq=daily", "FREQ=DAILY;", "FREQ=DAILY;BYHOUR=3", "FREQ=DAILY;COUNT=1;COUNT=2", "FREQ=DAILY;COUNT=1;UNTIL=20260101"},
		},
		"bcctl-secret": {[]string{"env:X", "file:/x"}, []string{"", "x", "env:", "vault:x"}},
		"bcctl-login":  {[]string{"user", "env:X"}, []string{"", "env:", "vault:x"}},
		"bcctl-address": {
			[]string{"db:5432", "10.0.0.1:1", "[::1]:65535", "/var/run/postgresql"},
			[]string{"", "db", "db:", "db:0", "db:65536", ":5432", "u@db:5432", "db :5432", "::1:5432", "postgres://db:5432", "db:5432/x"},
		},
		"bcctl-url": {
			[]string{"https://a.example.com/x?y", "http://127.0.0.1:80/", "http://localhost/", "http://[::1]/"},
			[]string{"", "a", "http://a.example.com", "ftp://a", "https://u:p@a", "https://u@a", "https:///x", "https://a b"},
		},
		"bcctl-url-template": {
			[]string{"https://a.example.com/x?y", "https://${host}/x", "https://a:${port}/${new.site}", "http://127.0.0.1:${port}/"},
			[]string{"", "a", "${url}", "http://${host}/", "ftp://${host}", "https://u:${p}@a", "https://${a b}/"},
		},
		"bcctl-email":   {[]string{"a@b"}, []string{"", "a", "a@", "@b", "a b@c", "a@b@c"}},
		"bcctl-digest":  {[]string{"sha256:" + strings.Repeat("0f", 32)}, []string{"", "sha256:0f", strings.Repeat("0f", 32), "sha256:" + strings.Repeat("0F", 32)}},
		"bcctl-commit":  {[]string{strings.Repeat("0f", 20), strings.Repeat("0f", 32)}, []string{"", "0f0f0f0", "main", strings.Repeat("0f", 25)}},
		"bcctl-regexp":  {[]string{"", "^a+$"}, []string{"(", "a**", `\1`}},
		"bcctl-ssh-key": {[]string{publicKey, publicKey + " ada@host"}, []string{"", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa " + strings.Fields(publicKey)[1], "ssh-dss AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----", "no-pty " + publicKey}},
	}
	for name, f := range Formats() {
		c, ok := cases[name]
		if !ok {
			t.Errorf("format %s has no test", name)
			continue
		}
		pattern := regexp.MustCompile(f.Pattern)
		for _, text := range c.good {
			if err := f.Check(text); err != nil {
				t.Errorf("%s refuses %q: %v", name, text, err)
			}
			if !pattern.MatchString(text) {
				t.Errorf("pattern of %s refuses %q, which is good", name, text)
			}
		}
		for _, text := range c.bad {
			var m *Mistake
			if err := f.Check(text); !errors.As(err, &m) {
				t.Errorf("%s takes %q (%v)", name, text, err)
			} else if m.What == "" || strings.Contains(m.What, "\n") {
				t.Errorf("%s says %q about %q", name, m.What, text)
			}
		}
	}
}

// People paste addresses and keys together with passwords.
func TestAddressesAndKeysAreNotRepeated(t *testing.T) {
	t.Parallel()
	for name, texts := range map[string][]string{
		"bcctl-address":      {"u:canary@db:1", "canary"},
		"bcctl-url":          {"https://u:canary@db", "canary", "https://a b canary", "https://%zz:canary@x"},
		"bcctl-url-template": {"https://u:canary@db", "canary"},
		"bcctl-ssh-key":      {"-----BEGIN PRIVATE KEY-----canary", "canary", "ssh-ed25519 canary"},
		"bcctl-secret":       {"canary", "env:canary!", "file:canary"},
		"bcctl-login":        {"env:canary!", "vault:canary"},
	} {
		for _, text := range texts {
			if err := Formats()[name].Check(text); err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s says %v about %q", name, err, text)
			}
		}
	}
}

func TestForEveryKindThereIsASchema(t *testing.T) {
	t.Parallel()
	if data, ok := For("Resource"); !ok || !strings.Contains(string(data), BaseID+"resource.schema.json") {
		t.Errorf("the schema of Resource (%v) has no $id of its own", ok)
	}
	if _, ok := For("Nothing"); ok {
		t.Error("there is a schema of Nothing")
	}
}

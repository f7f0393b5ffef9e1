package sqlserver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// desk checks a laboratory over its protocol. The laboratory is a model of the real
// server, written from documentation: what is shown here is that the connector
// reads what such a server says, not that a server says it.
type desk struct {
	lab   *sqlag.Group
	rpo   time.Duration
	spec  connectors.Spec
	state rules.State
}

func newDesk(t testing.TB, o sqlag.Options) *desk {
	t.Helper()
	lab, err := sqlag.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &desk{lab: lab, spec: labSpec(lab, sqlag.UserMonitor), rpo: time.Minute}
	if o.Form == sqlag.LogShipping {
		d.rpo = 30 * time.Minute // backups are made every five minutes and have a way to go
	}
	return d
}

func labSpec(lab *sqlag.Group, user string) connectors.Spec {
	spec := connectors.Spec{
		Target: lab.Name(), Home: connectors.Home{Primary: "fra", DR: "ams"}, TLS: connectors.TLS{CA: lab.CA()},
		Options: map[string]string{}, EndpointTimeout: 5 * time.Second,
		Credential: func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
			who := user
			if p == connectors.HeartbeatWriter {
				who = sqlag.UserHeartbeat
			}
			return connectors.Credential{Username: who, Password: lab.Password(who)}, nil
		},
	}
	if id := lab.GroupID(); id != "" {
		spec.Identity = map[string]string{"groupId": id}
	} else {
		spec.Options["form"], spec.Options["databases"] = "log-shipping", lab.Name()
	}
	for _, n := range lab.Nodes() {
		spec.Endpoints = append(spec.Endpoints, connectors.Endpoint{Name: n.Name, Site: n.Site, Address: n.Address})
	}
	return spec
}

func (d *desk) sweep(t testing.TB) verdict {
	t.Helper()
	c, err := Factory{}.Open(d.spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	v := verdict{}
	if v.observations, err = c.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.Result, d.state = judgeOf(t, d.lab.Name(), d.rpo).Evaluate(time.Now(), v.observations, d.state)
	assertModest(t, v)
	for _, secret := range d.lab.Secrets() {
		if text := fmt.Sprintf("%+v", v); strings.Contains(text, secret) {
			t.Errorf("a password is in what was seen")
		}
	}
	return v
}

func labForms() []sqlag.Form {
	return []sqlag.Form{sqlag.AG, sqlag.Distributed, sqlag.Clusterless, sqlag.LogShipping}
}

func TestLaboratoryIsGreen(t *testing.T) {
	t.Parallel()
	for _, form := range labForms() {
		for _, version := range []int{13, 14, 15, 16, 17} {
			if form == sqlag.Clusterless && version == 13 {
				continue // CLUSTER_TYPE came with 2017
			}
			t.Run(fmt.Sprintf("%s version %d", form, version), func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, sqlag.Options{Form: form, Version: version})
				d.sweep(t).want(t, green, nil, nil)
				if n, texts := d.lab.Changes(); n > 0 {
					t.Errorf("%d statements that could change something: %v", n, texts)
				}
			})
		}
	}
}

// TestLaboratoryFaults breaks everything that the laboratory can break: what it says
// a check should say is said, and nothing broken is green.
func TestLaboratoryFaults(t *testing.T) {
	t.Parallel()
	for _, form := range labForms() {
		t.Run(form.String(), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, sqlag.Options{Form: form})
			d.spec.EndpointTimeout = time.Second
			for _, fault := range d.lab.Faults() {
				d.state = rules.State{}
				if err := d.lab.Break(fault.Name); err != nil {
					t.Fatal(err)
				}
				if form != sqlag.LogShipping {
					d.spec.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second, Write: true}
				}
				v := d.sweep(t)
				if len(fault.Shows) == 0 && v.Status != readiness.Green {
					t.Errorf("%s: nothing is wrong, and it is %s: %v", fault.Name, v.Status, explained(v))
				}
				if len(fault.Shows) > 0 && v.Status == readiness.Green {
					t.Errorf("%s is green", fault.Name)
				}
				for _, code := range fault.Shows {
					if !strings.Contains(fmt.Sprint(v.codes()), string(code)) {
						t.Errorf("%s does not say %s: %s", fault.Name, code, explained(v))
					}
				}
				if err := d.lab.Repair(fault.Name); err != nil {
					t.Fatal(err)
				}
			}
			d.spec.Heartbeat, d.state = nil, rules.State{}
			d.sweep(t).want(t, green, nil, nil)
		})
	}
}

func explained(v verdict) string {
	var b strings.Builder
	for _, r := range v.Reasons {
		fmt.Fprintf(&b, "\n\t%s %s %s %s: %s", r.Status, r.Code, r.Endpoint, r.Indicator, r.Message)
	}
	return b.String()
}

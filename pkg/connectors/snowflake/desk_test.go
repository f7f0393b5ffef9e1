package snowflake

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/labtest"
	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// probeLimit is the deadline of an account in these tests: long for servers on
// loopback, short for those that hang.
const probeLimit = 2 * time.Second

// keys are made once: making them takes longer than most tests.
var keys = sync.OnceValues(snowpair.GenerateKeys)

// start starts a laboratory.
func start(t *testing.T, o snowpair.Options) *snowpair.Pair {
	t.Helper()
	made, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	o.Keys = maps.Clone(made)
	pair, err := snowpair.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pair.Close(); err != nil {
			t.Errorf("close the laboratory: %v", err)
		}
	})
	return pair
}

// desk is somebody who watches a pair: a connector, the built-in rules, and what a
// store would remember from check to check. Everything a sweep says is searched
// for secrets.
type desk struct {
	pair    *snowpair.Pair
	spec    connectors.Spec
	judge   *rules.Judge
	known   map[readiness.Key]readiness.Observation
	kept    connectors.Connector
	secrets []string
}

func newDesk(t *testing.T, pair *snowpair.Pair, change ...func(*connectors.Spec)) *desk {
	t.Helper()
	d := &desk{pair: pair, known: map[readiness.Key]readiness.Observation{}}
	var subject rules.Subject
	d.spec, subject = labtest.Read(t, pair, pair.CA(), Factory{})
	d.spec.EndpointTimeout = probeLimit
	d.spec.Previous = func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
		o, ok := d.known[readiness.Key{Endpoint: endpoint, Indicator: id}]
		return o, ok
	}
	for _, f := range change {
		f(&d.spec)
	}
	set, err := rules.NewSet(nil, func(string) []readiness.Indicator { return Factory{}.Indicators() })
	if err != nil {
		t.Fatal(err)
	}
	if d.judge, err = set.For(subject); err != nil {
		t.Fatal(err)
	}
	for _, secret := range pair.Secrets() {
		d.secrets = append(d.secrets, secret)
	}
	t.Cleanup(func() {
		if d.kept != nil {
			if err := d.kept.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	})
	return d
}

// verdict is what one sweep saw and what it was judged to mean.
type verdict struct {
	readiness.Result
	observations []readiness.Observation
	took         time.Duration
}

func (d *desk) now() time.Time {
	if d.spec.Now != nil {
		return d.spec.Now()
	}
	return time.Now()
}

// sweep is one check of the resource.
func (d *desk) sweep(t *testing.T) verdict {
	t.Helper()
	c := d.kept
	if c == nil {
		var err error
		if c, err = (Factory{}).Open(d.spec); err != nil {
			t.Fatal(err)
		}
		if d.spec.KeepOpen {
			d.kept = c
		} else {
			defer func() { _ = c.Close() }() // a goodbye that fails changes nothing
		}
	}
	begun := time.Now()
	observations, err := c.Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := verdict{observations: observations, took: time.Since(begun)}
	v.Result, _ = d.judge.Evaluate(d.now(), observations, rules.State{})
	for _, o := range observations {
		if o = stored(t, o); o.Failure == nil && !o.Value.IsAbsent() {
			d.known[readiness.Key{Endpoint: o.Endpoint, Indicator: o.Indicator}] = o
		}
	}
	for _, secret := range d.secrets {
		if strings.Contains(v.String(), secret) {
			t.Error("a secret got out")
		}
	}
	return v
}

func (v verdict) want(t *testing.T, status readiness.Status, codes ...readiness.Code) {
	t.Helper()
	if v.Status != status {
		t.Errorf("status is %s, want %s\n%s", v.Status, status, v)
	}
	for _, code := range codes {
		if !v.has(code) {
			t.Errorf("no reason %s\n%s", code, v)
		}
	}
}

func (v verdict) has(code readiness.Code) bool {
	return slices.ContainsFunc(v.Reasons, func(r readiness.Reason) bool { return r.Code == code })
}

func (v verdict) number(t *testing.T, endpoint string, id readiness.ID) float64 {
	t.Helper()
	for _, o := range v.observations {
		if n, ok := o.Value.Number(); ok && o.Endpoint == endpoint && o.Indicator == id {
			return n
		}
	}
	t.Errorf("%s of %q was not read\n%s", id, endpoint, v)
	return -1
}

func (v verdict) String() string {
	text := v.Status.String() + "\n"
	for _, r := range v.Reasons {
		text += "  " + string(r.Code) + " " + r.Status.String() + " " + r.Endpoint + " " + string(r.Indicator) + ": " + r.Message + "\n"
	}
	for _, o := range v.observations {
		text += "    " + o.Endpoint + " " + string(o.Indicator) + " = " + o.Value.Format(readiness.None) + "\n"
	}
	return text
}

// with is a copy of options with one set.
func with(options map[string]string, key, value string) map[string]string {
	changed := maps.Clone(options)
	if changed == nil {
		changed = map[string]string{}
	}
	changed[key] = value
	return changed
}

// stored is an observation as a store gives it back.
func stored(t *testing.T, o readiness.Observation) readiness.Observation {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var back readiness.Observation
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

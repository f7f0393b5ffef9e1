package action_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
)

// lamp is something to act on.
type lamp struct{ on bool }

func operations() []action.Operation[*lamp] {
	return []action.Operation[*lamp]{
		{
			Action: connectors.Action{Name: "lamp/shines", Summary: "it shines"},
			Check: func(_ context.Context, l *lamp, _ action.Call) connectors.Finding {
				if l.on {
					return action.Passed("it shines")
				}
				return action.Refused("", "it is dark")
			},
		},
		{
			Action: connectors.Action{Name: "lamp/switch", Summary: "switches it on", Changes: true,
				Parameters: []connectors.ActionParameter{action.Required("by", "who"), {Name: "within", Summary: "how soon", Default: "2s"}}},
			Do: func(_ context.Context, l *lamp, c action.Call) connectors.Outcome {
				within, err := c.Limit("within", time.Hour)
				if err != nil {
					return action.Failed("", "%v", err)
				}
				l.on = true
				return action.Done(nil, "%s did it within %s", c.Arg("by"), within)
			},
			Probe: func(_ context.Context, l *lamp, _ action.Call) connectors.Outcome {
				if l.on {
					return action.Done(nil, "on")
				}
				return action.NotDone("", "off")
			},
		},
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	open := func(run string) *action.Table[*lamp] {
		return action.NewTable("lamps", run, func() time.Time { return now }, operations())
	}
	table, l := open("run-1"), &lamp{}
	use := func(name string, with ...string) connectors.Call {
		c := connectors.Call{Action: name, With: map[string]string{}}
		for i := 0; i < len(with); i += 2 {
			c.With[with[i]] = with[i+1]
		}
		return c
	}
	for _, bad := range []struct {
		call connectors.Call
		says string
	}{
		{use("lamp/break"), "explain platform/lamps"},
		{use("lamp/switch"), `needs "by"`},
		{use("lamp/switch", "by", "ann", "color", "red"), `takes no "color"`},
		{use("lamp/shines", "color", "red"), `takes no "color"`},
	} {
		f, o, p := table.Check(t.Context(), l, bad.call), table.Do(t.Context(), l, bad.call), table.Probe(t.Context(), l, bad.call)
		if f.Result != connectors.Unknown || o.State != connectors.Failed || p.State != connectors.InDoubt || f.Observed != now {
			t.Errorf("%v: %v, %v, %v", bad.call, f, o, p)
		}
		for _, text := range []string{f.Message, o.Message, p.Message} {
			if !strings.Contains(text, bad.says) {
				t.Errorf("%v: %q does not say %q", bad.call, text, bad.says)
			}
		}
	}
	if o := table.Do(t.Context(), l, use("lamp/switch", "by", "ann", "within", "soon")); o.State != connectors.Failed || l.on {
		t.Errorf("with a length of time that is none: %v", o)
	}
	if o := open("").Do(t.Context(), l, use("lamp/switch", "by", "ann")); o.State != connectors.Failed || l.on {
		t.Errorf("without a run: %v", o)
	}
	// A step may be one that only reads; a check may be of an effect.
	if o, f := table.Do(t.Context(), l, use("lamp/shines")), table.Check(t.Context(), l, use("lamp/switch", "by", "ann")); o.State != connectors.NotDone || f.Result != connectors.Refused {
		t.Errorf("dark: %v, %v", o, f)
	}
	if o := table.Do(t.Context(), l, use("lamp/switch", "by", " ann ")); o.State != connectors.Done || o.Message != "ann did it within 2s" {
		t.Errorf("switched: %v", o)
	}
	if o, f := table.Probe(t.Context(), l, use("lamp/shines")), table.Check(t.Context(), l, use("lamp/switch", "by", "ann")); o.State != connectors.Done || f.Result != connectors.Passed {
		t.Errorf("lit: %v, %v", o, f)
	}
	if list := action.List(operations()); len(list) != 2 || list[1].Name != "lamp/switch" {
		t.Errorf("list: %v", list)
	}
}

// Calls without a deadline get one: a hung server costs its time and no more.
func TestBounded(t *testing.T) {
	t.Parallel()
	ctx, cancel := action.Bounded(t.Context(), time.Minute)
	defer cancel()
	if at, has := ctx.Deadline(); !has || time.Until(at) > time.Minute {
		t.Errorf("deadline %v %v", at, has)
	}
	near, stop := context.WithTimeout(t.Context(), time.Hour)
	defer stop()
	ctx, cancel2 := action.Bounded(near, time.Minute)
	defer cancel2()
	if at, has := ctx.Deadline(); !has || time.Until(at) < time.Minute {
		t.Errorf("a deadline that was given was replaced: %v %v", at, has)
	}
}

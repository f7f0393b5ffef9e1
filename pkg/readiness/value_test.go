package readiness_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// SI-9: what is not a measurement is absent, never zero.
func TestSI9NoMeasurementIsAbsent(t *testing.T) {
	t.Parallel()
	var null readiness.Value
	if err := json.Unmarshal([]byte("null"), &null); err != nil {
		t.Fatal(err)
	}
	fromNil, err := readiness.ValueOf(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]readiness.Value{
		"zero value": {}, "NaN": readiness.Num(math.NaN()), "+Inf": readiness.Num(math.Inf(1)), "-Inf": readiness.Num(math.Inf(-1)),
		"JSON null": null, "nil": fromNil,
	} {
		if !v.IsAbsent() || v.Kind() != readiness.Absent {
			t.Errorf("%s is not absent", name)
		}
		if n, ok := v.Number(); ok {
			t.Errorf("%s is the number %v", name, n)
		}
		if f, ok := v.Flag(); ok {
			t.Errorf("%s is the flag %v", name, f)
		}
		if text, ok := v.Text(); ok {
			t.Errorf("%s is the text %q", name, text)
		}
		for _, u := range []readiness.Unit{readiness.None, readiness.Bytes, readiness.Seconds, readiness.Count, readiness.Ratio} {
			if got := v.Format(u); got != "not known" {
				t.Errorf("%s is printed %q in %q", name, got, u)
			}
		}
	}
}

// A JSON null that is read over an old value replaces it.
func TestNullReplacesWhatStoodThere(t *testing.T) {
	t.Parallel()
	o := readiness.Observation{Value: readiness.Num(0)}
	if err := json.Unmarshal([]byte(`{"value":null}`), &o); err != nil || !o.Value.IsAbsent() {
		t.Errorf("value is %s (%v)", o.Value.Format(readiness.None), err)
	}
}

func TestValueIsWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		v    readiness.Value
		kind readiness.Kind
		json string
	}{
		"zero":        {readiness.Num(0), readiness.Number, "0"},
		"negative":    {readiness.Num(-1.5), readiness.Number, "-1.5"},
		"seconds":     {readiness.Dur(1500 * time.Millisecond), readiness.Number, "1.5"},
		"empty text":  {readiness.Str(""), readiness.Text, `""`},
		"text":        {readiness.Str("paused"), readiness.Text, `"paused"`},
		"text of num": {readiness.Str("0"), readiness.Text, `"0"`},
		"false":       {readiness.Bool(false), readiness.Flag, "false"},
		"true":        {readiness.Bool(true), readiness.Flag, "true"},
		"absent":      {readiness.Value{}, readiness.Absent, "null"},
	} {
		if tt.v.Kind() != tt.kind {
			t.Errorf("%s has kind %d", name, tt.v.Kind())
		}
		data, err := json.Marshal(tt.v)
		if err != nil || string(data) != tt.json {
			t.Errorf("%s is written %s (%v), want %s", name, data, err, tt.json)
		}
		var back readiness.Value
		if err := json.Unmarshal(data, &back); err != nil || back != tt.v {
			t.Errorf("%s came back as %#v (%v)", name, back, err)
		}
	}
}

// Two values are never two forms at once: a flag is no number, though it is kept
// as one.
func TestFormsDoNotMix(t *testing.T) {
	t.Parallel()
	if n, ok := readiness.Bool(true).Number(); ok {
		t.Errorf("true is the number %v", n)
	}
	if f, ok := readiness.Num(1).Flag(); ok {
		t.Errorf("1 is the flag %v", f)
	}
	if n, ok := readiness.Str("1").Number(); ok {
		t.Errorf(`"1" is the number %v`, n)
	}
}

func TestValueOfScalars(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw  any
		want readiness.Value
	}{
		{3, readiness.Num(3)}, {int64(-3), readiness.Num(-3)}, {uint64(7), readiness.Num(7)}, {2.5, readiness.Num(2.5)},
		{"x", readiness.Str("x")}, {true, readiness.Bool(true)}, {nil, readiness.Value{}}, {math.NaN(), readiness.Value{}},
	} {
		if got, err := readiness.ValueOf(tt.raw); err != nil || got != tt.want {
			t.Errorf("ValueOf(%v) = %#v, %v", tt.raw, got, err)
		}
	}
	for _, raw := range []any{[]any{1.0}, map[string]any{"a": 1.0}, time.Second, struct{}{}} {
		if got, err := readiness.ValueOf(raw); err == nil || !got.IsAbsent() {
			t.Errorf("ValueOf(%T) = %#v, %v; want an error", raw, got, err)
		}
	}
	for _, text := range []string{"[1]", "{}", "1e999", "NaN", ""} {
		v := readiness.Num(1)
		if err := json.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("JSON %q was read as %s", text, v.Format(readiness.None))
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		v    readiness.Value
		unit readiness.Unit
		want string
	}{
		{readiness.Num(0), readiness.Bytes, "0 B"}, {readiness.Num(1023), readiness.Bytes, "1023 B"}, {readiness.Num(1024), readiness.Bytes, "1.0 KiB"},
		{readiness.Num(-3 << 20), readiness.Bytes, "-3.0 MiB"}, {readiness.Num(1 << 60), readiness.Bytes, "1024.0 PiB"},
		{readiness.Num(0), readiness.Seconds, "0 ms"}, {readiness.Num(0.25), readiness.Seconds, "250 ms"}, {readiness.Num(12.34), readiness.Seconds, "12.3 s"},
		{readiness.Num(90), readiness.Seconds, "90 s"}, {readiness.Num(7200), readiness.Seconds, "2h0m0s"}, {readiness.Num(-7200), readiness.Seconds, "-2h0m0s"},
		{readiness.Num(0.5), readiness.Ratio, "50.0 %"}, {readiness.Num(100), readiness.Count, "100"}, {readiness.Num(1.5), readiness.None, "1.5"},
		{readiness.Bool(true), readiness.None, "yes"}, {readiness.Bool(false), readiness.None, "no"}, {readiness.Str("a b"), readiness.Bytes, "a b"},
	} {
		if got := tt.v.Format(tt.unit); got != tt.want {
			t.Errorf("%#v in %q is printed %q, want %q", tt.v, tt.unit, got, tt.want)
		}
	}
}

// A number too great for a time.Duration must not be printed as a negative one.
func TestFormatOfHugeNumbersKeepsTheirSign(t *testing.T) {
	t.Parallel()
	for _, f := range []float64{9.3e9, 9223372036.7, 1e18, 1e300, math.MaxFloat64} {
		if got := readiness.Num(f).Format(readiness.Seconds); strings.HasPrefix(got, "-") {
			t.Errorf("%g s is printed %q", f, got)
		}
		if got := readiness.Num(-f).Format(readiness.Seconds); !strings.HasPrefix(got, "-") {
			t.Errorf("%g s is printed %q", -f, got)
		}
	}
}

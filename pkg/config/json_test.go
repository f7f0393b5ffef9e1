package config

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	for _, value := range []any{
		nil, true, false, int64(0), int64(-9007199254740993), 0.5, -1e300, 1e-7, "", "plain", "\"\\/<>&", "ü\u2028\n\t\x00\x7f",
		[]any{}, []any{"a", []any{nil}}, map[string]any{}, map[string]any{"b": int64(1), "a\"": map[string]any{"x": []any{false}}, "": "y"},
	} {
		got, err := appendJSON(nil, value)
		if err != nil {
			t.Errorf("%#v: %v", value, err)
			continue
		}
		want, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := json.Unmarshal(got, &a); err != nil {
			t.Errorf("%#v is written as %s: %v", value, got, err)
		}
		if err := json.Unmarshal(want, &b); err != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%#v is written as %s, want %s", value, got, want)
		}
	}
	if got, err := appendJSON(nil, map[string]any{"a": []any{make(chan int)}}); err == nil {
		t.Errorf("a channel is written as %s", got)
	}
}

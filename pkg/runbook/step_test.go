package runbook

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Every member of Operation but with is something to do; one that Kinds forgets
// would let a step do two things.
func TestKindsKnowsEveryMember(t *testing.T) {
	t.Parallel()
	var all []string
	for f := range reflect.TypeFor[Operation]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "with" {
			continue
		}
		all = append(all, name)
		value := "{}"
		if f.Type.Kind() == reflect.String {
			value = `"pg.native/promote"`
		}
		var step Step
		if err := json.Unmarshal([]byte(`{"id": "a", "`+name+`": `+value+`}`), &step); err != nil {
			t.Fatal(err)
		}
		if kinds := step.Kinds(); !slices.Equal(kinds, []string{name}) {
			t.Errorf("a step with %s does %v", name, kinds)
		}
	}
	if len(all) != 8 {
		t.Errorf("operations are %v", all)
	}
	if kinds := (Operation{With: map[string]string{"a": "b"}}).Kinds(); len(kinds) != 0 {
		t.Errorf("an operation with arguments only does %v", kinds)
	}
}

package render

import (
	"reflect"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

const foreign = "a\x1b[31m\n::error::x"

// texts calls f with every text below v, with its place; f returns what it becomes.
func texts(v reflect.Value, place string, f func(place, text string) string) {
	if v.CanAddr() {
		if value, ok := v.Addr().Interface().(*readiness.Value); ok {
			text, _ := value.Text()
			*value = readiness.Str(f(place, text))
			return
		}
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(f(place, v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				texts(v.Field(i), place+"."+v.Type().Field(i).Name, f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), place+"[]", f)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			texts(v.Elem(), place, f)
		}
	}
}

// Every text of a report is cleaned, those of fields that will be added too.
func TestCleanForgetsNoField(t *testing.T) {
	t.Parallel()
	indicators := []readiness.IndicatorResult{{Observation: readiness.Observation{Failure: &readiness.Finding{}, Findings: make([]readiness.Finding, 1)}}}
	r := check.Report{
		Results: []readiness.Result{{
			Reasons: make([]readiness.Reason, 1), Indicators: indicators, LastKnownGood: &readiness.LastKnownGood{Indicators: indicators},
			Children: []readiness.Result{{Reasons: make([]readiness.Reason, 1)}},
		}},
		Transitions: make([]check.Transition, 1),
		Warnings:    make([]string, 1),
	}
	filled := 0
	texts(reflect.ValueOf(&r), "report", func(string, string) string { filled++; return foreign })
	if filled < 50 {
		t.Fatalf("only %d texts were found", filled)
	}
	cleaned := clean(r)
	texts(reflect.ValueOf(&cleaned), "report", func(place, text string) string {
		// The address of the schema is a constant of this program, and no format that
		// people read shows it.
		if strings.ContainsAny(text, "\x1b\n") && place != "report.Schema" {
			t.Errorf("%s is not cleaned: %q", place, text)
		}
		return text
	})
	texts(reflect.ValueOf(&r), "report", func(place, text string) string {
		if text != foreign {
			t.Errorf("%s of the report itself was changed to %q", place, text)
		}
		return text
	})
}

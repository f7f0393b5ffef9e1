package canonical

import (
	"errors"
	"testing"
)

type document struct {
	A string   `json:"a"`
	B []string `json:"b,omitzero"`
	N int64    `json:"n"`
}

func TestOneForm(t *testing.T) {
	t.Parallel()
	const text = `{"a":"é","b":["x"],"n":-1}`
	var d document
	if err := Decode([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	again, err := Encode(d)
	if err != nil || string(again) != text {
		t.Fatalf("%s, %v", again, err)
	}
	for _, other := range []string{
		`{"b":["x"],"a":"é","n":-1}`, `{"a":"\u00e9","b":["x"],"n":-1}`, `{"a":"é","b":["x"],"n":-1} `, ` {"a":"é","b":["x"],"n":-1}`, `{"a":"é","b":["x"], "n":-1}`,
		`{"a":"é","b":["x"],"n":-1.0}`, `{"a":"é","b":["x"],"n":-01}`, `{"a":"é","b":null,"n":-1}`, `{"a":"é","n":1e0}`,
	} {
		var d document
		if err := Decode([]byte(other), &d); err == nil {
			t.Errorf("%s is taken", other)
		}
	}
	for _, bad := range []string{`{"a":"é","a":"é","n":1}`, `{"A":"é","n":1}`, `{"a":"é","n":1,"z":0}`, "{\"a\":\"\xff\",\"n\":1}", `[]`, ``, `{"a":"é","n":9223372036854775808}`} {
		var d document
		if err := Decode([]byte(bad), &d); err == nil || errors.Is(err, ErrForm) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

package postgres

import (
	"slices"
	"testing"
)

func TestParseSynchronous(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]synchronous{
		"db_b":                         {1, []string{"db_b"}},
		" db_b , db_c ":                {1, []string{"db_b", "db_c"}},
		"*":                            {1, []string{"*"}},
		"2 (db_b, db_c)":               {2, []string{"db_b", "db_c"}},
		"FIRST 1 (db_b)":               {1, []string{"db_b"}},
		"any 2(a,b,c)":                 {2, []string{"a", "b", "c"}},
		`"db-b", "odd ""name"""`:       {1, []string{"db-b", `odd "name"`}},
		`ANY 1 ("db-b", *)`:            {1, []string{"db-b", "*"}},
		"":                             {},
		"FIRST (a)":                    {},
		"FIRST 0 (a)":                  {},
		"FIRST 99999999999999999999 a": {1, []string{"FIRST 99999999999999999999 a"}},
		"2 (a":                         {},
		"a,,b":                         {},
	} {
		got, ok := parseSynchronous(text)
		if ok != (want.count > 0) || got.count != want.count || !slices.Equal(got.names, want.names) {
			t.Errorf("%q: %+v, %t; want %+v", text, got, ok, want)
		}
	}
	s, _ := parseSynchronous(`ANY 1 ("db-b")`)
	if !s.wants("DB-B") || s.wants("db-c") {
		t.Error("names compare without regard to case, and to nothing else")
	}
}

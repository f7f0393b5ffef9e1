package render

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func readCSV(t *testing.T, v View) []map[string]string {
	t.Helper()
	out := render(t, "csv", v)
	if strings.Count(out, "\n") != strings.Count(out, "\r\n") {
		t.Error("a line does not end as RFC 4180 says")
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		list = append(list, m)
	}
	return list
}

func TestCSVHasRowForEachReason(t *testing.T) {
	t.Parallel()
	rows := readCSV(t, viewOf(sample()))
	if len(rows) != 3+1+2+1+1+1 {
		t.Fatalf("%d rows, want 9", len(rows))
	}
	first := rows[0]
	for name, want := range map[string]string{"target": "pg/ledger", "status": "red", "code": "LAG_OVER_RPO", "value": "42", "threshold": "30", "unit": "seconds",
		"source": "policies/default.yaml:14", "line": "3", "validUntil": "2026-03-01T12:01:00Z", "replayOf": ""} {
		if first[name] != want {
			t.Errorf("%s = %q, want %q", name, first[name], want)
		}
	}
	last := rows[len(rows)-1]
	if last["target"] != "pg/users" || last["status"] != "green" || last["code"] != "" || last["reasonStatus"] != "" {
		t.Errorf("row of a green result: %v", last)
	}
	if got := readCSV(t, viewOf(replayed()))[0]["replayOf"]; got != "2026-03-01T12:00:00Z" {
		t.Errorf("replayOf = %q", got)
	}
}

func TestCSVGuardsFormulas(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"=cmd()": "'=cmd()", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=x": "' =x", "  =x": "'  =x", "＝x": "'＝x",
		"plain": "plain", "a=b": "a=b", "": "", "'quoted": "'quoted",
	} {
		r := check.Report{Results: []readiness.Result{result("pg/a", readiness.Red, readiness.Reason{Code: readiness.Diverged, Status: readiness.Red, Message: in})}}
		if got := readCSV(t, viewOf(r))[0]["message"]; got != want {
			t.Errorf("message %q is written %q, want %q", in, got, want)
		}
	}
	named := check.Report{Results: []readiness.Result{result("=HYPERLINK(1)", readiness.Green)}}
	if got := readCSV(t, viewOf(named))[0]["target"]; got != "'=HYPERLINK(1)" {
		t.Errorf("target is written %q", got)
	}
}

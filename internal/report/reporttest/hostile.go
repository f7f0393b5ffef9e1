package reporttest

import (
	"strings"

	"github.com/bcctl/bcctl/internal/report"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Attack is a text that wants out of wherever it is put: of a tag, an attribute,
// a script, a style, a comment. What it tries shows as window.hurt.
const Attack = `</script></style></title>--><img src=x onerror="window.hurt=1">"'` + "`" + `><svg onload=window.hurt=1>{{.}}${hurt}`

// Reversal is a text that a browser would show in another order than it is in.
const Reversal = "safe\u202etxt.exe\u2066\u200b\x1b[31m\x00end"

// Hostile is the fleet with such texts wherever a server or a document has its
// say.
func Hostile() report.Input {
	in := Fleet()
	r := &in.Report.Results[0]
	old := r.Name
	r.Name = "orders" + Attack
	in.Targets[r.Name] = in.Targets[old]
	r.Owner, r.Environment, r.File = Attack, Attack, Attack
	r.Reasons = []readiness.Reason{
		{Code: readiness.ReplayPaused, Status: readiness.Red, Message: Attack, Endpoint: Attack, Source: Attack, Value: readiness.Str(Attack)},
		{Code: readiness.Code("X" + Attack), Status: readiness.Red, Message: Reversal},
		{Code: readiness.QueryFailed, Status: readiness.Unknown, Message: strings.Repeat("long ", 100_000)},
		{Code: readiness.QueryFailed, Status: readiness.Unknown, Message: strings.Repeat("w", 3000)},
	}
	for i := range r.Children {
		r.Children[i].Name += Attack
		r.Children[i].Site = "fra" + Attack
	}
	for i := range r.Indicators {
		if r.Indicators[i].Endpoint != "" {
			r.Indicators[i].Endpoint += Attack
		}
		r.Indicators[i].Value = readiness.Str(Attack + Reversal)
	}
	in.Report.Warnings = []string{Attack, Reversal}
	in.Report.Commit, in.Report.RunID = Attack, Attack
	for i := range in.Report.Results {
		if in.Report.Results[i].Kind == readiness.KindGroup {
			in.Report.Results[i].Name += Attack
		}
	}
	return in
}

package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// rule is a policy of one expression that makes the resource red.
func rule(expr string) rules.Policy {
	return rules.Policy{Expressions: []rules.Expression{{Name: "r", Expr: expr, Status: readiness.Red, Message: "say so"}}}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	sub := ledger
	sub.Labels = map[string]string{"app": "pay"}
	observations := append(without(lag, healthy()), readAt("b", lag, readiness.Num(5)), readAt("c", lag, readiness.Num(7)),
		readAt("b", free, readiness.Num(5)), readAt("c", free, readiness.Num(7)),
		readAt("c", archive, readiness.Str("failing")), readAt("b", archive, readiness.Str("ok")), read(lone, readiness.Bool(true)))
	holds, quiet, broken := readiness.ExprRule, readiness.Code(""), readiness.ExprError
	for expr, want := range map[string]readiness.Code{
		`value["replication.lag"] > 6.0`:                                   holds, // the worst endpoint counts
		`value["replication.lag"] > 7.0`:                                   quiet,
		`value["slot.free"] < 6`:                                           holds, // low is bad: the lowest
		`value["slot.free"] == 5.0`:                                        holds,
		`text["archive.state"] == "ok"`:                                    holds, // the first endpoint by name
		`flag["site.lone"]`:                                                holds,
		`!flag["site.lone"]`:                                               quiet,
		`tier == 1 && platform == "postgresql"`:                            holds,
		`environment == "production" && labels["app"] == "pay"`:            holds,
		`labels["none"] == "pay"`:                                          broken,
		`value["no.such"] > 1.0`:                                           broken,
		`value["archive.state"] > 1.0`:                                     broken, // a text is no number
		`!("no.such" in value) || value["no.such"] > 1.0`:                  holds,
		`"no.such" in value && value["no.such"] > 1.0`:                     quiet,
		`value["no.such"] > 1.0 || tier == 1`:                              holds, // the other side decides
		`1 / (tier - 1) > 0`:                                               broken,
		`text["topology"].matches("primary a.*")`:                          holds,
		`value["clock.skew"] > 0.05 && value["clock.skew"] < 1`:            holds,
		`["a", "b"].all(x, x in labels) ? true : false`:                    quiet,
		`duration("1h") < duration("90m") && timestamp(0) < timestamp(10)`: holds,
	} {
		r := now(judge(t, sub, rule(expr)), observations)
		switch want {
		case quiet:
			expect(t, r, readiness.Green)
		case holds:
			expect(t, r, readiness.Red, want)
		default:
			expect(t, r, readiness.Unknown, want)
		}
		if t.Failed() {
			t.Fatalf("in %s", expr)
		}
		if want != quiet && r.Reasons[0].Source != "a.yaml:1" {
			t.Errorf("%s: source %q", expr, r.Reasons[0].Source)
		}
	}
}

// SI-6: an expression about something unknown is unknown, not false. Each case
// spoils the one reading that the expression asks for.
func TestSI6ExpressionAboutTheUnknownIsUnknown(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger, rule(`value["slot.free"] < 6.0`))
	stale, null, optional := readAt("b", free, readiness.Num(5)), readAt("b", free, readiness.Value{}), readAt("b", free, readiness.Num(5))
	stale.ObservedAt, optional.Optional = noon.Add(-time.Hour), true
	for name, o := range map[string]readiness.Observation{
		"failed": failed("b", free, readiness.QueryFailed), "stale": stale, "NULL": null, "negative": readAt("b", free, readiness.Num(-5)),
		"of an optional endpoint": optional,
	} {
		if r := now(j, healthy(o)); r.Status != readiness.Unknown {
			t.Errorf("%s: %s %v", name, r.Status, codesOf(r))
		}
	}
	if r := now(j, healthy()); r.Status != readiness.Unknown {
		t.Errorf("not read at all: %s %v", r.Status, codesOf(r))
	}
}

// A reading counts in an expression for as long as it counts by itself.
func TestExpressionUsesTheIndicatorsOwnMaxAge(t *testing.T) {
	t.Parallel()
	p := rule(`value["slot.free"] < 6.0`)
	p.Thresholds = map[readiness.ID]rules.Threshold{free: {MaxAge: dur(time.Hour)}}
	old := readAt("b", free, readiness.Num(5))
	old.ObservedAt = noon.Add(-59 * time.Minute)
	expect(t, now(judge(t, ledger, p), healthy(old)), readiness.Red, readiness.ExprRule)
	p.Thresholds = map[readiness.ID]rules.Threshold{free: {MaxAge: dur(time.Second)}}
	old.ObservedAt = noon.Add(-time.Second)
	expect(t, now(judge(t, ledger, p), healthy(old)), readiness.Unknown, readiness.ExprError, readiness.VisStale)
}

// An optional endpoint makes the resource at most yellow, through an expression
// as well.
func TestExpressionLeavesOptionalEndpointsOut(t *testing.T) {
	t.Parallel()
	far := readAt("z", lag, readiness.Num(1<<40))
	far.Optional = true
	expect(t, now(judge(t, ledger, rule(`value["replication.lag"] > 1.0`)), healthy(far)), readiness.Green)
}

// An expression that costs too much is unknown, and costs no more than its bound.
func TestExpensiveExpressionIsUnknown(t *testing.T) {
	t.Parallel()
	sub := ledger
	sub.Labels = map[string]string{}
	for i := range 300 {
		sub.Labels[fmt.Sprint("label", i)] = "x"
	}
	r := now(judge(t, sub, rule(`labels.all(a, labels.all(b, labels.all(c, a + b + c != "")))`)), healthy())
	expect(t, r, readiness.Unknown, readiness.ExprError)
	if m := r.Reasons[0].Message; !strings.Contains(m, "cost") {
		t.Errorf("message %q", m)
	}
}

// A rule whose status is missing or green is not one for being healthy.
func TestSI6NoExpressionMakesGreen(t *testing.T) {
	t.Parallel()
	for s, want := range map[readiness.Status]readiness.Status{
		readiness.Green: readiness.Unknown, readiness.Unknown: readiness.Unknown, readiness.Yellow: readiness.Yellow, readiness.Red: readiness.Red} {
		p := rule("true")
		p.Expressions[0].Status = s
		expect(t, now(judge(t, ledger, p), healthy()), want, readiness.ExprRule)
		if r := now(judge(t, ledger, p), nil); r.Status == readiness.Green || r.Status == readiness.Yellow {
			t.Errorf("a rule of %s made an unread resource %s", s, r.Status)
		}
	}
}

// What does not compile is an error with its place, all of them at once.
func TestCompileErrorsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	wrong := []string{`value[`, `no_such_variable > 1`, `value["a"]`, `1 + 1`, `"text"`, `value["a"] > "b"`, `dyn(true)`, ``, `tier == "1"`}
	p := rules.Policy{}
	for i, expr := range wrong {
		if rules.CheckExpression(rules.Expression{Expr: expr}) == nil {
			t.Errorf("%q compiles", expr)
		}
		p.Expressions = append(p.Expressions, rules.Expression{Name: fmt.Sprint("r", i), Expr: expr})
	}
	p.Expressions = append(p.Expressions, rules.Expression{Name: "good", Expr: "true", Status: readiness.Red})
	set, err := rules.NewSet([]rules.Document{{Policy: p, Source: "p.yaml:1", At: func(path ...any) string { return fmt.Sprint("p.yaml:", 10+path[1].(int)) }}}, catalog)
	if err == nil || set == nil {
		t.Fatal(err)
	}
	for i := range wrong {
		if want := fmt.Sprintf("p.yaml:%d: expression \"r%d\": ", 10+i, i); !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%s", want, err)
		}
	}
	if strings.Contains(err.Error(), `"good"`) {
		t.Errorf("a good expression is called wrong:\n%s", err)
	}
	if err := rules.CheckExpression(rules.Expression{Expr: `value["a"] > 1.0`}); err != nil {
		t.Error(err)
	}
}

// Two rules that say the same words are two reasons.
func TestEqualRulesOfTwoPoliciesAreBothShown(t *testing.T) {
	t.Parallel()
	r := now(judge(t, ledger, rule("true"), rule("true")), healthy())
	expect(t, r, readiness.Red, readiness.ExprRule, readiness.ExprRule)
}

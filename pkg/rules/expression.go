package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Bounds of one expression: far above what a rule needs, far below what would be
// noticed in a sweep.
const (
	expressionCost = 10_000
	expressionTime = time.Second
)

// program is a compiled expression.
type program struct {
	Expression
	run    cel.Program
	source string
}

// environment is built on first use: most repositories have no expressions, and
// `bcctl version` should not pay for them.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("value", cel.MapType(cel.StringType, cel.DoubleType)),
		cel.Variable("text", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("flag", cel.MapType(cel.StringType, cel.BoolType)),
		cel.Variable("tier", cel.IntType),
		cel.Variable("platform", cel.StringType),
		cel.Variable("environment", cel.StringType),
		cel.Variable("labels", cel.MapType(cel.StringType, cel.StringType)),
		cel.CrossTypeNumericComparisons(true),
	)
})

func compile(e Expression) (program, error) {
	env, err := environment()
	if err != nil {
		return program{}, fmt.Errorf("prepare expressions: %w", err)
	}
	ast, issues := env.Compile(e.Expr)
	if issues.Err() != nil {
		return program{}, issues.Err()
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return program{}, errors.New("the expression must be true or false; write a comparison")
	}
	run, err := env.Program(ast, cel.CostLimit(expressionCost), cel.InterruptCheckFrequency(100))
	if err != nil {
		return program{}, err
	}
	return program{Expression: e, run: run}, nil
}

// CheckExpression compiles an expression without running it.
func CheckExpression(e Expression) error {
	_, err := compile(e)
	return err
}

func (e *evaluation) expressions(observations []readiness.Observation) {
	if len(e.judge.expressions) == 0 {
		return
	}
	vars := e.variables(observations)
	for _, p := range e.judge.expressions {
		ctx, cancel := context.WithTimeout(context.Background(), expressionTime)
		out, _, err := p.run.ContextEval(ctx, vars)
		cancel()
		reason := readiness.Reason{Source: p.source}
		holds, isBool := false, false
		if err == nil {
			holds, isBool = out.Value().(bool)
		}
		switch {
		case err != nil || !isBool:
			reason.Code, reason.Status = readiness.ExprError, readiness.Unknown
			reason.Message = fmt.Sprintf("expression %q: %v", p.Name, err)
		case holds:
			reason.Code, reason.Status, reason.Message = readiness.ExprRule, p.Status, p.Name+": "+p.Message
			if p.Status == readiness.Green {
				reason.Status = readiness.Unknown
			}
		default:
			continue
		}
		e.reasons = append(e.reasons, reason)
	}
}

// variables gives each indicator one value for the whole resource: the worst of
// its endpoints for numbers, the first by endpoint for texts and flags. A reading
// that is not usable is left out, so that an expression about it is unknown. So
// is one of an optional endpoint, which may not make the resource red.
func (e *evaluation) variables(observations []readiness.Observation) map[string]any {
	value, text, flag := map[string]float64{}, map[string]string{}, map[string]bool{}
	for _, o := range byEndpoint(observations) {
		if _, ok := e.judge.usable(o, e.now); !ok || o.Optional {
			continue
		}
		id := string(o.Indicator)
		if n, ok := o.Value.Number(); ok {
			if old, exists := value[id]; !exists || over(n, old, e.judge.indicators[o.Indicator].LowIsBad) {
				value[id] = n
			}
		}
		if t, ok := o.Value.Text(); ok {
			if _, exists := text[id]; !exists {
				text[id] = t
			}
		}
		if b, ok := o.Value.Flag(); ok {
			if _, exists := flag[id]; !exists {
				flag[id] = b
			}
		}
	}
	labels := e.judge.Subject.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	return map[string]any{"value": value, "text": text, "flag": flag, "tier": int64(e.judge.Subject.Tier),
		"platform": e.judge.Subject.Platform, "environment": e.judge.Subject.Environment, "labels": labels}
}

// byEndpoint orders readings by endpoint, and those of one endpoint by what they
// say, so that it makes no difference in which order they were given.
func byEndpoint(observations []readiness.Observation) []readiness.Observation {
	return slices.SortedFunc(slices.Values(observations), func(a, b readiness.Observation) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Value.Format(readiness.None), b.Value.Format(readiness.None)))
	})
}

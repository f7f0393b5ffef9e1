package engine

import (
	"math"
	"math/big"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

func (b *batch) arithmetic(op string, l, r compiled) (compiled, error) {
	to := sqltype.Wider(l.typ, r.typ)
	switch {
	case to.Kind == sqltype.Null:
		return constant(nil, sqltype.Of(sqltype.Int)), nil
	case to.IsText():
		if op != "+" {
			return compiled{}, sqlerr.New(8117, "Operand data type %s is invalid for %s operator.", to, op)
		}
		if to.Length != sqltype.Max {
			to.Length = min(4000, max(1, l.typ.Length)+max(1, r.typ.Length))
		}
	case to.IsTime():
		return timeArithmetic(op, l, r, to)
	case !to.IsNumber():
		return compiled{}, sqlerr.New(8117, "Operand data type %s is invalid for %s operator.", to, op)
	case to.IsInteger() && to.Kind < sqltype.Int:
		to = sqltype.Of(sqltype.Int) // enough for what monitoring computes
	}
	result := to
	if to.Kind == sqltype.Numeric {
		result = numericResult(op, as(l.typ), as(r.typ))
	}
	return compiled{typ: result, eval: func(at *row) (any, error) {
		x, err := l.eval(at)
		if err != nil {
			return nil, err
		}
		y, err := r.eval(at)
		if err != nil || x == nil || y == nil {
			return nil, err
		}
		if to.Kind == sqltype.Numeric {
			return numericOperation(op, x, y, result)
		}
		if x, err = implicit(x, to); err != nil {
			return nil, err
		}
		if y, err = implicit(y, to); err != nil {
			return nil, err
		}
		switch x := x.(type) {
		case string:
			return x + y.(string), nil
		case int64:
			return integer(op, x, y.(int64), to)
		case float64:
			return floating(op, x, y.(float64))
		}
		return nil, sqlerr.New(8117, "Operand data type %s is invalid for %s operator.", to, op)
	}}, nil
}

func divideByZero() error { return sqlerr.New(8134, "Divide by zero error encountered.") }

func integer(op string, x, y int64, to sqltype.Type) (any, error) {
	n := new(big.Int)
	a, c := big.NewInt(x), big.NewInt(y)
	switch op {
	case "+":
		n.Add(a, c)
	case "-":
		n.Sub(a, c)
	case "*":
		n.Mul(a, c)
	case "/":
		if y == 0 {
			return nil, divideByZero()
		}
		n.Quo(a, c)
	case "%":
		if y == 0 {
			return nil, divideByZero()
		}
		n.Rem(a, c)
	case "&":
		n.And(a, c)
	case "|":
		n.Or(a, c)
	case "^":
		n.Xor(a, c)
	}
	if !n.IsInt64() {
		return nil, sqlerr.New(8115, "Arithmetic overflow error converting expression to data type %s.", to)
	}
	return sqltype.Convert(n.Int64(), to, 0)
}

func floating(op string, x, y float64) (any, error) {
	f := math.NaN()
	switch op {
	case "+":
		f = x + y
	case "-":
		f = x - y
	case "*":
		f = x * y
	case "/":
		if y == 0 {
			return nil, divideByZero()
		}
		f = x / y
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, sqlerr.New(8115, "Arithmetic overflow error converting expression to data type float.")
	}
	return f, nil
}

// as gives the decimal type an integer counts as.
func as(t sqltype.Type) sqltype.Type {
	digits := map[sqltype.Kind]uint8{sqltype.Bit: 1, sqltype.TinyInt: 3, sqltype.SmallInt: 5, sqltype.Int: 10, sqltype.BigInt: 19}
	if n, ok := digits[t.Kind]; ok {
		if t.Precision > 0 { // a constant needs no more than it has
			n = t.Precision
		}
		return sqltype.Type{Kind: sqltype.Numeric, Precision: n}
	}
	if t.Kind != sqltype.Numeric {
		return sqltype.Type{Kind: sqltype.Numeric, Precision: 38, Scale: 6}
	}
	return t
}

// numericResult is the rule of the product's page "Precision, scale, and length".
func numericResult(op string, x, y sqltype.Type) sqltype.Type {
	p1, s1, p2, s2 := int(x.Precision), int(x.Scale), int(y.Precision), int(y.Scale)
	var p, s int
	switch op {
	case "*":
		p, s = p1+p2+1, s1+s2
	case "/":
		s = max(6, s1+p2+1)
		p = p1 - s1 + s2 + s
	default:
		s = max(s1, s2)
		p = max(p1-s1, p2-s2) + s + 1
	}
	if p > 38 {
		whole := p - s
		if op == "*" || op == "/" {
			s = max(min(s, 6), min(s, 38-whole))
		} else {
			s = max(0, min(s, 38-whole))
		}
		p = 38
	}
	return sqltype.Type{Kind: sqltype.Numeric, Precision: uint8(p), Scale: uint8(s)}
}

func numericOperation(op string, x, y any, result sqltype.Type) (any, error) {
	a, err := exact(x)
	if err != nil {
		return nil, err
	}
	c, err := exact(y)
	if err != nil {
		return nil, err
	}
	scale := max(a.Scale, c.Scale)
	n := new(big.Int)
	out := sqltype.Decimal{Unscaled: n, Scale: scale}
	switch op {
	case "+":
		n.Add(a.At(scale).Unscaled, c.At(scale).Unscaled)
	case "-":
		n.Sub(a.At(scale).Unscaled, c.At(scale).Unscaled)
	case "*":
		n.Mul(a.Unscaled, c.Unscaled)
		out.Scale = a.Scale + c.Scale
	case "/", "%":
		if c.Unscaled.Sign() == 0 {
			return nil, divideByZero()
		}
		if op == "%" {
			n.Rem(a.At(scale).Unscaled, c.At(scale).Unscaled)
			break
		}
		out.Scale = result.Scale + 1
		n.Quo(a.At(c.Scale+out.Scale).Unscaled, c.Unscaled)
	default:
		return nil, sqlerr.New(402, "The data types numeric and numeric are incompatible in the '%s' operator.", op)
	}
	return sqltype.Convert(out, result, 0)
}

func exact(v any) (sqltype.Decimal, error) {
	if d, ok := v.(sqltype.Decimal); ok {
		return d, nil
	}
	scale := uint8(0)
	if _, ok := v.(string); ok {
		scale = 6
	}
	d, err := sqltype.Convert(v, sqltype.Type{Kind: sqltype.Numeric, Precision: 38, Scale: scale}, 0)
	if err != nil {
		return sqltype.Decimal{}, err
	}
	return d.(sqltype.Decimal), nil
}

// timeArithmetic is days added to or taken from datetime; other types of time refuse.
func timeArithmetic(op string, l, r compiled, to sqltype.Type) (compiled, error) {
	if to.Kind != sqltype.DateTime || op != "+" && op != "-" || !l.typ.IsTime() || r.typ.IsTime() {
		return compiled{}, sqlerr.New(206, "Operand type clash: %s is incompatible with %s.", r.typ, l.typ)
	}
	return compiled{typ: to, eval: func(at *row) (any, error) {
		x, err := l.eval(at)
		if err != nil {
			return nil, err
		}
		y, err := r.eval(at)
		if err != nil || x == nil || y == nil {
			return nil, err
		}
		days, err := sqltype.Convert(y, sqltype.Of(sqltype.Float), 0)
		if err != nil {
			return nil, err
		}
		d := time.Duration(days.(float64) * float64(24*time.Hour))
		if op == "-" {
			d = -d
		}
		return sqltype.Truncate(x.(time.Time).Add(d), to), nil
	}}, nil
}

package engine

import (
	"crypto/rand"
	"math"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

func newGUID() sqltype.GUID {
	var g sqltype.GUID
	_, _ = rand.Read(g[:]) // never fails; see crypto/rand
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

// parts are the names of dateparts; it is never changed.
var parts = map[string]string{
	"year": "year", "yy": "year", "yyyy": "year", "quarter": "quarter", "qq": "quarter", "q": "quarter",
	"month": "month", "mm": "month", "m": "month", "day": "day", "dd": "day", "d": "day",
	"week": "week", "wk": "week", "ww": "week", "hour": "hour", "hh": "hour", "minute": "minute", "mi": "minute", "n": "minute",
	"second": "second", "ss": "second", "s": "second", "millisecond": "millisecond", "ms": "millisecond",
	"microsecond": "microsecond", "mcs": "microsecond", "nanosecond": "nanosecond", "ns": "nanosecond",
}

func units(part string) time.Duration {
	switch part {
	case "hour":
		return time.Hour
	case "minute":
		return time.Minute
	case "second":
		return time.Second
	case "millisecond":
		return time.Millisecond
	case "microsecond":
		return time.Microsecond
	case "nanosecond":
		return time.Nanosecond
	}
	return 0
}

// dateCall is DATEDIFF, DATEDIFF_BIG, DATEADD, DATEPART and DATENAME, whose first
// argument is a word.
func (b *batch) dateCall(c sqltext.Call, s *scope) (compiled, error) {
	word, ok := c.Args[0].(sqltext.Column)
	if c.Name == "datalength" {
		args, err := b.values(c.Args, s)
		if err != nil {
			return compiled{}, err
		}
		return b.strict(builtins["datalength"], args), nil
	}
	part := parts[strings.ToLower(word.Name)]
	if !ok || part == "" {
		return compiled{}, sqlerr.Class(15, 155, "'%s' is not a recognized %s option.", word.Name, c.Name)
	}
	args, err := b.values(c.Args[1:], s)
	if err != nil {
		return compiled{}, err
	}
	need := func(n int) error {
		if len(args) != n {
			return sqlerr.Class(15, 174, "The %s function requires %d argument(s).", c.Name, n+1)
		}
		return nil
	}
	switch c.Name {
	case "datediff", "datediff_big":
		if err := need(2); err != nil {
			return compiled{}, err
		}
		return dateDiff(part, c.Name == "datediff_big", args), nil
	case "dateadd":
		if err := need(2); err != nil {
			return compiled{}, err
		}
		return dateAdd(part, args), nil
	case "datepart":
		if err := need(1); err != nil {
			return compiled{}, err
		}
		return compiled{typ: sqltype.Of(sqltype.Int), eval: func(r *row) (any, error) {
			t, ok, err := asTime(args[0], r)
			if err != nil || !ok {
				return nil, err
			}
			return datePart(part, t), nil
		}}, nil
	}
	return compiled{}, sqlerr.Class(15, 195, "'%s' is not a recognized built-in function name.", c.Name)
}

func asTime(c compiled, r *row) (time.Time, bool, error) {
	v, err := c.eval(r)
	if err != nil || v == nil {
		return time.Time{}, false, err
	}
	if t, ok := v.(time.Time); ok {
		return t, true, nil
	}
	v, err = sqltype.Convert(v, sqltype.Of(sqltype.DateTime2), 0)
	if err != nil {
		return time.Time{}, false, err
	}
	return v.(time.Time), true, nil
}

// dateDiff counts boundaries between two times, not whole units.
func dateDiff(part string, big bool, args []compiled) compiled {
	typ := sqltype.Of(sqltype.Int)
	if big {
		typ = sqltype.Of(sqltype.BigInt)
	}
	return compiled{typ: typ, eval: func(r *row) (any, error) {
		from, ok, err := asTime(args[0], r)
		if err != nil || !ok {
			return nil, err
		}
		to, ok, err := asTime(args[1], r)
		if err != nil || !ok {
			return nil, err
		}
		n, fits := boundaries(part, from.UTC(), to.UTC())
		if !fits || !big && (n > math.MaxInt32 || n < math.MinInt32) {
			return nil, sqlerr.New(535, "The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use datediff with a less precise datepart.")
		}
		return n, nil
	}}
}

func boundaries(part string, from, to time.Time) (int64, bool) {
	day := func(t time.Time) int64 {
		return int64(math.Floor(float64(t.Unix()) / 86400))
	}
	switch part {
	case "year":
		return int64(to.Year() - from.Year()), true
	case "quarter":
		q := func(t time.Time) int64 { return int64(t.Year())*4 + int64(t.Month()-1)/3 }
		return q(to) - q(from), true
	case "month":
		m := func(t time.Time) int64 { return int64(t.Year())*12 + int64(t.Month()) }
		return m(to) - m(from), true
	case "week": // begins on Sunday; day 0 was a Thursday
		return (day(to)+4)/7 - (day(from)+4)/7, true
	case "day":
		return day(to) - day(from), true
	}
	unit := units(part)
	floor := func(t time.Time) (int64, bool) {
		if unit >= time.Second {
			return int64(math.Floor(float64(t.Unix()) / unit.Seconds())), true
		}
		perSecond := int64(time.Second / unit)
		limit := math.MaxInt64 / perSecond / 2
		return t.Unix()*perSecond + int64(t.Nanosecond())/int64(unit), t.Unix() < limit && t.Unix() > -limit
	}
	a, ok1 := floor(from)
	c, ok2 := floor(to)
	return c - a, ok1 && ok2
}

func dateAdd(part string, args []compiled) compiled {
	typ := args[1].typ
	if !typ.IsTime() {
		typ = sqltype.Of(sqltype.DateTime)
	}
	return compiled{typ: typ, eval: func(r *row) (any, error) {
		v, err := args[0].eval(r)
		if err != nil || v == nil {
			return nil, err
		}
		if v, err = sqltype.Convert(v, sqltype.Of(sqltype.Int), 0); err != nil {
			return nil, err
		}
		t, ok, err := asTime(args[1], r)
		if err != nil || !ok {
			return nil, err
		}
		n := int(v.(int64))
		switch part {
		case "year":
			t = t.AddDate(n, 0, 0)
		case "quarter":
			t = t.AddDate(0, 3*n, 0)
		case "month":
			t = t.AddDate(0, n, 0)
		case "week":
			t = t.AddDate(0, 0, 7*n)
		case "day":
			t = t.AddDate(0, 0, n)
		default:
			t = t.Add(time.Duration(n) * units(part))
		}
		if t.Year() < 1 || t.Year() > 9999 {
			return nil, sqlerr.New(517, "Adding a value to a '%s' column caused an overflow.", typ)
		}
		return sqltype.Truncate(t, typ), nil
	}}
}

func datePart(part string, t time.Time) int64 {
	switch part {
	case "year":
		return int64(t.Year())
	case "quarter":
		return int64(t.Month()-1)/3 + 1
	case "month":
		return int64(t.Month())
	case "week":
		return int64(t.YearDay()-1)/7 + 1
	case "day":
		return int64(t.Day())
	case "hour":
		return int64(t.Hour())
	case "minute":
		return int64(t.Minute())
	case "second":
		return int64(t.Second())
	case "millisecond":
		return int64(t.Nanosecond() / 1e6)
	case "microsecond":
		return int64(t.Nanosecond() / 1e3)
	}
	return int64(t.Nanosecond())
}

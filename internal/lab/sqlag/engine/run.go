package engine

import (
	"errors"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// run runs statements one after the other. An error about permission ends its
// statement only, as in the product; any other ends the batch.
func (b *batch) run(statements []sqltext.Statement) error {
	var kept sqlerr.List
	for _, s := range statements {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		b.moment = time.Time{}
		err := b.statement(s)
		if err == nil {
			continue
		}
		if list := asList(err); list != nil && endsStatementOnly(list) && b.caught == nil {
			kept = append(kept, list...)
			continue
		}
		if len(kept) > 0 {
			return append(kept, asList(err)...)
		}
		return err
	}
	if len(kept) > 0 {
		return kept
	}
	return nil
}

func asList(err error) sqlerr.List {
	var list sqlerr.List
	var one *sqlerr.Error
	switch {
	case errors.As(err, &list):
		return list
	case errors.As(err, &one):
		return sqlerr.List{one}
	}
	return nil
}

func firstError(err error) *sqlerr.Error {
	if list := asList(err); len(list) > 0 {
		return list[0]
	}
	return nil
}

func endsStatementOnly(list sqlerr.List) bool {
	switch list[0].Number {
	case 229, 297, 300:
		return true
	}
	return false
}

func (b *batch) statement(s sqltext.Statement) error {
	switch s := s.(type) {
	case sqltext.Run:
		return b.rows(s.Query)
	case sqltext.Set:
		return b.assign(s.Name, s.Value)
	case sqltext.Declare:
		b.vars[s.Name] = &variable{typ: s.Type}
		if s.Value != nil {
			return b.assign(s.Name, s.Value)
		}
	case sqltext.Option:
		b.sink.Done("SET", -1)
	case sqltext.Use:
		if err := b.env.Use(s.Database); err != nil {
			return err
		}
		b.sink.Done("USE", -1)
	case sqltext.If:
		return b.ifElse(s)
	case sqltext.Block:
		return b.run(s.Body)
	case sqltext.Try:
		return b.try(s)
	case sqltext.Transaction:
		b.sink.Done(s.Verb, -1)
	case sqltext.WaitFor:
		return b.wait(s)
	case sqltext.Execute:
		return b.execute(s)
	case sqltext.Print:
		v, err := b.evaluate(s.X)
		if err != nil {
			return err
		}
		b.sink.Message(sqltype.Format(v, 0))
	case sqltext.Throw:
		return b.throw(s)
	case sqltext.Update:
		return b.update(s)
	case sqltext.Insert:
		return b.insert(s)
	case sqltext.Delete:
		return b.delete(s)
	default:
		if err := b.env.Change(s); err != nil {
			return err
		}
		b.sink.Done("ALTER", -1)
	}
	return nil
}

func (b *batch) evaluate(x sqltext.Expr) (any, error) {
	c, err := b.value(x, &scope{})
	if err != nil {
		return nil, err
	}
	return c.eval(&row{})
}

func (b *batch) assign(name string, x sqltext.Expr) error {
	v, ok := b.vars[name]
	if !ok {
		return sqlerr.Class(15, 137, "Must declare the scalar variable \"%s\".", name)
	}
	value, err := b.evaluate(x)
	if err != nil {
		return err
	}
	v.value, err = sqltype.Convert(value, v.typ, 0)
	return err
}

func (b *batch) rows(q *sqltext.Query) error {
	p, err := b.query(q, nil)
	if err != nil {
		return err
	}
	rows, err := p.run(&row{})
	if err != nil {
		return err
	}
	if len(p.into) == 0 {
		return b.sink.Result("SELECT", p.columns, rows)
	}
	for _, values := range rows {
		for i, name := range p.into {
			v, ok := b.vars[name]
			if !ok {
				return sqlerr.Class(15, 137, "Must declare the scalar variable \"%s\".", name)
			}
			if v.value, err = sqltype.Convert(values[i], v.typ, 0); err != nil {
				return err
			}
		}
	}
	b.sink.Done("SELECT", int64(len(rows)))
	return nil
}

func (b *batch) ifElse(s sqltext.If) error {
	c, err := b.condition(s.Condition, &scope{})
	if err != nil {
		return err
	}
	v, err := c.eval(&row{})
	if err != nil {
		return err
	}
	if v == true {
		return b.run(s.Then)
	}
	return b.run(s.Else)
}

func (b *batch) try(s sqltext.Try) error {
	before := b.caught
	b.caught = errNothing // so that an error about permission ends the block
	err := b.run(s.Body)
	b.caught = before
	if err == nil || b.ctx.Err() != nil {
		return err
	}
	b.caught = err
	defer func() { b.caught = before }()
	return b.run(s.Catch)
}

// errNothing marks a TRY block.
var errNothing = errors.New("nothing was caught")

func (b *batch) throw(s sqltext.Throw) error {
	if s.Message == nil {
		if b.caught == nil || errors.Is(b.caught, errNothing) {
			return sqlerr.New(10704, "To rethrow an error, a THROW statement must be used inside a CATCH block.")
		}
		return b.caught
	}
	message, err := b.evaluate(s.Message)
	if err != nil {
		return err
	}
	number := int32(50000)
	if s.Number != nil {
		v, err := b.evaluate(s.Number)
		if err != nil {
			return err
		}
		if n, ok := v.(int64); ok {
			number = int32(n)
		}
	}
	return sqlerr.New(number, "%s", sqltype.Format(message, 0))
}

// wait is the one statement that takes time. It ends early when the client cancels.
func (b *batch) wait(s sqltext.WaitFor) error {
	v, err := b.evaluate(s.Delay)
	if err != nil {
		return err
	}
	t, err := time.Parse("15:04:05.999", sqltype.Format(v, 0))
	if err != nil {
		if t, err = time.Parse("15:04", sqltype.Format(v, 0)); err != nil {
			return sqlerr.Class(15, 148, "Incorrect time syntax in time string '%s' used with WAITFOR.", sqltype.Format(v, 0))
		}
	}
	delay := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		b.sink.Done("WAITFOR", -1)
		return nil
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}

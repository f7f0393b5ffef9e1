package connectors

import "context"

// SQLOperator is an Operator whose platform takes statements of runbooks. Its actors
// are SQLActors.
type SQLOperator interface {
	Operator

	// CheckStatement says what is wrong with the text of a statement, as far as that is
	// known without a server: nothing in it, or more than one.
	CheckStatement(text string) error

	// CheckQuestion is CheckStatement for one that only asks: a check, a probe, a step
	// that changes nothing.
	CheckQuestion(text string) error
}

// SQLActor is an Actor that carries out statements of runbooks. What it returns holds
// no data of the database but the number of rows.
type SQLActor interface {
	Actor

	// DoStatement sends a statement once, with the Execute credential, as Do does an
	// action: it verifies immediately before, on the connection it uses, that the
	// server is the one that is meant (SI-21). What was sent and not answered is in
	// doubt.
	DoStatement(ctx context.Context, s Statement) Outcome

	// AskStatement asks for one value, with the Monitor credential and read-only. It
	// passes when the value is the one expected or, where none is, true.
	AskStatement(ctx context.Context, s Statement) Finding

	// SettledStatement waits until no statement of this run is under way any more at the
	// side of a run where one was sent. It passes once that is so: what was sent has
	// taken effect by then, or never will.
	SettledStatement(ctx context.Context, side Side) Finding
}

// Side says which of the two sites of a run is meant.
type Side string

// Sides: From of an ActorSpec, and To.
const (
	SideFrom Side = "from"
	SideTo   Side = "to"
)

// Statement is one statement of a runbook.
type Statement struct {
	Side     Side
	Database string // empty is that of the resource
	Text     string
	Expect   *string // what the one value must be; nil: any result of a change, true of a question
}

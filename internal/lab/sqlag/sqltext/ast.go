package sqltext

import "github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"

// Expr is an expression: a value or a condition.
type Expr interface{ expr() }

// Expressions.
type (
	// Literal is a constant.
	Literal struct {
		Value any
		Type  sqltype.Type
	}
	// Column is a possibly qualified name.
	Column struct {
		Qualifier string // table or alias; empty
		Name      string
	}
	// Variable is @x or @@x, with its signs, in lower case.
	Variable struct{ Name string }
	// Call is a function; aggregates too.
	Call struct {
		Name     string // lower case, with its schema if it had one: sys.fn_x
		Args     []Expr
		Star     bool // COUNT(*)
		Distinct bool
		Order    []Order // WITHIN GROUP
		Over     *Over
	}
	// Over makes a call a window function.
	Over struct {
		Partition []Expr
		Order     []Order
	}
	// Cast is CAST, CONVERT and their TRY_ forms.
	Cast struct {
		X     Expr
		To    sqltype.Type
		Style Expr // may be nil
		Try   bool
	}
	// Unary is -x, +x, ~x or NOT x.
	Unary struct {
		Op string
		X  Expr
	}
	// Binary is an operation, a comparison, AND or OR.
	Binary struct {
		Op   string
		L, R Expr
	}
	// Case is both forms of CASE; Operand may be nil.
	Case struct {
		Operand Expr
		Whens   []When
		Else    Expr
	}
	// When is one branch.
	When struct{ If, Then Expr }
	// In is x IN (list) or x IN (query).
	In struct {
		X     Expr
		List  []Expr
		Query *Query
		Not   bool
	}
	// Between is x BETWEEN low AND high.
	Between struct {
		X, Low, High Expr
		Not          bool
	}
	// Like is x LIKE pattern.
	Like struct {
		X, Pattern, Escape Expr
		Not                bool
	}
	// IsNull is x IS NULL.
	IsNull struct {
		X   Expr
		Not bool
	}
	// Exists is EXISTS (query).
	Exists struct{ Query *Query }
	// Subquery is a query for one value.
	Subquery struct{ Query *Query }
	// AtTimeZone is x AT TIME ZONE zone.
	AtTimeZone struct{ X, Zone Expr }
)

func (Literal) expr()    {}
func (Column) expr()     {}
func (Variable) expr()   {}
func (Call) expr()       {}
func (Cast) expr()       {}
func (Unary) expr()      {}
func (Binary) expr()     {}
func (Case) expr()       {}
func (In) expr()         {}
func (Between) expr()    {}
func (Like) expr()       {}
func (IsNull) expr()     {}
func (Exists) expr()     {}
func (Subquery) expr()   {}
func (AtTimeZone) expr() {}

// Order is one term of ORDER BY.
type Order struct {
	X    Expr
	Desc bool
}

// Query is a SELECT with everything around it.
type Query struct {
	With  []With
	First Select
	Rest  []SetOp
	Order []Order
	// Offset and Fetch are the paging clauses; nil without.
	Offset, Fetch Expr
}

// With is a common table expression.
type With struct {
	Name    string
	Columns []string
	Query   *Query
}

// SetOp adds another SELECT: UNION, UNION ALL, EXCEPT, INTERSECT.
type SetOp struct {
	Op     string
	Select Select
}

// Select is one SELECT, or a nested query in parentheses.
type Select struct {
	Distinct bool
	Top      Expr // may be nil
	Items    []Item
	From     []Source // comma separated
	Where    Expr
	Group    []Expr
	Having   Expr
	Nested   *Query // in place of all the above
	Values   [][]Expr
}

// Item is one term of a select list.
type Item struct {
	X     Expr
	Alias string
	Star  bool   // * or t.*
	Of    string // t of t.*
	Into  string // SELECT @x = ...
}

// Name is a possibly qualified name of a table, without the parts left out.
type Name struct{ Database, Schema, Object string }

// String writes the name as it was given, without brackets.
func (n Name) String() string {
	s := n.Object
	if n.Schema != "" {
		s = n.Schema + "." + s
	}
	if n.Database != "" {
		if n.Schema == "" {
			s = "." + s
		}
		s = n.Database + "." + s
	}
	return s
}

// Source is what stands after FROM: a table, function, subquery or join.
type Source struct {
	Name    Name
	Args    []Expr // of a table-valued function; nil for a table
	Call    bool
	Query   *Query
	Alias   string
	Columns []string
	Joins   []Join
}

// Join adds a source to the one before.
type Join struct {
	Kind  string // INNER, LEFT, RIGHT, FULL, CROSS; APPLY and OUTER APPLY
	Right Source
	On    Expr
}

// Statement is one statement of a batch.
type Statement interface{ statement() }

// Statements.
type (
	// Run is a query whose rows are returned.
	Run struct{ Query *Query }
	// Set is SET @x = value.
	Set struct {
		Name  string
		Value Expr
	}
	// Option is any other SET; nothing follows from it but LOCK_TIMEOUT and the like.
	Option struct{ Words []string }
	// Declare makes variables.
	Declare struct {
		Name  string
		Type  sqltype.Type
		Value Expr // may be nil
	}
	// Use changes the database.
	Use struct{ Database string }
	// If is IF ... ELSE.
	If struct {
		Condition  Expr
		Then, Else []Statement
	}
	// Block is BEGIN ... END.
	Block struct{ Body []Statement }
	// Try is BEGIN TRY ... END TRY BEGIN CATCH ... END CATCH.
	Try struct{ Body, Catch []Statement }
	// Transaction is BEGIN, COMMIT, ROLLBACK or SAVE.
	Transaction struct{ Verb string }
	// WaitFor is WAITFOR DELAY.
	WaitFor struct{ Delay Expr }
	// Execute calls a procedure.
	Execute struct {
		Name Name
		Args []Arg
		Text Expr // EXEC ('...')
	}
	// Print sends a message.
	Print struct{ X Expr }
	// Throw raises an error; with no arguments it raises the one caught.
	Throw struct{ Number, Message Expr }
	// Update is UPDATE of one table.
	Update struct {
		Table  Name
		Sets   []Assign
		Output []Item
		Where  Expr
	}
	// Insert is INSERT INTO.
	Insert struct {
		Table   Name
		Columns []string
		Output  []Item
		Query   *Query
	}
	// Delete is DELETE FROM.
	Delete struct {
		Table Name
		Where Expr
	}
	// AlterGroup is ALTER AVAILABILITY GROUP.
	AlterGroup struct {
		Group  string
		Action string // FAILOVER, FORCE_FAILOVER_ALLOW_DATA_LOSS, SET, MODIFY REPLICA, MODIFY AVAILABILITY GROUP, ONLINE, OFFLINE, or what else it was
		// Options of SET, by name in capitals.
		Options map[string]string
		// Members of MODIFY, in order.
		Members []Member
	}
	// AlterHadr is ALTER DATABASE ... SET HADR.
	AlterHadr struct{ Database, Action string }
	// Other is a statement that is known to change state and does nothing here.
	Other struct{ Words []string }
)

func (Run) statement()         {}
func (Set) statement()         {}
func (Option) statement()      {}
func (Declare) statement()     {}
func (Use) statement()         {}
func (If) statement()          {}
func (Block) statement()       {}
func (Try) statement()         {}
func (Transaction) statement() {}
func (WaitFor) statement()     {}
func (Execute) statement()     {}
func (Print) statement()       {}
func (Throw) statement()       {}
func (Update) statement()      {}
func (Insert) statement()      {}
func (Delete) statement()      {}
func (AlterGroup) statement()  {}
func (AlterHadr) statement()   {}
func (Other) statement()       {}

// Arg is an argument of EXECUTE.
type Arg struct {
	Name string
	X    Expr
}

// Assign is column = value.
type Assign struct {
	Column string
	X      Expr
}

// Member is one replica or group that MODIFY names, with options by name in
// capitals.
type Member struct {
	Name    string
	Options map[string]string
}

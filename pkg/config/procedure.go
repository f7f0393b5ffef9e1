package config

import (
	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Procedures are what bcctl may do with a resource. What is not given cannot be
// requested.
type Procedures struct {
	// Switchover is the planned change of sides.
	Switchover *Procedure `json:"switchover,omitempty"`
	// Failover is the change of sides when the primary is lost.
	Failover *Procedure `json:"failover,omitempty"`
	// Failback is the way home.
	Failback *Procedure `json:"failback,omitempty"`
	// Drill is the exercise.
	Drill *Procedure `json:"drill,omitempty"`
}

// Of returns the procedure of a type, or nil.
func (p Procedures) Of(t runbook.Type) *Procedure {
	switch t {
	case runbook.Switchover:
		return p.Switchover
	case runbook.Failover:
		return p.Failover
	case runbook.Failback:
		return p.Failback
	case runbook.Drill:
		return p.Drill
	default:
		return nil
	}
}

// Procedure is a named procedure of the platform, or a runbook of this
// repository in its place.
type Procedure struct {
	// Name is the platform's procedure, such as pg.native. Its default runbook is
	// shown by bcctl plan.
	Name string `json:"name,omitempty" jsonschema:"format=bcctl-name"`
	// Runbook is a Runbook document that is used in place of the default one.
	Runbook string `json:"runbook,omitempty" jsonschema:"format=bcctl-name"`
	// Parameters are the values of the runbook's parameters.
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Heartbeat describes the marker row.
type Heartbeat struct {
	// Interval is how often somebody writes the row.
	Interval duration.Duration `json:"interval"`
	// Write lets bcctl check write the row, with the heartbeat credential. Default
	// false: another program writes it.
	Write bool `json:"write,omitempty"`
}

// Integrity lists the checks that are made before and after a run, to compare.
type Integrity struct {
	// RowCounts count rows.
	RowCounts []RowCount `json:"rowCounts,omitempty"`
	// Checksums compare contents.
	Checksums []Checksum `json:"checksums,omitempty"`
	// Invariants are questions with a known answer.
	Invariants []Invariant `json:"invariants,omitempty"`
}

// RowCount counts the rows of a table.
type RowCount struct {
	// Name identifies the check.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Database holds the table; default that of the connection.
	Database string `json:"database,omitempty"`
	// Table is the table or collection, with its schema.
	Table string `json:"table" jsonschema:"minLength=1"`
	// Where limits the rows, in the platform's own language.
	Where string `json:"where,omitempty"`
	// MaxDifference is by how many rows the two sides may differ. Default 0.
	MaxDifference int64 `json:"maxDifference,omitempty" jsonschema:"minimum=0"`
}

// Checksum compares the contents of columns.
type Checksum struct {
	// Name identifies the check.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Database holds the table; default that of the connection.
	Database string `json:"database,omitempty"`
	// Table is the table or collection, with its schema.
	Table string `json:"table" jsonschema:"minLength=1"`
	// Columns are what the checksum covers.
	Columns []string `json:"columns" jsonschema:"minItems=1"`
	// Where limits the rows, in the platform's own language.
	Where string `json:"where,omitempty"`
}

// Invariant is a question to the data with a known answer.
type Invariant struct {
	// Name identifies the check.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Database to ask; default that of the connection.
	Database string `json:"database,omitempty"`
	// Query reads one value, in the platform's own language. It changes nothing.
	Query string `json:"query" jsonschema:"minLength=1"`
	// Expect is the answer, as text.
	Expect string `json:"expect"`
}

// ClientPath is the way applications take to the database; a run has not
// succeeded before it is proved.
type ClientPath struct {
	// Address is the host:port applications use.
	Address string `json:"address" jsonschema:"format=bcctl-address"`
	// Type says what stands behind the address. Default dns.
	Type string `json:"type,omitempty" jsonschema:"enum=dns,enum=virtual-ip,enum=pooler,enum=load-balancer"`
	// Database is the database applications connect to.
	Database string `json:"database,omitempty"`
	// MaxTTL is how long clients may keep an old answer of DNS.
	MaxTTL *duration.Duration `json:"maxTTL,omitempty"`
}

// Package failover holds what Snowflake accounts say about failover groups, and
// what follows from all of it together.
//
// It is given facts and a time and returns observations: it knows no driver, no
// network and no clock. Facts come as the accounts' own answers, whose columns
// come and go with edition, region groups and previews; what is not there is
// not known.
package failover

import (
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Account is one endpoint as a sweep found it.
type Account struct {
	observe.Node

	// Unreached says why the account gave nothing; nil when it did.
	Unreached *endpoint.Failure

	Self Self
	Took time.Duration // how long the question about the account itself took

	// Groups are the rows of SHOW FAILOVER GROUPS and, where a group was not among
	// them, of SHOW REPLICATION GROUPS. They tell of this account and of others.
	Groups []Group

	// Connections are the rows of SHOW CONNECTIONS; nil when they were not asked for.
	Connections []Connection

	// Databases are the members of each group, by the name the group has here.
	Databases map[string][]string

	// Histories are what was read of each group with a warehouse, by the name the
	// group has here.
	Histories map[string]*History

	// Failed are readings that could not be made, by the indicator that is not
	// known without them.
	Failed map[readiness.ID]readiness.Finding
}

// Self is what an account says about itself and the session. Only rows about the
// account that is logged in to are authoritative, so this decides which they are.
type Self struct {
	Organization string    // CURRENT_ORGANIZATION_NAME()
	Name         string    // CURRENT_ACCOUNT_NAME()
	Locator      string    // CURRENT_ACCOUNT()
	Region       string    // CURRENT_REGION()
	Role         string    // CURRENT_ROLE(); empty when the session has none
	Version      string    // CURRENT_VERSION()
	Clock        time.Time // CURRENT_TIMESTAMP(); zero when it was not told
}

// full is how the account is named where organizations matter.
func (s Self) full() string { return s.Organization + "." + s.Name }

// Group is one row of SHOW FAILOVER GROUPS.
type Group struct {
	Account      string // account_name
	Locator      string // account_locator
	Region       string // snowflake_region
	Organization string // organization_name
	Name         string // name
	Type         string // type: FAILOVER or REPLICATION
	Primary      string // primary: ORG.ACCOUNT.GROUP
	Allowed      []string
	Created      *time.Time

	IsPrimary       *bool  // nil: neither true nor false was said
	AutoFulfillment bool   // is_listing_auto_fulfillment_group
	Schedule        string // replication_schedule; empty: none
	State           string // secondary_state; empty on primaries

	// Next is next_scheduled_refresh; NextText is what it said where that is no time.
	Next     *time.Time
	NextText string
}

// Connection is one row of SHOW CONNECTIONS.
type Connection struct {
	Account   string // account_name
	Locator   string
	Region    string
	Name      string
	Primary   string // ORG.ACCOUNT.CONNECTION
	IsPrimary *bool
	Allowed   []string // failover_allowed_to_accounts
}

// History is what the history of one secondary group, or its dangling
// references, told in this sweep.
type History struct {
	Clock     time.Time // of the account, when it was read
	ReadAt    time.Time // the collector's clock
	Since     time.Time // the beginning of what was asked for
	Refreshes []Refresh
	Dangling  []Reference
	Asked     struct{ Refreshes, Dangling bool } // what was answered at all

	// Phases are those a refresh that did not complete went through, by its job.
	Phases map[string][]string
}

// Refresh is one row of REPLICATION_GROUP_REFRESH_HISTORY.
type Refresh struct {
	Job      string // JOB_UUID
	Phase    string // PHASE_NAME
	Start    *time.Time
	End      *time.Time
	Snapshot *time.Time // PRIMARY_SNAPSHOT_TIMESTAMP
	Code     string     // ERROR.errorCode
	Message  string     // ERROR.errorMessage
}

// Reference is one row of REPLICATION_GROUP_DANGLING_REFERENCES.
type Reference struct {
	From, To string // names with their domain
	Blocking bool
}

// own reports whether a row with these columns is about the account itself. An
// account's name is unique in its organization and its locator in its region;
// where a column is missing, the other decides alone.
func (a *Account) own(account, locator, region string) bool {
	_, _, name := splitName(account)
	switch {
	case name != "" && !equalName(name, a.Self.Name):
		return false
	case locator != "" && !equalName(locator, a.Self.Locator):
		return false
	case region != "" && a.Self.Region != "" && name == "" && !equalName(afterDot(region), afterDot(a.Self.Region)):
		return false
	default:
		return name != "" || locator != ""
	}
}

// historyAt is the moment from which what was read with a warehouse holds.
func (a *Account) historyAt() time.Time {
	var at time.Time
	for _, h := range a.Histories {
		if at.IsZero() || h.ReadAt.Before(at) {
			at = h.ReadAt
		}
	}
	return at
}

// reached reports whether the account answered.
func (a *Account) reached() bool { return a.Unreached == nil }

// nodes are the accounts as observe knows nodes.
func nodes(accounts []*Account) []*observe.Node {
	list := make([]*observe.Node, len(accounts))
	for i, a := range accounts {
		list[i] = &a.Node
	}
	return list
}

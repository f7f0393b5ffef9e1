package snowpair

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/pki"
)

// Options say what to start. The zero value is a healthy pair.
type Options struct {
	// Name is the name of the system and of its resource; default "warehouse".
	Name string

	// Authority signs the servers' certificates; the zero value is one of its own.
	Authority pki.Authority

	// Organization is the organization's name; default made from Name, so that two
	// systems of a laboratory are told apart by their native identity.
	Organization string

	// Accounts are the organization's accounts. Primaries start at the first;
	// default LAB_FRA and LAB_AMS.
	Accounts []Account

	// Schedule is that of groups which state none; default "10 MINUTE".
	Schedule string

	// Groups are the failover and replication groups; default WAREHOUSE_FG.
	Groups []Group

	// Connection is the name of the connection that clients use; default WAREHOUSE,
	// "-" for none.
	Connection string

	// Keys are the users' keys; what is missing is made. Making keys takes time, so
	// many systems may share them.
	Keys Keys

	// RegionGroups shows the column region_group, as in organizations that span
	// several of them.
	RegionGroups bool

	// Without leaves columns out of every answer, as other editions and older
	// releases do.
	Without []string

	// NameOnly makes the history functions take the group's name alone and return 14
	// days, as older releases do.
	NameOnly bool

	// Hold is how long a request waits for a statement before it is told to ask
	// again; default 300 ms, where the product waits 45 s.
	Hold time.Duration

	// TokenLife and MasterLife are how long session and master tokens are valid;
	// default one and four hours.
	TokenLife, MasterLife time.Duration

	// Now is the clock of the model: of schedules, refreshes and tokens. Default
	// time.Now. Certificates and keys are judged by the real clock, which is that of
	// every client.
	Now func() time.Time
}

// Account is one account of the organization.
type Account struct {
	Name    string // LAB_FRA
	Site    string // where bcctl believes it to be
	Locator string // what CURRENT_ACCOUNT() says
	Region  string // Snowflake's name of the region
	Edition string // default BUSINESS_CRITICAL
}

// Group is a failover or replication group with its secondaries in all other
// accounts.
type Group struct {
	Name          string
	Secondary     string        // name in the other accounts; default Name
	Type          string        // FAILOVER (the default) or REPLICATION
	Databases     []string      // default WAREHOUSE_DB and REPORTING_DB for the first group
	Shares        []string      // default none
	Schedule      string        // "10 MINUTE", "USING CRON 0 * * * * UTC", "-" for none; default Options.Schedule
	Duration      time.Duration // how long a refresh takes; default 40 s
	Uncommitted   bool          // phases of releases that have no SECONDARY_COMMITTING
	AutoFulfilled bool          // belongs to a listing
}

// Keys are private keys by the name of their user.
type Keys map[string]*rsa.PrivateKey

// none is how an option says that there shall be nothing, where empty means the default.
const none = "-"

func (o Options) complete() (Options, error) {
	if o.Name == "" {
		o.Name = "warehouse"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Hold == 0 {
		o.Hold = 300 * time.Millisecond
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.MasterLife == 0 {
		o.MasterLife = 4 * time.Hour
	}
	if o.Organization == "" {
		o.Organization = "LAB" + strings.Map(letterOrDigit, strings.ToUpper(o.Name))
	}
	if len(o.Accounts) == 0 {
		o.Accounts = []Account{
			{Name: "LAB_FRA", Site: lab.PrimarySite, Locator: "LAB10001", Region: "AWS_EU_CENTRAL_1"},
			{Name: "LAB_AMS", Site: lab.DRSite, Locator: "LAB10002", Region: "AZURE_WESTEUROPE"},
		}
	}
	if len(o.Accounts) < 2 {
		return Options{}, errors.New("a pair has two accounts at least")
	}
	if o.Schedule == "" {
		o.Schedule = "10 MINUTE"
	}
	if o.Connection == "" {
		o.Connection = "WAREHOUSE"
	}
	if len(o.Groups) == 0 {
		o.Groups = []Group{{Name: "WAREHOUSE_FG"}}
	}
	groups := make([]Group, len(o.Groups))
	for i, g := range o.Groups {
		if g.Name == "" {
			return Options{}, errors.New("a group needs a name")
		}
		if g.Type == "" {
			g.Type = failoverType
		}
		if g.Secondary == "" {
			g.Secondary = g.Name
		}
		if g.Schedule == "" {
			g.Schedule = o.Schedule
		}
		if g.Schedule == none {
			g.Schedule = ""
		}
		if g.Schedule != "" {
			if _, err := parseSchedule(g.Schedule); err != nil {
				return Options{}, fmt.Errorf("group %q: %w", g.Name, err)
			}
		}
		if g.Duration == 0 {
			g.Duration = 40 * time.Second
		}
		if len(g.Databases) == 0 && i == 0 {
			g.Databases = []string{homeDatabase, secondDatabase}
		}
		groups[i] = g
	}
	o.Groups = groups
	return o, nil
}

func letterOrDigit(r rune) rune {
	if (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9') {
		return r
	}
	return -1
}

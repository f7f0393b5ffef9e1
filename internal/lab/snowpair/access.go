package snowpair

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// Users of both accounts.
const (
	UserMonitor   = "BCCTL_MONITOR"   // MONITOR on the groups, USAGE on a warehouse: what `bcctl check` should have
	UserLimited   = "BCCTL_LIMITED"   // may log in and nothing else
	UserExecute   = "BCCTL_EXECUTE"   // owns groups, may promote the connection
	UserHeartbeat = "BCCTL_HEARTBEAT" // may write the heartbeat table and nothing else
	UserAdmin     = "LAB_ADMIN"       // ACCOUNTADMIN
)

// Names of roles and of the warehouse that come with every account.
const (
	roleAdmin  = "ACCOUNTADMIN"
	rolePublic = "PUBLIC"
	warehouse1 = "BCCTL_WH"
)

func userNames() []string {
	return []string{UserMonitor, UserLimited, UserExecute, UserHeartbeat, UserAdmin}
}

// user is a login.
type user struct {
	name        string
	password    string // empty: none
	token       string // programmatic access token; empty: none
	key         *rsa.PublicKey
	role        string // default role
	warehouse   string // default warehouse
	roles       []string
	refused     bool
	logins      int
	fingerprint string
}

func fingerprint(key *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return "SHA256:" + base64.StdEncoding.EncodeToString(sum[:]), nil
}

// role holds privileges.
type role struct {
	name   string
	grants []grant
}

// grant is a privilege on an object.
type grant struct {
	privilege string // MONITOR
	on        string // FAILOVER GROUP
	name      string
	since     time.Time
}

// Kinds of objects that privileges are on.
const (
	onGroup      = "FAILOVER GROUP" // and REPLICATION GROUP
	onWarehouse  = "WAREHOUSE"
	onConnection = "CONNECTION"
	onDatabase   = "DATABASE"
	onTable      = "TABLE"
)

// has says whether a role has one of the privileges on an object.
func (a *account) has(roleName, on, name string, privileges ...string) bool {
	if roleName == roleAdmin {
		return true
	}
	r := a.roles[roleName]
	if r == nil {
		return false
	}
	return slices.ContainsFunc(r.grants, func(g grant) bool {
		return g.on == on && g.name == name && (len(privileges) == 0 || slices.Contains(privileges, g.privilege))
	})
}

// sees says whether a role may see a group: with any of the privileges that the
// documentation of SHOW FAILOVER GROUPS lists.
func (a *account) sees(roleName string, g *group) bool {
	own := g
	if g.account != a {
		own = nil
		for _, mine := range a.groups {
			if slices.ContainsFunc(mine.linked(), func(o *group) bool { return o.account == g.account && o.name == g.name }) {
				own = mine
			}
		}
		if own == nil {
			return roleName == roleAdmin
		}
	}
	return a.has(roleName, onGroup, own.name, "FAILOVER", "MONITOR", "OWNERSHIP", "REPLICATE", "MODIFY")
}

// revoke takes all privileges on a kind of object from a role and returns how to
// give them back.
func (a *account) revoke(roleName, on string) (restore func()) {
	r := a.roles[roleName]
	before := slices.Clone(r.grants)
	r.grants = slices.DeleteFunc(r.grants, func(g grant) bool { return g.on == on })
	return func() { r.grants = before }
}

// identifiedAs says whether a text is this account's identifier, in one of the
// forms that the documentation of account identifiers gives: ORG-ACCOUNT, in
// which an underscore may be a hyphen, or the locator.
func (a *account) identifiedAs(text string) bool {
	text, _, _ = strings.Cut(text, ".")
	plain := func(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "_", "-") }
	return plain(text) == plain(a.org.name+"-"+a.Name) || strings.EqualFold(text, a.Locator)
}

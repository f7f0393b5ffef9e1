package mongodb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// privileges is what connectionStatus says the login may do.
type privileges struct {
	Roles   []string            `json:"roles"`
	Cluster []string            `json:"cluster"` // actions on the cluster
	Find    map[string][]string `json:"find"`    // where it may read: database -> collections, "" is all

	Anywhere bool `json:"anywhere"` // it may read everything, local included
}

func privilegesReading(n *node) reading {
	return reading{indicator: privilegeID, command: privilegesCommand(), decode: func(d document) error {
		n.privileges = decodePrivileges(d)
		return nil
	}}
}

func decodePrivileges(d document) *privileges {
	p := &privileges{Find: map[string][]string{}}
	for _, role := range d.documents("authInfo", "authenticatedUserRoles") {
		p.Roles = append(p.Roles, role.text("role")+"@"+role.text("db"))
	}
	slices.Sort(p.Roles)
	for _, grant := range d.documents("authInfo", "authenticatedUserPrivileges") {
		resource, actions := grant.document("resource"), grant.texts("actions")
		if slices.Contains(actions, "anyAction") {
			actions = append(actions, slices.Concat(memberActions, routerActions, []string{"find"})...)
		}
		database, named := resource.lookup("db").StringValueOK()
		switch {
		case resource.flag("cluster"):
			p.Cluster = append(p.Cluster, actions...)
		case resource.flag("anyResource"):
			p.Cluster = append(p.Cluster, actions...)
			p.Anywhere = slices.Contains(actions, "find")
		case named && slices.Contains(actions, "find"):
			p.Find[database] = append(p.Find[database], resource.text("collection"))
		}
	}
	return p
}

// mayRead reports whether the login may read a collection. A resource without a
// database is every database but local and config, which are granted by name;
// one without a collection is every collection but system ones.
func (p *privileges) mayRead(database, collection string) bool {
	if p.Anywhere {
		return true
	}
	for _, name := range p.Find[database] {
		if name == "" || name == collection {
			return true
		}
	}
	for _, name := range p.Find[""] {
		if (name == "" || name == collection) && database != "local" && database != "config" {
			return true
		}
	}
	return false
}

// Actions on the cluster that a check needs (Server Manual, privilege actions).
var (
	memberActions = []string{"replSetGetStatus", "replSetGetConfig", "serverStatus", "getParameter"}
	routerActions = []string{"listShards"}
)

// missing lists what the login lacks, with the role that has it.
func (p *privileges) missing(n *node) []string {
	var lacks []string
	need := memberActions
	if n.router() {
		need = routerActions
	}
	var actions []string
	for _, action := range need {
		if !slices.Contains(p.Cluster, action) {
			actions = append(actions, action)
		}
	}
	if len(actions) > 0 {
		lacks = append(lacks, strings.Join(actions, ", ")+" (grant role clusterMonitor on admin)")
	}
	if !n.router() && !p.mayRead("local", "oplog.rs") {
		lacks = append(lacks, "find on local.oplog.rs (grant role read on local)")
	}
	return lacks
}

// privileges says what the login may do, or that it may not do what it must:
// servers refuse single commands, so the check looks nearly whole without it.
func (s *set) privileges(n *node) {
	switch {
	case n.arbiter():
		s.book.Add(&n.Node, privilegeID, readiness.Str("none: an arbiter holds no users"))
	case s.failedReading(n, privilegeID):
	case n.privileges == nil:
		s.book.Fail(&n.Node, privilegeID, readiness.Finding{Code: readiness.InsufficientPrivilege, Message: n.Name + " did not tell what the login may do"})
	default:
		if lacks := n.privileges.missing(n); len(lacks) > 0 {
			s.book.Fail(&n.Node, privilegeID, readiness.Finding{Code: readiness.InsufficientPrivilege,
				Message: fmt.Sprintf("the login on %s lacks %s", n.Name, strings.Join(lacks, "; "))})
			return
		}
		s.book.Add(&n.Node, privilegeID, readiness.Str(strings.Join(n.privileges.Roles, ", ")))
	}
}

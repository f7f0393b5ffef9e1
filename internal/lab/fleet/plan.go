package fleet

import (
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/internal/lab/pki"
	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/internal/lab/sqlag"
)

// group is what belongs together, as a business would say.
type group struct {
	name        string
	tier        int
	owner       string
	description string
	members     []string
}

// groups of the fleet. Every system is in one.
var groups = []group{
	{"payments", 1, "payments-dba", "money moves here", []string{"ledger", "orders", "billing"}},
	{"shop", 1, "shop-dba", "what customers see", []string{"catalog", "cart", "sessions"}},
	{"analytics", 2, "data-platform", "reports, and the closing of the books", []string{"warehouse", "finance"}},
}

func (g group) document() string {
	var members strings.Builder
	for _, m := range g.members {
		fmt.Fprintf(&members, "    - {name: %s}\n", m)
	}
	return fmt.Sprintf(`
# What fails over together: %s.
apiVersion: bcctl/v1
kind: Group
metadata: {name: %s}
spec:
  tier: %d
  owner: %s
  members:
%s`, g.description, g.name, g.tier, g.owner, members.String())
}

// shown are the faults a fleet begins with: something to find on every platform
// but the real one, which is left for the person to break.
var shown = []order{
	{"orders", "suspend-database"},
	{"sessions", "hang-all"},
	{"finance", "suspend-schedule"},
}

// start starts the systems beside the PostgreSQL pair. What it returns is to be
// closed even when there is an error.
func start(ca pki.Authority) ([]lab.System, error) {
	var systems []lab.System
	for _, begin := range []func() (lab.System, error){
		func() (lab.System, error) { return sqlag.Start(sqlag.Options{Name: "orders", Authority: ca}) },
		func() (lab.System, error) {
			return sqlag.Start(sqlag.Options{Name: "billing", Authority: ca, Form: sqlag.Distributed})
		},
		func() (lab.System, error) { return mongoset.Start(mongoset.Options{Name: "catalog", Authority: ca}) },
		func() (lab.System, error) {
			return mongoset.Start(mongoset.Options{Name: "cart", Authority: ca, Members: mongoset.TwoSites("cart")})
		},
		func() (lab.System, error) { return mongoset.Start(mongoset.Options{Name: "sessions", Authority: ca}) },
		func() (lab.System, error) { return snowpair.Start(snowpair.Options{Name: "warehouse", Authority: ca}) },
		func() (lab.System, error) { return snowpair.Start(snowpair.Options{Name: "finance", Authority: ca}) },
	} {
		s, err := begin()
		if err != nil {
			return systems, err
		}
		systems = append(systems, s)
	}
	return systems, nil
}

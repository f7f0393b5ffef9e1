package sqlag

import (
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// workload is how much log the synthetic application writes per second.
const workload = 64 << 10

// build makes the healthy state, as of now. Identities are the same each time, and
// logs are as long as they have become.
func (g *Group) build() *model.World {
	now := g.options.Now() // one moment for all copies: none is ahead of the one it follows
	w := &model.World{Now: func() time.Time { return now }, Seed: g.options.Name}
	switch g.options.Form {
	case Distributed:
		a, b := g.instance(w, "a", lab.PrimarySite), g.instance(w, "b", lab.PrimarySite)
		c, d := g.instance(w, "c", lab.DRSite), g.instance(w, "d", lab.DRSite)
		near := g.localGroup(w, g.options.Name+"-"+lab.PrimarySite, model.WSFC, a, b)
		far := g.localGroup(w, g.options.Name+"-"+lab.DRSite, model.WSFC, c, d)
		above := w.NewGroup(g.options.Name, model.WSFC)
		above.AddMember(near, model.Primary, true)
		above.AddMember(far, model.Secondary, true)
		above.Databases = near.Databases
		far.Databases = near.Databases
		g.cluster(w, near.Name, a, b)
		g.cluster(w, far.Name, c, d)
	case LogShipping:
		a, b := g.instance(w, "a", lab.PrimarySite), g.instance(w, "b", lab.DRSite)
		g.ship(w, a, b)
	case Clusterless:
		a, b := g.instance(w, "a", lab.PrimarySite), g.instance(w, "b", lab.DRSite)
		g.localGroup(w, g.options.Name, model.None, a, b).Listener = nil
	default:
		a, b := g.instance(w, "a", lab.PrimarySite), g.instance(w, "b", lab.DRSite)
		g.localGroup(w, g.options.Name, model.WSFC, a, b)
		g.cluster(w, g.options.Name, a, b)
	}
	w.Now = g.options.Now
	w.Change(func() {})
	return w
}

func (g *Group) instance(w *model.World, suffix, site string) *model.Instance {
	i := &model.Instance{
		World: w, Name: g.options.Name + "-" + suffix, Site: site, Version: g.options.Version, Edition: "Enterprise Edition",
		Started: g.started.Add(-30 * 24 * time.Hour), HADR: g.options.Form != LogShipping, Up: true, EndpointStarted: g.options.Form != LogShipping,
	}
	if at, ok := g.restarted[i.Name]; ok {
		i.Started = at
	}
	sid := func(name string) []byte {
		id := w.GUID("login", name)
		return id[:]
	}
	o := &i.Objects
	o.Logins = []model.Login{{Name: "sa", SID: []byte{1}, Type: "S", Disabled: true}, {Name: "public", SID: []byte{2}, Type: "R"}, {Name: "sysadmin", SID: []byte{3}, Type: "R"}}
	for _, name := range append(Users(), g.options.Name+"_app", g.options.Name+"_report") {
		o.Logins = append(o.Logins, model.Login{Name: name, SID: sid(name), Type: "S"})
	}
	o.Jobs = []model.Job{{Name: "syspolicy_purge_history", Enabled: true, Owner: "sa"}, {Name: g.options.Name + " - log backup", Enabled: true, Owner: "sa"}, {Name: g.options.Name + " - index maintenance", Enabled: true, Owner: "sa"}}
	o.Linked = []model.Linked{{Name: "ERP", Product: "SQL Server", Provider: "MSOLEDBSQL", Source: "erp.example.com"}}
	o.Credentials = []string{"backup share"}
	expiry := g.started.Add(400 * 24 * time.Hour).Truncate(24 * time.Hour)
	thumbprint := w.GUID("certificate of databases")
	o.Certificates = []model.Certificate{
		{Name: "databases", Thumbprint: append(thumbprint[:], 1, 2, 3, 4), Expiry: expiry},
		{Name: "endpoint", Thumbprint: append(sid("endpoint "+i.Name), 1, 2, 3, 4), Expiry: expiry},
	}
	if i.HADR {
		o.Endpoint = "Hadr_endpoint"
	}
	w.Instances = append(w.Instances, i)
	return i
}

// copies gives an instance its databases.
func (g *Group) copies(w *model.World, i *model.Instance, group *model.Group, databases []*model.Database) {
	now := w.Now()
	for n, d := range databases {
		fork := w.GUID("fork", d.Name)
		c := &model.Copy{DB: d, Group: group, Instance: i, ID: 5 + n, Status: "ONLINE", Joined: true, Family: w.GUID("family", d.Name), Fork: fork, FirstFork: fork, LogUsed: 6.5, At: now}
		for _, certificate := range i.Objects.Certificates {
			if certificate.Name == "databases" {
				c.Encrypted = certificate.Thumbprint
			}
		}
		if !g.options.Idle {
			c.Rate = workload
		}
		c.End = 3<<30 + int64(now.Sub(g.started).Seconds()*2*workload) // never behind what it was
		c.Redone, c.Recovery = c.End, 2<<30
		c.Grew(now.Add(-time.Hour), c.End-3600*c.Rate)
		c.Heartbeat = []model.Beat{{Pos: 0, Rows: [][]any{{int64(1), int64(1), sqltype.Truncate(g.started.UTC(), sqltype.Of(sqltype.DateTimeOffset)), w.Instances[0].Name, w.GUID("reign", d.Name), nil}}}}
		i.Databases = append(i.Databases, c)
	}
}

func (g *Group) databases(w *model.World) []*model.Database {
	var out []*model.Database
	for _, name := range g.options.Databases {
		out = append(out, &model.Database{Name: name, ID: w.GUID("group database", name)})
	}
	return out
}

// localGroup makes a synchronous pair, the first of which is primary.
func (g *Group) localGroup(w *model.World, name string, t model.ClusterType, primary, secondary *model.Instance) *model.Group {
	ag := w.NewGroup(name, t)
	ag.Databases = g.databases(w)
	if n := len(w.Groups); n > 1 { // the same databases everywhere
		ag.Databases = w.Groups[0].Databases
	}
	ag.Add(primary, model.Primary, true)
	ag.Add(secondary, model.Secondary, true)
	g.copies(w, primary, ag, ag.Databases)
	g.copies(w, secondary, ag, ag.Databases)
	ag.Listener = &model.Listener{ID: w.GUID("listener", name), Name: name + "-listener", Port: 1433, Addresses: []model.ListenerAddress{
		{Address: "10.1.0.20", Site: lab.PrimarySite}, {Address: "10.2.0.20", Site: lab.DRSite},
	}}
	return ag
}

// cluster puts instances on a Windows cluster with a witness at a third site.
func (g *Group) cluster(w *model.World, name string, members ...*model.Instance) {
	c := &model.Cluster{Name: name + "-cluster"}
	for _, i := range members {
		i.Cluster = c
		c.Members = append(c.Members, &model.Member{Name: i.Name, Up: true, Votes: 1})
	}
	c.Members = append(c.Members, &model.Member{Name: `\\witness\` + name, Witness: true, Up: true, Votes: 1})
	w.Clusters = append(w.Clusters, c)
}

// ship sets up log shipping of the first database.
func (g *Group) ship(w *model.World, primary, secondary *model.Instance) {
	databases := g.databases(w)
	g.copies(w, primary, nil, databases)
	g.copies(w, secondary, nil, databases)
	for _, c := range secondary.Databases {
		c.Status, c.Rate = "RESTORING", 0
	}
	for _, i := range []*model.Instance{primary, secondary} {
		i.Objects.Shipping = &model.Shipping{Database: databases[0].Name, Primary: primary, Secondary: secondary, Every: 5 * time.Minute, BackupThreshold: time.Hour, RestoreThreshold: 45 * time.Minute}
	}
	primary.Objects.Jobs = append(primary.Objects.Jobs, model.Job{Name: "LSBackup_" + databases[0].Name, Enabled: true, Owner: "sa"})
	secondary.Objects.Jobs = append(secondary.Objects.Jobs, model.Job{Name: "LSCopy_" + databases[0].Name, Enabled: true, Owner: "sa"}, model.Job{Name: "LSRestore_" + databases[0].Name, Enabled: true, Owner: "sa"})
}

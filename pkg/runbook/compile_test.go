package runbook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// book is the smallest runbook that a plan can be made of.
func book(t Type, change ...func(*Runbook)) *Book {
	hook := "/hook"
	r := Runbook{
		For:        For{Type: t, Platform: "postgresql"},
		Parameters: []Parameter{{Name: "hook", Default: &hook}},
		Prechecks:  []Check{{ID: "ready", Operation: Operation{Uses: "pg.native/ready"}}},
		Steps: []Step{
			{ID: "stop", Operation: Operation{Command: &Command{Run: []string{"${hook}", "stop", "${old.endpoint}", "${run}"}}}},
			{ID: "promote", Operation: Operation{Uses: "pg.native/promote", With: map[string]string{"at": "${new.address}", "lsn": "${steps.stop.lsn}"}}},
		},
		Postchecks: []Check{{ID: "one", Operation: Operation{Uses: "pg.native/one"}}},
	}
	for _, c := range change {
		c(&r)
	}
	name := "pg.native/" + string(t)
	return &Book{Name: name, Source: BuiltinPrefix + name, Spec: r, Pin: FileDigest([]byte(name))}
}

func memberOf(name string, change ...func(*Member)) Member {
	m := Member{
		Name: name, Platform: "postgresql", Environment: "production", Tier: 2, Primary: "fra", DR: "ams",
		Endpoints: []Endpoint{{Name: name + "-a", Site: "fra", Address: name + "-a:5432"}, {Name: name + "-b", Site: "ams", Address: name + "-b:5432"}},
		Topology:  map[string]string{name + "-a": RolePrimary, name + "-b": "standby"},
		Book:      book(Switchover), Pins: map[string]Digest{"resources/" + name + ".yaml": FileDigest([]byte(name))},
	}
	for _, c := range change {
		c(&m)
	}
	return m
}

func after(names ...string) func(*Member) { return func(m *Member) { m.DependsOn = names } }

// facts are the actions of the platform in these tests.
func facts(_, name string) (ActionFacts, bool) {
	f, ok := map[string]ActionFacts{
		"pg.native/ready":   {},
		"pg.native/one":     {},
		"pg.native/promote": {Changes: true, Parameters: []string{"at", "lsn"}, Required: []string{"at"}},
		"pg.native/force":   {Changes: true, Lossy: true},
	}[name]
	return f, ok
}

func scopeOf(wish Wish, members []Member, groups ...Group) Scope {
	s := Scope{Wish: wish, Members: map[string]Member{}, Groups: map[string]Group{}, Actions: facts, Commit: "c0ffee", Bcctl: "1.0.0",
		Policies: map[string]Digest{"policies/approval.yaml": FileDigest(nil)}}
	for _, m := range members {
		s.Members[m.Name] = m
	}
	for _, g := range groups {
		if g.Pins == nil {
			g.Pins = map[string]Digest{"groups/" + g.Name + ".yaml": FileDigest([]byte(g.Name))}
		}
		s.Groups[g.Name] = g
	}
	return s
}

func compiled(t *testing.T, s Scope) Plan {
	t.Helper()
	p, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func order(p Plan) string {
	var waves []string
	for _, w := range p.Waves {
		var names []string
		for _, m := range w.Members {
			names = append(names, m.Resource)
		}
		waves = append(waves, strings.Join(names, " "))
	}
	return strings.Join(waves, " | ")
}

func TestCompileOneResource(t *testing.T) {
	t.Parallel()
	p := compiled(t, scopeOf(Wish{Type: Switchover, Target: "ledger"}, []Member{memberOf("ledger"), memberOf("other")}))
	m := p.Members()[0]
	if p.From != "fra" || p.To != "ams" || p.Tier != 2 || len(p.Members()) != 1 || m.Parameters["hook"] != "/hook" {
		t.Errorf("%+v", p)
	}
	if got := m.Steps[0].Command.Run; !slices.Equal(got, []string{"/hook", "stop", "ledger-a", "${run}"}) {
		t.Errorf("the command is %q", got)
	}
	if got := m.Steps[1].With; got["at"] != "ledger-b:5432" || got["lsn"] != "${steps.stop.lsn}" {
		t.Errorf("the arguments are %v", got)
	}
	if sum, err := p.Sum(); err != nil || sum != p.Digest {
		t.Errorf("digest %s, worked out again %s, %v", p.Digest, sum, err)
	}
	// Pins are of everything that decides, and of nothing else.
	var pins []string
	for path := range p.Pins {
		pins = append(pins, path)
	}
	slices.Sort(pins)
	if want := []string{"bcctl:runbooks/pg.native/switchover", "policies/approval.yaml", "resources/ledger.yaml"}; !slices.Equal(pins, want) {
		t.Errorf("pins %v, want %v", pins, want)
	}
	// The runbook itself is not changed by what was put into it.
	if b := book(Switchover); b.Spec.Steps[0].Command.Run[0] != "${hook}" {
		t.Error("the runbook was changed")
	}
}

// The same scope gives the same bytes.
func TestSI14CompileIsAFunction(t *testing.T) {
	t.Parallel()
	var first string
	for range 20 {
		s := scopeOf(Wish{Type: Switchover, Target: "all"}, []Member{memberOf("a", after("b")), memberOf("b"), memberOf("c")},
			Group{Name: "all", Members: []string{"c", "inner"}}, Group{Name: "inner", Members: []string{"a", "b"}})
		text, err := json.Marshal(compiled(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(text)
		}
		if string(text) != first {
			t.Fatal("another plan of the same scope")
		}
	}
}

func TestSI31WavesFollowDependencies(t *testing.T) {
	t.Parallel()
	all := func(names ...string) Group { return Group{Name: "all", Members: names} }
	for name, c := range map[string]struct {
		members []Member
		groups  []Group
		want    string
	}{
		"none":               {[]Member{memberOf("a"), memberOf("b")}, []Group{all("b", "a")}, "a b"},
		"a chain":            {[]Member{memberOf("a", after("b")), memberOf("b", after("c")), memberOf("c")}, []Group{all("a", "b", "c")}, "c | b | a"},
		"a diamond":          {[]Member{memberOf("a"), memberOf("b", after("a")), memberOf("c", after("a")), memberOf("d", after("b", "c"))}, []Group{all("a", "b", "c", "d")}, "a | b c | d"},
		"a group":            {[]Member{memberOf("a", after("inner")), memberOf("b"), memberOf("c")}, []Group{all("a", "inner"), {Name: "inner", Members: []string{"b", "c"}}}, "b c | a"},
		"of a group":         {[]Member{memberOf("a"), memberOf("b"), memberOf("c")}, []Group{all("first", "second"), {Name: "first", Members: []string{"a", "b"}, DependsOn: []string{"second"}}, {Name: "second", Members: []string{"c"}}}, "c | a b"},
		"outside the plan":   {[]Member{memberOf("a", after("z")), memberOf("z")}, []Group{all("a")}, "a"},
		"two ways to one":    {[]Member{memberOf("a"), memberOf("b")}, []Group{all("x", "y"), {Name: "x", Members: []string{"a", "b"}}, {Name: "y", Members: []string{"b"}}}, "a b"},
		"one at a time":      {[]Member{memberOf("a"), memberOf("b"), memberOf("c")}, []Group{{Name: "all", Members: []string{"a", "b", "c"}, PerSite: 1}}, "a | b | c"},
		"two at a time":      {[]Member{memberOf("a"), memberOf("b"), memberOf("c")}, []Group{{Name: "all", Members: []string{"a", "b", "c"}, PerSite: 2}}, "a b | c"},
		"cap of some":        {[]Member{memberOf("a"), memberOf("b"), memberOf("c")}, []Group{all("a", "b", "c"), {Name: "careful", Members: []string{"a", "b"}, PerSite: 1}}, "a c | b"},
		"cap just reached":   {[]Member{memberOf("a"), memberOf("b")}, []Group{{Name: "all", Members: []string{"a", "b"}, PerRun: 2}}, "a b"},
		"cap and a chain":    {[]Member{memberOf("a"), memberOf("b"), memberOf("c", after("a"))}, []Group{{Name: "all", Members: []string{"a", "b", "c"}, PerSite: 1}}, "a | b | c"},
		"cap of an outsider": {[]Member{memberOf("a"), memberOf("b")}, []Group{all("a"), {Name: "other", Members: []string{"b"}, PerRun: 1}}, "a"},
	} {
		if got := order(compiled(t, scopeOf(Wish{Type: Switchover, Target: "all"}, c.members, c.groups...))); got != c.want {
			t.Errorf("%s: waves %q, want %q", name, got, c.want)
		}
	}
}

// What cannot be a plan is an error that says why; nothing of it is a plan.
func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	one := func(change ...func(*Member)) []Member { return []Member{memberOf("ledger", change...)} }
	with := func(b *Book) func(*Member) { return func(m *Member) { m.Book = b } }
	limit := time.Minute
	ledger := Wish{Type: Switchover, Target: "ledger"}
	for name, c := range map[string]struct {
		wish    Wish
		members []Member
		groups  []Group
		want    string
	}{
		"RUN-07 no target":        {Wish{Type: Switchover, Target: "x"}, one(), nil, `no resource or group "x"`},
		"RUN-07 empty group":      {Wish{Type: Switchover, Target: "g"}, one(), []Group{{Name: "g"}}, "RUN-07"},
		"RUN-07 group of nothing": {Wish{Type: Switchover, Target: "g"}, one(), []Group{{Name: "g", Members: []string{"h"}}, {Name: "h"}}, "RUN-07"},
		"RUN-07 no steps":         {ledger, one(with(book(Switchover, func(r *Runbook) { r.Steps = nil }))), nil, "RUN-07"},
		"RUN-07 no prechecks":     {ledger, one(with(book(Switchover, func(r *Runbook) { r.Prechecks = nil }))), nil, "RUN-07"},
		"RUN-07 no postchecks":    {ledger, one(with(book(Switchover, func(r *Runbook) { r.Postchecks = nil }))), nil, "RUN-07"},
		"no procedure":            {ledger, one(func(m *Member) { m.Book, m.Why = nil, "it has none" }), nil, "it has none"},
		"another type":            {Wish{Type: Drill, Target: "ledger"}, one(), nil, "is for switchover, not for drill"},
		"no type":                 {Wish{Target: "ledger"}, one(), nil, "is not known"},
		"another platform":        {ledger, one(func(m *Member) { m.Platform = "mongodb" }), nil, "is for platform postgresql"},
		"another runbook":         {Wish{Type: Switchover, Target: "ledger", Runbook: "pg.manual"}, one(), nil, `names the runbook "pg.manual"`},
		"unknown site":            {Wish{Type: Switchover, Target: "ledger", To: "iad"}, one(), nil, "no node at site"},
		"SI-31 circle":            {Wish{Type: Switchover, Target: "g"}, []Member{memberOf("a", after("b")), memberOf("b", after("a"))}, []Group{{Name: "g", Members: []string{"a", "b"}}}, "a -> b -> a"},
		"SI-31 circle of groups":  {Wish{Type: Switchover, Target: "g"}, one(), []Group{{Name: "g", Members: []string{"h"}}, {Name: "h", Members: []string{"g"}}}, "contain each other"},
		"SI-31 itself":            {Wish{Type: Switchover, Target: "g"}, []Member{memberOf("a", after("g"))}, []Group{{Name: "g", Members: []string{"a"}}}, "a -> a"},
		"SI-31 cap":               {Wish{Type: Switchover, Target: "g"}, []Member{memberOf("a"), memberOf("b")}, []Group{{Name: "g", Members: []string{"a", "b"}, PerRun: 1}}, "caps.perRun is 1"},
		"SI-31 cap of another":    {Wish{Type: Switchover, Target: "g"}, []Member{memberOf("a"), memberOf("b")}, []Group{{Name: "g", Members: []string{"a", "b"}}, {Name: "h", Members: []string{"a", "b"}, PerRun: 1}}, `of group "h"`},
		"SI-25 lossy switchover":  {ledger, one(with(book(Switchover, func(r *Runbook) { r.Steps[1] = Step{ID: "f", Operation: Operation{Uses: "pg.native/force"}} }))), nil, "SI-25"},
		"SI-25 lossy undo":        {ledger, one(with(book(Switchover, func(r *Runbook) { r.Steps[1].Undo = &Operation{Uses: "pg.native/force"} }))), nil, "SI-25"},
		"SI-25 no ceiling": {Wish{Type: Failover, Target: "ledger", Request: "r"}, one(with(book(Failover, func(r *Runbook) {
			r.Steps[1] = Step{ID: "f", Operation: Operation{Uses: "pg.native/force"}}
		}))), nil, "needs maxLoss"},
		"SI-25 past no return": {Wish{Type: Failover, Target: "ledger", Request: "r"}, one(with(book(Failover, func(r *Runbook) { r.PointOfNoReturn = "promote" }))), nil, "needs maxLoss"},
		"check that changes":   {ledger, one(with(book(Switchover, func(r *Runbook) { r.Prechecks[0].Uses = "pg.native/promote" }))), nil, "changes something"},
		"probe that changes": {ledger, one(with(book(Switchover, func(r *Runbook) {
			r.Steps[0].Done = &Operation{Uses: "pg.native/promote", With: map[string]string{"at": "x"}}
		}))), nil, "changes something"},
		"argument missing":        {ledger, one(with(book(Switchover, func(r *Runbook) { r.Steps[1].With = nil }))), nil, `without its argument "at"`},
		"argument unknown":        {ledger, one(with(book(Switchover, func(r *Runbook) { r.Steps[1].With["x"] = "y" }))), nil, `no argument "x"`},
		"parameter without value": {ledger, one(with(book(Switchover, func(r *Runbook) { r.Parameters[0].Default = nil }))), nil, "has no value"},
		"parameter not allowed":   {Wish{Type: Switchover, Target: "ledger", Parameters: map[string]string{"hook": "/x"}}, one(with(book(Switchover, func(r *Runbook) { r.Parameters[0].Allowed = []string{"/hook"} }))), nil, "may be /hook"},
		"parameter unknown":       {Wish{Type: Switchover, Target: "ledger", Parameters: map[string]string{"hok": "/x"}}, one(), nil, `has a parameter "hok"`},
		"parameter of resource":   {ledger, one(func(m *Member) { m.Book.Given = map[string]string{"x": "y"} }), nil, `no parameter "x"`},
		"parameter with another":  {Wish{Type: Switchover, Target: "ledger", Parameters: map[string]string{"hook": "${run}"}}, one(), nil, "refers to something else"},
		"unknown placeholder":     {ledger, one(with(book(Switchover, func(r *Runbook) { r.Steps[0].Command.Run[1] = "${nobody}" }))), nil, "nothing is known of ${nobody}"},
		"SI-29 mixed drill": {Wish{Type: Drill, Target: "g"}, []Member{memberOf("a", with(book(Drill, safe))), memberOf("b", with(book(Drill, safe)), func(m *Member) { m.Environment = "test" })},
			[]Group{{Name: "g", Members: []string{"a", "b"}}}, "SI-29"},
		"SI-29 drill names the writer": {Wish{Type: Drill, Target: "ledger"}, one(with(book(Drill))), nil, `"stop" names it`},
		"SI-29 drill moves the writer": {Wish{Type: Drill, Target: "ledger"}, one(with(book(Drill, safe, func(r *Runbook) { r.PointOfNoReturn = "promote" }))), nil, "cannot be taken back"},
		"SI-29 shared node": {Wish{Type: Drill, Target: "a"}, []Member{memberOf("a", with(book(Drill, safe)), func(m *Member) { m.Environment = "test" }),
			memberOf("b", func(m *Member) { m.Endpoints[0].Address = "A-b:5432" })}, nil, `node in common with "b"`},
	} {
		p, err := Compile(scopeOf(c.wish, c.members, c.groups...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		if p.Digest != "" || len(p.Waves) > 0 {
			t.Errorf("%s: there is a plan beside the error", name)
		}
	}
	// The twins that differ in one thing are plans.
	for name, c := range map[string]struct {
		wish    Wish
		members []Member
	}{
		"lossy failover":   {Wish{Type: Failover, Target: "ledger", Request: "r", MaxLoss: &limit}, one(with(book(Failover, func(r *Runbook) { r.Steps[1] = Step{ID: "f", Operation: Operation{Uses: "pg.native/force"}} })))},
		"production drill": {Wish{Type: Drill, Target: "ledger", ProductionDrill: true}, one(with(book(Drill)))},
		"drill of a test":  {Wish{Type: Drill, Target: "ledger"}, one(with(book(Drill)), func(m *Member) { m.Environment = "test" })},
		"quiet drill":      {Wish{Type: Drill, Target: "ledger"}, one(with(book(Drill, safe)))},
	} {
		if _, err := Compile(scopeOf(c.wish, c.members)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// safe makes a runbook that stays away from the writer.
func safe(r *Runbook) {
	r.Steps[0].Command.Run[2] = "${new.endpoint}"
}

func TestSides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wish     Wish
		topology map[string]string
		want     string
	}{
		"home":             {Wish{Type: Switchover}, map[string]string{"x-a": RolePrimary, "x-b": "standby"}, "fra -> ams"},
		"away":             {Wish{Type: Switchover}, map[string]string{"x-b": RolePrimary, "x-a": "standby"}, "ams -> fra"},
		"nobody seen":      {Wish{Type: Failover}, nil, "fra -> ams"},
		"failback":         {Wish{Type: Failback}, map[string]string{"x-b": RolePrimary}, "ams -> fra"},
		"failback at home": {Wish{Type: Failback}, map[string]string{"x-a": RolePrimary}, "ams -> fra"},
		"drill":            {Wish{Type: Drill}, map[string]string{"x-a": RolePrimary}, "fra -> ams"},
		"named":            {Wish{Type: Failover, To: "fra"}, nil, "ams -> fra"},
	} {
		from, to, err := sides(memberOf("x", func(m *Member) { m.Topology = c.topology }), c.wish)
		if err != nil || from+" -> "+to != c.want {
			t.Errorf("%s: %s -> %s, %v; want %s", name, from, to, err, c.want)
		}
	}
}

// Every difference has a name, and there is none where nothing differs.
func TestSI14DriftIsNamed(t *testing.T) {
	t.Parallel()
	p := compiled(t, scopeOf(Wish{Type: Switchover, Target: "ledger", Request: "r"}, []Member{memberOf("ledger")}))
	base := func() Request {
		r := Request{Pins: map[string]Digest{}, Topology: map[string]map[string]string{"ledger": {"ledger-a": RolePrimary, "ledger-b": "standby"}}, Plan: p.Digest, Bcctl: p.Bcctl}
		for k, v := range p.Pins {
			r.Pins[k] = v
		}
		return r
	}
	for want, change := range map[string]func(*Request){
		"":                                    func(*Request) {},
		"pin resources/ledger.yaml: was sha2": func(r *Request) { r.Pins["resources/ledger.yaml"] = FileDigest([]byte("x")) },
		"pin resources/ledger.yaml: was not ": func(r *Request) { delete(r.Pins, "resources/ledger.yaml") },
		"pin old.yaml: was sha256":            func(r *Request) { r.Pins["old.yaml"] = FileDigest(nil) },
		"topology ledger/ledger-b: was prima": func(r *Request) { r.Topology["ledger"]["ledger-b"] = RolePrimary },
		"version bcctl: was 0.9, is 1.0.0":    func(r *Request) { r.Bcctl = "0.9" },
		"plan digest: was sha256:e3b0c442":    func(r *Request) { r.Plan = FileDigest(nil) },
	} {
		r := base()
		change(&r)
		drift := DriftOf(r, p)
		if got := fmt.Sprint(drift); want == "" && len(drift) > 0 || want != "" && (len(drift) != 1 || !strings.HasPrefix(drift[0].String(), want)) {
			t.Errorf("drift %s, want %q", got, want)
		}
	}
}

func TestExpandAndFill(t *testing.T) {
	t.Parallel()
	op := Operation{HTTP: &HTTP{URL: "https://${host}/x", Headers: map[string]string{"A": "${run}"}, Body: "${steps.a.b.lsn}"}}
	out, err := Expand(op, map[string]string{"host": "db.example.net"})
	if err != nil || out.HTTP.URL != "https://db.example.net/x" || out.HTTP.Headers["A"] != "${run}" || out.HTTP.Body != "${steps.a.b.lsn}" || op.HTTP.URL != "https://${host}/x" {
		t.Errorf("%+v, %v", out.HTTP, err)
	}
	filled, err := Fill(out, func(name string) (string, bool) {
		v, ok := map[string]string{"run": "r ${fence}", "steps.a.b.lsn": "0/1"}[name]
		return v, ok
	})
	// A value is put in once and never looked at again.
	if err != nil || filled.HTTP.Headers["A"] != "r ${fence}" || filled.HTTP.Body != "0/1" {
		t.Errorf("%+v, %v", filled.HTTP, err)
	}
	if _, err := Fill(out, func(string) (string, bool) { return "", false }); err == nil {
		t.Error("a fact that is not there was passed over")
	}
	for _, host := range []string{"user:secret@evil.example", "a b", ""} {
		if _, err := Expand(op, map[string]string{"host": host}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("host %q: %v", host, err)
		}
	}
	if step, fact, ok := StepFact("steps.a.b.lsn"); step != "a.b" || fact != "lsn" || !ok {
		t.Errorf("%q %q %v", step, fact, ok)
	}
	for _, name := range []string{"steps.", "steps.a", "steps..a", "steps.a.", "step.a.b"} {
		if _, _, ok := StepFact(name); ok {
			t.Errorf("%q is taken for a fact", name)
		}
	}
}

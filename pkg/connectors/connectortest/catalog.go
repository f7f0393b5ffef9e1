package connectortest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var (
	indicatorName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)
	platformName  = regexp.MustCompile(`^[a-z][a-z0-9]*$`)
)

// catalog: policies name indicators, histories are kept by them, and a resource
// with no required one could never be judged.
func catalog(t *testing.T, s *suite) {
	if name := s.Factory.Platform(); !platformName.MatchString(name) {
		t.Errorf("platform %q is not one lower-case word", name)
	}
	seen := map[readiness.ID]bool{}
	required := 0
	for _, i := range s.Factory.Indicators() {
		if seen[i.ID] {
			t.Errorf("%s is in the catalog twice", i.ID)
		}
		seen[i.ID] = true
		if !indicatorName.MatchString(string(i.ID)) {
			t.Errorf("indicator %q is not lower-case words with dots", i.ID)
		}
		if strings.TrimSpace(i.Help) == "" || strings.HasSuffix(i.Help, ".") {
			t.Errorf("%s: help %q must say what it is, as a phrase", i.ID, i.Help)
		}
		if i.Required {
			required++
		}
		if i.Breach != "" {
			if info, registered := i.Breach.Info(); !registered || info.Default == readiness.Green {
				t.Errorf("%s: breach %q is no registered code that is worse than green", i.ID, i.Breach)
			}
			if i.Unit == readiness.None {
				t.Errorf("%s has a breach and no unit: only a number can cross a limit", i.ID)
			}
		}
		if (i.Signed || i.LowIsBad) && i.Unit == readiness.None {
			t.Errorf("%s is signed or low-is-bad without a unit", i.ID)
		}
	}
	if required == 0 {
		t.Error("no indicator is required: nothing could ever be judged")
	}
	again := s.Factory.Indicators()
	if !slices.EqualFunc(again, s.Factory.Indicators(), func(a, b readiness.Indicator) bool { return a == b }) {
		t.Error("the catalog changes from call to call")
	}
}

// capabilities: the matrix is what a reader decides by, so it may leave nothing
// open.
func capabilities(t *testing.T, s *suite) {
	matrix := s.Factory.Capabilities()
	if len(matrix) == 0 {
		t.Fatal("the platform has no matrix")
	}
	monitored := false
	forms := map[string]bool{}
	for _, c := range matrix {
		if strings.TrimSpace(c.Form) == "" || strings.TrimSpace(c.Against) == "" {
			t.Errorf("%+v: form and against must be told", c)
		}
		if forms[c.Form] {
			t.Errorf("form %q has two rows", c.Form)
		}
		forms[c.Form] = true
		for what, support := range map[string]connectors.Support{"monitor": c.Monitor, "prove": c.Prove, "execute": c.Execute} {
			switch support {
			case connectors.Full, connectors.Partial, connectors.None:
			default:
				t.Errorf("%s: %s is %q", c.Form, what, support)
			}
		}
		if c.Monitor == connectors.None && c.Prove != connectors.None {
			t.Errorf("%s: what is not monitored cannot be proved", c.Form)
		}
		if c.Monitor == connectors.Partial && c.Note == "" {
			t.Errorf("%s is monitored in part and no note says which", c.Form)
		}
		monitored = monitored || c.Monitor != connectors.None
	}
	if !monitored {
		t.Error("no form of the platform is monitored")
	}
}

// validate: what a person configured well is accepted, and what is wrong on every
// platform is said at the field that is wrong, before any connection.
func validate(t *testing.T, s *suite) {
	if problems := s.Factory.Validate(s.spec(t)); len(problems) > 0 {
		t.Errorf("the healthy spec has problems: %v", problems)
	}
	for _, wrong := range []Invalid{
		{"an option nobody knows", func(spec *connectors.Spec) { spec.Options = with(spec.Options, "noSuchOption", "1") }, []any{"connection", "options", "noSuchOption"}},
		{"an option of an endpoint that nobody knows", func(spec *connectors.Spec) {
			spec.Endpoints[0].Options = with(spec.Endpoints[0].Options, "noSuchOption", "1")
		}, []any{"endpoints", 0, "options", "noSuchOption"}},
		{"no address", func(spec *connectors.Spec) { spec.Endpoints[0].Address = "" }, []any{"endpoints", 0}},
		{"an address with a port that is none", func(spec *connectors.Spec) { spec.Endpoints[0].Address = "db-a.example.net:99999" }, []any{"endpoints", 0}},
		{"an identity nobody knows", func(spec *connectors.Spec) { spec.Identity = with(spec.Identity, "noSuchIdentity", "1") }, []any{"identity", "noSuchIdentity"}},
		{"clear text to another host", func(spec *connectors.Spec) {
			spec.TLS = connectors.TLS{Mode: connectors.Disable}
			s.reroute(t, spec, 0, "192.0.2.1:1433")
		}, nil},
		{"a CA file without a certificate", func(spec *connectors.Spec) {
			spec.TLS = connectors.TLS{CA: []byte("this is no certificate")}
		}, []any{"connection", "tls"}},
	} {
		t.Run(wrong.Name, func(t *testing.T) { s.rejects(t, wrong) })
	}
}

// invalidSpec: the platform's own mistakes, likewise.
func invalidSpec(t *testing.T, s *suite) {
	for _, wrong := range s.Invalid {
		t.Run(wrong.Name, func(t *testing.T) { s.rejects(t, wrong) })
	}
}

func (s *suite) rejects(t *testing.T, wrong Invalid) {
	spec := s.spec(t)
	wrong.Make(&spec)
	problems := s.Factory.Validate(spec)
	if len(problems) == 0 {
		t.Fatal("Validate has no objection")
	}
	named := false
	for _, p := range problems {
		s.discreet(t, "a problem", fmt.Sprintf("%v %s %s", p.Path, p.What, p.Hint))
		if strings.TrimSpace(p.What) == "" || len(p.Path) == 0 {
			t.Errorf("%+v: a problem says what is wrong, and where", p)
		}
		if len(p.Path) >= len(wrong.Path) && slices.EqualFunc(p.Path[:len(wrong.Path)], wrong.Path, func(a, b any) bool { return a == b }) {
			named = true
		}
	}
	if !named {
		t.Errorf("no problem is at %v: %v", wrong.Path, problems)
	}
	again := s.Factory.Validate(spec)
	sorted := func(list []connectors.Problem) []string {
		var texts []string
		for _, p := range list {
			texts = append(texts, fmt.Sprint(p))
		}
		slices.SortFunc(texts, cmp.Compare[string])
		return texts
	}
	if !slices.Equal(sorted(problems), sorted(again)) {
		t.Errorf("asked again, Validate says something else: %v and %v", problems, again)
	}
}

func with(m map[string]string, key, value string) map[string]string {
	changed := map[string]string{key: value}
	for k, v := range m {
		if k != key {
			changed[k] = v
		}
	}
	return changed
}

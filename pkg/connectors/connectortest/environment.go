package connectortest

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Variables that lead the contract to real servers are read here. CONTRIBUTING.md
// says what they hold.

// Variable returns a variable that leads to real servers of a platform. Without it
// the test is skipped, or fails when BCCTL_TEST_REQUIRE contains the platform.
func Variable(t testing.TB, platform, name string) string {
	t.Helper()
	value := os.Getenv(name)
	switch {
	case value != "":
	case strings.Contains(os.Getenv("BCCTL_TEST_REQUIRE"), platform):
		t.Fatalf("this test needs real servers: %s is not set", name)
	default:
		t.Skipf("this test needs real servers: %s is not set", name)
	}
	return value
}

// Real completes a subject whose servers are not ours: what they may be found to
// have is in BCCTL_TEST_TOLERATE, as reason codes with commas between them, beside
// what the caller knows.
func Real(t testing.TB, s Subject) Subject {
	t.Helper()
	for code := range strings.SplitSeq(os.Getenv("BCCTL_TEST_TOLERATE"), ",") {
		if code = strings.TrimSpace(code); code == "" {
			continue
		}
		if _, registered := readiness.Code(code).Info(); !registered {
			t.Fatalf("BCCTL_TEST_TOLERATE: no reason code %s", code)
		}
		s.Tolerated = append(slices.Clip(s.Tolerated), readiness.Code(code))
	}
	return s
}

// Servers splits a URL that names several servers: scheme://user:password@a,b/?k=v.
// Endpoints are at the sites given, or at fra and ams in turn; the first site is that
// of the primary, the second that of its copy.
func Servers(t testing.TB, text, sites string) (spec connectors.Spec, query url.Values) {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil || u.User == nil || u.Host == "" {
		t.Fatal("the URL of real servers must be scheme://user:password@host:port,host:port/?options") // it is not repeated: it holds a password
	}
	names := strings.Split(sites, ",")
	if sites == "" {
		names = []string{"fra", "ams"}
	}
	if len(names) < 2 {
		t.Fatal("name at least two sites")
	}
	spec.Target, spec.Home = "real", connectors.Home{Primary: names[0], DR: names[1]}
	for i, address := range strings.Split(u.Host, ",") {
		spec.Endpoints = append(spec.Endpoints, connectors.Endpoint{Name: "server-" + string(rune('a'+i)), Site: names[i%len(names)], Address: address})
	}
	password, _ := u.User.Password()
	spec.Credential = Given(connectors.Credential{Username: u.User.Username(), Password: password})
	return spec, u.Query()
}

// Certificates reads the file with the authority that real servers' certificates are
// signed by; without a path it is the system's.
func Certificates(t testing.TB, path string) []byte {
	t.Helper()
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

package snowpair

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// missing skips a test whose client is not there, or fails it where the environment
// says that clients must be.
func missing(t *testing.T, what string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("BCCTL_TEST_REQUIRE"), ","), "clients") {
		t.Fatal(what)
	}
	t.Skip(what)
}

// files writes a key and the CA where programs find them.
func files(t *testing.T, p *Pair, userName string) (key, ca string) {
	t.Helper()
	dir := t.TempDir()
	key, ca = filepath.Join(dir, "key.p8"), filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(key, []byte(p.Secrets()[SecretKey(userName)]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, p.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	return key, ca
}

// TestCurl is a client that has nothing in common with any driver: curl and
// openssl, driven by a shell script.
func TestCurl(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "curl", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program+" is not installed")
		}
	}
	p, _ := start(t, Options{})
	key, ca := files(t, p, UserMonitor)
	cmd := exec.CommandContext(t.Context(), "sh", "testdata/read.sh", p.URL("LAB_AMS"), p.Account("LAB_AMS"), UserMonitor, key, ca)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := "account: LAB_AMS\ngroups: 2\nhistory: 72\nold token: 390112\nnew token: 1\nclosed: 390111\n"
	if string(out) != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

// TestNode lets snowflake-sdk, Snowflake's own driver for Node.js, log in and read.
// It is looked for where NODE_PATH says, and skipped elsewhere.
func TestNode(t *testing.T) {
	t.Parallel()
	if exec.CommandContext(t.Context(), "node", "-e", "require('snowflake-sdk')").Run() != nil {
		t.Skip("node does not find snowflake-sdk; npm install it and set NODE_PATH to its node_modules")
	}
	p, clock := start(t, Options{})
	_, ca := files(t, p, UserMonitor)
	settings, err := json.Marshal(map[string]string{
		"account": p.Account("LAB_AMS"), "user": UserMonitor, "key": p.Secrets()[SecretKey(UserMonitor)], "url": p.URL("LAB_AMS"),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/read.js", string(settings))
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+ca, "SNOWFLAKE_DISABLE_PLATFORM_DETECTION=true", "HOME="+t.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.Bytes())
	}
	type refusal struct {
		Code     string `json:"code"`
		SQLState string `json:"sqlState"`
	}
	type seen struct {
		Account   string      `json:"account"`
		Groups    [][]*string `json:"groups"`
		Count     int         `json:"count"`
		Snapshot  int64       `json:"snapshot"`
		Uploaded  int         `json:"uploaded"`
		Nonsense  refusal     `json:"nonsense"`
		Promotion refusal     `json:"promotion"`
	}
	var got seen
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text := func(s string) *string { return &s }
	want := seen{
		Account: "LAB_AMS", Groups: [][]*string{{text("LAB_FRA"), text("true"), nil}, {text("LAB_AMS"), text("false"), text("STARTED")}},
		Count: 72, Snapshot: clock.Now().Add(-3*time.Minute + 6*time.Second).UnixMilli(), Uploaded: bytesPerRefresh,
		Nonsense: refusal{"001003", "42000"}, Promotion: refusal{"003001", "42501"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", out)
	}
}

package sqlag_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
)

// need skips a test without a client, unless clients must be there.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	for _, required := range strings.Split(os.Getenv("BCCTL_TEST_REQUIRE"), ",") {
		if strings.TrimSpace(required) == "clients" {
			t.Fatalf("%s is not installed, and BCCTL_TEST_REQUIRE says that it must be", program)
		}
	}
	t.Skipf("%s is not installed", program)
	return ""
}

// The client is FreeTDS's tsql, of Debian's package freetds-bin: a TDS library with
// nothing in common with the Go driver.
func TestFreeTDS(t *testing.T) {
	t.Parallel()
	tsql := need(t, "tsql")
	g := start(t, sqlag.Options{})
	dir := t.TempDir()
	conf := filepath.Join(dir, "freetds.conf")
	ca := filepath.Join(dir, "ca.pem")
	host, port, err := net.SplitHostPort(g.Instances()[0].Address())
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[global]\ntds version = 7.4\nencryption = require\nca file = %s\ncheck certificate hostname = no\n[lab]\nhost = %s\nport = %s\n", ca, host, port)
	for path, content := range map[string]string{conf: text, ca: string(g.CA())} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(password, input string) string {
		cmd := exec.CommandContext(short(t), tsql, "-S", "lab", "-U", sqlag.UserMonitor, "-P", password, "-o", "q")
		cmd.Env = append(os.Environ(), "FREETDSCONF="+conf, "LC_ALL=C.UTF-8")
		cmd.Stdin = strings.NewReader(input)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		t.Logf("%v\n%s", err, out.String())
		return out.String()
	}
	out := run(g.Password(sqlag.UserMonitor), `SELECT ag.name, ar.replica_server_name, rs.role_desc, rs.connected_state_desc
FROM sys.availability_groups ag JOIN sys.availability_replicas ar ON ar.group_id = ag.group_id
LEFT JOIN sys.dm_hadr_availability_replica_states rs ON rs.replica_id = ar.replica_id ORDER BY 2
go
SELECT group_id, last_hardened_lsn, last_commit_time, secondary_lag_seconds, SYSDATETIMEOFFSET() AS clock FROM sys.dm_hadr_database_replica_states
go
SELECT nothing FROM sys.availability_groups
go
SELECT SERVERPROPERTY('ProductVersion') AS v, CAST(1.25 AS numeric(10,3)) AS n, 0x01FF AS b, N'ä€' AS w
go
`)
	for _, want := range []string{"orders\torders-a\tPRIMARY\tCONNECTED", "orders\torders-b\tSECONDARY\tCONNECTED", "Msg 207", "Invalid column name 'nothing'.", "16.0.", "1.250", "01ff", "ä€", g.GroupID()} {
		if !strings.Contains(strings.ToLower(out), strings.ToLower(want)) {
			t.Errorf("tsql does not show %q", want)
		}
	}
	if out := run("wrong", "SELECT 1\ngo\n"); !strings.Contains(out, "18456") || !strings.Contains(out, "Login failed for user 'bcctl_monitor'.") {
		t.Error("tsql does not show the refused login")
	}
}

// The client is npm's tedious, a TDS library in JavaScript. It is found where Node.js
// looks for modules (NODE_PATH), and skipped elsewhere.
func TestTedious(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if exec.CommandContext(short(t), node, "-e", "require('tedious')").Run() != nil {
		t.Skip("tedious is not installed")
	}
	g := start(t, sqlag.Options{})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, g.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(g.Instances()[0].Address())
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("testdata", "tedious.js"))
	if err != nil {
		t.Fatal(err)
	}
	// By -e, so that modules are looked for where NODE_PATH says and not beside a file.
	cmd := exec.CommandContext(short(t), node, "-e", string(script), host, port, sqlag.UserMonitor, ca)
	cmd.Env = append(os.Environ(), "LAB_PASSWORD="+g.Password(sqlag.UserMonitor))
	out, err := cmd.CombinedOutput()
	t.Logf("%v\n%s", err, out)
	for _, want := range []string{`["orders","orders-a","81`, `["orders","orders-b","81`, `"Größe!",42]`, `{"count":2}`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("tedious does not show %s", want)
		}
	}
}

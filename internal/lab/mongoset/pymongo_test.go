package mongoset_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
)

// python is an interpreter that has pymongo. Without one the test is skipped,
// unless clients are required.
func python(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"/usr/bin/python3", "python3"} {
		if path, err := exec.LookPath(program); err == nil && exec.Command(path, "-c", "import pymongo").Run() == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv("BCCTL_TEST_REQUIRE"), ","), "clients") {
		t.Fatal("no Python with pymongo; on Debian and Ubuntu it is the package python3-pymongo")
	}
	t.Skip("no Python with pymongo")
	return ""
}

// Python's pymongo, which has nothing in common with the Go driver, finds the
// set, logs in over TLS with SCRAM-SHA-256, and reads.
func TestPymongo(t *testing.T) {
	t.Parallel()
	program := python(t)
	for _, version := range []string{"4.4.29", "7.0.14", "8.0.4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			set := start(t, mongoset.Options{Version: version})
			ca := filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(ca, set.CA(), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(testContext(t), program, filepath.Join("testdata", "pymongo_client.py"), set.Address("catalog-b"), ca, mongoset.UserMonitor, "catalog")
			cmd.Env = append(os.Environ(), "LAB_PASSWORD="+set.Secrets()[mongoset.UserMonitor])
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Client   string   `json:"client"`
				Nodes    []string `json:"nodes"`
				Primary  string   `json:"primary"`
				States   []string `json:"states"`
				Window   int      `json:"window"`
				Many     int      `json:"many"`
				StepDown any      `json:"stepDown"`
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			t.Log(got.Client)
			want := []string{set.Address("catalog-a"), set.Address("catalog-b"), set.Address("catalog-c")}
			slices.Sort(want)
			if !slices.Equal(got.Nodes, want) || got.Primary != set.Address("catalog-a") {
				t.Errorf("found %v, primary %s, want %v", got.Nodes, got.Primary, want)
			}
			if !slices.Equal(got.States, []string{"PRIMARY", "SECONDARY", "SECONDARY"}) {
				t.Errorf("states %v", got.States)
			}
			if got.Window < 47*3600 || got.Many != 90 || got.StepDown != 13.0 {
				t.Errorf("window %d s, %d entries, step-down %v", got.Window, got.Many, got.StepDown)
			}
		})
	}
}

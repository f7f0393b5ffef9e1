package connectortest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
)

// flawEnv makes TestToy run with a flaw.
const flawEnv = "BCCTL_CONNECTORTEST_FLAW"

// TestToy: a connector that keeps the contract passes.
func TestToy(t *testing.T) { connectortest.Run(t, toy(t, os.Getenv(flawEnv))) }

// TestEveryClauseCanFail: a connector with one flaw fails the clause about it. Each
// runs in a process of its own, because a test that fails fails its parents.
func TestEveryClauseCanFail(t *testing.T) {
	t.Parallel()
	for flaw, clause := range map[string]string{
		"nothing required":         "catalog",
		"matrix with holes":        "capabilities",
		"clear text anywhere":      "validate",
		"options unchecked":        "validate",
		"no times":                 "healthy",
		"indicator of its own":     "healthy with connections kept",
		"any identity":             "identity",
		"quotes the server":        "wrong password",
		"connects without a login": "unresolved secret",
		"refusal is down":          "refused",
		"deaf to deadlines":        "deadline",
		"one after the other":      "all endpoints hang",
		"deaf to cancel":           "cancel",
		"blames servers":           "cancelled before",
		"never connects anew":      "half-open connection",
		"remembers":                "path swallows everything",
		"any certificate":          "certificate of another authority",
		"falls back to clear text": "server without TLS",
		"any version":              "version",
		"hidden is fine":           "masked privilege",
		"NULL is zero":             "odd values",
		"writes":                   "nothing is changed",
		"writes a file":            "no trace on this machine",
		"leaves a goroutine":       "no goroutine is left",
	} {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			name := strings.ReplaceAll(clause, " ", "_")
			cmd := exec.Command(os.Args[0], "-test.run=^TestToy$/^"+name+"$")
			cmd.Env = append(os.Environ(), flawEnv+"="+flaw)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestToy/"+name+" ") || strings.Contains(string(out), "panic:") {
				t.Errorf("clause %q did not fail: %v\n%s", clause, err, out)
			}
		})
	}
}

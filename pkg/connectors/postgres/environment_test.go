package postgres

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// ambient are variables the driver reads for connections that do not say
// otherwise, with values that would lead elsewhere, weaken the connection or make
// the driver fail.
func ambient(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return map[string]string{
		"PGHOST": "elsewhere.invalid", "PGPORT": "1", "PGDATABASE": "elsewhere", "PGUSER": "somebody", "PGPASSWORD": "ambient-canary",
		"PGPASSFILE":    file("passfile", "*:*:*:*:ambient-canary\n"),
		"PGSERVICE":     "elsewhere",
		"PGSERVICEFILE": file("services", "[elsewhere]\nhost=elsewhere.invalid\nport=1\nsslmode=disable\nuser=somebody\npassword=ambient-canary\n"),
		"PGAPPNAME":     "elsewhere", "PGOPTIONS": "-c default_transaction_read_only=off -c search_path=evil", "PGTZ": "Asia/Tokyo",
		"PGSSLMODE": "disable", "PGSSLROOTCERT": filepath.Join(dir, "missing.pem"), "PGSSLCERT": filepath.Join(dir, "missing.pem"),
		"PGSSLKEY": filepath.Join(dir, "missing.pem"), "PGSSLPASSWORD": "ambient-canary", "PGSSLSNI": "nonsense", "PGSSLCERTMODE": "nonsense",
		"PGSSLNEGOTIATION": "direct", "PGTARGETSESSIONATTRS": "nonsense", "PGCONNECT_TIMEOUT": "nonsense",
		"PGMINPROTOCOLVERSION": "nonsense", "PGMAXPROTOCOLVERSION": "3.2", "PGCHANNELBINDING": "disable", "PGREQUIREAUTH": "nonsense",
	}
}

// TestEnvironmentChangesNoConnection compares the whole configuration with and
// without the variables, one at a time and all at once.
func TestEnvironmentChangesNoConnection(t *testing.T) {
	ambient := ambient(t) // t.Setenv forbids t.Parallel
	for name := range ambient {
		t.Setenv(name, "")    // those of whoever runs this test
		_ = os.Unsetenv(name) // of a name that exists
	}
	spec := connectors.Spec{}
	ep := connectors.Endpoint{Name: "db-a", Address: "db-a.example.net:5433"}
	configured := func(t *testing.T) *dialer {
		t.Helper()
		d, err := newDialer(spec, ep)
		if err != nil {
			t.Fatalf("prepare a connection: %v", err)
		}
		return d
	}
	want := configured(t)
	if want.base.Host != "db-a.example.net" || want.base.Port != 5433 || want.base.TLSConfig == nil ||
		want.base.TLSConfig.ServerName != "db-a.example.net" || want.base.TLSConfig.InsecureSkipVerify || len(want.base.Fallbacks) > 0 {
		t.Fatalf("the connection would be %+v", want.base.Config)
	}
	same := func(t *testing.T) {
		t.Helper()
		got := configured(t)
		a, b := reflect.ValueOf(want.base.Config), reflect.ValueOf(got.base.Config)
		for i := range a.NumField() {
			field := a.Type().Field(i)
			if !field.IsExported() || field.Type.Kind() == reflect.Func {
				if field.IsExported() && a.Field(i).IsNil() != b.Field(i).IsNil() {
					t.Errorf("%s is set in one and not in the other", field.Name)
				}
				continue
			}
			if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
				t.Errorf("%s is %v, without the environment %v", field.Name, b.Field(i), a.Field(i))
			}
		}
	}
	for name, value := range ambient {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			same(t)
		})
	}
	t.Run("all at once", func(t *testing.T) {
		for name, value := range ambient {
			t.Setenv(name, value)
		}
		same(t)
	})
	t.Run("a service that does not exist", func(t *testing.T) {
		t.Setenv("PGSERVICE", "no-such-service")
		same(t)
	})
}

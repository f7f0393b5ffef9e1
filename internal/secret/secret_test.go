package secret_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/secret"
	"github.com/bcctl/bcctl/pkg/config"
)

// canary is a value that must not be seen anywhere but where it was asked for.
const canary = "hunter2-CANARY"

func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}
}

// write makes a secret file that only its owner may read.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEnv(t *testing.T) {
	t.Parallel()
	env := secret.Env{Lookup: environment(map[string]string{"SET": canary, "EMPTY": "", "SPACED": " " + canary + "\n"})}
	for name, want := range map[string]string{"SET": canary, "SPACED": " " + canary + "\n"} {
		if got, err := env.Resolve(context.Background(), name); err != nil || got != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"EMPTY", "UNSET"} {
		got, err := env.Resolve(context.Background(), name)
		if err == nil || got != "" || err.Error() != "environment variable "+name+" is not set" {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
}

func TestFileDropsTrailingNewlinesOnly(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		canary: canary, canary + "\n": canary, canary + "\r\n": canary, canary + "\n\n": canary, " " + canary + " \n": " " + canary + " ",
		"one\ntwo\n": "one\ntwo", strings.Repeat("x", 64<<10): strings.Repeat("x", 64<<10), "pässwörd\n": "pässwörd",
	} {
		if got, err := (secret.File{}).Resolve(context.Background(), write(t, content)); err != nil || got != want {
			t.Errorf("%.20q is read as %.20q, %v", content, got, err)
		}
	}
}

// SI-5: a file that is no secret, or not one any more, is refused with a message
// that holds nothing of it.
func TestSI5FileRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dangling := filepath.Join(dir, "dangling")
	loop := filepath.Join(dir, "loop")
	toDir := filepath.Join(dir, "todir")
	for link, to := range map[string]string{dangling: filepath.Join(dir, "nowhere"), loop: loop, toDir: dir} {
		if err := os.Symlink(to, link); err != nil {
			t.Skip("no symbolic links: ", err)
		}
	}
	for name, tt := range map[string]struct{ path, want string }{
		"missing":        {filepath.Join(dir, "missing"), "does not exist"},
		"dangling link":  {dangling, "does not exist"},
		"below a file":   {filepath.Join(write(t, canary), "below"), "cannot be read"},
		"a loop":         {loop, "cannot be read"},
		"directory":      {dir, "not a regular file"},
		"link to one":    {toDir, "not a regular file"},
		"device":         {os.DevNull, "not a regular file"},
		"empty":          {write(t, ""), "is empty"},
		"newlines only":  {write(t, "\r\n\n"), "is empty"},
		"too large":      {write(t, strings.Repeat(canary, 64<<10)), "larger than 65536 bytes"},
		"one byte over":  {write(t, strings.Repeat("x", 64<<10)+"y"), "larger than 65536 bytes"},
		"NUL":            {write(t, "A="+canary+"\x00B=2\x00"), "NUL byte"},
		"empty path":     {"", "does not exist"},
		"NUL in a name":  {"/tmp/a\x00b", "cannot be read"},
		"name too long":  {"/" + strings.Repeat("n", 5000), "cannot be read"},
		"relative, gone": {"no/such/file", "does not exist"},
	} {
		got, err := (secret.File{}).Resolve(context.Background(), tt.path)
		if err == nil || got != "" || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %.20q, %v; want %q", name, got, err, tt.want)
			continue
		}
		if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: message %q", name, err)
		}
	}
}

func TestFileThatOthersMayReadIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("access is not in the file mode")
	}
	path := write(t, canary)
	for mode := os.FileMode(0o400); mode <= 0o777; mode++ {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		got, err := (secret.File{}).Resolve(context.Background(), path)
		switch refused := mode&0o007 != 0; {
		case refused && (err == nil || got != "" || !strings.Contains(err.Error(), fmt.Sprintf("%04o", mode)) || strings.Contains(err.Error(), canary)):
			t.Errorf("mode %04o: %q, %v", mode, got, err)
		case !refused && (err != nil || got != canary):
			t.Errorf("mode %04o: %q, %v", mode, got, err)
		}
	}
}

// What the kernel shows of this process is no secret file, or a document could
// send the whole environment to a database.
func TestProcessEnvironmentIsNoSecretFile(t *testing.T) {
	t.Parallel()
	const path = "/proc/self/environ"
	if data, err := os.ReadFile(path); err != nil || len(data) == 0 {
		t.Skip("this system shows no process environment")
	}
	if got, err := (secret.File{}).Resolve(context.Background(), path); err == nil || got != "" {
		t.Errorf("%d bytes were read", len(got))
	}
}

func TestCredential(t *testing.T) {
	t.Parallel()
	resolver := secret.NewResolver(environment(map[string]string{"DB_USER": "monitor", "DB_PASSWORD": canary}))
	file := "file:" + write(t, canary+"\n")
	for _, tt := range []struct {
		name           string
		login          config.Credential
		user, password string
	}{
		{"name and variable", config.Credential{Username: "m", Password: "env:DB_PASSWORD"}, "m", canary},
		{"both references", config.Credential{Username: "env:DB_USER", Password: config.SecretRef(file)}, "monitor", canary},
		{"no password", config.Credential{Username: "m"}, "m", ""},
		{"a colon in a name is no reference", config.Credential{Username: "corp:m"}, "corp:m", ""},
	} {
		got, err := resolver.Credential(context.Background(), &tt.login)
		if err != nil || got.Username != tt.user || got.Password != tt.password {
			t.Errorf("%s: %q, %v", tt.name, got.Username, err)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", got, got, got, got); strings.Contains(text, canary) {
			t.Errorf("%s: printed %s", tt.name, text)
		}
	}
}

// SI-5: no error repeats a value, not even one that was written where a reference
// belongs.
func TestSI5CredentialErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	resolver := secret.NewResolver(environment(map[string]string{"GITHUB_TOKEN": canary, "DB_PASSWORD": canary}))
	for name, tt := range map[string]struct {
		login config.Credential
		want  string
	}{
		"a password as the reference":         {config.Credential{Username: "m", Password: canary}, "password: a secret is written as a reference"},
		"one with a colon":                    {config.Credential{Username: "m", Password: canary + ":" + canary}, "password: a secret is written as a reference"},
		"one behind env:":                     {config.Credential{Username: "m", Password: "env:" + canary}, "password: after env:"},
		"one behind file:":                    {config.Credential{Username: "m", Password: "file:" + canary}, "password: after file:"},
		"a scheme of a later version":         {config.Credential{Username: "m", Password: "vault:" + canary}, "password: secret references with vault:"},
		"a variable of the machinery":         {config.Credential{Username: "m", Password: "env:GITHUB_TOKEN"}, "password: env: may not name"},
		"a user name from the machinery":      {config.Credential{Username: "env:GITHUB_TOKEN", Password: "env:DB_PASSWORD"}, "username: env: may not name"},
		"a user name of a later scheme":       {config.Credential{Username: config.Login("exec:" + canary)}, "username: secret references with exec:"},
		"an unset variable":                   {config.Credential{Username: "m", Password: "env:NO_SUCH"}, "password: environment variable NO_SUCH is not set"},
		"an unset user name, a good password": {config.Credential{Username: "env:NO_SUCH", Password: "env:DB_PASSWORD"}, "username: environment variable NO_SUCH is not set"},
		"a path with ..":                      {config.Credential{Username: "m", Password: "file:/run/../" + canary}, "password: a path after file:"},
	} {
		got, err := resolver.Credential(context.Background(), &tt.login)
		if err == nil || got.Username != "" || got.Password != "" || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
			continue
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), canary) || strings.Contains(fmt.Sprintf("%#v", e), canary) {
				t.Errorf("%s: the secret is in %q", name, e)
			}
		}
	}
}

// A scheme that is known and has no provider is refused without its path.
func TestSchemeWithoutProvider(t *testing.T) {
	t.Parallel()
	_, err := secret.Resolver{}.Credential(context.Background(), &config.Credential{Username: "m", Password: "env:DB_PASSWORD"})
	if err == nil || strings.Contains(err.Error(), "DB_PASSWORD") || !strings.Contains(err.Error(), "env:") {
		t.Errorf("%v", err)
	}
}

// A rotated secret is picked up: nothing is kept between two calls.
func TestEachCallReadsAnew(t *testing.T) {
	t.Parallel()
	path := write(t, "old")
	login := config.Credential{Username: "m", Password: config.SecretRef("file:" + path)}
	resolver := secret.NewResolver(environment(nil))
	for _, want := range []string{"old", "new"} {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := resolver.Credential(context.Background(), &login); err != nil || got.Password != want {
			t.Errorf("%q, %v; want %q", got.Password, err, want)
		}
	}
}

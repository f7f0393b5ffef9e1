package secretref

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ scheme, path string }{
		"env:LEDGER_PASSWORD":             {"env", "LEDGER_PASSWORD"},
		"env:_x9":                         {"env", "_x9"},
		"file:/run/secrets/ledger":        {"file", "/run/secrets/ledger"},
		`file:C:\secrets\ledger`:          {"file", `C:\secrets\ledger`},
		"file:/run/secrets/with:colon..x": {"file", "/run/secrets/with:colon..x"},
	} {
		ref, err := Parse(text)
		if err != nil || ref.Scheme() != want.scheme || ref.Path() != want.path || string(ref) != text {
			t.Errorf("%q is %q, %q, %v; want %v", text, ref.Scheme(), ref.Path(), err, want)
		}
	}
}

// Each text may be somebody's password; none may come back in the error.
func TestParseRefusesWithoutRepeating(t *testing.T) {
	t.Parallel()
	const canary = "hunter2"
	for _, c := range []struct{ text, want string }{
		{canary, "never as the value itself"},
		{"", "never as the value itself"},
		{canary + ":x", "never as the value itself"},
		{"Env:" + canary, "never as the value itself"},
		{"env:", "name of an environment variable"},
		{"env:9" + canary, "name of an environment variable"},
		{"env:" + canary + "!", "name of an environment variable"},
		{"env: " + canary, "name of an environment variable"},
		{"file:" + canary, "absolute path"},
		{"file:/run/../" + canary, "no .. in it"},
		{`file:C:\a\..\` + canary, "no .. in it"},
		{"vault:" + canary, "vault: are not supported by this version; supported: env:, file:"},
		{"aws-sm:" + canary, "aws-sm: are not supported"},
		{"aws-ssm:" + canary, "aws-ssm: are not supported"},
		{"azure-kv:" + canary, "azure-kv: are not supported"},
		{"gcp-sm:" + canary, "gcp-sm: are not supported"},
		{"age:" + canary, "age: are not supported"},
		{"sops:" + canary, "sops: are not supported"},
		{"exec:" + canary, "exec: are not supported"},
		{"env:GITHUB_TOKEN", "belongs to GitHub,"},
		{"env:gh_token", "belongs to GitHub,"},
		{"env:ACTIONS_ID_TOKEN_REQUEST_TOKEN", "belongs to GitHub Actions"},
		{"env:AWS_SECRET_ACCESS_KEY", "belongs to AWS"},
		{"env:AZURE_CLIENT_SECRET", "belongs to Azure"},
		{"env:GOOGLE_APPLICATION_CREDENTIALS", "belongs to Google Cloud"},
		{"env:SSH_AUTH_SOCK", "belongs to SSH"},
		{"env:BCCTL_STORE_URL", "belongs to bcctl itself"},
	} {
		ref, err := Parse(c.text)
		if err == nil {
			t.Errorf("%q was taken as %q", c.text, ref)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error is %q, want it to say %q", c.text, err, c.want)
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("%q: the error repeats it: %q", c.text, err)
		}
	}
	if _, err := Parse("x"); !errors.Is(err, ErrNotReference) {
		t.Errorf("error is %v, want %v", err, ErrNotReference)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for text, want := range map[Login]struct{ isRef, fails bool }{
		"bcctl_monitor": {false, false},
		"DOMAIN:user":   {false, false}, // a name with a colon is still a name
		"env:DB_USER":   {true, false},
		"vault:x":       {true, true},
		"env:AWS_X":     {true, true},
	} {
		_, isRef, err := text.Ref()
		if isRef != want.isRef || (err != nil) != want.fails {
			t.Errorf("%q: reference %v, error %v; want %v", text, isRef, err, want)
		}
	}
}

// Package secretref is the text form of a reference to a secret. It knows how a
// reference is written, and nothing about resolving one.
//
// A text that is not a reference may be somebody's password, written where a
// reference belongs. No error of this package repeats it.
package secretref

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Ref is a reference to a secret, such as env:LEDGER_PASSWORD or
// file:/run/secrets/ledger. The repository holds references only; the value is
// looked up at run time.
type Ref string

// Schemes this version resolves.
const (
	Env  = "env"  // an environment variable of the process that runs bcctl
	File = "file" // a file on the machine that runs bcctl
)

var (
	supported = []string{Env, File}
	// later are recognised, so that the message about one of them can say more
	// than "not a reference".
	later = []string{"vault", "aws-sm", "aws-ssm", "azure-kv", "gcp-sm", "age", "sops", "exec"}
)

// Pattern is the JSON Schema pattern of a reference.
const Pattern = `^(env|file|vault|aws-sm|aws-ssm|azure-kv|gcp-sm|age|sops|exec):.+$`

// ErrNotReference means that the text is not a reference at all.
var ErrNotReference = errors.New("a secret is written as a reference such as env:NAME or file:/path, never as the value itself")

// variable is what env: may name.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// foreign are variables that hold tokens of the machinery bcctl runs in. A
// resource document that could name them could send them to any address it
// likes, as a password.
var foreign = []struct{ prefix, owner string }{
	{"GITHUB_", "GitHub"},
	{"GH_", "GitHub"},
	{"ACTIONS_", "GitHub Actions"},
	{"RUNNER_", "GitHub Actions"},
	{"AWS_", "AWS"},
	{"AZURE_", "Azure"},
	{"GOOGLE_", "Google Cloud"},
	{"VAULT_", "Vault"},
	{"KUBE", "Kubernetes"},
	{"SSH_", "SSH"},
	{"BCCTL_", "bcctl itself"},
}

// Parse checks the text of a reference. The error says what to write instead and
// never repeats the text.
func Parse(text string) (Ref, error) {
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case !found || (!slices.Contains(supported, scheme) && !slices.Contains(later, scheme)):
		return "", ErrNotReference
	case slices.Contains(later, scheme):
		return "", fmt.Errorf("secret references with %s: are not supported by this version; supported: env:, file:", scheme)
	case scheme == Env:
		return parseEnv(rest)
	default:
		return parseFile(rest)
	}
}

func parseEnv(name string) (Ref, error) {
	if !variable.MatchString(name) {
		// Not even the name is repeated: env:<the password itself> is a slip that happens.
		return "", errors.New("after env: comes the name of an environment variable: letters, digits and _, not starting with a digit")
	}
	upper := strings.ToUpper(name)
	for _, f := range foreign {
		if strings.HasPrefix(upper, f.prefix) {
			return "", fmt.Errorf("env: may not name a variable that starts with %s: it belongs to %s, and a configuration document must not be able to send its value to a database", f.prefix, f.owner)
		}
	}
	return Ref(Env + ":" + name), nil
}

func parseFile(path string) (Ref, error) {
	// Windows paths (C:\...) are absolute as well; the machine that validates may
	// be another one than the machine that runs.
	windows := len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/')
	if !strings.HasPrefix(path, "/") && !windows {
		return "", errors.New("after file: comes an absolute path, for example file:/run/secrets/name")
	}
	if slices.Contains(strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' }), "..") {
		return "", errors.New("a path after file: has no .. in it")
	}
	return Ref(File + ":" + path), nil
}

// Scheme returns the part before the colon: "env" or "file".
func (r Ref) Scheme() string { s, _, _ := strings.Cut(string(r), ":"); return s }

// Path returns the part after the colon: the name of the variable or the path of
// the file.
func (r Ref) Path() string { _, p, _ := strings.Cut(string(r), ":"); return p }

// Login is a user name: either the name itself or a reference to it.
type Login string

// Ref returns the reference, when l is one. A text that starts with a known
// scheme is always taken as a reference.
func (l Login) Ref() (Ref, bool, error) {
	scheme, _, found := strings.Cut(string(l), ":")
	if !found || (!slices.Contains(supported, scheme) && !slices.Contains(later, scheme)) {
		return "", false, nil
	}
	ref, err := Parse(string(l))
	return ref, true, err
}

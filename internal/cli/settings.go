package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/bcctl/bcctl/pkg/config/secretref"
)

// Settings are the tool's own: how it runs here. No rule, threshold, approver or
// target is a setting; whatever decides is a reviewed document.
type Settings struct {
	Repository string         `mapstructure:"repository"`
	Replay     string         `mapstructure:"replay"`
	Check      CheckSettings  `mapstructure:"check"`
	Store      StoreSettings  `mapstructure:"store"`
	Audit      AuditSettings  `mapstructure:"audit"`
	Ledger     LedgerSettings `mapstructure:"ledger"`
	GitHub     GitHubSettings `mapstructure:"github"`

	Offline  OfflineSettings  `mapstructure:"offline"`
	Commands CommandSettings  `mapstructure:"commands"`
	Operator OperatorSettings `mapstructure:"operator"`
}

// OfflineSettings are what approvals rest on while GitHub does not answer. A clone
// cannot say whom to trust, so none of it is taken from a repository (OFF-02).
type OfflineSettings struct {
	RootKeys  []string `mapstructure:"root-keys"` // fingerprints, SHA256:...
	Threshold int      `mapstructure:"threshold"` // how many of them sign a snapshot
	Host      string   `mapstructure:"host"`      // what the policy calls this host; empty: its own name

	// Dir is where runs without GitHub keep their locks, claims and records: a folder of
	// another medium than the journal's, which everybody shares who runs bcctl here.
	Dir string `mapstructure:"dir"`
}

// LedgerSettings say where locks and claims are, when not on branches beside the audit
// log.
type LedgerSettings struct {
	URL              string `mapstructure:"url"`               // reference to postgres://user:password@host/database
	SystemIdentifier string `mapstructure:"system-identifier"` // of the cluster it is in
}

// CommandSettings say which programs a run may start on this machine.
type CommandSettings struct {
	Allow []string `mapstructure:"allow"` // absolute paths
}

// OperatorSettings are about the person who runs bcctl execute at a terminal.
type OperatorSettings struct {
	Key string `mapstructure:"key"` // reference to the SSH key that signs what is typed
}

// GitHubSettings say which repository the requests are in, and how it is reached.
type GitHubSettings struct {
	Repository   string `mapstructure:"repository"`    // owner/name
	RepositoryID int64  `mapstructure:"repository-id"` // what digests of requests are bound to; 0: not known
	APIURL       string `mapstructure:"api-url"`
	Token        string `mapstructure:"token"` // reference to a token

	// Of a GitHub App, which signs in instead of a token when app-id is set.
	AppID          int64  `mapstructure:"app-id"`
	InstallationID int64  `mapstructure:"installation-id"`
	AppKey         string `mapstructure:"app-key"` // reference to the App's private key
}

// CheckSettings are about collecting.
type CheckSettings struct {
	Parallel      int           `mapstructure:"parallel"`
	TargetTimeout time.Duration `mapstructure:"target-timeout"`
}

// StoreSettings are about history.
type StoreSettings struct {
	URL string        `mapstructure:"url"`
	Raw time.Duration `mapstructure:"raw-retention"`
}

// AuditSettings say where the audit log is and which keys sign.
type AuditSettings struct {
	Origin string `mapstructure:"origin"` // unique name of the log; empty: there is none
	Ref    string `mapstructure:"ref"`    // branch
	Remote string `mapstructure:"remote"` // of the branch; empty: this clone alone
	Dir    string `mapstructure:"dir"`    // a directory instead of a branch
	Key    string `mapstructure:"key"`    // reference to the writer's private key
	LogKey string `mapstructure:"log-key"`

	// Who signs in place of Key. None of it is taken from a repository: it says which
	// program is run, and who gets a token.
	Signer         string `mapstructure:"signer"` // key, exec or vault
	ExecProgram    string `mapstructure:"exec-program"`
	ExecPublicKey  string `mapstructure:"exec-public-key"` // file
	VaultAddress   string `mapstructure:"vault-address"`
	VaultMount     string `mapstructure:"vault-mount"`
	VaultKey       string `mapstructure:"vault-key"`
	VaultVersion   int64  `mapstructure:"vault-version"`
	VaultNamespace string `mapstructure:"vault-namespace"`
	VaultToken     string `mapstructure:"vault-token"` // reference; empty: the variable VAULT_TOKEN
	VaultCA        string `mapstructure:"vault-ca"`    // file
}

// settingDefaults lists every key; a key that is not here is an error. Every key
// has a default, without which viper would not see its environment variable.
var settingDefaults = map[string]any{
	"repository":           "",
	"replay":               "",
	"check.parallel":       16,
	"check.target-timeout": "10s",
	"store.url":            "",
	"store.raw-retention":  "48h",
	"audit.origin":         "",
	"audit.ref":            "refs/heads/bcctl-audit",
	"audit.remote":         "origin",
	"audit.dir":            "",
	"audit.key":            "",
	"audit.log-key":        "",

	"ledger.url":               "",
	"ledger.system-identifier": "",

	"github.repository":      "",
	"github.repository-id":   0,
	"github.api-url":         "",
	"github.token":           ownToken,
	"github.app-id":          0,
	"github.installation-id": 0,
	"github.app-key":         "",

	"offline.root-keys": []string{},
	"offline.threshold": 2,
	"offline.host":      "",
	"offline.dir":       "",
	"commands.allow":    []string{},
	"operator.key":      "",

	"audit.signer":          "key",
	"audit.exec-program":    "",
	"audit.exec-public-key": "",
	"audit.vault-address":   "",
	"audit.vault-mount":     "transit",
	"audit.vault-key":       "",
	"audit.vault-version":   0,
	"audit.vault-namespace": "",
	"audit.vault-token":     "",
	"audit.vault-ca":        "",
}

// personal are keys that a reviewed repository must not set: they say where this
// machine writes, what it runs, and who gets a token of it. A branch that is only
// looked at must not send the person's token somewhere.
var personal = []string{"store.url", "commands.allow", "operator.key", "audit.dir", "github.api-url",
	"audit.signer", "audit.exec-program", "audit.exec-public-key", "audit.vault-address", "audit.vault-mount", "audit.vault-key",
	"audit.vault-version", "audit.vault-namespace", "audit.vault-token", "audit.vault-ca",
	"offline.root-keys", "offline.threshold", "offline.host", "offline.dir"}

// shared are keys that only the reviewed repository sets: who had another ledger than
// the others would know of none of their locks.
var shared = []string{"ledger.url", "ledger.system-identifier"}

// loadSettings reads, strongest first: flags, BCCTL_* variables, --config, the
// person's file, the repository's bcctl.yaml, built-in defaults.
func (a *app) loadSettings(repoFile []byte, flags *pflag.FlagSet) (Settings, error) {
	v := viper.New()
	for key, value := range settingDefaults {
		v.SetDefault(key, value)
	}
	v.SetConfigType("yaml")
	type source struct {
		name     string
		data     []byte
		personal bool
	}
	sources := []source{{name: "bcctl.yaml", data: repoFile}}
	if path := a.personalFile(); path != "" {
		if data, err := os.ReadFile(path); err == nil {
			sources = append(sources, source{path, data, true})
		} else if !errors.Is(err, fs.ErrNotExist) {
			return Settings{}, fail(exitConfig, fmt.Errorf("read settings: %w", err), "")
		}
	}
	if path := a.globals.configFile; path != "" {
		data, err := os.ReadFile(a.path(path))
		if err != nil {
			return Settings{}, fail(exitConfig, fmt.Errorf("read settings: %w", err), "")
		}
		sources = append(sources, source{path, data, true})
	}
	for _, s := range sources {
		if err := checkKeys(s.name, s.data, s.personal); err != nil {
			return Settings{}, err
		}
		if err := v.MergeConfig(bytes.NewReader(s.data)); err != nil {
			return Settings{}, fail(exitConfig, fmt.Errorf("%s: %w", s.name, err), "")
		}
	}
	origin := map[string]string{}
	for _, s := range sources {
		for _, key := range keysOf(s.data) {
			origin[key] = s.name
		}
	}
	for key := range settingDefaults {
		name := settingVariable(key)
		if value, ok := a.Lookup(name); ok && value != "" {
			if slices.Contains(shared, key) {
				return Settings{}, fail(exitConfig, fmt.Errorf("%s is set, and %s is taken from bcctl.yaml of the repository only: all runners share one ledger", name, key), "unset "+name)
			}
			v.Set(key, value)
			origin[key] = name
		}
	}
	for flag, key := range map[string]string{"parallel": "check.parallel", "target-timeout": "check.target-timeout", "store": "store.url"} {
		if flags == nil {
			break
		}
		if f := flags.Lookup(flag); f != nil && f.Changed {
			v.Set(key, f.Value.String())
			origin[key] = "--" + flag
		}
	}
	if u, err := url.Parse(v.GetString("audit.remote")); err == nil && u.User != nil && strings.HasPrefix(u.Scheme, "http") {
		// The address itself is not repeated: what stands there is somebody's token.
		return Settings{}, fail(exitConfig, errors.New("audit.remote has a user or a token in its address"), "use the name of a remote, and a credential helper of git")
	}
	a.showSettings(v, origin)
	var s Settings
	if err := v.UnmarshalExact(&s); err != nil {
		return s, fail(exitConfig, fmt.Errorf("settings: %w", flatten(err)), "bcctl help environment")
	}
	if err := s.Ledger.check(s.Repository); err != nil {
		return s, err
	}
	if s.Check.Parallel < 1 || s.Check.Parallel > 1024 {
		return s, fail(exitConfig, fmt.Errorf("check.parallel is %d; write a number from 1 to 1024", s.Check.Parallel), "")
	}
	if s.Check.TargetTimeout < 100*time.Millisecond {
		return s, fail(exitConfig, fmt.Errorf("check.target-timeout is %s; write at least 100ms", s.Check.TargetTimeout), "")
	}
	return s, nil
}

// check says what is wrong with the settings of a ledger. What stands there instead of
// a reference may be a password, and is not repeated.
func (l LedgerSettings) check(repository string) error {
	if l.URL == "" && l.SystemIdentifier == "" {
		return nil
	}
	if _, err := secretref.Parse(l.URL); err != nil {
		return fail(exitConfig, errors.New("ledger.url is no reference to a secret"), "write env:NAME or file:PATH; the address with its password stands there")
	}
	if n, err := strconv.ParseUint(l.SystemIdentifier, 10, 64); err != nil || n == 0 {
		return fail(exitConfig, errors.New("ledger.system-identifier is not set or no number"), "ask the server: SELECT system_identifier FROM pg_control_system()")
	}
	if repository == "" {
		return fail(exitConfig, errors.New("a ledger in a database needs the name of the repository"), "set repository in bcctl.yaml")
	}
	return nil
}

// showSettings lists what is in effect and where it comes from, for --verbose.
func (a *app) showSettings(v *viper.Viper, origin map[string]string) {
	if a.globals.verbose == 0 || a.globals.quiet {
		return
	}
	for _, key := range sortedKeys(settingDefaults) {
		from := origin[key]
		if from == "" {
			from = "default"
		}
		fmt.Fprintf(a.Stderr, "bcctl: setting %s = %v (%s)\n", key, v.Get(key), from)
	}
}

// keysOf lists the keys of a settings file that checkKeys has accepted.
func keysOf(data []byte) []string {
	one := viper.New()
	one.SetConfigType("yaml")
	if err := one.ReadConfig(bytes.NewReader(data)); err != nil {
		return nil
	}
	return one.AllKeys()
}

// checkKeys refuses unknown keys of one file, each with the nearest known one.
func checkKeys(name string, data []byte, isPersonal bool) error {
	one := viper.New()
	one.SetConfigType("yaml")
	if err := one.ReadConfig(bytes.NewReader(data)); err != nil {
		return fail(exitConfig, fmt.Errorf("%s: %w", name, err), "")
	}
	var problems []string
	for _, key := range one.AllKeys() {
		if _, known := settingDefaults[key]; !known {
			problems = append(problems, fmt.Sprintf("%s: unknown setting %q; known: %s", name, key, strings.Join(sortedKeys(settingDefaults), ", ")))
		} else if !isPersonal && slices.Contains(personal, key) {
			problems = append(problems, fmt.Sprintf("%s: %q says where this machine writes, what it runs or whom it asks, and is not taken from a repository; use %s or your own settings file", name, key, settingVariable(key)))
		} else if isPersonal && slices.Contains(shared, key) {
			problems = append(problems, fmt.Sprintf("%s: %q is taken from bcctl.yaml of the repository only: all runners share one ledger", name, key))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	sort.Strings(problems)
	return fail(exitConfig, errors.New(strings.Join(problems, "\n")), "")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// flatten puts the decoder's list of errors on one line.
func flatten(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}

// personalFile is where the person's own settings are.
func (a *app) personalFile() string {
	dir := a.userDir("XDG_CONFIG_HOME", ".config")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "bcctl", "config.yaml")
}

// userDir finds a directory of the XDG kind, or what the system has instead.
func (a *app) userDir(variable, underHome string) string {
	if dir := a.getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	if runtime.GOOS == "windows" {
		return a.getenv("AppData")
	}
	home := a.getenv("HOME")
	if home == "" {
		return ""
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support")
	}
	return filepath.Join(home, underHome)
}

// path resolves a path given on the command line.
func (a *app) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(a.Dir, p)
}

// settingNames lists the environment variable of every setting, for help.
func settingNames() []string {
	var names []string
	for _, key := range sortedKeys(settingDefaults) {
		if !slices.Contains(shared, key) {
			names = append(names, settingVariable(key))
		}
	}
	return names
}

// settingVariable is the environment variable of a setting.
func settingVariable(key string) string {
	return "BCCTL_" + strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToUpper(key))
}

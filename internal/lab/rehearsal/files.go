package rehearsal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/people"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Model is a system of another platform than PostgreSQL, in this process.
type Model interface {
	lab.System
	CA() []byte
}

// authorityPath is where the certificate of a model's CA is in the repository.
const authorityPath = "certs/lab-ca.pem"

const settingsYAML = "repository: lab\n"

const sitesYAML = `
apiVersion: bcctl/v1
kind: SiteList
metadata: {name: sites}
spec:
  sites:
    - {name: fra}
    - {name: ams}
    - {name: par}
`

const policyYAML = `
apiVersion: bcctl/v1
kind: StatusPolicy
metadata: {name: default}
spec:
  maxAge: 60s
`

// files are the configuration, as its first commit will be.
func (s *Stage) files() (map[string]string, error) {
	write := s.pairFiles
	if s.o.Model != nil {
		write = s.modelFiles
	}
	files, err := write()
	if err != nil {
		return nil, err
	}
	for path, text := range s.o.Files {
		files[path] = text
	}
	if s.o.Edit != nil {
		s.o.Edit(files)
	}
	if s.o.Soak != "" {
		for path, text := range soaked(files, s.o.Soak, s.o.Patience) {
			files[path] = text
		}
	}
	return files, nil
}

func (s *Stage) pairFiles() (map[string]string, error) {
	dir := filepath.Join(s.o.Dir, "config")
	if err := s.Pair.WriteConfig(dir); err != nil {
		return nil, err
	}
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(data)
		return err
	})
	return files, err
}

// modelFiles keeps a model's secrets in files of their own, as a user would outside of
// the repository.
func (s *Stage) modelFiles() (map[string]string, error) {
	keys, secrets := s.peopleDir(), filepath.Join(s.o.Dir, "secrets")
	if err := errors.Join(people.MakeKeys(keys), os.Mkdir(secrets, 0o700)); err != nil {
		return nil, err
	}
	for name, value := range s.o.Model.Secrets() {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(value+"\n"), 0o600); err != nil {
			return nil, err
		}
	}
	roster, err := people.Roster(keys)
	return map[string]string{
		"bcctl.yaml":             settingsYAML,
		"sites.yaml":             sitesYAML,
		"policies/default.yaml":  policyYAML,
		"policies/approval.yaml": people.Policy,
		"roster.yaml":            roster,
		"resources/" + s.o.Model.Name() + ".yaml": s.o.Model.Resource(func(name string) string { return "file:" + filepath.Join(secrets, name) }, authorityPath),
		authorityPath: string(s.o.Model.CA()),
	}, err
}

func (s *Stage) peopleDir() string { return filepath.Join(s.o.Dir, "people") }

var (
	soak = regexp.MustCompile(`(?m)^  soak: .*\n`)
	long = regexp.MustCompile(`timeout: \d+[mh]\b`)
)

// soaked are the built-in runbooks that resources name, with another soak and patience.
func soaked(files map[string]string, length, patience string) map[string]string {
	books := map[string]string{}
	for _, name := range runbook.BuiltinNames() {
		procedure, _, _ := strings.Cut(name, "/")
		used := regexp.MustCompile(`name: ` + regexp.QuoteMeta(procedure) + `[,}\s]`)
		for path, text := range files {
			if source, ok := runbook.BuiltinSource(name); ok && strings.HasPrefix(path, "resources/") && used.MatchString(text) {
				text := soak.ReplaceAllString(string(source), "  soak: "+length+"\n")
				if patience != "" {
					text = long.ReplaceAllString(text, "timeout: "+patience)
				}
				books["runbooks/"+strings.ReplaceAll(name, "/", "-")+".yaml"] = text
			}
		}
	}
	return books
}

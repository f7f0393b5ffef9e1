package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// written opens every file of WriteConfig. It tells an own bcctl.yaml, which may
// be replaced, from somebody's configuration.
const written = "# Written by the bcctl laboratory; made anew each time it is asked for.\n"

// WriteConfig writes a complete configuration repository for the fleet into its
// ConfigDir. Secrets are only referred to, by the absolute paths of their files.
func (f *Fleet) WriteConfig(ctx context.Context) error {
	systems, err := f.Systems(ctx)
	if err != nil {
		return err
	}
	hostCA, err := os.ReadFile(filepath.Join(f.dir, "host-ca.pem"))
	if err != nil {
		return err
	}
	pairCA, err := f.pair.CA()
	if err != nil {
		return err
	}
	files := map[string]string{
		"bcctl.yaml":            written + settingsYAML,
		"sites.yaml":            written + sitesYAML,
		"policies/default.yaml": written + policyYAML,
		"resources/ledger.yaml": written + f.pair.Resource("certs/ledger-ca.pem"),
		"certs/ledger-ca.pem":   string(pairCA),
		caInRepository:          string(hostCA),
	}
	for _, s := range systems {
		files["resources/"+s.Name+".yaml"] = written + s.Resource
	}
	for _, g := range groups {
		files["groups/"+g.name+".yaml"] = written + g.document()
	}
	return writeFiles(f.ConfigDir(), files)
}

// writeFiles writes a repository. One whose bcctl.yaml is not the laboratory's is
// refused.
func writeFiles(dir string, files map[string]string) error {
	settings := filepath.Join(dir, "bcctl.yaml")
	switch text, err := os.ReadFile(settings); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("write configuration: %w", err)
	case !strings.HasPrefix(string(text), written):
		return fmt.Errorf("write configuration: %s belongs to another configuration: choose another directory", settings)
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
	}
	return nil
}

const settingsYAML = `
# Settings of the tool itself. The databases are described in the other files.
repository: fleet
`

const sitesYAML = `
# The places databases run at. Every endpoint names one of them.
apiVersion: bcctl/v1
kind: SiteList
metadata: {name: sites}
spec:
  sites:
    - {name: fra, description: "Frankfurt, in name only: all sites are on this machine"}
    - {name: ams, description: "Amsterdam, likewise"}
    - {name: par, description: "Paris, likewise: a third place for votes, so that two sites can disagree"}
`

const policyYAML = `
# How readings are judged where nothing more specific says otherwise.
apiVersion: bcctl/v1
kind: StatusPolicy
metadata: {name: default}
spec:
  maxAge: 60s # an older reading proves nothing
`

package runbook

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// builtin holds the runbooks that bcctl brings along, one document for each
// procedure and type, in the form in which a repository would hold them.
//
//go:embed builtin
var builtin embed.FS

// BuiltinPrefix begins the path of a runbook that bcctl brings along, in pins and
// in plans.
const BuiltinPrefix = "bcctl:runbooks/"

// BuiltinNames lists the names of the runbooks that bcctl brings along, such as
// pg.native/switchover, in alphabetical order.
func BuiltinNames() []string {
	var names []string
	// The tree is part of the program: walking it cannot fail.
	_ = fs.WalkDir(builtin, "builtin", func(name string, d fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".yaml" {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(name, "builtin/"), ".yaml"))
		}
		return err
	})
	slices.Sort(names)
	return names
}

// BuiltinSource returns the document with a name, as it is written, comments
// included.
func BuiltinSource(name string) ([]byte, bool) {
	data, err := builtin.ReadFile("builtin/" + name + ".yaml")
	return data, err == nil
}

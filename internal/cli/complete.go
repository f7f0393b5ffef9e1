package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/pkg/config"
)

// completeTargets completes the names of resources and groups. It reads the
// repository only, makes no connection, and is silent when that fails.
func (a *app) completeTargets(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	dir, err := a.findRepository()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	repo, _ := config.Load(os.DirFS(dir), config.Options{})
	var names []string
	for _, r := range repo.Resources {
		names = append(names, r.Name()+"\t"+r.Spec.Platform)
	}
	for _, g := range repo.Groups {
		names = append(names, g.Name()+"\tgroup")
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/internal/lab/github/hosted"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
)

// labGitHubDir is the folder of the laboratory's GitHub, beside the laboratory.
func labGitHubDir(dir string) string { return dir + "-github" }

func newLabGitHub(a *app, dir *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "github",
		Short: "A stand-in for GitHub on this machine, with a real Git repository behind it",
		Long: `Runs a server on loopback that answers the calls of GitHub's REST interface which
bcctl makes, from a state that lasts until bcctl lab github down. Every person has a
token, so curl and other clients of GitHub can be used as any of them. It is no GitHub:
docs/github.md says what it assumes.`,
		Example: exampleLines("bcctl lab github up --from .", "bcctl lab github status", "bcctl lab github down"),
	}
	cmd.AddCommand(newLabGitHubUp(a, dir), newLabGitHubStatus(a, dir), newLabGitHubDown(a, dir), newLabGitHubHost(a))
	return cmd
}

func newLabGitHubUp(a *app, dir *string) *cobra.Command {
	var from, repository string
	var people []string
	cmd := &cobra.Command{
		Use: "up", Short: "Start it, or start it again with the state it had", Args: noArgs,
		Example: exampleLines("bcctl lab github up --from .", "bcctl lab github up --from . --person alice --person root=admin"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			o := hosted.Options{
				Dir: a.path(labGitHubDir(*dir)), Repository: repository,
				Host: func(dir string) *exec.Cmd { return exec.Command(program, "lab", "github", "host", "--dir", dir) },
			}
			if from != "" {
				o.From = a.path(from)
				if info, err := os.Stat(o.From); err != nil || !info.IsDir() {
					return usage(fmt.Errorf("--from %s is no folder", from), "bcctl lab github up --from .")
				}
			}
			if o.People, err = labPeople(o.From, people); err != nil {
				return err
			}
			access, err := hosted.Up(cmd.Context(), o)
			if err != nil {
				return fail(exitFailed, err, "bcctl lab github status shows what is there, bcctl lab github down removes it")
			}
			return a.printLabGitHub(access)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "folder whose files are the first commit; its roster says who there is")
	cmd.Flags().StringVar(&repository, "repository", "acme/recovery", "owner and name of the repository")
	cmd.Flags().StringArrayVar(&people, "person", nil, "login, or login=role (read, triage, write, maintain, admin) of one more person")
	return cmd
}

// labPeople are the roster's accounts with their numbers, and those a flag names.
// Without either there are alice, bob and carol.
func labPeople(from string, more []string) ([]github.Person, error) {
	var people []github.Person
	if from != "" {
		// Problems are for bcctl validate to tell: here only the roster is wanted.
		repo, _ := config.Load(os.DirFS(from), config.Options{})
		if roster, ok := repo.Roster(); ok {
			people = rosterPeople(roster.Spec)
		}
	}
	if len(people) == 0 && len(more) == 0 {
		more = []string{"alice", "bob", "carol"}
	}
	for _, text := range more {
		login, role, _ := strings.Cut(text, "=")
		if login == "" || strings.ContainsAny(login, "/\\. ") {
			return nil, usage(fmt.Errorf("--person %q is no login", text), "bcctl lab github up --person alice")
		}
		people = append(people, github.Person{Login: login, Role: role})
	}
	return people, nil
}

func rosterPeople(roster approval.Roster) []github.Person {
	var people []github.Person
	for _, p := range roster.People {
		for i, account := range p.GitHub {
			person := github.Person{Login: account.Login, ID: account.ID, Role: "write"}
			if person.Login == "" {
				person.Login = fmt.Sprintf("%s-%d", p.ID, account.ID)
			}
			for _, role := range p.Roles {
				if role == approval.Admin {
					person.Role = "admin"
				}
			}
			if i == 0 {
				person.Emails = p.Emails
			}
			people = append(people, person)
		}
	}
	return people
}

func newLabGitHubStatus(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show where it is and who has a token", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			access, err := hosted.Open(cmd.Context(), a.path(labGitHubDir(*dir)))
			if err != nil {
				return labGitHubGone(err)
			}
			return a.printLabGitHub(access)
		},
	}
}

func labGitHubGone(err error) error {
	if errors.Is(err, hosted.ErrNone) || errors.Is(err, hosted.ErrStopped) {
		return fail(exitFailed, err, "bcctl lab github up starts it")
	}
	return err
}

func newLabGitHubDown(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "Stop it and remove its state", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := hosted.Down(cmd.Context(), a.path(labGitHubDir(*dir))); err != nil {
				return labGitHubGone(err)
			}
			_, err := fmt.Fprintln(a.Stdout, "the laboratory's GitHub is gone")
			return err
		},
	}
}

// newLabGitHubHost is the process that up starts. It is of no use to a person.
func newLabGitHubHost(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "host", Short: "Run the laboratory's GitHub in this process", Args: noArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := cmd.Flags().GetString("dir")
			if err != nil {
				return err
			}
			log := func(line string) { fmt.Fprintln(a.Stderr, line) }
			return hosted.Host(cmd.Context(), dir, log, func() error {
				_, err := fmt.Fprintln(a.Stdout, "ready")
				return err
			})
		},
	}
}

// printLabGitHub shows what leads to the server, as lines that a shell can read.
// Tokens stay in their files.
func (a *app) printLabGitHub(access hosted.Access) error {
	t := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "# PERSON\tNUMBER\tROLE\tTOKEN")
	for _, p := range access.People {
		role := p.Role
		if role == "" {
			role = "write"
		}
		fmt.Fprintf(t, "# %s\t%d\t%s\t%s\n", p.Login, p.ID, role, access.Tokens[p.Login])
	}
	_ = t.Flush() // the writer's error shows at the next write
	fmt.Fprintf(a.Stdout, "# repository %s, number %d: git clone %s, or file://%s\n", access.Repository, access.RepositoryID, access.GitURL, access.GitDir)
	if len(access.People) > 0 {
		fmt.Fprintf(a.Stdout, "export GITHUB_TOKEN=\"$(cat %s)\"\n", access.Tokens[access.People[0].Login])
		fmt.Fprintf(a.Stdout, "# bcctl pushes to a clone of the file:// address; this says who pushes there\nexport %s=%s\n", github.AsVariable, access.People[0].Login)
	}
	fmt.Fprintf(a.Stdout, "export %s=%s\nexport %s=%s\nexport %s=%d\n", settingVariable("github.api-url"), access.URL,
		settingVariable("github.repository"), access.Repository, settingVariable("github.repository-id"), access.RepositoryID)
	_, err := fmt.Fprintf(a.Stdout, "# as the App instead: %s=%d %s=%d %s=file:%s\n", settingVariable("github.app-id"), access.App,
		settingVariable("github.installation-id"), access.Installation, settingVariable("github.app-key"), access.AppKey)
	return err
}

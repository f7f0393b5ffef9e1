package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

// Exit codes of a hook, which are those every hook of a runbook has: 0 done, 3 not
// so, 4 cannot tell. Any other is a failure.
const (
	hookNotSo   = 3
	hookUnclear = 4
)

// newLabHook is the laboratory's end of runbook steps that stop, start and copy
// servers. The script `hook` in the laboratory's folder calls it.
func newLabHook(a *app) *cobra.Command {
	var call pgpair.HookCall
	var resource, fence string
	cmd := &cobra.Command{
		Use: "hook VERB", Short: "Do at a server's host what no SQL can", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := cmd.Flags().GetString("dir")
			if err != nil {
				return err
			}
			if resource != "" && resource != pairSystem {
				return fail(exitFailed, fmt.Errorf("the laboratory has no resource %q", resource), "bcctl lab status")
			}
			lab, err := a.openLab(dir)
			if err != nil {
				return err
			}
			call.Verb = args[0]
			facts, err := lab.pair.Hook(cmd.Context(), call)
			if len(facts) > 0 {
				if err := json.NewEncoder(a.Stdout).Encode(facts); err != nil {
					return err
				}
			}
			switch {
			case errors.Is(err, pgpair.ErrNotSo):
				return fail(hookNotSo, err, "")
			case errors.Is(err, pgpair.ErrUnclear):
				return fail(hookUnclear, err, "bcctl lab status")
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&resource, "resource", "", "the resource")
	f.StringVar(&call.Endpoint, "endpoint", "", "the server")
	f.StringVar(&call.Of, "of", "", "the server to follow, to copy from or to compare with")
	f.StringVar(&call.Is, "is", "", "what it should be")
	f.StringVar(&call.To, "to", "", "where the clients' address shall lead")
	f.StringVar(&call.WaivedBy, "waived-by", "", "who gives up what only this server has")
	f.StringVar(&call.Run, "run", "", "the run")
	f.StringVar(&fence, "fence", "", "the fencing number of the run")
	return cmd
}

// newLabRelay is the process behind the address that the laboratory's applications
// use. It ends with the laboratory.
func newLabRelay(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "relay", Short: "Lead the clients' address to the primary", Hidden: true, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := cmd.Flags().GetString("dir")
			if err != nil {
				return err
			}
			lab, err := pgpair.Open(a.path(dir))
			if err != nil {
				return err
			}
			return lab.Relay(cmd.Context())
		},
	}
}

// pairUp starts a pair with its hook and the clients' address, which run this
// program.
func (a *app) pairUp(ctx context.Context, dir string, cascade bool) (*pgpair.Lab, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return pgpair.Up(ctx, pgpair.Options{Dir: a.path(dir), Cascade: cascade, Program: program, Progress: a.labProgress})
}

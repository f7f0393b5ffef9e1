// Package cli is the command line of bcctl. It is the only package that knows
// cobra and viper: commands turn flags into options, make one call, and render.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Main runs bcctl with the process's arguments and returns the exit code.
func Main() int { return serve(realEnv()) }

// serve runs the process's command line in a world until a signal ends it.
func serve(env Env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Nothing here logs, but libraries do: net/http tells of servers that speak out of
	// turn, in the server's words. What matters of it is in the verdict.
	log.SetOutput(io.Discard)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	return Run(ctx, env, os.Args[1:])
}

// Run runs one command line. Errors are printed here and nowhere else.
func Run(ctx context.Context, env Env, args []string) int {
	root := newRoot(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	over, settled := errors.AsType[settledError](err)
	if settled {
		err = over.err
	}
	if errors.Is(ctx.Err(), context.Canceled) && !settled && codeOf(err) != exitStopped {
		if err != nil && !isVerdict(err) && !errors.Is(err, context.Canceled) {
			printError(env.Stderr, err)
		}
		return exitInterrupted
	}
	if err == nil {
		return exitOK
	}
	if !isVerdict(err) {
		printError(env.Stderr, err)
	}
	return codeOf(err)
}

func isVerdict(err error) bool {
	var v verdictError
	return errors.As(err, &v)
}

func printError(w io.Writer, err error) {
	for line := range strings.SplitSeq(strings.TrimRight(err.Error(), "\n"), "\n") {
		fmt.Fprintf(w, "bcctl: error: %s\n", line)
	}
	var f *failure
	if errors.As(err, &f) && f.hint != "" {
		fmt.Fprintf(w, "bcctl: hint: %s\n", f.hint)
	}
}

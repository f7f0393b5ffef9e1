package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Commands runs programs of runbooks.
type Commands struct {
	// Allow lists the programs that may be run, as absolute paths. It comes from the
	// operator's own settings and never from a repository.
	Allow []string

	// Path and Home are the variables a program gets beside its own.
	Path, Home string
}

// maxOutput bounds what is kept of a program's output, in bytes.
const maxOutput = 64 << 10

// Exit codes of programs beside success.
const (
	exitNotSo      = 3 // not done; of a probe: it is not so
	exitCannotTell = 4
)

// ran is how a program ended.
type ran struct {
	started bool
	code    int // -1: killed, or it did not end in time
	facts   connectors.Facts
	text    string // what it says, for people
}

// do runs a program that changes something. What its code says is looked at by a
// probe; a code that says nothing certain is in doubt.
func (c Commands) do(ctx context.Context, secrets Secrets, command runbook.Command) connectors.Outcome {
	r, err := c.run(ctx, secrets, command)
	switch {
	case err != nil:
		return failed("%s", err)
	case slices.Contains(codes(command), r.code):
		return connectors.Outcome{State: connectors.Done, Message: r.text, Facts: r.facts}
	case r.code == exitNotSo:
		return connectors.Outcome{State: connectors.NotDone, Message: r.text}
	default:
		return doubt("it ended with code %d: %s", r.code, r.text)
	}
}

// ask runs a program that only looks.
func (c Commands) ask(ctx context.Context, secrets Secrets, command runbook.Command) connectors.Outcome {
	r, err := c.run(ctx, secrets, command)
	switch {
	case err != nil:
		return refusedBy(doubt("%s", err))
	case slices.Contains(codes(command), r.code):
		return connectors.Outcome{State: connectors.Done, Message: r.text, Facts: r.facts}
	case r.code == exitNotSo:
		return refusedBy(connectors.Outcome{State: connectors.NotDone, Message: r.text})
	default:
		return refusedBy(doubt("it ended with code %d: %s", r.code, r.text))
	}
}

// refusedBy says that it was a program which did not say yes.
func refusedBy(out connectors.Outcome) connectors.Outcome {
	out.Code = runbook.CodeHook
	return out
}

func codes(c runbook.Command) []int {
	if len(c.ExitCodes) == 0 {
		return []int{0}
	}
	return c.ExitCodes
}

// run runs a program. No shell reads it, it gets no variable it was not given, and
// what it started ends with it when the time is over. The error is for one that was
// not started.
func (c Commands) run(ctx context.Context, secrets Secrets, command runbook.Command) (ran, error) {
	if len(command.Run) == 0 {
		return ran{}, errors.New("it names no program")
	}
	program := command.Run[0]
	if !filepath.IsAbs(program) || filepath.Clean(program) != program || !slices.Contains(c.Allow, program) {
		return ran{}, fmt.Errorf("%s may not be run: it is not in commands.allow of your own settings", program)
	}
	env := []string{"PATH=" + c.Path, "HOME=" + c.Home}
	for name, value := range command.Env {
		env = append(env, name+"="+value)
	}
	var hidden redactor
	for name, ref := range command.SecretEnv {
		value, err := secrets.Value(ctx, ref)
		if err != nil {
			return ran{}, fmt.Errorf("secretEnv %s: %w", name, err)
		}
		hidden = append(hidden, value)
		env = append(env, name+"="+value)
	}
	slices.Sort(env[2:])
	var stdout, stderr limited
	cmd := exec.CommandContext(ctx, program, command.Run[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, "/", &stdout, &stderr
	cmd.WaitDelay = 2 * time.Second // a child that holds the pipes is not waited for
	ownGroup(cmd)
	err := cmd.Start()
	if err != nil {
		return ran{}, fmt.Errorf("start %s: %w", program, err)
	}
	err = cmd.Wait()
	r := ran{started: true, code: cmd.ProcessState.ExitCode()}
	if ctx.Err() != nil || errors.Is(err, exec.ErrWaitDelay) {
		r.code, r.text = -1, "it did not end in time and was killed"
		return r, nil
	}
	r.facts, r.text = facts(&stdout, hidden)
	if r.text == "" || r.code != 0 {
		if said := lastLine(stderr.kept.String()); said != "" {
			r.text = hidden.hide(said)
		}
	}
	return r, nil
}

// facts reads what a program says about what it did: one JSON object of texts.
func facts(out *limited, hidden redactor) (connectors.Facts, string) {
	text := bytes.TrimSpace(out.kept.Bytes())
	if len(text) == 0 {
		return nil, ""
	}
	if out.cut {
		return nil, fmt.Sprintf("its output is longer than %d bytes and was not read", maxOutput)
	}
	var said connectors.Facts
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, "its output is not one JSON object of texts, and was not read"
	}
	for name, value := range said {
		said[name] = hidden.hide(value)
	}
	return said, ""
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// limited keeps the beginning of an output.
type limited struct {
	kept bytes.Buffer // not embedded: its ReadFrom knows no limit
	cut  bool
}

// Write implements io.Writer. It takes everything, so that a program that talks a
// lot does not wait.
func (l *limited) Write(p []byte) (int, error) {
	room := maxOutput - l.kept.Len()
	if len(p) > room {
		l.cut = true
		l.kept.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return l.kept.Write(p)
}

// redactor hides values that were resolved.
type redactor []string

// shortest is the length below which a value cannot be told from ordinary text.
const shortest = 4

func (r redactor) hide(text string) string {
	for _, secret := range r {
		if len(secret) >= shortest {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

package pgpair

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// HookCall is what is asked of the host of a server: what no SQL can do. The
// laboratory's hook is written like one for real hosts would be: each verb may be
// repeated, looks before it acts, and refuses what would destroy the only copy of
// something.
type HookCall struct {
	Verb     string
	Endpoint string // the server it is about
	Of       string // the server to follow or to copy from
	Is       string // status: what it should be
	To       string // repoint: where the clients' address shall lead
	WaivedBy string // rewind, basebackup: who gives up what only this server has
	Run      string // whose copies a drill makes
}

// Errors of a hook, which the command makes exit codes of. Any other means that
// it did not work.
var (
	ErrNotSo   = errors.New("not so")      // a probe: it is not as asked
	ErrUnclear = errors.New("cannot tell") // nor whether it is
)

// HookFile is the program that runbooks call.
func (l *Lab) HookFile() string { return l.path("hook") }

// writeHook writes it. What a person passes on stays one argument each.
func (l *Lab) writeHook() error {
	if l.state.Program == "" {
		return nil
	}
	quoted := "'" + strings.ReplaceAll(l.state.Program, "'", `'\''`) + "'"
	return os.WriteFile(l.HookFile(), []byte("#!/bin/sh\nexec "+quoted+" lab hook --dir "+l.dir+" \"$@\"\n"), 0o755)
}

type hookVerb struct {
	name    string
	changes bool
	do      func(*Lab, context.Context, Node, HookCall) (map[string]string, error)
}

func hookVerbs() []hookVerb {
	return []hookVerb{
		{"check", false, (*Lab).hookCheck},
		{"status", false, (*Lab).hookStatus},
		{"controldata", false, (*Lab).hookControlData},
		{"stop", true, (*Lab).hookStop},
		{"start", true, (*Lab).hookStart},
		{"fence", true, (*Lab).hookFence},
		{"quarantine", true, (*Lab).hookQuarantine},
		{"preserve", true, (*Lab).hookPreserve},
		{"make-standby", true, (*Lab).hookMakeStandby},
		{"rewind", true, (*Lab).hookRewind},
		{"basebackup", true, (*Lab).hookBaseBackup},
		{"clone", true, (*Lab).hookClone},
		{"clone-start", true, (*Lab).hookCloneStart},
		{"clone-status", false, (*Lab).hookCloneStatus},
		{"clone-destroy", true, (*Lab).hookCloneDestroy},
		{"repoint", true, (*Lab).hookRepoint},
	}
}

// HookVerbs returns what Hook understands.
func HookVerbs() []string {
	var names []string
	for _, v := range hookVerbs() {
		names = append(names, v.name)
	}
	return names
}

// Hook does one thing at the host of a server and returns what it found, as facts
// for later steps.
func (l *Lab) Hook(ctx context.Context, c HookCall) (map[string]string, error) {
	all := hookVerbs()
	i := slices.IndexFunc(all, func(v hookVerb) bool { return v.name == c.Verb })
	if i < 0 {
		return nil, fmt.Errorf("the hook knows no %q; it knows %s", c.Verb, strings.Join(HookVerbs(), ", "))
	}
	n, err := l.Node(c.Endpoint)
	if err != nil && c.Verb != "repoint" {
		return nil, err
	}
	return all[i].do(l, ctx, n, c)
}

func (l *Lab) hookCheck(_ context.Context, n Node, c HookCall) (map[string]string, error) {
	if _, err := serverProcesses(n.DataDir); err != nil {
		return nil, err
	}
	if c.Of != "" {
		if _, err := l.Node(c.Of); err != nil {
			return nil, err
		}
	}
	for _, program := range []string{"pg_ctl", "pg_controldata", "pg_rewind", "pg_basebackup", "pg_waldump"} {
		if !executable(l.state.Binaries.path(program)) {
			return nil, fmt.Errorf("%s is missing", program)
		}
	}
	return map[string]string{"verbs": strings.Join(HookVerbs(), " ")}, nil
}

// hookStatus says what the operating system and the server itself say. With Is it
// is a probe: stopped, running, hung, primary or standby.
func (l *Lab) hookStatus(ctx context.Context, n Node, c HookCall) (map[string]string, error) {
	s := l.nodeStatus(ctx, n)
	facts := map[string]string{"state": string(s.State), "role": string(s.Role), "at": timestamp()}
	if c.Is == "" {
		return facts, nil
	}
	if s.State == Unclear {
		return facts, fmt.Errorf("%w whether %s runs", ErrUnclear, n.Name)
	}
	is := string(s.State)
	if c.Is == string(RolePrimary) || c.Is == string(RoleStandby) {
		if s.State == Hung || s.State == Running && s.Role == "" {
			return facts, fmt.Errorf("%w what %s is: it gives no answer", ErrUnclear, n.Name)
		}
		is = string(s.Role)
	}
	if is != c.Is {
		return facts, fmt.Errorf("%s is %s: %w", n.Name, orNothing(is), ErrNotSo)
	}
	return facts, nil
}

func orNothing(text string) string {
	if text == "" {
		return "not running"
	}
	return text
}

func timestamp() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// hookStop stops a server cleanly. One that does not stop in time may still do so:
// that is unclear, and the status tells later.
func (l *Lab) hookStop(ctx context.Context, n Node, _ HookCall) (map[string]string, error) {
	if err := l.StopNode(ctx, n.Name); err != nil {
		return nil, errors.Join(ErrUnclear, err)
	}
	return map[string]string{"state": string(Stopped), "at": timestamp()}, nil
}

func (l *Lab) hookStart(ctx context.Context, n Node, _ HookCall) (map[string]string, error) {
	if _, running, err := postmaster(n.DataDir); err != nil {
		return nil, err
	} else if !running {
		if err := l.StartNode(ctx, n.Name); err != nil {
			return nil, err
		}
	}
	return l.hookStatus(ctx, n, HookCall{})
}

// hookFence takes the power away and sees to it that the next start of the server
// is not as a primary.
func (l *Lab) hookFence(ctx context.Context, n Node, _ HookCall) (map[string]string, error) {
	if err := l.KillNode(ctx, n.Name); err != nil {
		return nil, errors.Join(ErrUnclear, err)
	}
	found, err := serverProcesses(n.DataDir)
	if err != nil || len(found) > 0 {
		return nil, errors.Join(ErrUnclear, err)
	}
	if err := l.makeStandby(n); err != nil {
		return nil, err
	}
	at := timestamp()
	return map[string]string{"at": at, "level": "4",
		"evidence": fmt.Sprintf("host of %s: powered off, no process left, standby.signal set, at %s", n.Name, at)}, nil
}

// hookQuarantine starts a fenced server so that it can be read and nothing else:
// in recovery, with no upstream.
func (l *Lab) hookQuarantine(ctx context.Context, n Node, _ HookCall) (map[string]string, error) {
	if _, running, err := postmaster(n.DataDir); err != nil || running {
		return nil, errors.Join(err, fmt.Errorf("%s runs: fence it first", n.Name))
	}
	if err := l.makeStandby(n); err != nil {
		return nil, err
	}
	// Its archive is the cluster's: what only this server has must not get there.
	if err := l.start(ctx, n.Name, "-c primary_conninfo= -c primary_slot_name= -c archive_mode=off"); err != nil {
		return nil, err
	}
	return l.hookStatus(ctx, n, HookCall{Is: string(RoleStandby)})
}

// hookMakeStandby lets a stopped server follow another one. One that has what the
// other never had is refused: it would receive for ever and apply nothing.
func (l *Lab) hookMakeStandby(ctx context.Context, n Node, c HookCall) (map[string]string, error) {
	if s := l.nodeStatus(ctx, n); s.State != Stopped {
		if s.following() {
			return l.hookStatus(ctx, n, HookCall{})
		}
		return nil, fmt.Errorf("%s is %s and runs: stop it first", n.Name, s.Role)
	}
	own, err := l.tailOf(ctx, n, c.Of)
	if err != nil {
		return nil, err
	}
	if own.diverged() {
		return nil, fmt.Errorf("%s has %d bytes past %s that %s never had: preserve them, then rewind or basebackup", n.Name, own.end-own.fork, own.fork, c.Of)
	}
	return l.rejoin(ctx, n, c.Of)
}

// rejoin starts a stopped server as a standby of another and waits until it has
// caught up.
func (l *Lab) rejoin(ctx context.Context, n Node, of string) (map[string]string, error) {
	if err := l.follow(&n, of); err != nil {
		return nil, err
	}
	if err := l.ensureSlot(ctx, of, n.Slot()); err != nil {
		return nil, err
	}
	if err := l.makeStandby(n); err != nil {
		return nil, err
	}
	if err := l.StartNode(ctx, n.Name); err != nil {
		return nil, err
	}
	if err := l.awaitCaughtUp(ctx, n.Name); err != nil {
		return nil, errors.Join(ErrUnclear, err)
	}
	return l.hookStatus(ctx, n, HookCall{})
}

package pgpair

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0
}

// capture runs a PostgreSQL program and returns all it printed, whatever its exit
// code: pg_waldump ends with one at the end of the log.
func (l *Lab) capture(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, l.state.Binaries.path(program), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/"}
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	runAs(l.account, cmd)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	return out.String(), nil
}

// position is a place in the log, in bytes.
type position uint64

func (p position) String() string { return fmt.Sprintf("%X/%X", uint64(p)>>32, uint32(p)) }

func parsePosition(text string) (position, error) {
	high, low, ok := strings.Cut(text, "/")
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q is no position in the log", text)
	}
	return position(h<<32 | l), nil
}

// controlData are lines of pg_controldata by what stands before the colon.
func (l *Lab) controlData(ctx context.Context, n Node) (map[string]string, error) {
	out, err := l.capture(ctx, "pg_controldata", "-D", n.DataDir)
	if err != nil {
		return nil, err
	}
	data := map[string]string{}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			data[name] = strings.TrimSpace(value)
		}
	}
	if id := data["Database system identifier"]; id != l.state.SystemIdentifier {
		return nil, fmt.Errorf("the data of %s is of cluster %q: %s", n.Name, id, lastLines(out, 1))
	}
	return data, nil
}

// hookControlData reads the control file of a server that is not running.
func (l *Lab) hookControlData(ctx context.Context, n Node, _ HookCall) (map[string]string, error) {
	data, err := l.controlData(ctx, n)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"state": data["Database cluster state"], "checkpoint": data["Latest checkpoint location"], "redo": data["Latest checkpoint's REDO location"],
		"timeline": data["Latest checkpoint's TimeLineID"], "systemIdentifier": data["Database system identifier"],
		"parameters": fmt.Sprintf("max_connections=%s max_worker_processes=%s max_wal_senders=%s max_prepared_transactions=%s max_locks_per_transaction=%s",
			data["max_connections setting"], data["max_worker_processes setting"], data["max_wal_senders setting"], data["max_prepared_xacts setting"], data["max_locks_per_xact setting"]),
	}, nil
}

// tail is the end of a stopped server's log, seen from the server it shall follow.
type tail struct {
	timeline string
	fork     position // where the other server's history left this timeline
	end      position
	from     position // of the last checkpoint
}

// diverged: it has what the other never had.
func (t tail) diverged() bool { return t.end > t.fork }

var (
	endOfLog = regexp.MustCompile(`(?:invalid record length at|record with incorrect prev-link [0-9A-F/]+ at|invalid magic number .* at|unexpected pageaddr .* at) ([0-9A-F]+/[0-9A-F]+)`)
	record   = regexp.MustCompile(`len \(rec/tot\):\s*\d+/\s*(\d+).*?, lsn: ([0-9A-F]+/[0-9A-F]+)`)
)

// tailOf compares the log of a stopped server with the history of another.
func (l *Lab) tailOf(ctx context.Context, n Node, of string) (tail, error) {
	if _, err := l.Node(of); err != nil {
		return tail{}, err
	}
	data, err := l.controlData(ctx, n)
	if err != nil {
		return tail{}, err
	}
	t := tail{timeline: data["Latest checkpoint's TimeLineID"]}
	if t.from, err = parsePosition(data["Latest checkpoint location"]); err != nil {
		return tail{}, err
	}
	out, err := l.capture(ctx, "pg_waldump", "-p", filepath.Join(n.DataDir, "pg_wal"), "-t", t.timeline, "-s", t.from.String())
	if err != nil {
		return tail{}, err
	}
	if t.end, err = endIn(out); err != nil {
		return tail{}, fmt.Errorf("find the end of the log of %s: %w", n.Name, err)
	}
	t.fork, err = l.left(ctx, of, t.timeline)
	return t, err
}

// endIn finds where the log ends in what pg_waldump printed.
func endIn(out string) (position, error) {
	if m := endOfLog.FindAllStringSubmatch(out, -1); m != nil {
		return parsePosition(m[len(m)-1][1])
	}
	m := record.FindAllStringSubmatch(out, -1)
	if m == nil {
		return 0, fmt.Errorf("there is no record: %s", lastLines(out, 1))
	}
	last := m[len(m)-1]
	at, err := parsePosition(last[2])
	length, _ := strconv.ParseUint(last[1], 10, 32)
	return at + position((length+7)&^7), err
}

// left is where a running server's history left a timeline; on that timeline
// itself, where it is now.
func (l *Lab) left(ctx context.Context, of, timeline string) (position, error) {
	var now, at, history string
	if err := l.QueryRow(ctx, of, `SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int::text, pg_current_wal_flush_lsn()::text`, &now, &at); err != nil {
		return 0, err
	}
	if now == timeline {
		return parsePosition(at)
	}
	if err := l.QueryRow(ctx, of, `SELECT pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '.history')`, &history); err != nil {
		return 0, err
	}
	for line := range strings.Lines(history) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == timeline {
			return parsePosition(fields[1])
		}
	}
	return 0, fmt.Errorf("timeline %s is not in the history of %s", timeline, of)
}

// preservedDir is where the tail of a server is kept.
func (l *Lab) preservedDir(n Node, t tail) string {
	return l.path("preserved", fmt.Sprintf("%s-%s-%s", n.Name, t.timeline, strings.ReplaceAll(t.end.String(), "/", "-")))
}

// hookPreserve keeps what only this server has: the files of its log from the fork
// on, and which transactions are in them.
func (l *Lab) hookPreserve(ctx context.Context, n Node, c HookCall) (map[string]string, error) {
	if s := l.nodeStatus(ctx, n); s.following() {
		return map[string]string{"fork": "", "end": "", "bytes": "0", "commits": "0", "path": "", "at": timestamp()}, nil
	}
	if err := l.mustBeStopped(n); err != nil {
		return nil, err
	}
	t, err := l.tailOf(ctx, n, c.Of)
	if err != nil {
		return nil, err
	}
	facts := map[string]string{"fork": t.fork.String(), "end": t.end.String(), "bytes": "0", "commits": "0", "path": "", "at": timestamp()}
	if !t.diverged() {
		return facts, nil
	}
	text, err := l.capture(ctx, "pg_waldump", "-p", filepath.Join(n.DataDir, "pg_wal"), "-t", t.timeline, "-s", t.fork.String())
	if err != nil {
		return nil, err
	}
	commits := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "rmgr: Transaction") && strings.Contains(line, "desc: COMMIT") {
			commits++
		}
	}
	dir := l.preservedDir(n, t)
	sum, err := l.keep(n, t, dir, text)
	if err != nil {
		return nil, fmt.Errorf("preserve what only %s has: %w", n.Name, err)
	}
	facts["bytes"], facts["commits"], facts["path"], facts["sha256"] = strconv.FormatUint(uint64(t.end-t.fork), 10), strconv.Itoa(commits), dir, sum
	return facts, nil
}

// keep copies the files and, when all are there, gives the directory its name.
func (l *Lab) keep(n Node, t tail, dir, text string) (string, error) {
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o700)); err != nil {
		return "", err
	}
	files, err := os.ReadDir(filepath.Join(n.DataDir, "pg_wal"))
	if err != nil {
		return "", err
	}
	timeline, _ := strconv.ParseUint(t.timeline, 10, 32)
	prefix := fmt.Sprintf("%08X", timeline)
	sum := sha256.New()
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), prefix) || len(f.Name()) != 24 || f.Name() < segmentOf(prefix, t.fork) || f.Name() > segmentOf(prefix, t.end) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(n.DataDir, "pg_wal", f.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n", f.Name(), len(content))
		sum.Write(content)
		if err := os.WriteFile(filepath.Join(part, f.Name()), content, 0o600); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(part, "records.txt"), []byte(text), 0o600); err != nil {
		return "", err
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), os.Rename(part, dir)
}

// segmentOf is the name of the file a position is in. The laboratory's files have
// 1 MiB, 4096 of which make up one step of the middle number.
func segmentOf(prefix string, p position) string {
	segment := uint64(p) >> 20
	return fmt.Sprintf("%s%08X%08X", prefix, segment/4096, segment%4096)
}

// following: it streams as a standby, so it has nothing its upstream never had, and
// there is nothing to rebuild. One that diverged does not stream.
func (s NodeStatus) following() bool { return s.Role == RoleStandby && s.Receiver == "streaming" }

func (l *Lab) mustBeStopped(n Node) error {
	found, err := serverProcesses(n.DataDir)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("%s runs: stop it first", n.Name)
	}
	return err
}

// mayDestroy is SI-26: what only this server has is preserved, or a person waived
// it by name, or there is nothing.
func (l *Lab) mayDestroy(ctx context.Context, n Node, c HookCall) error {
	if err := l.mustBeStopped(n); err != nil {
		return err
	}
	if c.WaivedBy != "" {
		return nil
	}
	t, err := l.tailOf(ctx, n, c.Of)
	if err != nil {
		return fmt.Errorf("what only %s has cannot be told, so it is not overwritten: %w; --waived-by NAME if a person gives it up", n.Name, err)
	}
	if !t.diverged() {
		return nil
	}
	if _, err := os.Stat(l.preservedDir(n, t)); err != nil {
		return fmt.Errorf("%s has %d bytes past %s that nobody else has, and they are not preserved: preserve first, or --waived-by NAME if a person gives them up", n.Name, t.end-t.fork, t.fork)
	}
	return nil
}

// hookRewind undoes on a stopped server what the other never had, and lets it
// follow.
func (l *Lab) hookRewind(ctx context.Context, n Node, c HookCall) (map[string]string, error) {
	if l.nodeStatus(ctx, n).following() {
		return l.hookStatus(ctx, n, HookCall{})
	}
	if err := l.mayDestroy(ctx, n, c); err != nil {
		return nil, err
	}
	source, err := l.Node(c.Of)
	if err != nil {
		return nil, err
	}
	if current, err := l.holds(ctx, c.Of, `SELECT timeline_id = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int FROM pg_control_checkpoint()`); err != nil || !current {
		return nil, errors.Join(err, fmt.Errorf("%s has no checkpoint of its timeline: pg_rewind would find nothing to do and say that all is well; checkpoint it first", c.Of))
	}
	if err := l.recoverCrash(ctx, n); err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Join(n.DataDir, "standby.signal")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := l.forgetKilled(n); err != nil {
		return nil, err
	}
	args := []string{"--target-pgdata=" + n.DataDir, "--no-sync",
		fmt.Sprintf("--source-server=host=%s port=%d user=%s dbname=%s", l.state.SocketDir, source.Port, superuser, database)}
	if l.state.Binaries.Major >= 15 {
		args = append(args, "--config-file="+n.config())
	}
	for _, dry := range []bool{true, false} {
		try := args
		if dry {
			try = append(slices.Clone(args), "--dry-run")
		}
		if err := l.run(ctx, "pg_rewind", try...); err != nil {
			return nil, fmt.Errorf("rewind %s to %s: %w", n.Name, c.Of, err)
		}
	}
	return l.rejoin(ctx, n, c.Of)
}

// recoverCrash lets a server that was killed replay what it has, in quarantine, and stops
// it: pg_rewind takes none that was not stopped cleanly, and its own way of recovering
// one is not part of a dry run.
func (l *Lab) recoverCrash(ctx context.Context, n Node) error {
	data, err := l.controlData(ctx, n)
	if err != nil || strings.HasPrefix(data["Database cluster state"], "shut down") {
		return err
	}
	if _, err := l.hookQuarantine(ctx, n, HookCall{}); err != nil {
		return fmt.Errorf("recover %s in quarantine: %w", n.Name, err)
	}
	return l.StopNode(ctx, n.Name)
}

// hookBaseBackup makes a stopped server a fresh copy of another, and lets it
// follow.
func (l *Lab) hookBaseBackup(ctx context.Context, n Node, c HookCall) (map[string]string, error) {
	if l.nodeStatus(ctx, n).following() {
		return l.hookStatus(ctx, n, HookCall{})
	}
	if err := l.mayDestroy(ctx, n, c); err != nil {
		return nil, err
	}
	if err := l.follow(&n, c.Of); err != nil {
		return nil, err
	}
	if err := l.copyFromUpstream(ctx, n); err != nil {
		return nil, err
	}
	return l.rejoin(ctx, n, c.Of)
}

// follow makes a server's upstream another one, from its next start on. Settings
// of ALTER SYSTEM that belong to what it was before go: the soft fence, and an
// upstream that pg_rewind copied from the other server.
func (l *Lab) follow(n *Node, of string) error {
	if _, err := l.Node(of); err != nil {
		return err
	}
	if n.Upstream != of {
		n.Upstream = of
		for i := range l.state.Nodes {
			if l.state.Nodes[i].Name == n.Name {
				l.state.Nodes[i].Upstream = of
			}
		}
		if err := errors.Join(l.save(), l.writeNodeConfig(*n)); err != nil {
			return err
		}
	}
	path := filepath.Join(n.DataDir, "postgresql.auto.conf")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, "=")
		if !slices.Contains([]string{"default_transaction_read_only", "primary_conninfo", "primary_slot_name"}, strings.TrimSpace(name)) {
			kept.WriteString(line)
		}
	}
	return l.account.writeFile(path, []byte(kept.String()))
}

package pgpair

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// clone is the copy a drill makes of a standby. It is no node of the laboratory:
// nothing follows it, it follows nobody, and it does not archive.
func (l *Lab) clone(n Node, run string) (Node, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`).MatchString(run) {
		return Node{}, fmt.Errorf("the run %q cannot name a copy", run)
	}
	c := Node{Name: n.Name + "-clone", Site: n.Site, Host: n.Host, DataDir: filepath.Join(l.dir, "nodes", "clone-"+n.Name+"-"+run, "data")}
	text, err := os.ReadFile(c.file("port"))
	if err == nil {
		_, err = fmt.Sscan(string(text), &c.Port)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return c, err
}

func (l *Lab) hookClone(ctx context.Context, n Node, call HookCall) (map[string]string, error) {
	c, err := l.clone(n, call.Run)
	if err != nil {
		return nil, err
	}
	if c.Port != 0 {
		return map[string]string{"path": c.DataDir}, nil // complete, from an earlier attempt
	}
	if err := os.RemoveAll(c.root()); err != nil {
		return nil, err
	}
	if err := errors.Join(l.account.mkdir(c.root()), l.account.mkdir(c.archive())); err != nil {
		return nil, err
	}
	for _, name := range []string{"server.crt", "server.key"} {
		if err := copyFile(n.file(name), c.file(name), l.account); err != nil {
			return nil, err
		}
	}
	if err := l.run(ctx, "pg_basebackup", "-D", c.DataDir, "-d", l.conninfo(n, n.Port), "--wal-method=stream", "--checkpoint=fast", "--no-sync"); err != nil {
		return nil, errors.Join(fmt.Errorf("copy %s: %w", n.Name, err), os.RemoveAll(c.root()))
	}
	if err := l.makeStandby(c); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c.Port = port
	if err := l.writeNodeConfig(c); err != nil {
		return nil, err
	}
	if err := l.account.writeFile(c.file("port"), []byte(fmt.Sprintln(port))); err != nil {
		return nil, err
	}
	return map[string]string{"path": c.DataDir}, nil
}

// hookCloneStart starts the copy with no way to anybody. Settings that came with
// the data must not lead it back: those of the command line win.
func (l *Lab) hookCloneStart(ctx context.Context, n Node, call HookCall) (map[string]string, error) {
	c, err := l.clone(n, call.Run)
	if err != nil {
		return nil, err
	}
	if c.Port == 0 {
		return nil, fmt.Errorf("there is no copy of %s for this run: clone first", n.Name)
	}
	if _, running, err := postmaster(c.DataDir); err != nil {
		return nil, err
	} else if !running {
		if err := l.startServer(ctx, c, "-c primary_conninfo= -c primary_slot_name= -c archive_mode=off -c max_logical_replication_workers=0 -c synchronous_standby_names="); err != nil {
			return nil, err
		}
	}
	return map[string]string{"address": c.Address(), "state": string(Running)}, nil
}

func (l *Lab) hookCloneStatus(_ context.Context, n Node, call HookCall) (map[string]string, error) {
	c, err := l.clone(n, call.Run)
	if err != nil {
		return nil, err
	}
	is := "absent"
	if c.Port != 0 {
		is = string(Stopped)
		if _, running, err := postmaster(c.DataDir); err != nil {
			return nil, errors.Join(ErrUnclear, err)
		} else if running {
			is = string(Running)
		}
	}
	facts := map[string]string{"state": is}
	if call.Is != "" && call.Is != is && (call.Is != "present" || is == "absent") {
		return facts, fmt.Errorf("the copy is %s: %w", is, ErrNotSo)
	}
	return facts, nil
}

func (l *Lab) hookCloneDestroy(ctx context.Context, n Node, call HookCall) (map[string]string, error) {
	c, err := l.clone(n, call.Run)
	if err != nil {
		return nil, err
	}
	if err := l.destroyClone(ctx, c); err != nil {
		return nil, err
	}
	return map[string]string{"state": "absent"}, nil
}

func (l *Lab) destroyClone(ctx context.Context, c Node) error {
	if err := crash(ctx, c.DataDir); err != nil {
		return err
	}
	return removeBusy(c.root())
}

// clones are the copies that drills have left.
func (l *Lab) clones() ([]Node, error) {
	dirs, err := os.ReadDir(l.path("nodes"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []Node
	for _, d := range dirs {
		if strings.HasPrefix(d.Name(), "clone-") {
			list = append(list, Node{Name: d.Name(), DataDir: l.path("nodes", d.Name(), "data")})
		}
	}
	return list, nil
}

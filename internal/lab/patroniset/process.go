//go:build unix

package patroniset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// processes are those that a set has started, by name.
type processes struct {
	mu      sync.Mutex
	running map[string]*process
}

type process struct {
	cmd  *exec.Cmd
	over chan struct{}
}

// launch starts a program as the servers' user, in a session of its own. What it
// prints goes to a file.
func (s *Set) launch(name, program string, args ...string) error {
	log, err := os.OpenFile(s.path("log", name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.path("log"), log, log
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=" + s.path("log")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if s.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.gid)}
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{cmd: cmd, over: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // it is killed
		close(p.over)
	}()
	s.processes.mu.Lock()
	defer s.processes.mu.Unlock()
	if s.processes.running == nil {
		s.processes.running = map[string]*process{}
	}
	s.processes.running[name] = p
	return os.WriteFile(s.path("pid", name), []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600)
}

// signal sends a signal to a process that is running.
func (p *processes) signal(name string, sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	running := p.running[name]
	if running == nil {
		return fmt.Errorf("%s does not run", name)
	}
	return running.cmd.Process.Signal(sig)
}

// kill ends a process and waits for its end.
func (p *processes) kill(name string) {
	p.mu.Lock()
	running := p.running[name]
	delete(p.running, name)
	p.mu.Unlock()
	if running != nil {
		_ = running.cmd.Process.Kill() // it may be gone
		<-running.over
	}
}

func (p *processes) killAll() {
	p.mu.Lock()
	var names []string
	for name := range p.running {
		names = append(names, name)
	}
	p.mu.Unlock()
	for _, name := range names {
		p.kill(name)
	}
}

func (s *Set) etcdAddress() string { return "127.0.0.1:" + strconv.Itoa(s.etcdPorts[0]) }

func (s *Set) startEtcd(ctx context.Context) error {
	clients, peers := "http://"+s.etcdAddress(), "http://127.0.0.1:"+strconv.Itoa(s.etcdPorts[1])
	err := s.launch("etcd", s.programs.Etcd, "--data-dir", s.path("etcd", "data"), "--unsafe-no-fsync",
		"--listen-client-urls", clients, "--advertise-client-urls", clients,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.etcdAddress())
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(s.path("log", "etcd"))
			return fmt.Errorf("etcd does not answer: %w: %s", err, text)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// StartMember starts a member's Patroni, which starts its PostgreSQL.
func (s *Set) StartMember(name string) error {
	m := s.member(name)
	return s.launch(name, s.programs.Patroni, filepath.Join(m.dir, "patroni.yml"))
}

// Kill ends a member's Patroni and its PostgreSQL with SIGKILL, as when the power of
// its host fails.
func (s *Set) Kill(name string) { s.kill(s.member(name)) }

func (s *Set) kill(m *member) {
	s.processes.kill(m.Name)
	pid, err := m.postmaster()
	if err != nil {
		return // it has no PostgreSQL that runs
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for range 200 { // its children see that it is gone, and end
		if syscall.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// KillPatroni ends a member's Patroni with SIGKILL. Its PostgreSQL goes on.
func (s *Set) KillPatroni(name string) { s.processes.kill(name) }

func (m *member) postmaster() (int, error) {
	text, err := os.ReadFile(filepath.Join(m.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	pid, err := strconv.Atoi(string(line))
	if err != nil || pid <= 1 {
		return 0, errors.New("the file names no process")
	}
	return pid, nil
}

// Freeze stops a member's Patroni where it is, or lets it go on: it takes connections
// and answers nothing. PostgreSQL goes on.
func (s *Set) Freeze(name string, frozen bool) error {
	if frozen {
		return s.processes.signal(name, syscall.SIGSTOP)
	}
	return s.processes.signal(name, syscall.SIGCONT)
}

// Log is what a member's Patroni has printed.
func (s *Set) Log(name string) string {
	text, err := os.ReadFile(s.path("log", name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

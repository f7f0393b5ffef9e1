package pgpair_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
)

func TestPair(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{})

	t.Run("streams", func(t *testing.T) {
		if err := lab.Load(t.Context(), 20); err != nil {
			t.Fatal(err)
		}
		eventually(t, "20 entries on the standby", func() bool {
			return read[int](t, lab, pgpair.Standby, `SELECT count(*) FROM app.entries`) == 20
		})
		slot := read[string](t, lab, pgpair.Primary, `SELECT slot_name || ' ' || active FROM pg_replication_slots`)
		if slot != "ledger_b true" {
			t.Errorf("slot: %s", slot)
		}
		if name := read[string](t, lab, pgpair.Primary, `SELECT application_name FROM pg_stat_replication`); name != pgpair.Standby {
			t.Errorf("the standby calls itself %q", name)
		}
		if sender := read[string](t, lab, pgpair.Standby, `SELECT sender_host || ':' || sender_port FROM pg_stat_wal_receiver`); sender != node(t, lab, pgpair.Primary).Address() {
			t.Errorf("the standby receives from %s", sender)
		}
		if encrypted := read[bool](t, lab, pgpair.Primary, `SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)`); !encrypted {
			t.Error("replication is not encrypted")
		}
	})

	t.Run("settings", func(t *testing.T) {
		for name, want := range map[string]string{
			"cluster_name": pgpair.Primary, "fsync": "off", "wal_log_hints": "on", "wal_keep_size": "64MB", "track_commit_timestamp": "on",
			"wal_sender_timeout": "10s", "wal_receiver_timeout": "10s", "max_slot_wal_keep_size": "-1", "archive_mode": "on", "full_page_writes": "on",
			"password_encryption": "scram-sha-256", "ssl": "on", "listen_addresses": "127.0.0.1", "synchronous_commit": "local", // ours alone
		} {
			if got := read[string](t, lab, pgpair.Primary, `SELECT current_setting('`+name+`')`); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
	})

	t.Run("monitor logs in by SCRAM over TLS", func(t *testing.T) {
		for _, name := range []string{pgpair.Primary, pgpair.Standby} {
			conn, err := lab.ConnectAs(t.Context(), name, pgpair.RoleMonitor)
			if err != nil {
				t.Fatal(err)
			}
			defer hangUp(t, conn)
			var encrypted, monitor, scram bool
			if err := conn.QueryRow(t.Context(), `SELECT ssl, pg_has_role('pg_monitor', 'USAGE') FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).Scan(&encrypted, &monitor); err != nil {
				t.Fatal(err)
			}
			scram = read[bool](t, lab, name, `SELECT bool_and(rolpassword LIKE 'SCRAM-SHA-256$%') FROM pg_authid WHERE rolname LIKE 'bcctl%'`)
			if !encrypted || !monitor || !scram {
				t.Errorf("%s: encrypted %t, pg_monitor %t, SCRAM %t", name, encrypted, monitor, scram)
			}
			var seq, reigns int
			if err := conn.QueryRow(t.Context(), `SELECT seq, (SELECT count(*) FROM bcctl.reign WHERE tli = 1 AND node = 'ledger-a') FROM bcctl.heartbeat`).Scan(&seq, &reigns); err != nil {
				t.Fatal(err)
			}
			if seq != 1 || reigns != 1 {
				t.Errorf("%s: heartbeat %d, reigns %d", name, seq, reigns)
			}
		}
	})

	t.Run("monitor speaks the replication protocol", func(t *testing.T) {
		for _, mode := range []string{"database", "true"} {
			results, err := replicationCommand(t, lab, pgpair.Standby, pgpair.RoleMonitor, mode, `IDENTIFY_SYSTEM`)
			if err != nil {
				t.Fatalf("replication=%s: %v", mode, err)
			}
			if sysid := string(results[0].Rows[0][0]); sysid != lab.SystemIdentifier() {
				t.Errorf("replication=%s: system %s, want %s", mode, sysid, lab.SystemIdentifier())
			}
		}
		if _, err := replicationCommand(t, lab, pgpair.Standby, pgpair.RoleLimited, "true", `IDENTIFY_SYSTEM`); !hasState(err, "28000") {
			t.Errorf("the limited role may replicate: %v", err)
		}
	})

	t.Run("other roles", func(t *testing.T) {
		for _, tt := range []struct {
			role, statement, state string
		}{
			{pgpair.RoleHeartbeat, `UPDATE bcctl.heartbeat SET seq = seq + 1, written_at = clock_timestamp(), wal_lsn = pg_current_wal_insert_lsn() WHERE id = 1`, ""},
			{pgpair.RoleHeartbeat, `DELETE FROM bcctl.heartbeat`, "42501"},
			{pgpair.RoleHeartbeat, `UPDATE bcctl.reign SET node = 'x'`, "42501"},
			{pgpair.RoleHeartbeat, `SELECT FROM app.entries`, "42501"},
			{pgpair.RoleMonitor, `UPDATE bcctl.heartbeat SET seq = 9`, "42501"},
			{pgpair.RoleLimited, `SELECT FROM bcctl.heartbeat`, "42501"},
		} {
			conn, err := lab.ConnectAs(t.Context(), pgpair.Primary, tt.role)
			if err != nil {
				t.Fatal(err)
			}
			_, err = conn.Exec(t.Context(), tt.statement)
			if tt.state == "" && err != nil || tt.state != "" && !hasState(err, tt.state) {
				t.Errorf("%s: %s: %v, want SQLSTATE %q", tt.role, tt.statement, err, tt.state)
			}
			if err := conn.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})

	t.Run("refuses", func(t *testing.T) {
		port := node(t, lab, pgpair.Primary).Port
		password := lab.Password(pgpair.RoleMonitor)
		for name, tt := range map[string]struct{ options, state string }{
			"clear text":               {"user=bcctl_monitor sslmode=disable password=" + password, "28000"},
			"a wrong password":         {"user=bcctl_monitor sslmode=require password=x", "28P01"},
			"a superuser over TCP":     {"user=postgres sslmode=require password=" + password, "28P01"},
			"an old version of TLS":    {"user=bcctl_monitor sslmode=require ssl_max_protocol_version=TLSv1.1 password=" + password, ""},
			"who does not know the CA": {"user=bcctl_monitor sslmode=verify-full sslrootcert=system password=" + password, ""},
		} {
			conn, err := pgx.Connect(t.Context(), fmt.Sprintf("host=127.0.0.1 port=%d dbname=postgres %s", port, tt.options))
			if err == nil {
				hangUp(t, conn)
				t.Errorf("%s was let in", name)
			} else if tt.state != "" && !hasState(err, tt.state) {
				t.Errorf("%s: %v, want SQLSTATE %s", name, err, tt.state)
			}
		}
	})

	t.Run("secrets stay secret", func(t *testing.T) {
		err := filepath.WalkDir(lab.Dir(), func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.Contains(path, "/data/") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			open := info.Mode().Perm()&0o077 != 0
			private := strings.HasSuffix(path, "/passfile") || strings.HasSuffix(path, "server.key") || strings.Contains(path, "/secrets/")
			if private && open {
				t.Errorf("%s has mode %s", path, info.Mode())
			}
			for _, role := range []string{pgpair.RoleMonitor, pgpair.RoleLimited, pgpair.RoleHeartbeat, pgpair.RoleReplication} {
				if !private && strings.Contains(string(text), lab.Password(role)) {
					t.Errorf("%s has the password of %s", path, role)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})

	t.Run("can be opened elsewhere", func(t *testing.T) {
		other, err := pgpair.Open(lab.Dir())
		if err != nil {
			t.Fatal(err)
		}
		if other.Password(pgpair.RoleMonitor) != lab.Password(pgpair.RoleMonitor) || len(other.Password(pgpair.RoleMonitor)) < 20 {
			t.Error("the passwords differ or are short")
		}
		status := other.Status(t.Context())
		if len(status) != 2 || status[0].Role != pgpair.RolePrimary || status[1].Role != pgpair.RoleStandby || status[1].Receiver != "streaming" {
			t.Errorf("status: %+v", status)
		}
		if _, err := pgpair.Open(t.TempDir()); !errors.Is(err, pgpair.ErrNoLab) {
			t.Errorf("open an empty directory: %v", err)
		}
	})

	t.Run("is not disturbed by the environment", func(t *testing.T) {
		for name, value := range map[string]string{
			"PGHOST": "elsewhere.invalid", "PGPORT": "1", "PGUSER": "somebody", "PGPASSWORD": "x", "PGSSLMODE": "disable",
			"PGSSLCERT": "/missing", "PGSSLKEY": "/missing", "PGSSLROOTCERT": "/missing", "PGOPTIONS": "-c bad", "PGCONNECT_TIMEOUT": "bad",
			"PGTARGETSESSIONATTRS": "standby", "PGPASSFILE": "/missing", "PGSSLNEGOTIATION": "direct", "PGSSLSNI": "bad",
		} {
			t.Setenv(name, value)
		}
		if name := read[string](t, lab, pgpair.Primary, `SELECT current_setting('cluster_name')`); name != pgpair.Primary {
			t.Errorf("connected to %q", name)
		}
		conn, err := lab.ConnectAs(t.Context(), pgpair.Primary, pgpair.RoleMonitor)
		if err != nil {
			t.Fatal(err)
		}
		hangUp(t, conn)
	})

	t.Run("is not made twice", func(t *testing.T) {
		if _, err := pgpair.Up(t.Context(), pgpair.Options{Dir: lab.Dir()}); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("a second laboratory in the same place: %v", err)
		}
		if status := lab.Status(t.Context()); status[0].State != pgpair.Running {
			t.Errorf("the attempt hurt the first: %+v", status)
		}
	})
}

func TestDownAndStart(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{Cascade: true})
	all := pids(t, lab)
	if len(all) < 15 {
		t.Fatalf("three servers have only the processes %v", all)
	}
	// Down must not wait for what cannot answer, or be outlived by it.
	for _, fault := range []string{"hang-standby", "hang-primary"} {
		if err := breakUnseen(t, lab, fault); err != nil {
			t.Fatal(err)
		}
	}
	if err := lab.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := alive(t, all); left != "" {
		t.Errorf("left over:\n%s", left)
	}
	for _, s := range lab.Status(t.Context()) {
		if s.State != pgpair.Stopped || s.Error != "" {
			t.Errorf("%s is %s %s", s.Name, s.State, s.Error)
		}
	}
	if err := lab.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the standbys to stream again", func() bool {
		s := lab.Status(t.Context())
		return s[0].Role == pgpair.RolePrimary && s[1].Receiver == "streaming" && s[2].Receiver == "streaming"
	})
	all = pids(t, lab)

	// A caller without patience gets the same result.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := lab.Destroy(ctx); err != nil {
		t.Fatal(err)
	}
	if left := alive(t, all); left != "" {
		t.Errorf("left over:\n%s", left)
	}
	if _, err := os.Stat(lab.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

// TestStartAfterKill: the number in postmaster.pid is taken by a process that is
// dead and not reaped, or alive and a stranger.
func TestStartAfterKill(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{})
	stranger := exec.Command("/bin/sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stranger.Process.Kill() // it may have been, further down
		_ = stranger.Wait()
	})
	lockFile := filepath.Join(node(t, lab, pgpair.Primary).DataDir, "postmaster.pid")

	socketLock, err := lab.SocketLock(pgpair.Primary)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the data directory emptied, the socket's lock left", func(t *testing.T) {
		if err := lab.KillNode(t.Context(), pgpair.Primary); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(lockFile); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(socketLock, fmt.Appendf(nil, "%d\n", stranger.Process.Pid), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := lab.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	})

	for _, reaped := range []string{"alive", "dead and not reaped"} {
		t.Run(reaped, func(t *testing.T) {
			text, err := os.ReadFile(lockFile)
			if err != nil {
				t.Fatal(err)
			}
			servers := pidsOf(t, lab, pgpair.Primary)
			if err := lab.KillNode(t.Context(), pgpair.Primary); err != nil {
				t.Fatal(err)
			}
			if left := alive(t, servers); left != "" {
				t.Errorf("of %v are left:\n%s", servers, left)
			}
			_, rest, _ := strings.Cut(string(text), "\n")
			if err := os.WriteFile(lockFile, fmt.Appendf(nil, "%d\n%s", stranger.Process.Pid, rest), 0o600); err != nil {
				t.Fatal(err)
			}
			if s := lab.Status(t.Context())[0]; s.State != pgpair.Stopped {
				t.Errorf("a stranger is taken for the server: %+v", s)
			}
			if err := lab.Down(t.Context()); err != nil {
				t.Fatal(err)
			}
			if reaped == "alive" && alive(t, []string{fmt.Sprint(stranger.Process.Pid)}) == "" {
				t.Fatal("Down killed a stranger")
			}
			if reaped != "alive" {
				if err := stranger.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if err := lab.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s := lab.Status(t.Context())[0]; s.Role != pgpair.RolePrimary {
				t.Errorf("after the start: %+v", s)
			}
		})
	}
}

func TestUpLeavesNothingWhenItFails(t *testing.T) {
	pgpairtest.Require(t)
	parent, err := os.MkdirTemp("/tmp", "bcctl-pg-fails-")
	if err != nil {
		t.Fatal(err)
	}
	removeAfter(t, parent)
	if err := os.Chmod(parent, 0o711); err != nil {
		t.Fatal(err)
	}

	t.Run("a bad setting", func(t *testing.T) {
		dir := filepath.Join(parent, "setting")
		_, err := pgpair.Up(t.Context(), pgpair.Options{Dir: dir, Settings: map[string]string{"wal_level": "nonsense"}})
		if err == nil || !strings.Contains(err.Error(), "nonsense") {
			t.Errorf("the error does not show the server's log: %v", err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left over: %v", err)
		}
	})

	t.Run("cancelled half way", func(t *testing.T) {
		dir := filepath.Join(parent, "cancelled")
		ctx, cancel := context.WithCancel(t.Context())
		var servers []string
		_, err := pgpair.Up(ctx, pgpair.Options{Dir: dir, Progress: func(what string) {
			if strings.HasPrefix(what, "copy") { // the primary runs by now
				lab, err := pgpair.Open(dir)
				if err != nil {
					t.Error(err)
					return
				}
				servers = pidsOf(t, lab, pgpair.Primary)
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error: %v", err)
		}
		if len(servers) == 0 {
			t.Error("the primary did not run when it was cancelled")
		}
		if left := alive(t, servers); left != "" {
			t.Errorf("left over:\n%s", left)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left over: %v", err)
		}
	})

	t.Run("a directory that holds something", func(t *testing.T) {
		dir := filepath.Join(parent, "full")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		precious := filepath.Join(dir, "precious")
		if err := os.WriteFile(precious, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := pgpair.Up(t.Context(), pgpair.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("error: %v", err)
		}
		if _, err := os.Stat(precious); err != nil {
			t.Error(err)
		}
	})

	t.Run("a path that needs quoting", func(t *testing.T) {
		if _, err := pgpair.Up(t.Context(), pgpair.Options{Dir: filepath.Join(parent, "it's")}); err == nil || !strings.Contains(err.Error(), `"'"`) {
			t.Errorf("error: %v", err)
		}
	})
}

func TestLongPath(t *testing.T) {
	pgpairtest.Require(t)
	parent, err := os.MkdirTemp("/tmp", "bcctl-pg-"+strings.Repeat("long", 20)+"-")
	if err != nil {
		t.Fatal(err)
	}
	removeAfter(t, parent)
	if err := os.Chmod(parent, 0o711); err != nil {
		t.Fatal(err)
	}
	lab := pgpairtest.Start(t, pgpair.Options{Dir: filepath.Join(parent, "lab")})
	sockets := read[string](t, lab, pgpair.Primary, `SELECT current_setting('unix_socket_directories')`)
	if strings.HasPrefix(sockets, parent) {
		t.Errorf("sockets in %s", sockets)
	}
	if err := lab.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(sockets); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left over: %s: %v", sockets, err)
	}
}

// eventually asks again and again what servers do in their own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited 20 s for %s", what)
}

// read asks a node as superuser for one value.
func read[T any](t *testing.T, lab *pgpair.Lab, node, query string) (value T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := lab.QueryRow(ctx, node, query, &value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

func removeAfter(t *testing.T, dir string) {
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
}

// hangUp ends a connection, which may be to a server that does not listen.
func hangUp(t *testing.T, conn interface{ Close(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
	defer cancel()
	if err := conn.Close(ctx); err != nil && ctx.Err() == nil {
		t.Logf("close a connection: %v", err)
	}
}

func node(t *testing.T, lab *pgpair.Lab, name string) pgpair.Node {
	t.Helper()
	n, err := lab.Node(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func hasState(err error, state string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == state
}

func replicationCommand(t *testing.T, lab *pgpair.Lab, name, role, mode, command string) ([]*pgconn.Result, error) {
	t.Helper()
	config, err := pgconn.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=postgres sslmode=verify-full sslrootcert=%s replication=%s",
		node(t, lab, name).Port, role, lab.Password(role), lab.CAFile(), mode))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		return nil, err
	}
	defer hangUp(t, conn)
	return conn.Exec(t.Context(), command).ReadAll()
}

func pids(t *testing.T, lab *pgpair.Lab) []string {
	t.Helper()
	var all []string
	for _, n := range lab.Nodes() {
		all = append(all, pidsOf(t, lab, n.Name)...)
	}
	return all
}

func pidsOf(t *testing.T, lab *pgpair.Lab, node string) []string {
	t.Helper()
	found, err := lab.PIDs(node)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, pid := range found {
		all = append(all, fmt.Sprint(pid))
	}
	return all
}

// alive asks ps, and not the package, which of some processes still run.
func alive(t *testing.T, pids []string) string {
	t.Helper()
	if len(pids) == 0 {
		return ""
	}
	out, _ := exec.Command("ps", "-o", "pid=,stat=,args=", "-p", strings.Join(pids, ",")).Output() // exits 1 when it finds none
	var left []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 1 && !strings.HasPrefix(fields[1], "Z") {
			left = append(left, line)
		}
	}
	return strings.Join(left, "")
}

// breakUnseen puts a fault in without waiting until the other server notices.
func breakUnseen(t *testing.T, lab *pgpair.Lab, fault string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := lab.Break(ctx, fault); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

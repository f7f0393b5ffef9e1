package pgpair

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// maxConnections is small, because every connection costs shared memory; the
// fault low-parameter raises it on the primary.
const maxConnections = 60

// setting is one line of postgresql.conf.
type setting struct{ name, value string }

// settings returns the configuration of a node. No value may hold a quote;
// checkDir keeps paths that would out.
func (l *Lab) settings(n Node) []setting {
	timeout := func(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
	s := []setting{
		{"cluster_name", n.Name},
		{"listen_addresses", n.Host},
		{"port", fmt.Sprint(n.Port)},
		{"unix_socket_directories", l.state.SocketDir},
		{"hba_file", n.file("pg_hba.conf")},
		{"ident_file", n.file("pg_ident.conf")},
		{"password_encryption", "scram-sha-256"},
		{"ssl", "on"},
		{"ssl_cert_file", n.file("server.crt")},
		{"ssl_key_file", n.file("server.key")},
		{"ssl_min_protocol_version", "TLSv1.2"},

		// The data may be lost with the machine; the laboratory must start in a second.
		{"fsync", "off"},
		{"shared_buffers", "16MB"},
		{"max_connections", fmt.Sprint(maxConnections)},
		// Left-overs of a killed server then go with its data directory.
		{"dynamic_shared_memory_type", "mmap"},

		{"wal_level", "replica"},
		{"wal_log_hints", "on"}, // so that pg_rewind works
		{"wal_keep_size", "64MB"},
		{"max_wal_senders", "10"},
		{"max_replication_slots", "10"},
		{"max_slot_wal_keep_size", l.slotLimit()},
		{"track_commit_timestamp", "on"},
		{"hot_standby", "on"},
		{"primary_conninfo", l.conninfo(n, l.upstreamPort(n))},
		{"primary_slot_name", n.Slot()},
		{"wal_sender_timeout", timeout(l.state.SenderTimeout)},
		{"wal_receiver_timeout", timeout(l.state.ReceiverTimeout)},
		{"wal_receiver_status_interval", "2s"},
		{"wal_retrieve_retry_interval", "500ms"},

		{"archive_mode", "on"},
		{"archive_command", archiveCommand(n)},

		{"log_line_prefix", "%m [%p] %q%u@%d "},
		{"log_timezone", "UTC"},
		{"timezone", "UTC"},
	}
	for _, name := range slices.Sorted(maps.Keys(l.state.Settings)) {
		s = append(s, setting{name, l.state.Settings[name]}) // the last line counts
	}
	return s
}

func (l *Lab) slotLimit() string {
	if l.state.MaxSlotWALKeepMB <= 0 {
		return "-1"
	}
	return fmt.Sprintf("%dMB", l.state.MaxSlotWALKeepMB)
}

// archiveCommand copies a finished file under another name first, so that an
// interrupted copy is never taken for an archived file.
func archiveCommand(n Node) string {
	return fmt.Sprintf(`test ! -e %[1]s && cp "%%p" %[2]s/%%f.part && mv %[2]s/%%f.part %[2]s/%%f`, n.archiveFault(), n.archive())
}

// conninfo returns how a node connects to a server on a loopback port to
// replicate. The password stays in a file only the server may read.
func (l *Lab) conninfo(n Node, port int) string {
	mode := "verify-full"
	if l.state.Binaries.Major < 15 {
		mode = "verify-ca" // libpq before 15 does not compare IP addresses with the certificate
	}
	return fmt.Sprintf("host=%s port=%d user=%s passfile=%s sslmode=%s sslrootcert=%s application_name=%s",
		n.Host, port, RoleReplication, n.passfile(), mode, l.CAFile(), n.Name)
}

func (l *Lab) upstreamPort(n Node) int {
	for _, up := range l.state.Nodes {
		if up.Name == n.Upstream {
			return up.Port
		}
	}
	return 0
}

// hba returns who may log in and how: the superuser through the private socket
// when the kernel vouches for them, everybody else by TLS and SCRAM.
func hba() string {
	return `# TYPE  DATABASE     USER                             ADDRESS       METHOD
local   all          postgres                                       peer map=lab
hostssl replication  bcctl_replication,bcctl_monitor  127.0.0.1/32  scram-sha-256
hostssl all          all                              127.0.0.1/32  scram-sha-256
`
}

// ident returns which operating system users are the superuser.
func ident(users ...string) string {
	slices.Sort(users)
	var b strings.Builder
	b.WriteString("# MAPNAME  SYSTEM-USERNAME  PG-USERNAME\n")
	for _, u := range slices.Compact(users) {
		fmt.Fprintf(&b, "lab  %q  %s\n", u, superuser)
	}
	return b.String()
}

// writeNodeConfig writes every configuration file of a node.
func (l *Lab) writeNodeConfig(n Node) error {
	var conf strings.Builder
	fmt.Fprintf(&conf, "# %s of the bcctl laboratory. Change it with ALTER SYSTEM; this file is generated.\n", n.Name)
	for _, s := range l.settings(n) {
		fmt.Fprintf(&conf, "%s = '%s'\n", s.name, s.value)
	}
	for _, f := range []struct{ path, content string }{
		{n.config(), conf.String()},
		{n.file("pg_hba.conf"), hba()},
		{n.file("pg_ident.conf"), ident("root", l.account.Name)},
		{n.passfile(), fmt.Sprintf("*:*:*:%s:%s\n", RoleReplication, l.Password(RoleReplication))},
	} {
		if err := l.account.writeFile(f.path, []byte(f.content)); err != nil {
			return fmt.Errorf("configure %s: %w", n.Name, err)
		}
	}
	return nil
}

// CAFile returns the path of the certificate that signed the servers'.
func (l *Lab) CAFile() string { return l.path("tls", "lab-ca.pem") }

// CA returns the certificate that signed the servers', in PEM.
func (l *Lab) CA() ([]byte, error) {
	ca, err := os.ReadFile(l.CAFile())
	if err != nil {
		return nil, fmt.Errorf("read the laboratory's CA: %w", err)
	}
	return ca, nil
}

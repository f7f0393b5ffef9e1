//go:build unix

package patroniset

import "encoding/json"

// object is a part of a Patroni configuration. YAML takes JSON.
type object map[string]any

// Times are as short as Patroni allows, so that tests do not wait for default ones.
const (
	leaderTTL    = 20 // seconds; no less is accepted
	loopWait     = 1
	retryTimeout = 3
)

// maximumLag is maximum_lag_on_failover: half of the default.
const maximumLag = 512 * 1024

// configuration of one member.
func (s *Set) configuration(m *member) ([]byte, error) {
	tls := func(name string) string { return s.path("tls", name) }
	return json.MarshalIndent(object{
		"scope": Scope,
		"name":  m.Name,
		"restapi": object{
			"listen": m.API, "connect_address": m.API,
			"certfile": tls("server.crt"), "keyfile": tls("server.key"),
			"authentication": object{"username": UserAPI, "password": s.Password(UserAPI)},
		},
		"ctl":   object{"cacert": tls("lab-ca.pem")}, // members ask each other
		"etcd3": object{"hosts": []string{s.etcdAddress()}, "protocol": "http"},
		"bootstrap": object{
			"dcs": object{
				"ttl": leaderTTL, "loop_wait": loopWait, "retry_timeout": retryTimeout, "maximum_lag_on_failover": maximumLag,
				"postgresql": object{
					"use_pg_rewind": true, "use_slots": true,
					"parameters": object{"wal_log_hints": "on", "max_connections": 60, "track_commit_timestamp": "on"},
				},
			},
			"initdb": []any{object{"encoding": "UTF8"}, object{"locale": "C"}, "data-checksums", "no-sync", object{"auth": "scram-sha-256"}},
		},
		"postgresql": object{
			"listen": m.Address, "connect_address": m.Address,
			"data_dir": m.data(), "bin_dir": s.programs.Servers.Dir, "pgpass": m.dir + "/pgpass",
			"use_unix_socket": true,
			"authentication": object{
				"superuser":   object{"username": superuser, "password": s.Password(superuser)},
				"replication": object{"username": "replicator", "password": s.Password("replicator"), "sslmode": "require"},
				"rewind":      object{"username": "rewind_user", "password": s.Password("rewind_user"), "sslmode": "require"},
			},
			"pg_hba": []string{
				"local all all scram-sha-256",
				"hostssl replication all 127.0.0.1/32 scram-sha-256",
				"hostssl all all 127.0.0.1/32 scram-sha-256",
			},
			"parameters": object{
				"unix_socket_directories": m.dir, "password_encryption": "scram-sha-256",
				"ssl": "on", "ssl_cert_file": tls("server.crt"), "ssl_key_file": tls("server.key"),
				// The data may be lost with the machine; a member must start in a second.
				"fsync": "off", "shared_buffers": "16MB", "dynamic_shared_memory_type": "mmap",
				"wal_sender_timeout": "5s", "wal_receiver_timeout": "5s", "wal_receiver_status_interval": "1s", "wal_retrieve_retry_interval": "500ms",
				"log_timezone": "UTC", "timezone": "UTC",
			},
			"basebackup": []any{"no-sync", object{"checkpoint": "fast"}},
		},
		"tags":     m.tags,
		"watchdog": object{"mode": "off"},
	}, "", "  ")
}

// grants make the logins that docs/postgresql.md asks for, on the first leader.
const grants = `
CREATE SCHEMA bcctl;
CREATE TABLE bcctl.reign(
  reign_id uuid PRIMARY KEY, tli int NOT NULL, fork_lsn pg_lsn, started_at timestamptz NOT NULL, run_id text, node text);
CREATE SCHEMA app;
CREATE TABLE app.entries(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL);
CREATE ROLE ` + RoleMonitor + ` LOGIN REPLICATION IN ROLE pg_monitor;
CREATE ROLE ` + RoleExecute + ` LOGIN REPLICATION IN ROLE pg_monitor;
GRANT USAGE ON SCHEMA bcctl TO ` + RoleMonitor + `, ` + RoleExecute + `;
GRANT SELECT ON bcctl.reign TO ` + RoleMonitor + `;
GRANT SELECT, INSERT ON bcctl.reign TO ` + RoleExecute + `;
`

#!/bin/sh
# Two real SQL Servers in containers with an availability group that has no cluster
# (CLUSTER_TYPE = NONE) and certificates for its endpoints, for TestConformance:
#
#   scripts/real-sqlserver.sh up DIR    prints variables to export, one NAME=value a line
#   scripts/real-sqlserver.sh down DIR
#
# It accepts Microsoft's licence terms for the Developer edition (ACCEPT_EULA).
# Written from the documentation ("Configure a SQL Server availability group for
# read-scale on Linux", "Create availability group endpoints and certificates on
# Linux", "Encrypt connections to SQL Server on Linux"). It has not been run yet: no
# container could be started where it was written.
set -eu
image=${SQLSERVER_IMAGE:-mcr.microsoft.com/mssql/server:2022-latest}
command=${1:?up or down} dir=${2:?a directory}
here=$(cd "$(dirname "$0")" && pwd)
say() { echo "real-sqlserver: $*" >&2; }

if [ "$command" = down ]; then
	docker rm -f sql-a sql-b >/dev/null 2>&1 || true
	docker network rm bcctl-sql >/dev/null 2>&1 || true
	rm -rf "$dir"
	exit 0
fi

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
"$here/real-certificates.sh" "$dir/certs"
secret() { echo "Aa1-$(openssl rand -hex 16)"; } # the password policy wants three kinds of characters
monitor=$(secret) key=$(secret)
MSSQL_SA_PASSWORD=$(secret)
SQLCMDPASSWORD=$MSSQL_SA_PASSWORD
export MSSQL_SA_PASSWORD SQLCMDPASSWORD # given on by name, so that no list of processes shows them
cat >"$dir/mssql.conf" <<'CONF'
[network]
tlscert = /var/opt/mssql/tls/server.crt
tlskey = /var/opt/mssql/tls/server.key
tlsprotocols = 1.2
forceencryption = 1
CONF

# put NODE FILE PATH: a copy that the server's user owns.
put() {
	docker cp "$2" "$1:$3"
	docker exec -u 0 "$1" sh -c "chown mssql '$3' && chmod 600 '$3'"
}

# sql NODE STATEMENTS: as sa, ends with an error when a statement does.
sql() {
	printf '%s\nGO\n' "$2" |
		docker exec -i -e SQLCMDPASSWORD "$1" /opt/mssql-tools18/bin/sqlcmd -S localhost -U sa -C -b -l 5 -i /dev/stdin >&2
}
# until_so WHAT NODE STATEMENTS: bounded.
until_so() {
	n=0
	until sql "$2" "$3" >/dev/null 2>&1; do
		n=$((n + 1))
		[ "$n" -lt 120 ] || { say "not within 120 s: $1"; docker logs --tail 20 "$2" >&2; exit 1; }
		sleep 1
	done
}

docker network create bcctl-sql >/dev/null
port=14331
for node in sql-a sql-b; do
	docker run -d --name "$node" --hostname "$node" --network bcctl-sql -p "127.0.0.1:$port:1433" \
		-e ACCEPT_EULA=Y -e MSSQL_PID=Developer -e MSSQL_SA_PASSWORD -e MSSQL_ENABLE_HADR=1 \
		-e MSSQL_AGENT_ENABLED=true -e MSSQL_MEMORY_LIMIT_MB=2048 "$image" >/dev/null
	port=$((port + 1))
done
for node in sql-a sql-b; do
	until_so "$node answers" "$node" "SELECT 1"
	docker exec -u 0 "$node" sh -c 'mkdir -p /var/opt/mssql/tls && chown mssql /var/opt/mssql/tls'
	put "$node" "$dir/certs/server.crt" /var/opt/mssql/tls/server.crt
	put "$node" "$dir/certs/server.key" /var/opt/mssql/tls/server.key
	put "$node" "$dir/mssql.conf" /var/opt/mssql/mssql.conf
	docker restart "$node" >/dev/null
	until_so "$node answers with TLS" "$node" "SELECT 1"
done

# One certificate for both endpoints, as in the documentation of the read-scale group.
sql sql-a "CREATE MASTER KEY ENCRYPTION BY PASSWORD = '$key';
CREATE CERTIFICATE dbm_certificate WITH SUBJECT = 'dbm';
BACKUP CERTIFICATE dbm_certificate TO FILE = '/var/opt/mssql/data/dbm.cer'
  WITH PRIVATE KEY (FILE = '/var/opt/mssql/data/dbm.pvk', ENCRYPTION BY PASSWORD = '$key');"
for file in dbm.cer dbm.pvk; do
	docker cp "sql-a:/var/opt/mssql/data/$file" "$dir/$file"
	put sql-b "$dir/$file" "/var/opt/mssql/data/$file"
done
sql sql-b "CREATE MASTER KEY ENCRYPTION BY PASSWORD = '$key';
CREATE CERTIFICATE dbm_certificate FROM FILE = '/var/opt/mssql/data/dbm.cer'
  WITH PRIVATE KEY (FILE = '/var/opt/mssql/data/dbm.pvk', DECRYPTION BY PASSWORD = '$key');"
for node in sql-a sql-b; do
	sql "$node" "CREATE ENDPOINT Hadr_endpoint STATE = STARTED AS TCP (LISTENER_PORT = 5022)
  FOR DATABASE_MIRRORING (ROLE = ALL, AUTHENTICATION = CERTIFICATE dbm_certificate, ENCRYPTION = REQUIRED ALGORITHM AES);"
done
# The permissions docs/sqlserver.md names, and one SID on both sides, so that the
# login is the same one after a failover.
for node in sql-a sql-b; do
	sql "$node" "CREATE LOGIN bcctl_monitor WITH PASSWORD = '$monitor', SID = 0x0B0CC71000000000000000000000001A;
GRANT VIEW SERVER STATE TO bcctl_monitor;
GRANT VIEW ANY DEFINITION TO bcctl_monitor;
USE msdb;
CREATE USER bcctl_monitor FOR LOGIN bcctl_monitor;
GRANT SELECT ON dbo.sysjobs TO bcctl_monitor;
GRANT SELECT ON dbo.backupset TO bcctl_monitor;"
done
sql sql-a "CREATE AVAILABILITY GROUP ag1 WITH (CLUSTER_TYPE = NONE) FOR REPLICA ON
  N'sql-a' WITH (ENDPOINT_URL = N'tcp://sql-a:5022', AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, FAILOVER_MODE = MANUAL,
    SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL)),
  N'sql-b' WITH (ENDPOINT_URL = N'tcp://sql-b:5022', AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, FAILOVER_MODE = MANUAL,
    SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL));
ALTER AVAILABILITY GROUP ag1 GRANT CREATE ANY DATABASE;"
sql sql-b "ALTER AVAILABILITY GROUP ag1 JOIN WITH (CLUSTER_TYPE = NONE);
ALTER AVAILABILITY GROUP ag1 GRANT CREATE ANY DATABASE;"
sql sql-a "CREATE DATABASE ledger; ALTER DATABASE ledger SET RECOVERY FULL;
BACKUP DATABASE ledger TO DISK = N'/var/opt/mssql/data/ledger.bak';
ALTER AVAILABILITY GROUP ag1 ADD DATABASE ledger;
BACKUP LOG ledger TO DISK = N'/var/opt/mssql/data/ledger.trn';"
until_so "the copy is synchronized" sql-a "IF NOT EXISTS (SELECT 1 FROM sys.dm_hadr_database_replica_states
  WHERE is_local = 0 AND synchronization_state_desc = 'SYNCHRONIZED') THROW 50000, 'not yet', 1;"

echo "BCCTL_TEST_SQLSERVER_URL=sqlserver://bcctl_monitor:$monitor@127.0.0.1:14331,127.0.0.1:14332/?group=ag1&ca=$dir/certs/ca.pem"

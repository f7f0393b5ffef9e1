#!/bin/sh
# A real MongoDB replica set of three members in containers, on loopback, with TLS,
# a key file and a monitoring user, for TestConformance:
#
#   scripts/real-mongodb.sh up DIR      prints variables to export, one NAME=value a line
#   scripts/real-mongodb.sh down DIR
#
# Written from the documentation ("Deploy a Replica Set With Keyfile Authentication",
# "Configure mongod for TLS/SSL", the image's own page). It has not been run yet: no
# container could be started where it was written.
set -eu
image=${MONGODB_IMAGE:-mongo:8.0}
command=${1:?up or down} dir=${2:?a directory}
here=$(cd "$(dirname "$0")" && pwd)
say() { echo "real-mongodb: $*" >&2; }

if [ "$command" = down ]; then
	docker rm -f bcctl-mongo-1 bcctl-mongo-2 bcctl-mongo-3 >/dev/null 2>&1 || true
	rm -rf "$dir"
	exit 0
fi

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
"$here/real-certificates.sh" "$dir/certs"
(umask 077 && openssl rand -base64 48 >"$dir/certs/keyfile")
ROOT=$(openssl rand -hex 16) MONITOR=$(openssl rand -hex 16)
export ROOT MONITOR # given on by name, so that no list of processes shows them

# The members are called by the addresses that tests use, so all containers share
# the machine's network. They run as whoever starts them, who can read the keys.
for n in 1 2 3; do
	mkdir -p "$dir/data-$n"
	docker run -d --name "bcctl-mongo-$n" --network host --user "$(id -u):$(id -g)" -e HOME=/tmp \
		-v "$dir/certs:/certs:ro" -v "$dir/data-$n:/data/db" "$image" \
		mongod --replSet rs0 --bind_ip 127.0.0.1 --port "2701$((6 + n))" --keyFile /certs/keyfile \
		--tlsMode requireTLS --tlsCertificateKeyFile /certs/server.pem --tlsCAFile /certs/ca.pem \
		--tlsAllowConnectionsWithoutCertificates >/dev/null
done

# shell SCRIPT: on the first member, with what is needed from the environment.
shell() {
	docker exec -e HOME=/tmp -e ROOT -e MONITOR bcctl-mongo-1 \
		mongosh --quiet --norc --tls --tlsCAFile /certs/ca.pem --host 127.0.0.1 --port 27017 --eval "$1"
}
# until_so WHAT SCRIPT: bounded.
until_so() {
	n=0
	until shell "$2" >/dev/null 2>&1; do
		n=$((n + 1))
		[ "$n" -lt 90 ] || { say "not within 90 s: $1"; docker logs --tail 20 bcctl-mongo-1 >&2; exit 1; }
		sleep 1
	done
}
login='db.getSiblingDB("admin").auth("root", process.env.ROOT);'
until_so "the first member answers" 'db.hello()'
shell 'rs.initiate({_id: "rs0", members: [
	{_id: 0, host: "127.0.0.1:27017", priority: 2, tags: {site: "fra"}},
	{_id: 1, host: "127.0.0.1:27018", priority: 1, tags: {site: "ams"}},
	{_id: 2, host: "127.0.0.1:27019", priority: 0.5, tags: {site: "par"}}]})' >/dev/null
until_so "a primary" 'if (!db.hello().isWritablePrimary) quit(1)'
# The first user may be made without a login, from the server's own host.
shell 'db.getSiblingDB("admin").createUser({user: "root", pwd: process.env.ROOT, roles: ["root"]})' >/dev/null
shell "$login"' db.getSiblingDB("admin").createUser({user: "bcctl_monitor", pwd: process.env.MONITOR,
	roles: ["clusterMonitor", {role: "read", db: "local"}]})' >/dev/null
until_so "all members hold data" "$login"' if (rs.status().members.filter(m => m.state == 1 || m.state == 2).length != 3) quit(1)'

echo "BCCTL_TEST_MONGODB_URI=mongodb://bcctl_monitor:$MONITOR@127.0.0.1:27017,127.0.0.1:27018,127.0.0.1:27019/?replicaSet=rs0&tls=true&tlsCAFile=$dir/certs/ca.pem"
echo "BCCTL_TEST_MONGODB_SITES=fra,ams,par"

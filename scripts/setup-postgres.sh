#!/bin/sh
# Makes sure that PostgreSQL's server programs are on this machine, for the
# laboratory and the tests. Says nothing and changes nothing when they are.
#
# On Debian and Ubuntu it installs them, as root or through sudo when that asks
# for no password. Elsewhere it says what to install and exits with 1.
# No database is created or started by this, and nothing else is needed: the
# laboratory makes its own certificates and passwords.
set -eu

programs="initdb pg_ctl postgres pg_basebackup"
oldest=13

say() { echo "setup-postgres: $*" >&2; }

# usable DIR: DIR has every program, in a version that is new enough.
usable() {
	for program in $programs; do
		[ -x "$1/$program" ] || return 1
	done
	major=$("$1/postgres" --version | sed -n 's/.*(PostgreSQL) \([0-9][0-9]*\).*/\1/p')
	[ "${major:-0}" -ge "$oldest" ]
}

# installed: some folder where bcctl looks is usable.
installed() {
	if server=$(command -v postgres); then
		# In PATH there may be only a link into the folder that has the others.
		server=$(readlink -f "$server" 2>/dev/null || echo "$server")
		if usable "$(dirname "$server")"; then
			return 0
		fi
	fi
	for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* \
		/opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin \
		/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin \
		/Applications/Postgres.app/Contents/Versions/*/bin; do
		if usable "$dir"; then
			return 0
		fi
	done
	return 1
}

# as_root COMMAND...: runs it as root without asking anybody; 1 when it may not.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		sudo -n "$@"
	else
		return 1
	fi
}

# The packages of Debian and Ubuntu make and start a database on installation,
# unless a file in this folder tells them not to. Ours is there only meanwhile.
conf_dir=/etc/postgresql-common/createcluster.d
conf=$conf_dir/zz-bcctl-setup.conf
made_dir=

withdraw_conf() {
	as_root rm -f "$conf" || true
	if [ -n "$made_dir" ]; then
		as_root rmdir "$conf_dir" 2>/dev/null || true # stays when the package put something there
	fi
}

install_with_apt() {
	as_root true || return 1
	say "installing PostgreSQL with apt-get"
	trap withdraw_conf EXIT
	trap 'exit 1' HUP INT TERM
	if [ ! -d "$conf_dir" ]; then
		made_dir=yes
		as_root mkdir -p "$conf_dir"
	fi
	echo "create_main_cluster = false" | as_root tee "$conf" >/dev/null
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql >&2
}

# advice: the one command for this machine, or all of them.
advice() {
	if command -v apt-get >/dev/null; then
		echo "sudo apt-get update && sudo apt-get install postgresql"
	elif command -v dnf >/dev/null; then
		echo "sudo dnf install postgresql-server postgresql"
	elif command -v zypper >/dev/null; then
		echo "sudo zypper install postgresql-server postgresql"
	elif command -v pacman >/dev/null; then
		echo "sudo pacman -S postgresql"
	elif command -v apk >/dev/null; then
		echo "sudo apk add postgresql postgresql-client"
	elif command -v brew >/dev/null; then
		echo "brew install postgresql@17"
	else
		echo "the server package of PostgreSQL $oldest or newer for this system: https://www.postgresql.org/download/"
	fi
}

if installed; then
	exit 0
fi
if command -v apt-get >/dev/null && install_with_apt; then
	if installed; then
		exit 0
	fi
	say "apt-get succeeded, but the programs are still not where bcctl looks"
fi
say "PostgreSQL's server programs ($programs, version $oldest or newer) are missing. Install:"
echo "  $(advice)" >&2
exit 1

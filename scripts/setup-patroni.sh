#!/bin/sh
# Makes sure that the tests of Patroni find it, with etcd in which it keeps its state.
# Says nothing and changes nothing when both are there.
#
# On Debian and Ubuntu it installs the packages patroni and etcd-server, as root or
# through sudo when that asks for no password, and takes back that their services
# start with the machine: the laboratory starts its own on loopback. What cannot be
# installed is named, and these tests are then skipped; with
# BCCTL_TEST_REQUIRE=patroni that is an error.
set -eu

say() { echo "setup-patroni: $*" >&2; }

have() { command -v patroni >/dev/null && command -v etcd >/dev/null; }

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

# Only what is installed here is kept from starting: a service that was there before
# is somebody's.
install_with_apt() {
	command -v apt-get >/dev/null && as_root true || return 1
	packages= services=
	command -v etcd >/dev/null || { packages="$packages etcd-server" services="$services etcd"; }
	command -v patroni >/dev/null || { packages="$packages patroni" services="$services patroni"; }
	say "installing$packages with apt-get"
	# shellcheck disable=SC2086 # the lists are words
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages >&2 || return 1
	if command -v systemctl >/dev/null; then
		# shellcheck disable=SC2086
		as_root systemctl disable --now $services >&2 || true # where systemd does not run nothing was started
	fi
}

have || install_with_apt || true
if ! have; then
	say "Patroni or etcd is missing, so the tests with a real Patroni cluster are skipped. Install: the packages patroni and etcd-server (Debian, Ubuntu), or patroni with etcd3 by pip, and etcd"
	case "${BCCTL_TEST_REQUIRE:-}" in
	*patroni*) exit 1 ;;
	esac
fi

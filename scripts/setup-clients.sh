#!/bin/sh
# Makes sure that tests find programs by other people: clients of the laboratory's
# servers (pymongo, FreeTDS, curl with openssl), the tools with which an auditor
# checks the log without bcctl (jq, xxd, ssh-keygen), and strace, which sees what a
# program does and kills a writer between two calls. Says nothing and changes nothing
# when they are there.
#
# On Debian and Ubuntu it installs them, as root or through sudo when that asks for no
# password. What cannot be installed is named, and these tests are then skipped; with
# clients in BCCTL_TEST_REQUIRE that is an error.
set -eu

say() { echo "setup-clients: $*" >&2; }

has_pymongo() { /usr/bin/python3 -c 'import pymongo' 2>/dev/null || python3 -c 'import pymongo' 2>/dev/null; }

# missing: the packages of what is not there.
missing() {
	has_pymongo || echo python3-pymongo
	command -v tsql >/dev/null || echo freetds-bin
	command -v curl >/dev/null || echo curl
	command -v openssl >/dev/null || echo openssl
	command -v jq >/dev/null || echo jq
	command -v xxd >/dev/null || echo xxd
	command -v ssh-keygen >/dev/null || echo openssh-client
	command -v strace >/dev/null || echo strace
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

packages=$(missing)
[ -n "$packages" ] || exit 0
if command -v apt-get >/dev/null && as_root true; then
	say "installing" $packages "with apt-get"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages >&2 || true
fi
packages=$(missing)
[ -n "$packages" ] || exit 0
say "tests with other clients are skipped; Debian's packages of what is missing:" $packages
case "${BCCTL_TEST_REQUIRE:-}" in
*clients*) exit 1 ;;
esac

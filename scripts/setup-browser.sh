#!/bin/sh
# Makes sure that the tests of the readiness page find a browser: Chromium, Node
# and the two packages that test/page/package-lock.json names by their hash. Says
# nothing and changes nothing when they are there.
#
# On Debian and Ubuntu it installs Chromium and Node, as root or through sudo when
# that asks for no password. What cannot be installed is named, and these tests
# are then skipped; with BCCTL_TEST_REQUIRE=browser that is an error.
set -eu

cd "$(dirname "$0")/../test/page"
oldest=20

say() { echo "setup-browser: $*" >&2; }

have_browser() {
	for program in chromium chromium-browser google-chrome google-chrome-stable; do
		command -v "$program" >/dev/null && return 0
	done
	return 1
}

have_node() {
	command -v node >/dev/null && command -v npm >/dev/null || return 1
	major=$(node --version | sed -n 's/^v\([0-9][0-9]*\).*/\1/p')
	[ "${major:-0}" -ge "$oldest" ]
}

# The lock file that npm leaves beside the packages tells what they are.
have_packages() {
	[ -f node_modules/.package-lock.json ] || return 1
	for name in playwright-core axe-core; do
		want=$(sed -n "s/.*\"$name\": \"\([0-9.]*\)\".*/\1/p" package.json)
		grep -q "\"version\": \"$want\"" "node_modules/$name/package.json" 2>/dev/null || return 1
	done
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

install_with_apt() {
	command -v apt-get >/dev/null && as_root true || return 1
	say "installing $* with apt-get"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
}

# missing WHAT HOW: an error where the tests are required, a remark elsewhere.
missing() {
	say "$1 is missing, so the tests of the page in a browser are skipped. Install: $2"
	case "${BCCTL_TEST_REQUIRE:-}" in
	*browser*) exit 1 ;;
	*) exit 0 ;;
	esac
}

have_browser || install_with_apt chromium || true
have_browser || missing "Chromium" "the package chromium (Debian, Fedora, Alpine, Arch), or Google Chrome"
have_node || install_with_apt nodejs npm || true
have_node || missing "Node $oldest or newer with npm" "the packages nodejs and npm"
if ! have_packages; then
	say "installing playwright-core and axe-core with npm"
	npm ci --silent >&2 || missing "playwright-core or axe-core" "npm ci, in test/page"
fi

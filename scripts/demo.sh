#!/usr/bin/env bash
# The main job: look at a fleet on four platforms, ask why something is red, break
# the real pair, look again, keep a page. Leaves nothing behind but that page.
set -euo pipefail
bcctl=$(realpath "${1:-bin/bcctl}")
page=$(realpath "$(dirname "$0")/..")/demo-output/bcctl-page.html
dir=$(mktemp -d "${TMPDIR:-/tmp}/bcctl-demo.XXXXXX")
chmod 755 "$dir"
lab="$dir/lab"
export XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/none" XDG_CACHE_HOME="$dir/cache" BCCTL_REPO="$lab/config"
trap '"$bcctl" -q lab --dir "$lab" down >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$(printf '%s' "bcctl $*" | sed "s#$lab#LAB#g")"; "$bcctl" "$@" | sed "s#$lab#LAB#g"; }
# A verdict's exit code is part of the answer, not a failure of the demo.
look() { printf '$ bcctl %s\n' "$*"; local code=0; "$bcctl" "$@" || code=$?; printf '(exit %s)\n' "$code"; last=$code; }
expect() { [ "$last" = "$1" ] || { echo "demo: expected exit $1, got $last" >&2; exit 1; }; }

say "1. Eight systems on this machine, with TLS: PostgreSQL is real, the others are models that speak their protocols"
run -q lab --dir "$lab" up --fleet

say "2. Is the DR side ready? Every node is asked; nothing is taken from a cache"
look check --all; expect 4

say "3. Why is orders red, and what first?"
look explain orders

say "4. Somebody pauses replay on the real standby. Streaming goes on, and most tools stay green"
run -q lab --dir "$lab" break pause-replay
look check ledger; expect 4

say "5. Replay is resumed, and the primary is killed. What do we know, and what not?"
run -q lab --dir "$lab" repair pause-replay
"$bcctl" -q check ledger -o name >/dev/null || true
run -q lab --dir "$lab" break kill-primary
look check ledger; expect 4

say "6. A page for everybody else: one file, opens from disk, turns grey when it is out of date"
"$bcctl" -q check -o name >/dev/null || true
mkdir -p "$(dirname "$page")"
printf '$ bcctl report page\n'
"$bcctl" report page --output-file "$page" | sed "s#$(dirname "$(dirname "$page")")/##"

say "What to notice"
cat <<'T'
 - Green meant: all nodes answered, one writes, the others follow the same history, the link is alive,
   and what DR lacks was measured. Anything not proved is UNKNOWN, and UNKNOWN is not healthy.
 - A suspended database shows a lag of zero, a suspended schedule no error at all. Both are red here.
 - cart works today and is yellow: with its main site it would lose the majority of votes.
 - Paused replay was red although streaming was healthy and nothing was lost yet: a promotion would be late.
 - With the primary gone nobody claims to know how much was lost: it says what is known, and the bound.
 - Nothing was changed on the servers, but for the heartbeats that these resources opt in to.
T
say "Look at it:       demo-output/bcctl-page.html"
say "Try it yourself:  bin/bcctl lab up --fleet ; bin/bcctl lab break ; bin/bcctl lab down"

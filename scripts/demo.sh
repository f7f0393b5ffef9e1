#!/usr/bin/env bash
# The main job on real servers: look at a healthy pair, break it, look again, ask
# why, mend it. Leaves nothing behind.
set -euo pipefail
bcctl=$(realpath "${1:-bin/bcctl}")
dir=$(mktemp -d "${TMPDIR:-/tmp}/bcctl-demo.XXXXXX")
chmod 755 "$dir"
lab="$dir/lab"
export XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/none" BCCTL_REPO="$lab/config"
trap '"$bcctl" -q lab --dir "$lab" down >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$(printf '%s' "bcctl $*" | sed "s#$lab#LAB#g")"; "$bcctl" "$@" | sed "s#$lab#LAB#g"; }
# A verdict's exit code is part of the answer, not a failure of the demo.
look() { printf '$ bcctl %s\n' "$*"; local code=0; "$bcctl" "$@" || code=$?; printf '(exit %s)\n' "$code"; last=$code; }
expect() { [ "$last" = "$1" ] || { echo "demo: expected exit $1, got $last" >&2; exit 1; }; }

say "1. A real primary and a real streaming standby, on this machine, with TLS"
run -q lab --dir "$lab" up

say "2. Is the DR side ready? Every node is asked; nothing is taken from a cache"
look check --all; expect 0

say "3. Somebody pauses replay on the standby. Streaming goes on, and most tools stay green"
run -q lab --dir "$lab" break pause-replay
look check; expect 4

say "4. Why is it red, and what first?"
look explain ledger

say "5. Replay is resumed, and the primary is killed. What do we know, and what not?"
run -q lab --dir "$lab" repair pause-replay
look -q check ledger -o name >/dev/null
run -q lab --dir "$lab" break kill-primary
look check; expect 4

say "6. What was recorded, with no connection made. A verdict expires: after VALID it is shown as UNKNOWN"
look status; expect 4

say "What to notice"
cat <<'T'
 - Green meant: both nodes answered, one writes, the other follows the same history, the link is alive,
   what DR lacks and has yet to apply was measured. Anything not proved is UNKNOWN, and UNKNOWN is not healthy.
 - Paused replay was red although streaming was healthy and nothing was lost yet: a promotion would be late.
 - With the primary gone nobody claims to know how much was lost: it says what is known, and the bound.
 - Nothing was changed on the servers, but for the heartbeat row that this resource opts in to.
T
say "Try it yourself:  bin/bcctl lab up ; bin/bcctl lab break ; bin/bcctl lab down"

#!/usr/bin/env bash
# The main job: look at a fleet on four platforms, ask why something is red, break
# the real pair, look again, keep a page; then ask for a switchover of a real pair,
# have it approved, execute it and verify its record. Leaves nothing behind but that page.
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

"$bcctl" -q lab --dir "$lab" down > /dev/null

say "7. A tier-1 switchover of a real pair is asked for: a pull request, on the laboratory's GitHub"
pair="$dir/pair"
export BCCTL_COMMANDS_ALLOW="$pair/hook" # what may stop and start servers is said here, never in a repository
trap '"$bcctl" -q lab --dir "$pair" github down >/dev/null 2>&1 || true; "$bcctl" -q lab --dir "$pair" down >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
"$bcctl" -q lab --dir "$pair" up > /dev/null
"$bcctl" -q lab --dir "$pair" github up --from "$pair/config" > /dev/null
eval "$("$bcctl" -q lab --dir "$pair" github status)"
unset BCCTL_REPO GITHUB_TOKEN
app=$("$bcctl" -q lab --dir "$pair" github status | sed -n 's/^# as the App instead: //p')
git clone -q "file://$(echo "$pair"-github/repositories/*.git)" "$dir/alice"
cd "$dir/alice"
git config user.name alice
git config user.email alice@example.com
# as WHO COMMAND...: with that person's token. typed WHO TEXT COMMAND...: and at a
# terminal, where TEXT is typed. bot COMMAND...: as the App that CI uses.
as() { local who=$1; shift; GITHUB_TOKEN=$(cat "$pair-github/tokens/$who") BCCTL_LAB_AS=$who "$@"; }
typed() {
  local who=$1 text=$2; shift 2
  if [ "$(uname)" = Darwin ]; then printf '%s\n' "$text" | as "$who" script -q /dev/null "$@"; else printf '%s\n' "$text" | as "$who" script -qec "$*" /dev/null; fi
}
# shellcheck disable=SC2086
bot() { env $app "$@"; }
typed_by_app() {
  local text=$1; shift
  if [ "$(uname)" = Darwin ]; then printf '%s\n' "$text" | bot script -q /dev/null "$@"; else printf '%s\n' "$text" | bot script -qec "$*" /dev/null; fi
}
api() { local who=$1 method=$2 path=$3 body=$4; curl -fsS -X "$method" -H "Authorization: Bearer $(cat "$pair-github/tokens/$who")" -H 'Accept: application/vnd.github+json' -d "$body" "$BCCTL_GITHUB_API_URL/repos/$BCCTL_GITHUB_REPOSITORY/$path" > /dev/null; }
# GitHub counts whole seconds; what happens within one has no order.
second() { sleep 1.1; }
plain() { printf '$ %s\n' "$*" | sed "s#$bcctl#bcctl#g; s#$dir#DIR#g"; }

plain "alice: bcctl request new switchover ledger --reason 'power supply in fra' --ticket CHG0012345"
as alice "$bcctl" -q request new switchover ledger --reason 'power supply in fra' --ticket CHG0012345 | tee "$dir/request"
id=$(awk '/^request/ { print $2 }' "$dir/request")
digest=$(awk '/^approve/ { print $2 }' "$dir/request")
twelve=$(printf '%s' "${digest#sha256:}" | cut -c1-12)

say "8. What it would do, checked against the servers; nothing is changed by looking"
plain "bcctl plan $id --as-of bcctl/request/$id"
as alice "$bcctl" -q plan "$id" --as-of "bcctl/request/$id" | sed -n '1,22p'
echo "  ..."

say "9. One person of IT and one of the business approve: each types the digest. alice, who asked, cannot"
second
for who in bob dan; do
  role=it; [ "$who" = dan ] && role=business
  plain "$who: bcctl approve $id --as $role"
  typed "$who" "$twelve" "$bcctl" approve "$id" --as "$role" | tail -1
done
printf '$ alice: bcctl approve %s --as it\n' "$id"
code=0; typed alice "$twelve" "$bcctl" approve "$id" --as it 2>&1 | tail -2 || code=$?

say "10. It is merged. Is it approved? Every review is counted again, by rules with names"
second
api erin PUT pulls/1/merge '{"merge_method":"merge"}'
code=0; plain "bcctl explain $id"; bot "$bcctl" explain "$id" || code=$?
printf '(exit %s)\n' "$code"; last=$code; expect 0

say "11. alice confirms with the exact line, and it runs: locked, journaled, every effect probed at the servers"
export BCCTL_AUDIT_ORIGIN=example.com/acme/bcctl-audit
"$bcctl" -q audit keygen --origin "$BCCTL_AUDIT_ORIGIN" --out "$dir/keys" > /dev/null
export BCCTL_AUDIT_KEY="file:$dir/keys/writer.pem" BCCTL_AUDIT_LOG_KEY="file:$dir/keys/log.key"
export BCCTL_OPERATOR_KEY="file:$pair/people/alice" # her SSH key signs what she types
git pull -q origin main
BCCTL_LAB_AS=erin "$bcctl" -q audit init --trust "$dir/keys/trust.json" > /dev/null
confirm="/bcctl execute $id SWITCHOVER ledger@ams $twelve attempt=1"
plain "alice: bcctl execute $id"
code=0
# shellcheck disable=SC2086
BCCTL_LAB_AS=alice typed_by_app "$confirm" "$bcctl" execute "$id" > "$dir/run" 2>&1 || code=$?
tr '\r' '\n' < "$dir/run" | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -v -e ' of about ' -e '^soak ' -e '^ *$' -e "^ledger/" | sed "s#$dir#DIR#g"
printf '(exit %s)\n' "$code"; last=$code; expect 0

say "12. Who writes now, and what an auditor sees: signed, in git, verified offline"
"$bcctl" -q lab --dir "$pair" status
plain "bcctl audit verify"
code=0; "$bcctl" audit verify || code=$?; last=$code; expect 0
plain "bcctl audit show"
"$bcctl" -q audit show | sed -n '1,60p'

say "What to notice"
cat <<'T'
 - Green meant: all nodes answered, one writes, the others follow the same history, the link is alive,
   and what DR lacks was measured. Anything not proved is UNKNOWN, and UNKNOWN is not healthy.
 - A suspended database shows a lag of zero, a suspended schedule no error at all. Both are red here.
 - cart works today and is yellow: with its main site it would lose the majority of votes.
 - Paused replay was red although streaming was healthy and nothing was lost yet: a promotion would be late.
 - With the primary gone nobody claims to know how much was lost: it says what is known, and the bound.
 - Until step 11 nothing was changed on the servers, but for the heartbeats that resources opt in to.
 - An approval names a digest: one byte of the request changed, or of a file its plan was made from,
   and nothing runs.
 - The old primary was stopped, its last record was proved to be on the standby, and only then was the
   standby promoted. It succeeded when the postchecks had held for 30 s, and says what it did not prove.
T
say "Look at it:       demo-output/bcctl-page.html"
say "Try it yourself:  bin/bcctl lab up --fleet ; bin/bcctl lab break ; bin/bcctl lab down"

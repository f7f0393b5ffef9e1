#!/usr/bin/env bash
# Records examples/demo anew: five real PostgreSQL pairs, four of them broken, are
# checked within a minute and their observations joined under the demo's names.
# Needs jq. Nothing is edited but names and addresses of the pairs.
set -euo pipefail
bcctl=$(realpath "${1:-bin/bcctl}")
here=$(realpath "$(dirname "$0")/..")
dir=$(mktemp -d /tmp/bcctl-record.XXXXXX)
chmod 755 "$dir"
export XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/none"
names=(ledger orders catalog billing identity)
trap 'for n in "${names[@]}"; do "$bcctl" -q lab --dir "$dir/$n" down >/dev/null 2>&1 || true; done; rm -rf "$dir"' EXIT

for n in "${names[@]}"; do "$bcctl" -q lab --dir "$dir/$n" up; done
# A first look at the healthy pairs, so that the second one has something to compare with.
for n in "${names[@]}"; do "$bcctl" -q -C "$dir/$n/config" check -o name >/dev/null; done
"$bcctl" -q lab --dir "$dir/orders" break pause-replay
"$bcctl" -q lab --dir "$dir/catalog" break cut-replication
"$bcctl" -q lab --dir "$dir/billing" break diverge
"$bcctl" -q lab --dir "$dir/identity" break kill-primary
for n in "${names[@]}"; do "$bcctl" -q -C "$dir/$n/config" check --record "$dir/$n.json" -o name >/dev/null || true; done
for n in "${names[@]}"; do
  sed "s/ledger\([-_][abc]\)/$n\1/g; s/\"target\": \"ledger\"/\"target\": \"$n\"/" "$dir/$n.json"
done | jq -s '{schema: .[0].schema, recordedAt: (map(.recordedAt) | max), observations: (map(.observations) | add)}' \
  > "$here/examples/demo/recorded/observations.json"
wc -c "$here/examples/demo/recorded/observations.json"

#!/usr/bin/env bash
# Records examples/fleet anew: the laboratory's fleet on four platforms is checked,
# and its configuration and observations are written under names of the example. A
# real PostgreSQL pair, and models of the other products. Needs jq. Nothing is edited
# but names and addresses.
set -euo pipefail
bcctl=$(realpath "${1:-bin/bcctl}")
here=$(realpath "$(dirname "$0")/..")
to="$here/examples/fleet"
dir=$(mktemp -d /tmp/bcctl-record.XXXXXX)
chmod 755 "$dir"
export XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/none"
trap '"$bcctl" -q lab --dir "$dir/lab" down >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT

"$bcctl" -q lab --dir "$dir/lab" up --fleet >/dev/null
# A first look, so that the second one has something to compare with.
"$bcctl" -q -C "$dir/lab/config" check -o name >/dev/null || true
"$bcctl" -q -C "$dir/lab/config" check --record "$dir/recorded.json" -o name >/dev/null || true

# Addresses of the laboratory and what stands for them: node.example.net and the
# platform's own port, or an account's URL.
names="$dir/names.sed"
for file in "$dir"/lab/config/resources/*.yaml; do
  case $(sed -n 's/^  platform: //p' "$file") in
    postgresql) port=5432 ;; mongodb) port=27017 ;; sqlserver) port=1433 ;; *) port= ;;
  esac
  sed -nE "s#^ *- \{name: ([a-z-]+), site: [a-z]+, address: \"(127\.0\.0\.1:[0-9]+)\".*#s|\2|\1.example.net:$port|g#p" "$file"
  sed -nE 's#^ *- \{name: [a-z-]+, site: [a-z]+, url: "https://(127\.0\.0\.1:[0-9]+)", options: \{account: ([A-Z]+)-LAB_([A-Z]+)\}.*#s|\1|\L\2-lab-\3.snowflakecomputing.com|g#p' "$file"
done > "$names"

rm -rf "$to"
mkdir -p "$to/recorded" "$to/resources" "$to/groups" "$to/policies"
cat > "$to/bcctl.yaml" <<'T'
# A fleet on four platforms, to try bcctl without a database. `replay` judges
# observations that were recorded from the laboratory (bcctl lab up --fleet): a real
# PostgreSQL pair, and models of the other products. It is possible only because every
# resource here is of environment demo; reports say that they are a replay.
repository: fleet
replay: recorded
T
jq . "$dir/recorded.json" | sed -f "$names" > "$to/recorded/observations.json"
for file in "$dir"/lab/config/{sites.yaml,policies/*.yaml,groups/*.yaml,resources/*.yaml}; do
  name=${file#"$dir/lab/config/"}
  kind=$(sed -n 's/^kind: //p' "$file" | tr '[:upper:]' '[:lower:]')
  upper=$(basename "$name" .yaml | tr '[:lower:]' '[:upper:]')
  depth=$(dirname "$name" | sed 's#^\.$##; s#[^/][^/]*#../#')
  {
    echo "# yaml-language-server: \$schema=${depth}schemas/$kind.schema.json"
    sed -E -f "$names" "$file" | sed -E '/^# Written by the bcctl laboratory/d; /^$/d; s/environment: lab/environment: demo/; /^ *tls: \{mode/d
      s#"file:[^"]*/bcctl_([a-z]+)(\.p8)?"#"env:'"$upper"'_\U\1"#'
  } > "$to/$name"
done
# A connection of nothing is left where TLS was all there was.
sed -i -E '/^  connection:$/{N;/\n  [^ ]/s/^  connection:\n//}' "$to"/resources/*.yaml
"$bcctl" -C "$to" fmt >/dev/null
"$bcctl" -C "$to" validate
wc -c "$to/recorded/observations.json"

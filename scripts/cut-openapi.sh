#!/bin/sh
# Cuts internal/lab/github/openapi/subset.json out of GitHub's OpenAPI description:
#
#	scripts/cut-openapi.sh api.github.com.json
#
# The description is descriptions/api.github.com/api.github.com.json of
# github.com/github/rest-api-description, or generated/api.github.com.json of the npm
# package @octokit/openapi (npm pack @octokit/openapi@23.0.2).
set -eu
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { echo "usage: scripts/cut-openapi.sh api.github.com.json" >&2; exit 1; }
there=internal/lab/github/openapi
new=$(mktemp)
trap 'rm -f "$new"' EXIT
go run ./$there/cut "$1" $there/operations.txt > "$new"
cat "$new" > $there/subset.json
echo "$there/subset.json: $(wc -c < $there/subset.json) bytes"

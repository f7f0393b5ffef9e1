#!/usr/bin/env bash
# Runs bcctl with the inputs as they are: nothing of them is read by a shell again.
set -euo pipefail
arguments=("$INPUT_COMMAND")
while IFS= read -r line || [ -n "$line" ]; do
  [ -z "$line" ] || arguments+=("$line")
done <<< "${INPUT_ARGS:-}"
[ "${INPUT_SARIF:-false}" != true ] || arguments+=(-o table -o sarif=bcctl.sarif)
[ "${INPUT_SUMMARY:-true}" != false ] || export BCCTL_GITHUB=off
exec "$BCCTL_ACTION_BINARY" -C "$INPUT_REPO" "${arguments[@]}"

#!/usr/bin/env bash
# Downloads one release of bcctl and runs nothing of it before its SHA-256 is the one
# that stands in checksums.txt beside this file, or in the input.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
die() { printf '::error title=bcctl::%s\n' "$1"; exit 1; }

case "${RUNNER_OS:-}" in
  Linux) system=linux ;;
  macOS) system=darwin ;;
  *) die "no bcctl for runner.os '${RUNNER_OS:-}': use Linux or macOS" ;;
esac
case "${RUNNER_ARCH:-}" in
  X64) architecture=amd64 ;;
  ARM64) architecture=arm64 ;;
  *) die "no bcctl for runner.arch '${RUNNER_ARCH:-}': use X64 or ARM64" ;;
esac

version=${INPUT_VERSION:-}
version=${version#v}
[ -n "$version" ] || version=$(awk '!/^#/ && NF { last = $1 } END { print last }' "$here/checksums.txt")
[ -n "$version" ] || die "this commit of the action belongs to no release: give the inputs version and sha256"
[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || die "version '$version' is not one like 1.2.3"

want=${INPUT_SHA256:-}
[ -n "$want" ] || want=$(awk -v v="$version" -v s="$system" -v a="$architecture" '$1 == v && $2 == s && $3 == a { print $4 }' "$here/checksums.txt")
[[ "$want" =~ ^[0-9a-f]{64}$ ]] || die "no SHA-256 is known for bcctl $version on $system/$architecture: give the input sha256, from checksums.txt of the release"

folder="$RUNNER_TEMP/bcctl-$version"
mkdir -p "$folder"
archive="$folder/bcctl.tar.gz"
base=${BCCTL_DOWNLOAD:-https://github.com/bcctl/bcctl/releases/download}
curl --fail --silent --show-error --location --retry 3 --max-time 300 --output "$archive" \
  "$base/v$version/bcctl_${version}_${system}_${architecture}.tar.gz" || die "bcctl $version could not be downloaded"
if command -v sha256sum >/dev/null; then got=$(sha256sum "$archive"); else got=$(shasum -a 256 "$archive"); fi
[ "${got%% *}" = "$want" ] || { rm -f "$archive"; die "the archive of bcctl $version has SHA-256 ${got%% *}, expected $want: it is not what was released"; }
tar -xzf "$archive" -C "$folder" bcctl
printf '%s\n' "$folder" >> "$GITHUB_PATH"
printf 'BCCTL_ACTION_BINARY=%s\n' "$folder/bcctl" >> "$GITHUB_ENV"

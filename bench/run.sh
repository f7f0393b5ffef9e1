#!/usr/bin/env bash
# Every benchmark, as ratios against a floor measured in the same run.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
echo "== sweep"
go run -tags minicore_disabled ./bench/sweep -bcctl bin/bcctl "$@"
echo "== audit log"
go run -tags minicore_disabled ./bench/audit -n 100000
go run -tags minicore_disabled ./bench/audit -n 1000000 -rounds 1 -appends 0
echo "== configuration"
go test -tags minicore_disabled -run '^$' -bench . -benchtime 3x ./pkg/config
echo "== history"
go test -tags minicore_disabled -run '^$' -bench . -benchtime 1x ./internal/store
echo "== fleet: all platforms, some hung, some refusing; ends with an error when an aim is missed"
go run -tags minicore_disabled ./bench/fleet -bcctl bin/bcctl
echo "== switchover and failover of a real pair: how long nobody can write, and what bcctl takes"
go run -tags minicore_disabled ./bench/switchover -bcctl bin/bcctl

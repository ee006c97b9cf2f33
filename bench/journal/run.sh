#!/usr/bin/env bash
# run.sh [DIR] [--seconds N]: the journal on SQLite and on a Postgres server of the distribution's packages, side
# by side in one run on the disk of DIR (a temporary folder); needs nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
case ${1:-} in '' | --*) ;; *) dir=$(mktemp -d -p "$1"); shift ;; esac
trap 'tests/postgres.sh stop "$dir/p" immediate || true; rm -rf "$dir"' EXIT
[ -n "${BENCH:-}" ] || cargo build --release -p trunkline-bench-journal
bench=${BENCH:-${CARGO_TARGET_DIR:-target}/release/bench-journal} # BENCH: one that is built already
echo "$(date -u +%F), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg); $(tests/postgres.sh version)"
(umask 077; tests/postgres.sh start "$dir/p" --owner $$ >"$dir/uri")
"$bench" --dir "$dir/s" --postgres-url-file "$dir/uri" "$@"
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"

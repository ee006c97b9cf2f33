#!/usr/bin/env bash
# generated.sh [--check]: writes the files that are generated from the types; with --check it only
# says which of the tree's differ, and fails if one does.
set -euo pipefail
cd "$(dirname "$0")/.."
out=crds/manifests
if [ "${1:-}" = --check ]; then
  out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
fi
cargo run --quiet -p trunkline-crds --bin crdgen -- "$out"
[ "${1:-}" = --check ] || charts/generate.sh # its freshness is a test of the operator's
if [ "${1:-}" = --check ]; then
  diff -ru crds/manifests "$out" || { echo "crds/manifests is not what the types say: run 'make generate'" >&2; exit 1; }
fi

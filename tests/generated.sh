#!/usr/bin/env bash
# generated.sh [--check]: writes the files that are generated: the CRD manifests and JSON schemas and their
# chart from the types, the reference pages from the programs. With --check it runs the tests that say which of
# the tree's aren't fresh, and whether each test that ARCHITECTURE.md and two pages of docs/ name is there; they are built as
# `cargo test --workspace` builds them, so that no second build follows.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --check ]; then
  exec cargo test --workspace --quiet --test generated --test architecture --test charts --test reference
fi
cargo run --quiet -p trunkline-crds --bin crdgen -- crds/manifests
charts/generate.sh
UPDATE=1 cargo test --workspace --quiet --test reference

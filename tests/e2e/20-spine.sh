#!/usr/bin/env bash
# The spine with real calls: tests/e2e/tests/spine. Wants what tests/run.sh says of e2e.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo test -p trunkline-e2e --features node --test spine -- --test-threads=1 --nocapture

#!/usr/bin/env bash
# run.sh [FILTER]: `trunkline up` with a real Asterisk, callers and phones, in a closed namespace of its own; 1 minute
# once the media image is built. Needs root, or sudo.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../../.." && pwd)
export WORLD=${WORLD:-$(mktemp -d)/world}
. "$tree/tests/voip/env.sh"
# With --workspace, as the engine's: one package alone has other features of its dependencies.
suite() { cargo test --manifest-path "$tree/Cargo.toml" --workspace --test up_live "$@"; }
suite --no-run
asterisk=$("$voip/asterisk.sh" root)
"$voip/world.sh" up --alone --owner $$
trap '"$voip/world.sh" down' EXIT
binary=$(suite --no-run --message-format json 2>/dev/null | sed -n 's/.*"executable":"\([^"]*up_live[^"]*\)".*/\1/p')
"${root[@]}" env "ASTERISK_ROOT=$asterisk" "VOIP=$voip" "WORLD=$WORLD" "STATE=$STATE" "PATH=$here:$PATH" \
  nsenter --net --target "$(world_pid)" "$binary" --ignored --test-threads 1 --show-output ${1:+"$1"}

#!/usr/bin/env bash
# run.sh [FILTER]: the engine's telephony and the media side-car against a real Asterisk, callers and
# phones, in closed namespaces of their own, and what becomes of the calls when engines, stores and media pods
# fail; 12 minutes once the media image is built. Needs root, or sudo.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../../.." && pwd)
export WORLD=${WORLD:-$(mktemp -d)/world}
. "$tree/tests/voip/env.sh"
# With --workspace, which shares what tests/run.sh has built: one package alone has other features of its dependencies.
suite() { cargo test --manifest-path "$tree/Cargo.toml" --workspace "$@"; }
suite --test ari_live --test calls_live --test media_live --test failover_live --no-run
# Calls are real time: what the tests start goes before whatever else the machine has to do, where that may be said. A few
# busy processes beside it can keep Asterisk from running for ten seconds and more, and the engine is right to take it for dead then.
"${root[@]}" chrt --rr --pid 1 $$ 2>/dev/null || echo "run.sh: nothing goes before other processes here"
"$voip/world.sh" up --alone --owner $$
beside=$(mktemp) others=
trap '[ -z "$others" ] || kill -- "-$others" 2>/dev/null || true; "$voip/world.sh" down; rm -f "$beside"' EXIT
"$voip/asterisk.sh" start media-0 "$here/etc"
# Calls mostly wait, so two are beside each other: these bring a world and an Asterisk of their own each. The
# group has a process group, by which it is ended.
set -m
{
  suite --test media_live -- --ignored --test-threads 2 --show-output ${1:+"$1"} || bad=1
  suite --test failover_live -- --ignored --test-threads 2 --show-output ${1:+"$1"} || bad=1
  exit ${bad:-0}
} >"$beside" 2>&1 &
others=$!
set +m
rc=0
for suite in ari_live calls_live; do
  binary=$(suite --test $suite --no-run --message-format json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*'$suite'[^"]*\)".*/\1/p')
  "${root[@]}" env TRUNKLINE_TEST_ARI=http://10.88.0.1:8088/ari TRUNKLINE_TEST_ARI_PASSWORD=live-test \
    "VOIP=$voip" "WORLD=$WORLD" "STATE=$STATE" "PATH=$PATH" \
    nsenter --net --target "$(world_pid)" "$binary" --ignored --test-threads 1 --show-output ${1:+"$1"} || rc=1
done
wait $others || rc=1
others=
cat "$beside"
exit $rc

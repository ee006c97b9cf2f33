#!/usr/bin/env bash
# watch-owner.sh PID: takes the cluster of $STATE down once PID has ended. Started by up.sh --owner,
# so that a test run that crashes or is killed leaves nothing behind.
set -euo pipefail
unset CLUSTER_LOCKED # up.sh held the lock, we don't
tail --pid="$1" -f /dev/null
rm -f "$STATE/pids/watch-owner" # down.sh must not end us
exec "$(dirname "$0")/down.sh"

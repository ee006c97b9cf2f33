#!/usr/bin/env bash
# world.sh up [--alone] [--owner PID] | flat | outside | exec CMD... | down: carriers and phones around a centre.
#
# up          a closed network namespace joined to the cluster node's (STATE) alone: 10.88.0.1 is the
#             node, .10 and .11 carriers, .20 to .29 agents' phones. It ends with the node.
# up --alone  the same addresses with no cluster, for Asterisk and the engine as plain processes
# --owner     when that process is gone, however it went, the world ends itself
# flat        pod addresses are routed to the world (as `up` leaves it)
# outside     they are not, and the node hides the pods behind its address, as most clouds do
# exec        CMD in the world; it ends when this script is ended, and with the world
#
# WORLD (default $STATE.world) is where it keeps its files. Needs root, or sudo.
set -euo pipefail
. "$(dirname "$0")/env.sh"
addresses=(10 11 20 21 22 23 24 25 26 27 28 29)
# PID 1 of the world: reaps, and does nothing else.
holder=(unshare --net --pid --fork --kill-child bash -c 'trap "exit 0" TERM; sleep infinity & while :; do wait; done')
inside() { "${root[@]}" nsenter --net --target "$(world_pid)" "$@"; }
node() { "${root[@]}" nsenter --net --target "$(cat "$STATE/pids/node" 2>/dev/null || die "no node runs in STATE=$STATE")" "$@"; }

up() {
  local alone='' owner=''
  while [ $# -gt 0 ]; do
    case $1 in --alone) alone=1 ;; --owner) owner=${2:?--owner wants a PID}; shift ;; *) usage ;; esac
    shift
  done
  down
  "$voip/deps.sh"
  mkdir -p "$WORLD"
  if [ -n "$owner" ]; then
    setsid bash -c 'tail --pid="$1" -f /dev/null; exec "$2" down' _ "$owner" "$voip/world.sh" >/dev/null 2>&1 </dev/null &
    echo $! >"$WORLD/watcher"
  fi
  local n launcher enter=()
  if [ -z "$alone" ]; then
    n=$(cat "$STATE/pids/node" 2>/dev/null) || die "no node runs in STATE=$STATE (or say: world.sh up --alone)"
    enter=(nsenter --pid --target "$n")
  fi
  "${root[@]}" env "WORLD=$WORLD" setsid "${enter[@]}" "${holder[@]}" >/dev/null 2>&1 </dev/null &
  launcher=$!
  # The world's PID 1 is the deepest of the launcher's only children.
  local p
  for _ in {1..100}; do
    p=$launcher
    while p=$(pgrep -P "$p" | head -1) && [ -n "$p" ]; do
      if grep -qE '^NSpid:.*\s1$' "/proc/$p/status" 2>/dev/null && [ "$(cat "/proc/$p/comm")" = bash ]; then echo "$p" >"$WORLD/pid"; break 2; fi
    done
    sleep 0.02
  done
  [ -e "$WORLD/pid" ] || die "the world's first process did not start"
  inside ip link set lo up
  local device=outer0 a
  if [ -n "$alone" ]; then
    device=lo
    addresses+=(1)
  else
    node ip link add world0 type veth peer name outer0 netns "$(world_pid)"
    node ip addr add 10.88.0.1/24 dev world0
    node ip link set world0 up
  fi
  for a in "${addresses[@]}"; do inside ip addr add "10.88.0.$a/24" dev "$device"; done
  [ -n "$alone" ] || {
    inside ip link set outer0 up
    inside ip route add default via 10.88.0.1 src 10.88.0.10
  }
}

ours() { "${root[@]}" cat "/proc/$1/environ" 2>/dev/null | tr '\0' '\n' | grep -xF "WORLD=$WORLD" >/dev/null; }
down() {
  local p
  if p=$(cat "$WORLD/watcher" 2>/dev/null) && [ "$p" != $$ ] && ours "$p"; then kill -- "-$p" 2>/dev/null || true; fi
  if p=$(cat "$WORLD/pid" 2>/dev/null) && ours "$p"; then
    "${root[@]}" kill -KILL "$p"
    while [ -e "/proc/$p/ns/net" ] && "${root[@]}" readlink "/proc/$p/ns/net" >/dev/null 2>&1; do sleep 0.02; done
  fi
  "${root[@]}" rm -rf "$WORLD"
}

case ${1:-} in
  up) shift; up "$@" ;;
  down) down ;;
  exec) shift; in_world "$@" ;;
  flat)
    inside ip route del blackhole 10.244.0.0/16 2>/dev/null || true
    node nft delete table ip outside 2>/dev/null || true
    ;;
  outside)
    inside ip route replace blackhole 10.244.0.0/16
    node nft -f - <<'N'
table ip outside
delete table ip outside
table ip outside {
  chain post {
    type nat hook postrouting priority 101;
    ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 10.96.0.0/16 } masquerade
  }
}
N
    ;;
  *) usage ;;
esac

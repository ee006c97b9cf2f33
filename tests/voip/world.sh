#!/usr/bin/env bash
# world.sh up [--alone] [--owner PID] | pods up [--phones N] [--owner PID] | down: carriers and phones around a centre.
# world.sh flat | outside | exec CMD... | address ROLE | entry NAMESPACE SERVICE | localise: what one asks of it.
#
# up          a closed network namespace joined to the cluster node's (STATE) alone: 10.88.0.1 is the
#             node, .10 and .11 carriers, .20 to .29 agents' phones. It ends with the node.
# up --alone  the same addresses with no cluster, for Asterisk and the engine as plain processes
# pods up     carrier-a, carrier-b and phone-1 to phone-N (4) are pods in the cluster that KUBECONFIG names, in
#             the namespace trunkline-world, from WORLD_IMAGE (images/build.sh world), loaded there
# --owner     when that process is gone, however it went, the world ends itself
# flat        pod addresses are routed to the world (as `up` leaves it)
# outside     they are not, and the node hides the pods behind its address, as most clouds do
# exec        CMD in the world; it ends when this script is ended, and with the world
# address     of carrier-a, carrier-b, phone-1 to phone-10, in either kind of world
# entry       HOST:PORT at which carriers and phones reach a SIP Service: by its node port, or in a world of
#             pods by its cluster address
# localise    copies YAML, with those addresses for 10.88.0.10, .11, .20 to .29
#
# WORLD (default $STATE.world) is where it keeps its files. Needs root, or sudo; pods don't.
set -euo pipefail
. "$(dirname "$0")/env.sh"
addresses=(10 11 20 21 22 23 24 25 26 27 28 29)
# PID 1 of the world: reaps, and does nothing else.
holder=(unshare --net --pid --fork --kill-child bash -c 'trap "exit 0" TERM; sleep infinity & while :; do wait; done')
inside() { "${root[@]}" nsenter --net --target "$(world_pid)" "$@"; }
node() { "${root[@]}" nsenter --net --target "$(cat "$STATE/pids/node" 2>/dev/null || die "no node runs in STATE=$STATE")" "$@"; }

# owned_by PID: when that process is gone, so is the world
owned_by() {
  setsid bash -c 'tail --pid="$1" -f /dev/null; exec "$2" down' _ "$1" "$voip/world.sh" >/dev/null 2>&1 </dev/null &
  echo $! >"$WORLD/watcher"
}

pods() {
  local owner='' phones=4
  case ${1:-} in up) shift ;; down) pods_down; down; return ;; *) usage ;; esac
  while [ $# -gt 0 ]; do
    case $1 in --phones) phones=${2:?--phones wants a number} ;; --owner) owner=${2:?--owner wants a PID} ;; *) usage ;; esac
    shift 2
  done
  down
  mkdir -p "$WORLD"
  [ -z "$owner" ] || owned_by "$owner"
  pods_up "$phones"
}

entry() {
  local service
  service=$(kubectl --namespace "$1" get service "$2" -o 'jsonpath={.spec.clusterIP} {.spec.ports[0].port} {.spec.ports[0].nodePort}')
  set -- $service
  if pods_world; then echo "$1:$2"; return; fi
  [ -n "${3:-}" ] || die "the Service has no node port, by which alone the world reaches it: make it a NodePort"
  echo "$(kubectl get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}'):$3"
}

localise() {
  local role n replace=()
  pods_world || exec cat
  replace=(-e "s/\b10\.88\.0\.10\b/$(address carrier-a)/g" -e "s/\b10\.88\.0\.11\b/$(address carrier-b)/g")
  for role in $(sed -n 's/^\(phone-[0-9]*\) .*/\1/p' "$WORLD/pods"); do
    n=$((19 + ${role#phone-}))
    replace+=(-e "s/\b10\.88\.0\.$n\b/$(address "$role")/g")
  done
  sed "${replace[@]}"
}

up() {
  local alone='' owner=''
  while [ $# -gt 0 ]; do
    case $1 in --alone) alone=1 ;; --owner) owner=${2:?--owner wants a PID}; shift ;; *) usage ;; esac
    shift
  done
  down
  "$voip/deps.sh"
  mkdir -p "$WORLD"
  [ -z "$owner" ] || owned_by "$owner"
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
  # Where the cluster went first, so did they.
  if pods_world; then pods_down || true; rm -rf "$WORLD"; else "${root[@]}" rm -rf "$WORLD"; fi
}

case ${1:-} in
  up) shift; up "$@" ;;
  down) down ;;
  pods) shift; pods "$@" ;;
  exec) shift; ! pods_world || die "exec: pods have sipp, and nothing of this machine"; in_world "$@" ;;
  address) address "${2:?world.sh address ROLE}" ;;
  entry) [ $# = 3 ] || usage; entry "$2" "$3" ;;
  localise) localise ;;
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

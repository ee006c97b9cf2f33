#!/usr/bin/env bash
# api-start.sh: starts the kube-apiserver of $STATE again, with the flags that it had; returns when it is ready.
set -euo pipefail
. "$(dirname "$0")/env.sh"
exclusive "$0" "$@"
command=$(cat "$STATE/commands/kube-apiserver" 2>/dev/null) || { echo "api-start.sh: no cluster in STATE=$STATE" >&2; exit 1; }
if pid_of kube-apiserver >/dev/null; then echo "api-start.sh: kube-apiserver runs already" >&2; exit 1; fi
log=$STATE/logs/kube-apiserver.log
if [ -e "$STATE/pids/node" ]; then # into all of the node's namespaces, so that it ends with the node
  setsid nsenter --all --target "$(cat "$STATE/pids/node")" bash -c "exec $command" >>"$log" 2>&1 </dev/null &
else
  setsid bash -c "exec $command" >>"$log" 2>&1 </dev/null &
  echo $! >"$STATE/pids/kube-apiserver"
fi
wait_for 60 "kube-apiserver (see $log)" kubectl --kubeconfig="$STATE/kubeconfig" get --raw /readyz
say "kube-apiserver ready"

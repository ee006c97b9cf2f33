#!/usr/bin/env bash
# api-stop.sh: kills the kube-apiserver of $STATE and nothing else, as an upgrade or a crash of the
# control plane does. Pods, Services and open calls go on. api-start.sh brings it back.
set -euo pipefail
. "$(dirname "$0")/env.sh"
exclusive "$0" "$@"
pid=$(pid_of kube-apiserver) || { echo "api-stop.sh: no kube-apiserver runs in STATE=$STATE" >&2; exit 1; }
kill -KILL "$pid"
for _ in {1..100}; do ! gone "$pid" || { say "kube-apiserver ended"; exit 0; }; sleep 0.05; done
echo "api-stop.sh: kube-apiserver, PID $pid, is still there 5 s after SIGKILL" >&2; exit 1

#!/usr/bin/env bash
# 02-demo.sh: `make demo` on a cluster that is there already: it makes its calls, takes away what it made, and
# doesn't begin where somebody has Trunkline or the images are missing.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
use_cluster
images operator engine media world >"$LOGS/demo-images.log" 2>&1 && image_names || die "no images; see $LOGS/demo-images.log"
unset STATE WORLD
export DEMO_USE_CLUSTER=1
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
out=$LOGS/demo-out.log
pass=0 fail=0
check() { # WHAT CMD...
  local what=$1; shift
  if "$@" >"$LOGS/check.log" 2>&1; then pass=$((pass + 1)); echo "ok    $what"; else fail=$((fail + 1)); echo "FAIL  $what"; tail -n 30 "$LOGS/check.log"; fi
}
demo() { tests/e2e/demo.sh "$@" >"$out" 2>&1 || { cat "$out"; return 1; }; }
refuses() { ! tests/e2e/demo.sh >"$out" 2>&1 && grep -F "$1" "$out"; }
nothing_to_take_away() { ! tests/e2e/demo.sh down >"$out" 2>&1 && grep -F "has made nothing" "$out" && kubectl get crd callcenters.trunkline.dev; }
none_left() { [ -z "$(left | tee /dev/stderr)" ]; }
calls_answered() { [ "$(grep -c '^contact [0-9]*: client acme, .* answered$' "$out")" = 3 ] && grep '^client acme today: 3 offered, 3 answered' "$out"; }
left() {
  kubectl get crd,namespace,clusterrole,clusterrolebinding,validatingwebhookconfiguration -o name | grep -E 'trunkline|northwind'
  find "$XDG_STATE_HOME" -mindepth 2
}
crds() { helm "$1" trunkline-crds "${@:2}" --namespace default; }
cleanup() {
  tests/e2e/demo.sh down >/dev/null 2>&1
  rm -rf "$XDG_STATE_HOME"
}
trap cleanup EXIT

crds install charts/trunkline-crds >/dev/null || die "the CRD chart can't be installed"
check "where Trunkline is installed it doesn't begin" refuses 'callcenters.trunkline.dev'
check "and has nothing to take away" nothing_to_take_away
crds uninstall >/dev/null 2>&1
kubectl delete -f charts/trunkline-crds/templates >/dev/null
check "three calls on the cluster that KUBECONFIG names" demo
check "each in the records, and in the client's service level" calls_answered
check "demo-down" demo down
check "leaves nothing of it" none_left
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]

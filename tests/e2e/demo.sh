#!/usr/bin/env bash
# demo.sh [down]: from YAML to a talking caller on a real cluster. DEMO_USE_CLUSTER=1 takes the cluster
# that KUBECONFIG names, into which the images of target/images must have been loaded.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
# Built in a third of the time, and what `make test` builds: who sees this for the first time waits for it. For what
# ships there is `make images`, which builds with release.
export CARGO_PROFILE=${CARGO_PROFILE:-dev}
if [ "${1:-}" = down ]; then
  if [ "${DEMO_USE_CLUSTER:-}" = 1 ]; then exec "$VOIP/world.sh" pods down; fi
  use_cluster
  cluster_down
  exit 0
fi
if [ "${DEMO_USE_CLUSTER:-}" = 1 ]; then
  [ -n "${KUBECONFIG:-}" ] || die "demo.sh: DEMO_USE_CLUSTER=1 wants KUBECONFIG"
  need_toolchains
  step "images: operator, engine, media, world" images operator engine media world
  image_names
  step "the world outside, as pods: carriers and phones" "$VOIP/world.sh" pods up
else
  node_with_images
  step "the world outside: carriers and phones" world_up
fi
step "the demo's program" cargo build -p trunkline-e2e --bin demo
RUST_BACKTRACE=0 target/debug/demo

cat >&2 <<T

The centre goes on. Look around:
  export KUBECONFIG=$KUBECONFIG PATH=$BIN:\$PATH
  kubectl -n northwind get cc,ccl,cct,cca,pods
  kubectl -n northwind describe cc northwind
  kubectl -n northwind port-forward service/northwind-api 8080 &
  curl -H "Authorization: Bearer \$(kubectl -n northwind get secret northwind-api -o jsonpath={.data.admin-token} | base64 -d)" localhost:8080/api/v1/contacts?state=ended
End it, with nothing left behind: make demo-down
T

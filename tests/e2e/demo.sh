#!/usr/bin/env bash
# demo.sh [down]: from YAML to a talking caller on a real cluster.
#
# DEMO_USE_CLUSTER=1 takes the cluster that KUBECONFIG names, with its kubectl and helm. What the demo made there
# is noted, so that `down` takes away that and nothing else; where Trunkline is installed already it doesn't begin.
# The images have to be loaded into its nodes: the first run builds them and says so. DEMO_IMAGES_LOADED=1 is
# for a cluster whose nodes don't list what they have.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
# Built in a third of the time, and what `make test` builds: who sees this for the first time waits for it. For what
# ships there is `make images`, which builds with release.
export CARGO_PROFILE=${CARGO_PROFILE:-dev}
theirs() { [ "${DEMO_USE_CLUSTER:-}" = 1 ]; }

use_their_cluster() {
  local tool uid
  [ -n "${KUBECONFIG:-}" ] || die "demo.sh: DEMO_USE_CLUSTER=1 wants KUBECONFIG to name the cluster's file"
  for tool in kubectl helm; do
    command -v $tool >/dev/null || die "demo.sh: DEMO_USE_CLUSTER=1 wants $tool in PATH, and it is not there"
  done
  uid=$(kubectl --request-timeout=10s get namespace kube-system -o 'jsonpath={.metadata.uid}') ||
    die "demo.sh: the cluster that KUBECONFIG=$KUBECONFIG names doesn't answer"
  export STATE=${XDG_STATE_HOME:-$HOME/.local/state}/trunkline/demo-$uid
  export WORLD=$STATE.world
}

# Where somebody has Trunkline, its CRDs and with them every tenant are not the demo's to change and to take away.
theirs_free() {
  local have
  [ ! -e "$STATE/made" ] || return 0
  have=$(kubectl get crd -o name --ignore-not-found callcenters.trunkline.dev
    kubectl get namespace -o name --ignore-not-found northwind trunkline-system trunkline-world)
  [ -z "$have" ] || die "demo.sh: the cluster has Trunkline, or what the demo would make, already:" $have "- take another cluster"
}

missing_images() {
  local name have
  have=$(kubectl get nodes -o 'jsonpath={range .items[*].status.images[*].names[*]}{@}{"\n"}{end}')
  for name in "$OPERATOR_IMAGE" "$ENGINE_IMAGE" "$MEDIA_IMAGE" "$WORLD_IMAGE"; do
    grep -qxF "$name" <<<"$have" || echo "$name"
  done
}
their_images() {
  local missing until=$((SECONDS + 75)) # a node tells of a new image within a minute
  while missing=$(missing_images) && [ -n "$missing" ]; do
    [ $SECONDS -lt $until ] || {
      printf 'no node of the cluster lists\n%s\nLoad them into every node and run this again:\n' "$missing" >&2
      printf '  kind load image-archive %s\n  ctr --namespace k8s.io images import %s    (on each node)\n' \
        "$tree/target/images/ARCHIVE.tar" "ARCHIVE.tar" >&2
      printf 'for each ARCHIVE of operator, engine, media, world. DEMO_IMAGES_LOADED=1 goes on without looking.\n' >&2
      return 1
    }
    sleep 3
  done
}

# The tenant first, while the operator is there to end it.
their_down() {
  [ -e "$STATE/made" ] || die "demo.sh: the demo has made nothing in the cluster that KUBECONFIG=$KUBECONFIG names"
  step "the world outside goes" "$VOIP/world.sh" pods down
  step "the tenant goes" kubectl delete namespace northwind --ignore-not-found --timeout=180s
  step "the operator goes" helm uninstall trunkline trunkline-crds --namespace trunkline-system --ignore-not-found --wait
  # The chart keeps them, so that no uninstall ends a tenant; here there is none left.
  step "the CRDs go" kubectl delete crd --ignore-not-found \
    agents.trunkline.dev callcenters.trunkline.dev clients.trunkline.dev trunks.trunkline.dev
  step "the operator's namespace goes" kubectl delete namespace trunkline-system --ignore-not-found --timeout=120s
  rm -rf "$STATE"
}

if [ "${1:-}" = down ]; then
  if theirs; then
    use_their_cluster
    their_down
  else
    use_cluster
    cluster_down
    rm -f "$STATE.lock"
  fi
  exit 0
fi
if theirs; then
  use_their_cluster
  theirs_free
  need_toolchains
  step "Debian packages" debian_packages
  step "images: operator, engine, media, world" images operator engine media world
  image_names
  [ "${DEMO_IMAGES_LOADED:-}" = 1 ] || STEP_TAIL=8 step "the cluster has the images" their_images
  mkdir -p "$STATE"
  touch "$STATE/made"
  step "the world outside, as pods: carriers and phones" "$VOIP/world.sh" pods up
  down='DEMO_USE_CLUSTER=1 make demo-down' path=''
else
  node_with_images
  step "the world outside: carriers and phones" world_up
  down='make demo-down' path=" PATH=$BIN:\$PATH"
fi
step "the demo's program" cargo build -p trunkline-e2e --bin demo
RUST_BACKTRACE=0 "${CARGO_TARGET_DIR:-target}/debug/demo"

cat >&2 <<T

The centre goes on. Look around:
  export KUBECONFIG=$KUBECONFIG$path
  kubectl -n northwind get cc,ccl,cct,cca,pods
  kubectl -n northwind describe cc northwind
  kubectl -n northwind port-forward service/northwind-api 8080 &
  curl -H "Authorization: Bearer \$(kubectl -n northwind get secret northwind-api -o jsonpath={.data.admin-token} | base64 -d)" localhost:8080/api/v1/contacts?state=ended
End it, with nothing left behind: $down
T

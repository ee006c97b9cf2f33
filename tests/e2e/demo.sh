#!/usr/bin/env bash
# demo.sh [down]: from YAML to a talking caller on a real cluster. DEMO_USE_CLUSTER=1 takes the cluster
# that KUBECONFIG names, into which the images of target/images must have been loaded.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
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

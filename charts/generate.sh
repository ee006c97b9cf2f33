#!/usr/bin/env bash
# generate.sh [FOLDER]: writes the CRDs as the templates of charts/trunkline-crds (or to FOLDER): what
# crds/manifests holds, with helm told to keep them when the chart is uninstalled, for with a CRD
# goes every object of its kind.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-charts/trunkline-crds/templates}
mkdir -p "$out"
for manifest in crds/manifests/*.yaml; do
  awk '{ print } $0 == "metadata:" && !done { print "  annotations:\n    helm.sh/resource-policy: keep"; done = 1 }' \
    "$manifest" >"$out/$(basename "$manifest")"
done

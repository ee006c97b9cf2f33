#!/usr/bin/env bash
# kwok.sh up NODES [VOLUMES] | down: pretends NODES nodes whose pods are Ready at once, for pods at scale on
# a control plane without a node. No image is pulled (one with the tag `missing` can't be), nothing runs. VOLUMES
# (default 100) claims find an empty volume of the default StorageClass to bind to; each serves one claim.
set -euo pipefail
. "$(dirname "$0")/env.sh"
exclusive "$0" "$@"
export KUBECONFIG=$STATE/kubeconfig
nodes() { # LAST
  local i
  for ((i = 1; i <= $1; i++)); do
    cat <<Y
apiVersion: v1
kind: Node
metadata: {name: kwok-$i, annotations: {kwok.x-k8s.io/node: fake}, labels: {kubernetes.io/hostname: kwok-$i, kubernetes.io/os: linux, kubernetes.io/arch: amd64}}
status: {allocatable: {cpu: "64", memory: 256Gi, pods: "1000"}, capacity: {cpu: "64", memory: 256Gi, pods: "1000"}}
---
Y
  done
}
volumes() { # LAST
  local i
  cat <<Y
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: pretended, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: Immediate
Y
  for ((i = 1; i <= $1; i++)); do
    cat <<Y
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: kwok-$i}
spec: {capacity: {storage: 1Ti}, accessModes: [ReadWriteOnce], storageClassName: pretended, persistentVolumeReclaimPolicy: Retain, hostPath: {path: /nowhere}}
Y
  done
}
case ${1:-} in
  up)
    count=${2:?kwok.sh up NODES [VOLUMES]}
    if ! pid_of kwok >/dev/null; then
      setsid "$BIN/kwok" --kubeconfig="$KUBECONFIG" --config="$BIN/kwok-stages.yaml" \
        --config="$here/manifests/kwok-image-missing.yaml" --manage-all-nodes=false \
        --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake --node-lease-duration-seconds=40 --cidr=10.245.0.0/16 --node-ip=10.245.0.1 \
        >>"$STATE/logs/kwok.log" 2>&1 </dev/null &
      echo $! >"$STATE/pids/kwok"
    fi
    { nodes "$count"; volumes "${3:-100}"; } | kubectl apply --server-side -f - >/dev/null
    all_ready() { [ "$(kubectl get nodes -l kubernetes.io/hostname -o 'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' | grep -c '^kwok-.* True')" -ge "$count" ]; }
    wait_for 60 "kwok's nodes (see $STATE/logs/kwok.log)" all_ready
    say "$count pretended nodes Ready"
    ;;
  down)
    if pid=$(pid_of kwok); then kill "$pid"; fi
    rm -f "$STATE/pids/kwok"
    kubectl get nodes,pv -o name | grep '/kwok-' | xargs -r kubectl delete --wait=false >/dev/null
    ;;
  *) echo "usage: $0 up NODES [VOLUMES] | down" >&2; exit 2 ;;
esac

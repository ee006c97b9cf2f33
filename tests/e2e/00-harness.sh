#!/usr/bin/env bash
# 00-harness.sh: proves what the other end-to-end tests stand on, with nothing of Trunkline's but the media image:
# a pod of it under restricted pod security takes a carrier's call and a phone's registration through a
# NodePort, and audio flows; the API server's absence ends no call.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
use_cluster
image_names
pass=0 fail=0
check() { # WHAT CMD...
  local what=$1; shift
  if "$@" >"$LOGS/check.log" 2>&1; then pass=$((pass + 1)); echo "ok    $what"; else fail=$((fail + 1)); echo "FAIL  $what"; tail -n 20 "$LOGS/check.log"; fi
}
k() { kubectl -n harness "$@"; }
within() { local end=$((SECONDS + $1)); shift; until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done; }
phone_ready() { [ -e "$WORLD/log/harness-phone/ready" ]; }
said() { grep -q "$2" "$WORLD/log/$1/events.log" 2>/dev/null; }
call=("$VOIP/caller.sh" --name harness-caller --to 10.77.0.2:30960 --number)
cleanup() {
  kill "${jobs[@]}" 2>/dev/null
  k delete namespace harness --wait=false >/dev/null 2>&1
  rm -rf "$etc"
}
jobs=() etc=$(mktemp -d)
trap cleanup EXIT

kubectl apply --server-side -f - >/dev/null <<Y
apiVersion: v1
kind: Namespace
metadata: {name: harness, labels: {pod-security.kubernetes.io/enforce: restricted}}
Y
k wait --for=create serviceaccount/default --timeout=60s >/dev/null
kubectl apply --server-side -f - >/dev/null <<Y
apiVersion: v1
kind: Service
metadata: {name: sip, namespace: harness}
spec:
  type: NodePort
  externalTrafficPolicy: Local # the pod must see who calls
  selector: {app: media}
  ports: [{name: sip, protocol: UDP, port: 5060, nodePort: 30960}]
Y
media_pod harness | kubectl apply --server-side -f - >/dev/null
cp "$VOIP"/etc/* "$etc"
sed -i 's/^bind=.*/bind=0.0.0.0:5060/' "$etc/pjsip.conf"
k create configmap etc --from-file="$etc" >/dev/null

"$VOIP/registrar.sh" --at 10.88.0.11 --user trunk --password carrier-secret --name harness-carrier & jobs+=($!)
check "the media image runs under restricted pod security" k wait --for=condition=Ready pod/media --timeout=60s
check "a trunk registers from the pod at its carrier" within 15 said harness-carrier 'registered <sip:trunk@10.244'
check "a carrier's call through the NodePort" "${call[@]}" 100 --talk 20
"$VOIP/phone.sh" --name harness-phone --at 10.88.0.20 --register 10.77.0.2:30960 --user anna --password phone-secret --answer 0.5 & jobs+=($!)
check "a phone registers through the NodePort" within 5 phone_ready
sleep 0.3
"$VOIP/world.sh" exec "$VOIP/rtp.py" 6 outer0 >"$LOGS/harness-rtp" & rtp=$!
"${call[@]}" 200 --talk 8 & caller=$!
wait $rtp
check "audio flows on both legs in both directions" awk '$5 >= 100 && $7 == 0 {n++} END {exit n < 4}' "$LOGS/harness-rtp"
as_root "$CLUSTER/api-stop.sh" 2>/dev/null
check "the API server is away" bash -c '! kubectl get --raw /readyz --request-timeout=2s'
check "and the call ends as it should" wait $caller
check "a new call is answered meanwhile" "${call[@]}" 200 --talk 1
as_root "$CLUSTER/api-start.sh" 2>/dev/null
check "the API server is back" kubectl get --raw /readyz
check "and the pod was not restarted" bash -c '[ "$(kubectl -n harness get pod media -o "jsonpath={.status.containerStatuses[0].restartCount}")" = 0 ]'
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]

#!/usr/bin/env bash
# 01-pods.sh: proves the world of pods, which is how a cluster with no way in from outside gets carriers and
# phones: the callers and phones of tests/voip run inside the cluster, and call a pod of the media image.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
use_cluster
export WORLD=$STATE.pods
images world >"$LOGS/world-image.log" 2>&1 && image_names && load_images || die "no world image; see $LOGS/world-image.log"
pass=0 fail=0
check() { # WHAT CMD...
  local what=$1; shift
  if "$@" >"$LOGS/check.log" 2>&1; then pass=$((pass + 1)); echo "ok    $what"; else fail=$((fail + 1)); echo "FAIL  $what"; tail -n 20 "$LOGS/check.log"; fi
}
k() { kubectl -n pods-test "$@"; }
within() { local end=$((SECONDS + $1)); shift; until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done; }
erred() { grep -q "$2" "$WORLD/log/$1/errors.log" 2>/dev/null; }
said() { grep -q "$2" "$WORLD/log/$1/events.log" 2>/dev/null; }
refused() { ! "$@"; }
background() { "$@" & BACK=$!; jobs+=($!); }
ready() { [ -e "$WORLD/log/phone/ready" ] && sleep 0.5; }
sipps() { kubectl -n trunkline-world exec "$1" -- ps -o pid,comm | awk '$2 == "sipp" {n++} END {print n + 0}'; }
has_sipp() { [ "$(sipps "$1")" = 1 ]; }
no_sipp() { [ "$(sipps "$1")" = 0 ]; }
two_way() { k exec media -- /usr/sbin/asterisk -rx 'pjsip show channelstats' | tee /dev/stderr | awk '$4 == "alaw" && $5 > 50 && $9 > 50 {n++} END {exit n != 2}'; }
cleanup() {
  kill "${jobs[@]}" 2>/dev/null
  "$VOIP/world.sh" pods down
  k delete namespace pods-test --wait=false >/dev/null 2>&1
  rm -rf "$etc"
}
kubectl delete namespace pods-test --ignore-not-found >/dev/null 2>&1 # of a run that was killed
jobs=() etc=$(mktemp -d)
trap cleanup EXIT

check "carriers and phones run under restricted pod security" "$VOIP/world.sh" pods up --phones 2
check "the example's trunks get the carriers' addresses" bash -c '
  documents=$("$VOIP/world.sh" localise <examples/northwind/20-trunks.yaml)
  ! grep -F 10.88.0. <<<"$documents" && grep -F "match: [\"$("$VOIP/world.sh" address carrier-b)/32\"]" <<<"$documents"'
for file in "$VOIP"/etc/*; do "$VOIP/world.sh" localise <"$file" >"$etc/$(basename "$file")"; done
sed -i 's/^bind=.*/bind=0.0.0.0:5060/' "$etc/pjsip.conf"
background "$VOIP/registrar.sh" --at "$("$VOIP/world.sh" address carrier-b)" --user trunk --password carrier-secret --name carrier

kubectl apply --server-side -f - >/dev/null <<Y
apiVersion: v1
kind: Namespace
metadata: {name: pods-test, labels: {pod-security.kubernetes.io/enforce: restricted}}
Y
k wait --for=create serviceaccount/default --timeout=60s >/dev/null
kubectl apply --server-side -f - >/dev/null <<Y
apiVersion: v1
kind: Service
metadata: {name: sip, namespace: pods-test}
spec:
  selector: {app: media}
  ports: [{name: sip, protocol: UDP, port: 5060}]
Y
media_pod pods-test | kubectl apply --server-side -f - >/dev/null
k create configmap etc --from-file="$etc" >/dev/null
k wait --for=condition=Ready pod/media --timeout=60s >/dev/null || die "the media pod is not ready"
entry=$("$VOIP/world.sh" entry pods-test sip)
call=("$VOIP/caller.sh" --to "$entry" --name caller --talk 20 --number)
phone=("$VOIP/phone.sh" --at "$("$VOIP/world.sh" address phone-1)" --register "$entry" --user anna --password phone-secret --name phone --answer 0.5)

check "a trunk registers at a carrier that is a pod" within 15 said carrier 'registered <sip:trunk@'
check "a carrier's 10 calls through the entry Service, known by its address" "${call[@]}" 100 --calls 10 --rate 10
check "each of them told" bash -c '[ "$(grep -c "ended by the other side" "$WORLD/log/caller/events.log")" = 10 ]'
check "a number that isn't there is refused" refused "${call[@]}" 999
check "with 404, and that is told" erred caller '404 Not Found'
background "${phone[@]}"
check "a phone registers through the entry Service" within 5 ready
"${call[@]}" 200 --talk 5 & caller=$!
check "audio flows on both legs in both directions" within 5 two_way
check "the phone's sipp runs in its pod" has_sipp phone-1
check "the caller hangs up" wait $caller
check "seen by the phone" within 2 said phone 'ended by the other side'
kill "$BACK"; wait "$BACK" 2>/dev/null
check "an ended phone's sipp is gone" no_sipp phone-1
background "${phone[@]}" --no-answer; within 5 ready
check "a caller gives up while it rings" "${call[@]}" 300 --cancel 1
check "seen by the phone" within 2 said phone withdrawn
kill -KILL "$BACK"; wait "$BACK" 2>/dev/null
check "so is the sipp of a phone that was killed" within 3 no_sipp phone-1
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]

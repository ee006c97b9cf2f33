# A world of pods, for clusters whose node's network we can't join; sourced by world.sh and, through env.sh's
# in_world, by the callers and phones. Wants kubectl in PATH and KUBECONFIG.
#
# $WORLD/pods has a line ROLE ADDRESS for each pod. Each has an empty folder at the path that WORLD is here, so
# that what a command names here it finds there.
world_namespace=trunkline-world
k() { kubectl --namespace "$world_namespace" "$@"; }

# pod ROLE: its manifest
pod() {
  cat <<Y
---
apiVersion: v1
kind: Pod
metadata: {name: $1, namespace: $world_namespace}
spec:
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: sipp
    image: $WORLD_IMAGE
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"] # and reaps what commands leave
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: world, mountPath: "$WORLD"}]
  volumes: [{name: world, emptyDir: {}}]
Y
}

# pods_up PHONES: carrier-a, carrier-b, phone-1 to phone-PHONES, each once it has an address
pods_up() {
  local phones=$1 n images=$voip/../../target/images/images.env
  [ -n "${WORLD_IMAGE:-}" ] || { [ ! -e "$images" ] || . "$images"; }
  [ -n "${WORLD_IMAGE:-}" ] || die "the world's image is not made: run images/build.sh world, and load target/images/world.tar into the cluster"
  pods_down
  : >"$WORLD/pods" # from here on there is something to take down
  echo "{apiVersion: v1, kind: Namespace, metadata: {name: $world_namespace, labels: {pod-security.kubernetes.io/enforce: restricted}}}" |
    kubectl apply --server-side -f - >/dev/null
  # No pod is let in before its namespace has this; a controller-manager that has just come back takes a while.
  k wait --for=create serviceaccount/default --timeout=60s >/dev/null
  for n in carrier-a carrier-b $(seq -f 'phone-%g' "$phones"); do pod "$n"; done | kubectl apply --server-side -f - >/dev/null
  k wait --for=condition=Ready pod --all --timeout=120s >/dev/null || {
    k get pods -o wide >&2
    k get events --field-selector type=Warning >&2
    die "the world's pods are not Ready after 120 s; is $WORLD_IMAGE loaded into the cluster?"
  }
  k get pods -o 'jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\n"}{end}' >"$WORLD/pods.part"
  mv "$WORLD/pods.part" "$WORLD/pods"
}

pods_down() { kubectl delete namespace "$world_namespace" --ignore-not-found --timeout=60s >/dev/null; }

# in_pod HOST DIR CMD...: CMD in the pod that has the address HOST, with the scenarios in DIR and the tones that they
# name. What CMD writes into DIR/{events,errors,messages}.log comes here line by line, what it prints is printed.
# CMD ends when this process does, however it went: the far end is sent a line.
in_pod() {
  local pod dir=$2 job sent
  pod=$(awk -v a="$1" '$2 == a {print $1}' "$WORLD/pods")
  [ -n "$pod" ] || die "no pod of the world has the address $1; world.sh address ROLE says them"
  shift 2
  mapfile -t sent < <(grep -ohE "$WORLD/tone-[0-9.]+\.al" "$dir"/*.xml | sort -u)
  sent+=("$dir"/*.xml)
  tar -C / -cf "$dir/sent.tar" "${sent[@]#/}"
  rm -f "$dir/stdin"
  mkfifo "$dir/stdin"
  # Read and write, so that it stays open: as long as this process lives, and nobody else holds it.
  exec 3<>"$dir/stdin"
  # The last line is for kubectl: one whose input ends with nothing written for a minute (it sets a deadline at each
  # write, and closes under the old one) tells the cluster another minute later.
  { k exec -i "$pod" -- sh -c "$(cat "$voip/in-pod.sh")" in-pod.sh "$dir" "$(stat -c %s "$dir/sent.tar")" "$@" \
    < <(cat "$dir/stdin"; echo 2>/dev/null) | sorted_into "$dir"; } 3>&- &
  job=$!
  trap 'exec 3>&-; wait $job; exit 143' TERM INT
  cat "$dir/sent.tar" >&3
  wait "$job"
}

# sorted_into DIR: lines `FILE TEXT` appended to DIR/FILE.log
sorted_into() {
  local line
  while IFS= read -r line; do
    case $line in
      events\ * | errors\ * | messages\ *) printf '%s\n' "${line#* }" >>"$1/${line%% *}.log" ;;
    esac
  done
}

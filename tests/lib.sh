# Sourced by tests/run.sh, tests/e2e/*.sh and the Makefile's recipes: what has to stand before a test or the
# demo can start. Every part is quick when it is already done; every part says what it does and how long it took.
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$tree" || exit 1
export PATH="$HOME/.cargo/bin:/usr/local/go/bin:$PATH"
export CLUSTER=$tree/tests/cluster VOIP=$tree/tests/voip
LOGS=${LOGS:-$tree/target/test-logs}
mkdir -p "$LOGS"

die() { echo "$*" >&2; exit 1; }

# as_root CMD...: with sudo where we aren't root, and the variables by which the scripts find their files.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else
    local name keep=()
    for name in PATH HOME XDG_CACHE_HOME XDG_STATE_HOME STATE WORLD API_PORT BIN KUBECONFIG TRACE; do
      [ -z "${!name:-}" ] || keep+=("$name=${!name}")
    done
    sudo env "${keep[@]}" "$@"
  fi
}

seconds() { awk -v us=$((${EPOCHREALTIME/./} - $1)) 'BEGIN {printf "%.1f", us / 1e6}'; }

# log_of WHAT: where the output of a step goes
log_of() { echo "$LOGS/$(tr -c 'a-zA-Z0-9\n' - <<<"$1" | tr -s - | cut -c1-60).log"; }

# step WHAT CMD...: runs CMD with its output in a log, and prints WHAT and the seconds it took. Where CMD
# fails the log's end is shown, and its status returned. On a terminal the seconds run on meanwhile.
step() {
  local what=$1 log start=${EPOCHREALTIME/./} rc=0 ticker=''; shift
  log=$(log_of "$what")
  if [ -t 2 ]; then
    printf '  ...  %s' "$what" >&2
    while sleep 1; do printf '\r%5.0fs  %s' "$(seconds "$start")" "$what" >&2; done & ticker=$!
  else
    echo "  ...  $what" >&2
  fi
  "$@" >"$log" 2>&1 || rc=$?
  if [ -n "$ticker" ]; then kill "$ticker"; wait "$ticker" 2>/dev/null || true; printf '\r' >&2; fi
  printf '%5ss  %s%s\n' "$(seconds "$start")" "$what" "$([ $rc = 0 ] || echo ": FAILED ($rc), the end of $log:")" >&2
  [ $rc = 0 ] || tail -n "${STEP_TAIL:-30}" "$log" >&2
  return $rc
}

# The toolchains are the one thing that we don't install.
need_toolchains() {
  command -v cargo >/dev/null || die "cargo is not there: install Rust (https://rustup.rs), 1.95 or newer"
  command -v go >/dev/null || die "go is not there: install Go (https://go.dev/dl), 1.26 or newer"
}

# What cargo build needs beside Rust (ring and SQLite compile C), and the scripts of this folder. Where there is
# a Postgres server's program already, of whatever version, it will do.
debian_packages() {
  tests/packages.sh gcc libc6-dev make pkg-config python3 procps util-linux && "$CLUSTER/deps.sh" && "$VOIP/deps.sh" &&
    tests/postgres.sh version >/dev/null
}

cluster_binaries() { "$CLUSTER/build.sh"; }
# binaries_beside [IMAGE...]: begins the cluster's binaries in the background, where they aren't built, and then the
# programs of these images, in a session of its own that gets only what of the cores nobody else wants; its id is in
# $beside. Who needs them waits for build.sh's and cargo's locks. To be ended by binaries_beside_end.
beside=''
binaries_beside() {
  [ -z "$beside" ] || return 0
  (. "$CLUSTER/env.sh"; [ -e "$BIN/complete" ]) || echo "  ...  cluster binaries, beside what follows (10 min the first time)" >&2
  # Linux may give each session an equal share of the cores: that of a session is set by its autogroup.
  setsid nice -n 19 ionice -c 3 bash -c 'echo 19 >/proc/self/autogroup; "$CLUSTER/build.sh"; [ $# = 0 ] || images/build.sh --programs "$@"' \
    beside "$@" >"$LOGS/binaries-beside.log" 2>&1 &
  beside=$!
}
binaries_beside_end() { [ -z "$beside" ] || kill -- "-$beside" 2>/dev/null || true; }

# use_cluster: the tools of the built cluster in PATH, and KUBECONFIG and STATE of ours.
use_cluster() {
  STATE=${STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/trunkline/cluster}
  BIN=${BIN:-$(. "$CLUSTER/env.sh"; echo "$BIN")}
  export STATE BIN PATH="$BIN:$PATH" KUBECONFIG=$STATE/kubeconfig WORLD=${WORLD:-$STATE.world}
}

images() { images/build.sh "$@"; }
# Side by side: downloads and links of the one leave cores to the other.
binaries_and_images() {
  local go rc=0
  cluster_binaries & go=$!
  images ${IMAGES:-} || rc=$?
  wait $go && return $rc
}
# After use_cluster and images: OPERATOR_IMAGE, ENGINE_IMAGE and MEDIA_IMAGE.
image_names() { local f=target/images/images.env; [ -e "$f" ] || die "no $f: run images/build.sh"; set -a; . "$f"; set +a; }
load_images() { as_root "$CLUSTER/load.sh" target/images/*.tar; }

# cluster_up ARGS...: see tests/cluster/up.sh. A node that runs and answers is kept.
cluster_up() {
  if [ -e "$STATE/pids/node.ready" ] && kubectl --request-timeout=3s get --raw /readyz >/dev/null 2>&1; then return 0; fi
  as_root "$CLUSTER/up.sh" "$@"
}
cluster_down() { as_root "$VOIP/world.sh" down; as_root "$CLUSTER/down.sh"; }
world_up() { "$VOIP/world.sh" up "$@"; }

# node_with_images ARGS...: all of the above, for whoever wants a node with the images in it. IMAGES names
# those to build, where not all are wanted.
node_with_images() {
  need_toolchains
  step "Debian packages" debian_packages || return
  step "cluster binaries and images: ${IMAGES:-operator engine media} (20 min the first time)" binaries_and_images || return
  use_cluster
  image_names
  step "a Kubernetes node" cluster_up "$@" || return
  step "images into the node" load_images
}

# control_plane ARGS...: an API server with nothing behind it, for tests of the operator alone.
control_plane() {
  need_toolchains
  step "Debian packages" debian_packages || return
  step "cluster binaries (10 min the first time)" cluster_binaries || return
  use_cluster
  step "a control plane" "$CLUSTER/up.sh" --control-plane "$@"
}

# media_pod NAMESPACE: after image_names, the manifest of a pod of the media image under restricted pod
# security, with the ConfigMap `etc` for its configuration: Asterisk alone, no side-car, for tests of the surroundings.
media_pod() {
  cat <<Y
apiVersion: v1
kind: Pod
metadata: {name: media, namespace: $1, labels: {app: media}}
spec:
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 101, runAsGroup: 101, fsGroup: 101, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: asterisk
    image: $MEDIA_IMAGE
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    startupProbe: {exec: {command: [/usr/sbin/asterisk, -rx, core waitfullybooted]}, periodSeconds: 1, failureThreshold: 30}
    volumeMounts:
    - {name: etc, mountPath: /etc/asterisk}
    - {name: writable, mountPath: /run/asterisk, subPath: run}
    - {name: writable, mountPath: /var/lib/asterisk, subPath: lib}
    - {name: writable, mountPath: /var/spool/asterisk, subPath: spool}
    - {name: writable, mountPath: /var/log/asterisk, subPath: log}
    - {name: writable, mountPath: /tmp, subPath: tmp}
  volumes:
  - {name: etc, configMap: {name: etc}}
  - {name: writable, emptyDir: {}}
Y
}

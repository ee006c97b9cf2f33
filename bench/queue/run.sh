#!/usr/bin/env bash
# run.sh [--seed N] [--rates "25 50 100"] [--ramp "150 200 …"] [--seconds S] [--few "20 60"]: our engine and Asterisk's
# app_queue, the same Asterisk, callers, phones, trace and seed, by turns in one run. Prints the table of
# docs/reference/bench-queue.md.
#
# idle     more agents than callers: from the caller's INVITE to the agent's, at each rate (calls/s); then at the
#          rates of the ramp, each who held the one before (judge.py says what that is)
# waiting  so few agents, 40 % more work than they can do for S seconds, then until all are served: from the
#          BYE that frees an agent to the next INVITE that reaches the same phone
#
# Needs root, or sudo. Everything is of this run alone: a network namespace with Asterisk, sipp and the engine in it.
# Times are the kernel's, on packets of the namespace's interface (tcpdump). The engine is built with release;
# its journal is SQLite below target/, so its syncs are the disk's. `memory` is our engine with the journal in
# memory, which no centre should run: what is left without the disk. NICE=-15 in the environment puts all of
# it before what else the machine does.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
seed=1 rates='25 50 100' ramp='150 200 250 300 400' seconds=15 few='20 60'
while [ $# -gt 0 ]; do
  case $1 in
    --seed) seed=$2 ;; --rates) rates=$2 ;; --ramp) ramp=$2 ;; --seconds) seconds=$2 ;; --few) few=$2 ;;
    *) sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
out=$tree/target/bench-queue
export WORLD=$out/world
. "$tree/tests/voip/env.sh"
"$tree/tests/packages.sh" tcpdump python3 curl
[ -n "${ENGINE:-}" ] || cargo build --release -p trunkline-engine --manifest-path "$tree/Cargo.toml" --quiet
engine=${ENGINE:-${CARGO_TARGET_DIR:-$tree/target}/release/trunkline-engine} # ENGINE: one that is built already
rm -rf "$out"; mkdir -p "$out"
"$voip/world.sh" up --alone --owner $$
pids=() memory=''
finish() { rm -rf "$memory"; for p in "${pids[@]}"; do "${root[@]}" kill "$p" 2>/dev/null || true; done; "$voip/world.sh" down; }
trap finish EXIT
inside() { exec "${root[@]}" nsenter --net --target "$(world_pid)" setpriv --pdeathsig TERM "$@"; }
cpu() { awk '{print ($14 + $15) * 10}' "/proc/$1/stat"; } # milliseconds, at 100 ticks a second
stop() { "${root[@]}" kill "$1" 2>/dev/null || true; wait "$1" 2>/dev/null || true; }
until_true() { local i; for i in {1..200}; do ! "$@" >/dev/null 2>&1 || return 0; sleep 0.05; done; die "not within 10 s: $*"; }

# run WHO REGIME AGENTS RATE SECONDS: one row
run() {
  local who=$1 regime=$2 agents=$3 rate=$4 seconds=$5 dir=$out/$1-$2-$4 asterisk pid='' capture phones n number rc=0
  mkdir -p "$dir"
  python3 "$here/trace.py" --seed "$seed" --regime "$regime" --agents "$agents" --rate "$rate" --seconds "$seconds" --who "$who" \
    --live "$tree/engine/tests/live/etc" --extra "$here/etc" --out "$dir"
  n=$(($(wc -l <"$dir/arrivals.csv") - 1))
  "$voip/asterisk.sh" start media-0 "$dir/etc"
  asterisk=$("$voip/asterisk.sh" pid media-0)
  [ -z "${NICE:-}" ] || echo "$NICE" | "${root[@]}" tee "/proc/$asterisk/autogroup" "/proc/$$/autogroup" >/dev/null
  if [ "$who" != app_queue ]; then
    local journal=$dir/journal.db
    [ "$who" = ours ] || { memory=$(mktemp -d -p /dev/shm); journal=$memory/journal.db; }
    number=+18005550100
    echo bench-password >"$dir/ari-password"; echo bench-admin >"$dir/admin"
    (RUST_LOG=warn inside "$engine" run --config "$dir/tenant" --journal "$journal" --listen 10.88.0.1:8080 \
      --metrics-listen 10.88.0.1:9090 --media media-0=http://10.88.0.1:8088/ari --ari-password-file "$dir/ari-password" \
      --tenant-key-file "$dir/key" --admin-token-file "$dir/admin" --logs text) >"$dir/engine.log" 2>&1 &
    pid=$!; pids+=("$pid")
    api() { (inside curl -sf --max-time 5 -H 'Authorization: Bearer bench-admin' -H 'Content-Type: application/json' "$@"); }
    until_true api http://10.88.0.1:8080/readyz
    for ((a = 0; a < agents; a++)); do
      echo "url = \"http://10.88.0.1:8080/api/v1/agents/b$a/commands\""
      echo 'data = "{\"do\":\"signIn\",\"ready\":true,\"presence\":\"endpoint\"}"'
      echo 'header = "Authorization: Bearer bench-admin"'; echo 'header = "Content-Type: application/json"'
      [ $((a + 1)) = "$agents" ] || echo next
    done >"$dir/sign-in"
    (inside curl -sf --config "$dir/sign-in") || die "agents could not sign in; see $dir/engine.log"
    idle() { [ "$(api http://10.88.0.1:8080/api/v1/agents | grep -o '"state":"idle"' | wc -l)" = "$agents" ]; }
    until_true idle
  else
    number=500
  fi
  (inside tcpdump -i lo -n -s 1500 -B 32768 -Z root -w "$dir/sip.pcap" 'udp port 5060') >"$dir/tcpdump.log" 2>&1 & capture=$!
  (inside sipp -nostdin -sf "$here/phone.xml" -inf "$dir/talks.csv" -i 10.88.0.20 -p 5070 -mi 10.88.0.20 -mp 20000 \
    -skip_rlimit 10.88.0.1) >"$dir/phone.log" 2>&1 & phones=$!
  pids+=("$capture" "$phones")
  sleep 1
  local a0 e0=0 e1=0 began
  metrics() { [ -z "$pid" ] || (inside curl -sf --max-time 5 http://10.88.0.1:9090/metrics) >"$dir/metrics-$1"; }
  metrics before
  a0=$(cpu "$asterisk"); [ -z "$pid" ] || e0=$(cpu "$pid")
  began=$(cut -d' ' -f1 /proc/loadavg)
  (inside timeout 300 sipp -nostdin -sf "$here/caller.xml" -inf "$dir/arrivals.csv" -i 10.88.0.10 -p 5080 -mi 10.88.0.10 -mp 10000 \
    -s "$number" -m "$n" -r 2000 -l 100000 -skip_rlimit -trace_err -error_file "$dir/caller-errors.log" 10.88.0.1:5060) \
    >"$dir/caller.log" 2>&1 || rc=$?
  local cpus="--asterisk-ms $(($(cpu "$asterisk") - a0))"
  [ -z "$pid" ] || cpus+=" --engine-ms $(($(cpu "$pid") - e0))"
  metrics after
  sleep 0.5
  stop "$phones"; stop "$capture"
  [ -z "$pid" ] || stop "$pid"
  "$voip/asterisk.sh" stop media-0
  rm -rf "$memory"
  python3 "$here/judge.py" row "$dir" --who "$who" --regime "$regime" --rate "$rate" --agents "$agents" --load "$began" --sipp "$rc" $cpus \
    >>"$out/rows.jsonl"
  tail -n 1 "$out/rows.jsonl" >&2
}

# at_rate WHO RATE: 1.5 s of talk each, so twice as many agents as are busy
at_rate() { run "$1" idle "$(($2 * 3 > 150 ? $2 * 3 : 150))" "$2" "$seconds"; }
for rate in $rates; do
  for who in ours memory app_queue; do at_rate "$who" "$rate"; done
done
for who in ours memory app_queue; do
  for rate in $ramp; do
    at_rate "$who" "$rate"
    python3 "$here/judge.py" held "$out/rows.jsonl" || break
  done
done
# 2 s of talk each: N agents can do N / 2 calls/s
for agents in $few; do
  busy=$(awk -v n="$agents" 'BEGIN {print n / 2 * 1.4}')
  for who in ours memory app_queue; do run "$who" waiting "$agents" "$busy" "$seconds"; done
done
python3 "$here/judge.py" table "$out/rows.jsonl"

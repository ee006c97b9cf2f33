"""One station with patience in ciw, in simpy and here: events a second, and the level they find.

usage: simulate.py PATH_OF_THE_EXAMPLE_simulate_speed

Each runs the same model: Poisson arrivals of 40 erlangs, exponential handling of 180 s, patience
of 300 s, 41 agents. An event is an arrival, an answer, or an end (of a call, or by giving up).
"""

import random
import subprocess
import sys
import time

import ciw
import simpy

LOAD, AGENTS, AHT, PATIENCE, WITHIN = 40.0, 41, 180.0, 300.0, 20.0
RATE = LOAD / AHT


def in_simpy(calls):
    random.seed(1)
    env = simpy.Environment()
    agents = simpy.Resource(env, AGENTS)
    seen = {"answered": 0, "in_time": 0, "offered": 0}

    def caller():
        came = env.now
        with agents.request() as request:
            patience = env.timeout(random.expovariate(1 / PATIENCE))
            result = yield request | patience
            if request in result:
                seen["answered"] += 1
                seen["in_time"] += env.now - came <= WITHIN
                yield env.timeout(random.expovariate(1 / AHT))

    def source():
        for _ in range(calls):
            yield env.timeout(random.expovariate(RATE))
            seen["offered"] += 1
            env.process(caller())

    begun = time.perf_counter()
    env.process(source())
    env.run()
    took = time.perf_counter() - begun
    events = 2 * seen["offered"] + seen["answered"]
    return seen["offered"], took, events / took, seen["in_time"] / seen["offered"]


def in_ciw(calls):
    ciw.seed(1)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=RATE)],
        service_distributions=[ciw.dists.Exponential(rate=1 / AHT)],
        number_of_servers=[AGENTS],
        reneging_time_distributions=[ciw.dists.Exponential(rate=1 / PATIENCE)],
    )
    begun = time.perf_counter()
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(calls / RATE)
    took = time.perf_counter() - begun
    records = simulation.get_all_records()
    served = [r for r in records if r.record_type == "service"]
    gone = [r for r in records if r.record_type == "renege"]
    offered = len(served) + len(gone)
    in_time = sum(r.waiting_time <= WITHIN for r in served)
    return offered, took, (2 * offered + len(served)) / took, in_time / offered


if __name__ == "__main__":
    print("simulator,calls,seconds,events_per_second,within_20s_of_offered")
    arguments = [sys.argv[1], "station", str(LOAD), str(AGENTS), "100000"]
    print(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout, end="")
    for name, peer, calls in (("simpy", in_simpy, 50_000), ("ciw", in_ciw, 10_000)):
        offered, took, rate, level = peer(calls)
        print(f"{name},{offered},{took:.4f},{rate:.0f},{level:.4f}")

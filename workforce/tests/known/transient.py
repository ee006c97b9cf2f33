#!/usr/bin/env python3
"""Writes transient.csv: what callers truly meet in quiet, rush and quiet again, by Runge and Kutta.

    python3 workforce/tests/known/transient.py

Kolmogorov's forward equation for the number of callers, his backward one for whether a caller who
finds k before her is answered in time, both by the classical fourth-order method, and Simpson's rule
over the period: nothing of the crate's uniformisation. Halving the steps changes the 11th digit.
"""

import csv
import pathlib

HERE = pathlib.Path(__file__).parent


def step(slope, y, h):
    k1 = slope(y)
    k2 = slope([a + h / 2 * b for a, b in zip(y, k1)])
    k3 = slope([a + h / 2 * b for a, b in zip(y, k2)])
    k4 = slope([a + h * b for a, b in zip(y, k3)])
    return [a + h / 6 * (p + 2 * q + 2 * r + s) for a, p, q, r, s in zip(y, k1, k2, k3, k4)]


def levels(seconds, calls, agents, aht, patience, within, most, h=0.25):
    """P(answered within T) of those who come in each period; `most` callers at once."""
    mu, theta = 1 / aht, 1 / patience
    death = [min(k, agents) * mu + max(k - agents, 0) * theta for k in range(most + 1)]

    def tagged(chance):
        found = [0.0] * (most + 1)
        for k in range(agents, most + 1):
            ahead = agents * mu + (k - agents) * theta
            found[k] = ahead * (chance[k - 1] - chance[k]) - theta * chance[k]
        return found

    in_time = [1.0] * agents + [0.0] * (most + 1 - agents)
    for _ in range(within * 20):
        in_time = step(tagged, in_time, 0.05)

    law = [1.0] + [0.0] * most
    for of_period in calls:
        rate = of_period / seconds

        def moves(p):
            up = [rate * x for x in p[:-1]] + [0.0]
            down = [d * x for d, x in zip(death, p)]
            return [
                -up[k] - down[k] + (up[k - 1] if k else 0.0) + (down[k + 1] if k < most else 0.0)
                for k in range(most + 1)
            ]

        met = [sum(a * b for a, b in zip(law, in_time))]
        steps = int(seconds / h)
        for _ in range(steps):
            law = step(moves, law, h)
            met.append(sum(a * b for a, b in zip(law, in_time)))
        yield (met[0] + met[-1] + 4 * sum(met[1:-1:2]) + 2 * sum(met[2:-1:2])) / 3 / steps


def main():
    with open(HERE / "transient.csv", "w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow("case,seconds,calls,agents,aht,patience,within,answered_of_offered".split(","))
        for case, seconds, quiet, agents, aht, patience, most in (
            ("half_hours", 1800, 40, 12, 240, 300, 110),
            ("quarters", 900, 100, 30, 180, 90, 150),
        ):
            calls = [quiet, 4 * quiet, quiet, quiet]
            for of_period, met in zip(calls, levels(seconds, calls, agents, aht, patience, 20, most)):
                writer.writerow([case, seconds, of_period, agents, aht, patience, 20, f"{met:.13f}"])


if __name__ == "__main__":
    main()

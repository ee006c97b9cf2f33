"""Shift plans: ours beside HiGHS on the same days, in the time that ours took.

usage: shifts.py PATH_OF_THE_EXAMPLE_shift_plan CACHE_FOLDER [MOVES]

HiGHS gets both cores and the integer program as it stands; ours runs on one. Both are
measured against the same linear bound.
"""

import csv
import io
import json
import pathlib
import subprocess
import sys
import time

import highspy
import numpy as np


def model(day):
    """The integer program: people by group and pattern, several skills shared out by interval."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    columns, rows = [], []  # (cost, upper, whole), (terms, lower, upper)
    required = day["required"]
    most = float(sum(max(of_skill) for of_skill in required))
    works = [set(pattern["works"]) for pattern in day["patterns"]]

    def column(cost, upper, whole):
        columns.append((cost, upper, whole))
        return len(columns) - 1

    cover = {}
    for group in day["groups"]:
        people = [
            column(group["cost"] * pattern["paid"], most, True) for pattern in day["patterns"]
        ]
        for t in range(len(required[0])):
            at_work = [(x, 1.0) for x, work in zip(people, works) if t in work]
            if len(group["skills"]) == 1:
                cover.setdefault((group["skills"][0], t), []).extend(at_work)
                continue
            shared = [(x, -1.0) for x, _ in at_work]
            for skill in group["skills"]:
                if required[skill][t] > 0:
                    share = column(0.0, highspy.kHighsInf, False)
                    shared.append((share, 1.0))
                    cover.setdefault((skill, t), []).append((share, 1.0))
            rows.append((shared, -highspy.kHighsInf, 0.0))
    for skill, of_skill in enumerate(required):
        for t, need in enumerate(of_skill):
            if need > 0:
                missing = column(day["shortage"], float(need), False)
                terms = cover.get((skill, t), []) + [(missing, 1.0)]
                rows.append((terms, float(need), highspy.kHighsInf))

    count = len(columns)
    highs.addVars(count, np.zeros(count), np.array([c[1] for c in columns]))
    highs.changeColsCost(count, np.arange(count, dtype=np.int32), np.array([c[0] for c in columns]))
    whole = np.array([i for i, c in enumerate(columns) if c[2]], dtype=np.int32)
    highs.changeColsIntegrality(
        len(whole), whole, np.array([highspy.HighsVarType.kInteger] * len(whole))
    )
    for terms, lower, upper in rows:
        index = np.array([i for i, _ in terms], dtype=np.int32)
        value = np.array([v for _, v in terms], dtype=np.double)
        highs.addRow(lower, upper, len(terms), index, value)
    return highs


def solve(day, seconds):
    highs = model(day)
    highs.setOptionValue("time_limit", seconds)
    highs.setOptionValue("threads", 2)
    started = time.perf_counter()
    highs.run()
    took = time.perf_counter() - started
    info = highs.getInfo()
    found = info.primal_solution_status == 2
    return (info.objective_function_value if found else None), took


def main(example, cache, moves):
    folder = pathlib.Path(cache) / "shifts"
    folder.mkdir(parents=True, exist_ok=True)
    text = subprocess.run(
        [example, moves, str(folder)], check=True, capture_output=True, text=True
    ).stdout
    print("patterns,columns,peak,here_gap_percent,here_seconds,highs_gap_percent,highs_seconds")
    for row in csv.DictReader(io.StringIO(text)):
        day = json.loads((folder / f"{row['patterns']}-{row['peak']}.json").read_text())
        cost, took = solve(day, float(row["seconds"]))
        bound = float(row["bound"])
        gap = "none" if cost is None else f"{100.0 * (cost - bound) / bound:.3f}"
        print(
            f"{row['patterns']},{row['columns']},{row['peak']},{row['gap_percent']},"
            f"{row['seconds']},{gap},{took:.1f}"
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "1000000")

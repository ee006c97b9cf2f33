"""Two skills: pyworkforce's documented example beside ours, both tried by the same simulation.

usage: multi_skill.py PATH_OF_THE_EXAMPLE_multi_skill
"""

import subprocess
import sys
import time

from pyworkforce.queuing import ErlangA, ErlangC
from pyworkforce.staffing import MultiSkillStaffing

# Calls an hour of each skill, and the patience of the first's callers in minutes.
CASES = {"1": (100, 50, None), "2": (100, 50, 10), "3": (150, 75, 10)}
FLEXIBLE = 1.4


def theirs(billing, technical, patience):
    common = {"asa": 20 / 60, "interval": 60, "shrinkage": 0.3}
    if patience is None:
        first = ErlangC(transactions=billing, aht=4, **common)
    else:
        first = ErlangA(transactions=billing, aht=4, patience=patience, **common)
    second = ErlangA(transactions=technical, aht=8, patience=10, **common)
    ask = {"service_level": 0.8, "max_occupancy": 0.85}
    solver = MultiSkillStaffing(
        skills=["Billing", "Technical"],
        profiles=[
            {"name": "a", "skills": ["Billing"], "cost": 1.0},
            {"name": "b", "skills": ["Technical"], "cost": 1.0},
            {"name": "c", "skills": ["Billing", "Technical"], "cost": FLEXIBLE},
        ],
        required_positions={
            "Billing": first.required_positions(**ask)["raw_positions"],
            "Technical": second.required_positions(**ask)["raw_positions"],
        },
    )
    result = solver.solve()
    agents = {entry["profile"]: entry["agents"] for entry in result["agents_per_profile"]}
    return result["status"], [str(agents[profile]) for profile in "abc"]


if __name__ == "__main__":
    example = sys.argv[1]
    for case, given in CASES.items():
        begun = time.perf_counter()
        status, agents = theirs(*given)
        took = time.perf_counter() - begun
        tried = [example, "try", case, *agents]
        said = subprocess.run(tried, check=True, capture_output=True, text=True).stdout.strip()
        print(f"case {case}: pyworkforce ({status}, {took:.2f} s): {said}")
        said = subprocess.run([example, "solve", case], check=True, capture_output=True, text=True)
        print(f"case {case}: trunkline: {said.stdout.strip()}")

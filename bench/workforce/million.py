"""A day of a large centre by the command that its users have: documents and a trace in, figures out.

usage: million.py PATH_OF_trunkline [CONTACTS AGENTS QUEUES]

Each agent has two of ten skills, each queue asks for one: nobody can be asked for everything. The work is
seven tenths of what the agents can do. The time is the process's whole, reading included.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DAY = 86_400
LOAD = 0.7
SKILLS = [f"skill-{n}" for n in range(10)]


def documents(agents, queues):
    teams = "\n".join(
        f"  - {{name: team-{n}, kind: Human, wrapUp: 5s, skills: {{{SKILLS[n]}: 3, {SKILLS[(n + 1) % 10]}: 3}}}}"
        for n in range(10)
    )
    every = ", ".join(f"team-{n}" for n in range(10))
    lines = "\n".join(
        f"  - {{name: queue-{n}, medium: Voice, teams: [{every}], route: [{{require: {{{SKILLS[n % 10]}: 1}}}}],"
        " onExhausted: {action: Hold}, serviceLevel: {percent: 80, within: 20s}}"
        for n in range(queues)
    )
    centre = f"""apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {{name: large, namespace: large}}
spec:
  timeZone: UTC
  engine: {{}}
  telephony: {{media: {{minPods: 1, maxPods: 1, callsPerPod: 10}}, exposure: {{type: PodIP}}}}
  storage: {{journal: {{sqlite: {{size: 1Gi}}}}}}
  skills: [{", ".join(SKILLS)}]
  teams:
{teams}
  queues:
{lines}
"""
    people = "".join(
        f"""---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {{name: agent-{n:05}, namespace: large}}
spec: {{callCenter: large, team: team-{n % 10}}}
"""
        for n in range(agents)
    )
    return centre + people


def trace(path, contacts, agents, queues):
    dice = random.Random(1)
    handle = LOAD * agents * DAY / contacts - 5
    moments = sorted(dice.uniform(0, DAY) for _ in range(contacts))
    with open(path, "w") as file:
        file.write("at,queue,handle,patience\n")
        for at in moments:
            queue = dice.randrange(queues)
            took, waits = dice.expovariate(1 / handle), dice.expovariate(1 / 120)
            file.write(f"{at:.3f},queue-{queue},{took:.3f},{waits:.3f}\n")


def main():
    trunkline = sys.argv[1]
    contacts, agents, queues = (int(word) for word in sys.argv[2:5] or (1_000_000, 1_000, 50))
    with tempfile.TemporaryDirectory() as folder:
        yaml, arrivals = Path(folder, "large.yaml"), Path(folder, "arrivals.csv")
        yaml.write_text(documents(agents, queues))
        trace(arrivals, contacts, agents, queues)
        times = []
        for _ in range(3):
            began = time.monotonic()
            done = subprocess.run(
                [trunkline, "simulate", yaml, "--arrivals", arrivals, "-o", "json"],
                check=True,
                stdout=subprocess.PIPE,
            )
            times.append(time.monotonic() - began)
    told = json.loads(done.stdout)
    taken = sorted(times)[1]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{contacts:,} contacts, {agents:,} agents, {queues} queues with skills: {taken:.2f} s whole,"
        f" {contacts / taken:,.0f} contacts/s (median of 3; {min(times):.2f} to {max(times):.2f}), {peak:,.0f} MB at most"
    )
    offered, answered = (sum(queue[name] for queue in told["queues"]) for name in ("offered", "answered"))
    print(f"answered: {answered:,} of {offered:,}")


main()

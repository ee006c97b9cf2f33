#!/usr/bin/env python3
"""trace.py: what both engines are given, from one seed.

Into --out: arrivals.csv (each caller's INVITE, ms after the start), talks.csv (how long the nth conversation
lasts, ms), etc/ (Asterisk's configuration, the live tests' with the bench's phones), tenant/ (our documents).
Arrivals are a Poisson stream. Talking is 1.5 s where agents are idle and 1 to 3 s, evenly, where callers wait.
"""
import argparse, pathlib, random, shutil

args = argparse.ArgumentParser()
for name in ("regime", "who", "live", "extra", "out"):
    args.add_argument(f"--{name}", required=True)
for name in ("seed", "agents"):
    args.add_argument(f"--{name}", type=int, required=True)
for name in ("rate", "seconds"):
    args.add_argument(f"--{name}", type=float, required=True)
told = args.parse_args()
out = pathlib.Path(told.out)

chance = random.Random(f"{told.seed} {told.regime} {told.rate}")
at, arrivals, talks = 2.0, [], []  # sipp needs a moment to make all its calls
while (at := at + chance.expovariate(told.rate)) < 2 + told.seconds:
    arrivals.append(round(at * 1000))
    talks.append(1500 if told.regime == "idle" else chance.randrange(1000, 3000))
for name, column in (("arrivals", arrivals), ("talks", talks + [500] * 1000)):
    (out / f"{name}.csv").write_text("SEQUENTIAL\n" + "".join(f"{ms}\n" for ms in column))

etc = out / "etc"
shutil.copytree(told.live, etc)
names = [f"b{n}" for n in range(told.agents)]
for name in ("extensions.conf", "ari.conf", "rtp.conf", "http.conf"):
    shutil.copy(f"{told.extra}/{name}", etc)
with (etc / "pjsip.conf").open("a") as conf:
    for name in names:
        conf.write(f"[{name}](phone)\naors={name}\n[{name}]\ntype=aor\ncontact=sip:{name}@10.88.0.20:5070\n")
if told.who == "app_queue":
    with (etc / "modules.conf").open("a") as conf:
        conf.write("load = app_queue.so\n")
    queue = pathlib.Path(told.extra, "queues.conf").read_text()
    (etc / "queues.conf").write_text(queue + "".join(f"member => PJSIP/{name}\n" for name in names))

tenant = out / "tenant"
tenant.mkdir()
documents = [pathlib.Path(told.extra, "tenant.yaml").read_text()] + [
    "apiVersion: trunkline.dev/v1alpha1\nkind: Agent\n"
    f"metadata: {{name: {name}, namespace: bench}}\n"
    f"spec: {{callCenter: bench, displayName: {name}, team: frontline, roles: [agent], endpoint: {{type: Sip}}}}\n"
    for name in names
]
(tenant / "tenant.yaml").write_text("---\n".join(documents))

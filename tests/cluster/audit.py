#!/usr/bin/env python3
"""audit.py AUDIT.LOG [--user REGEX] [--agent REGEX] [--since RFC3339] [--writes] [--list]

Counts the requests in an API server's audit log by user, verb, resource and code; a watch counts
once it has ended. --writes leaves out get, list and watch; --list prints each request instead.
The last line is the total.
"""
import argparse, collections, json, re

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("log")
p.add_argument("--user", default="")
p.add_argument("--agent", default="")
p.add_argument("--since", default="")
p.add_argument("--writes", action="store_true")
p.add_argument("--list", action="store_true")
a = p.parse_args()
count = collections.Counter()
with open(a.log) as log:
    for line in log:
        try:
            e = json.loads(line)
        except ValueError:
            continue  # the line that is being written
        at = e["requestReceivedTimestamp"]
        user, agent = e["user"].get("username", ""), e.get("userAgent", "")
        if at < a.since or not re.search(a.user, user) or not re.search(a.agent, agent):
            continue
        if a.writes and e["verb"] in ("get", "list", "watch"):
            continue
        ref = e.get("objectRef", {})
        resource = "/".join(filter(None, (ref.get("resource"), ref.get("subresource")))) or e["requestURI"].split("?")[0]
        code = e.get("responseStatus", {}).get("code", 0)
        count[user, e["verb"], resource, code] += 1
        if a.list:
            print(at, user, e["verb"], resource, ref.get("namespace", "-"), ref.get("name", "-"), code)
if not a.list:
    for (user, verb, resource, code), n in sorted(count.items()):
        print(n, user, verb, resource, code)
print("total", sum(count.values()))

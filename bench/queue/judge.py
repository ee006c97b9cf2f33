#!/usr/bin/env python3
"""judge.py row DIR … | held ROWS.jsonl | table ROWS.jsonl: what the packets say.

A caller is known by the number in From, which both engines hand on to the phone; an agent by the user of the Request-URI.
Lost: a caller for whom no phone's leg was answered (200 and ACK), whether or not one was offered, or who was refused. Overtaken: callers who came more than
50 ms before somebody else, and were offered more than 50 ms after them (the oracle: one queue, all agents alike, so first
come, first served; who is decided upon at one moment is offered side by side). A phone counts as freed, and is timed until its next INVITE, where at its BYE more callers waited than other phones
were free. 100 Trying: what Asterisk's own threads took to say that the INVITE is there, which no engine has a part in: where
that is long the machine stood still, and the row says nothing. Never: phones freed while callers waited that rang no more (those
freed at the end, when the last callers go to others, are among them). A row is whole where as many callers came as the trace has
and sipp's callers all ended as they should (exit code 0); another is marked, and says nothing. A rate is held where the row is
whole, nobody is lost, at most one INVITE in a hundred had to be repeated (SIP repeats it after 0.5 s without an answer) and 99 of
100 phones rang within a second.
"""
import argparse, json, pathlib, re, struct, sys

CENTRE, CALLERS, PHONES = "10.88.0.1", "10.88.0.10", "10.88.0.20"
FROM = re.compile(rb"\r\nFrom: [^<\r]*<sip:(\d+)@")
CALL = re.compile(rb"\r\nCall-ID: ([^\r]+)", re.I)
AGENT = re.compile(rb"INVITE sip:(b\d+)@")
OF_INVITE = re.compile(rb"\r\nCSeq: \d+ INVITE", re.I)
SLACK = 0.050


def packets(path):
    """(seconds, source, destination, SIP message) of each UDP packet."""
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at + 16 <= len(data):
        seconds, micros, kept, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        header = 14 + (frame[14] & 15) * 4
        address = [".".join(map(str, frame[n : n + 4])) for n in (26, 30)]
        yield seconds + micros / 1e6, *address, frame[header + 8 :]


def share(values, part):
    return round(values[min(len(values) - 1, int(len(values) * part))] * 1000, 2) if values else None


def row(told):
    """Replays the packets: who waits, which phones are taken, whose turn it is."""
    came, tried, offered, calls, refused, again = {}, {}, {}, {}, set(), 0
    legs, said_yes, answered = {}, set(), set()  # whose each phone's leg is, legs with a 200, callers of whom one had its ACK too
    queue, taken, since = {}, set(), {}  # callers not offered yet, phones that ring or talk, phones freed while callers waited
    freed = []
    for when, source, destination, message in packets(f"{told.dir}/sip.pcap"):
        call = CALL.search(message)
        if not call:
            continue
        call = call[1]
        if message.startswith(b"INVITE ") and source == CALLERS:
            caller = FROM.search(message)[1]
            again += caller in came
            if caller not in came:
                came[caller] = queue[caller] = when
            calls[call] = caller
        elif message.startswith(b"INVITE ") and destination == PHONES and call not in calls:
            agent, caller = AGENT.match(message)[1], FROM.search(message)
            calls[call] = agent
            taken.add(agent)
            if agent in since:
                freed.append(when - since.pop(agent))
            caller = caller and caller[1]
            legs[call] = caller
            if caller in came and caller not in offered:
                offered[caller] = when
                del queue[caller]
        elif message.startswith(b"SIP/2.0 200") and source == PHONES and call in legs and OF_INVITE.search(message):
            said_yes.add(call)
        elif message.startswith(b"ACK ") and destination == PHONES and call in said_yes:
            answered.add(legs[call])
        elif message.startswith(b"BYE ") and source == PHONES and calls.get(call) in taken:
            agent = calls[call]
            taken.discard(agent)
            # One is owed a caller where more wait than phones are free already.
            if len(queue) > told.agents - len(taken) - 1:
                since[agent] = when
        elif destination == CALLERS and message.startswith(b"SIP/2.0 100"):
            tried.setdefault(calls.get(call), when)
        elif destination == CALLERS and re.match(rb"SIP/2.0 [3-6]", message):
            refused.add(calls.get(call))
    lost = [caller for caller in came if caller not in answered or caller in refused]
    waits = sorted(offered[caller] - came[caller] for caller in offered)
    overtaken, latest, before = 0, 0.0, []
    for caller, when in sorted(offered.items(), key=lambda one: one[1]):
        while before and before[0][0] < when - SLACK:
            latest = max(latest, before.pop(0)[1])
        overtaken += latest > came[caller] + SLACK
        before.append((when, came[caller]))
    span = max(offered.values()) - min(came.values()) if offered else 0
    trying = sorted(tried[caller] - came[caller] for caller in tried if caller in came)
    values = sorted(freed) if told.regime == "waiting" else waits
    return {
        "who": told.who, "regime": told.regime, "rate": told.rate, "agents": told.agents,
        "calls": len(came), "trace": len(pathlib.Path(told.dir, "arrivals.csv").read_text().splitlines()) - 1, "lost": len(lost), "retransmits": again, "overtaken": overtaken, "n": len(values), "never": len(since),
        "p50": share(values, 0.5), "p95": share(values, 0.95), "p99": share(values, 0.99), "max": share(values, 1),
        "trying_p99": share(trying, 0.99), "trying_max": share(trying, 1),
        "mean_wait_s": round(sum(waits) / len(waits), 2) if waits else None,
        "served_per_s": round(len(offered) / span, 1) if span else None,
        "asterisk_ms": round(told.asterisk_ms / max(len(came), 1), 2), "engine_ms": round(told.engine_ms / max(len(came), 1), 2),
        "commits": commits(told.dir, len(came)), "load": told.load, "sipp": told.sipp,
    }


def whole(row):
    return row["calls"] == row["trace"] and int(row["sipp"]) == 0


def held(row):
    return whole(row) and row["lost"] == 0 and row["retransmits"] <= row["calls"] / 100 and (row["p99"] or 0) < 1000


def rows(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


COMMIT = re.compile(r'journal_commit_seconds_(?:(sum)|(count)|bucket\{le="0.02"\}) (\S+)')


def commits(dir, calls):
    """Of the journal, while the calls came: commits a call, their mean in ms, the share of those above 20 ms."""
    told = []
    for when in ("before", "after"):
        try:
            text = pathlib.Path(dir, f"metrics-{when}").read_text()
        except FileNotFoundError:
            return None
        told.append({found[1] or found[2] or "quick": float(found[3]) for found in COMMIT.finditer(text)})
    spent, count, quick = (told[1][key] - told[0][key] for key in ("sum", "count", "quick"))
    return {"a_call": round(count / max(calls, 1), 1), "mean_ms": round(spent / max(count, 1) * 1000, 2), "slow": round(1 - quick / max(count, 1), 3)}


def table(path):
    titles = {"idle": "Agents idle: the caller's INVITE → the agent's INVITE", "waiting": "Callers wait: an agent's BYE → the next INVITE at the same phone"}
    for regime, title in titles.items():
        print(f"\n{title}\n\n| calls/s | agents | | calls | lost | repeated | timed | never | p50 | p95 | p99 | max (ms) | 100 Trying p99, max (ms) | overtaken | mean wait | served/s | CPU a call: Asterisk | engine | commits a call, mean, above 20 ms |")
        print("|" + "---|" * 19)
        for r in (r for r in rows(path) if r["regime"] == regime):
            c = r["commits"]
            synced = f"{c['a_call']}, {c['mean_ms']} ms, {c['slow']:.0%}" if c else ""
            calls = r["calls"] if whole(r) else f"**{r['calls']} of {r['trace']}, sipp {r['sipp']}**"
            print(f"| {r['rate']:g} | {r['agents']} | {r['who']} | {calls} | {r['lost']} | {r['retransmits']} | {r['n']} | {r['never']} | {r['p50']} | {r['p95']} | {r['p99']} | {r['max']} "
                  f"| {r['trying_p99']}, {r['trying_max']} "
                  f"| {r['overtaken']} | {r['mean_wait_s']} s | {r['served_per_s']} | {r['asterisk_ms']} ms | {r['engine_ms']} ms | {synced} |")
    print()
    for who in dict.fromkeys(r["who"] for r in rows(path)):
        mine = sorted((r["rate"], held(r)) for r in rows(path) if r["who"] == who and r["regime"] == "idle")
        broke = next((rate for rate, well in mine if not well), None)
        most = max((rate for rate, well in mine if well and (broke is None or rate < broke)), default=0)
        print(f"{who}: {most:g} calls/s held, " + (f"{broke:g} not" if broke else "more not tried"))


def main():
    if sys.argv[1] == "table":
        table(sys.argv[2])
    elif sys.argv[1] == "held":
        sys.exit(not held(rows(sys.argv[2])[-1]))
    else:
        parser = argparse.ArgumentParser()
        parser.add_argument("verb")
        parser.add_argument("dir")
        for name in ("who", "regime", "load", "sipp"):
            parser.add_argument(f"--{name}", required=True)
        parser.add_argument("--rate", type=float)
        parser.add_argument("--agents", type=int)
        parser.add_argument("--asterisk-ms", type=float, default=0)
        parser.add_argument("--engine-ms", type=float, default=0)
        print(json.dumps(row(parser.parse_args())))


if __name__ == "__main__":
    main()

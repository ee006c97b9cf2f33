#!/usr/bin/env python3
"""hear.py SECONDS ADDRESS HERTZ...: what somebody hears: the tones in the G.711 A-law RTP that is sent to ADDRESS.

Run as `world.sh exec tests/voip/hear.py 5 10.88.0.10 440 523`; SIGTERM ends it sooner. Prints "listening" once it does, then one line a
flow: SRC:PORT > DST:PORT, then for each tone the seconds in which it made most of the sound, and for
`other` and `silence`. Goertzel's algorithm, over 40 ms (two packets) at a time.
"""
import math, signal, socket, struct, sys, time

ETH_P_ALL, ETH_P_IP, SO_RCVBUFFORCE, ALAW, RATE, WINDOW = 0x0003, 0x0800, 33, 8, 8000, 320
seconds, address, tones = float(sys.argv[1]), sys.argv[2], [float(hertz) for hertz in sys.argv[3:]]


def linear(code: int) -> int:
    """One byte of A-law as a sample (ITU-T G.711)."""
    code ^= 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    value = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return value if code & 0x80 else -value


LINEAR = [linear(code) for code in range(256)]


def share(samples: list[int], hertz: float) -> float:
    """How much of the sound's energy is in this tone: 1 for nothing else."""
    w = 2 * math.pi * hertz / RATE
    a = b = 0.0
    for x in samples:
        a, b = x + 2 * math.cos(w) * a - b, a
    power = a * a + b * b - 2 * math.cos(w) * a * b
    return power / (len(samples) / 2 * sum(x * x for x in samples))


def heard(samples: list[int]) -> str:
    if sum(x * x for x in samples) / len(samples) < 100**2:
        return "silence"
    best = max(tones, key=lambda hertz: share(samples, hertz))
    return f"{best:g}" if share(samples, best) > 0.5 else "other"


class Enough(Exception):
    """Told to end."""


def enough(*_):
    raise Enough


signal.signal(signal.SIGTERM, enough)
sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
# Whatever a busy machine leaves unread for a while is kept.
sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
print("listening", flush=True)
flows: dict[str, bytearray] = {}
end = time.monotonic() + seconds
while (left := end - time.monotonic()) > 0:
    sock.settimeout(left)
    try:
        packet, where = sock.recvfrom(2048)
    except (TimeoutError, Enough):
        break
    # (what lo carries is seen leaving and arriving)
    if where[1] != ETH_P_IP or (where[0] == "lo" and where[2] == socket.PACKET_OUTGOING) or packet[9] != socket.IPPROTO_UDP:
        continue
    header = (packet[0] & 15) * 4
    payload = packet[header + 8 :]
    if socket.inet_ntoa(packet[16:20]) != address or len(payload) < 13 or payload[0] & 0xC0 != 0x80 or payload[1] & 0x7F != ALAW:
        continue
    ports = struct.unpack_from("!HH", packet, header)
    flow = f"{socket.inet_ntoa(packet[12:16])}:{ports[0]} > {address}:{ports[1]}"
    flows.setdefault(flow, bytearray()).extend(payload[12:])
for flow, audio in sorted(flows.items()):
    found = dict.fromkeys([f"{hertz:g}" for hertz in tones] + ["other", "silence"], 0)
    for at in range(0, len(audio) - WINDOW + 1, WINDOW):
        found[heard([LINEAR[code] for code in audio[at : at + WINDOW]])] += WINDOW / RATE
    print(flow, *(f"{what} {time:.2f}" for what, time in found.items()))

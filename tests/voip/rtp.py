#!/usr/bin/env python3
"""rtp.py SECONDS [INTERFACE]: counts RTP packets as they pass in this network namespace.

Run as `world.sh exec tests/voip/rtp.py 5`, or in a pod's namespace. Prints one line a flow:
SRC:PORT > DST:PORT, packets, lost (by sequence numbers), longest gap in ms.
"""
import socket, struct, sys, time

ETH_P_ALL, ETH_P_IP = 0x0003, 0x0800  # what leaves is shown only to those who ask for all
seconds = float(sys.argv[1])
sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
if len(sys.argv) > 2:
    sock.bind((sys.argv[2], ETH_P_ALL))
flows = {}
end = time.monotonic() + seconds
while (left := end - time.monotonic()) > 0:
    sock.settimeout(left)
    try:
        packet, address = sock.recvfrom(2048)
    except TimeoutError:
        break
    now = time.monotonic()
    # (what lo carries is seen leaving and arriving)
    if address[1] != ETH_P_IP or (address[0] == "lo" and address[2] == socket.PACKET_OUTGOING):
        continue
    header = (packet[0] & 15) * 4
    if packet[9] != socket.IPPROTO_UDP or len(packet) < header + 20:
        continue
    if min(struct.unpack_from("!HH", packet, header)) < 1024:  # DNS may look like RTP
        continue
    payload = packet[header + 8:]
    if payload[0] & 0xC0 != 0x80 or 72 <= payload[1] & 0x7F <= 79:  # version 2, and not RTCP
        continue
    src_port, dst_port = struct.unpack_from("!HH", packet, header)
    key = f"{socket.inet_ntoa(packet[12:16])}:{src_port} > {socket.inet_ntoa(packet[16:20])}:{dst_port}"
    sequence = struct.unpack_from("!H", payload, 2)[0]
    flow = flows.setdefault(key, {"packets": 0, "lost": 0, "gap": 0.0, "last": now, "sequence": sequence - 1})
    step = (sequence - flow["sequence"]) & 0xFFFF
    flow["lost"] += step - 1 if 0 < step < 1000 else 0
    flow["gap"] = max(flow["gap"], now - flow["last"])
    flow["packets"] += 1
    flow["last"], flow["sequence"] = now, sequence
for key, flow in sorted(flows.items()):
    print(f"{key} packets {flow['packets']} lost {flow['lost']} longest gap {flow['gap'] * 1000:.1f} ms")

#!/usr/bin/env bash
# hang-up.sh NAME...: the phones and callers with these names hang up the call that they answered (or was answered them)
# last, now and not only once their --talk is over. Returns at once; what came of it is in their logs.
set -euo pipefail
. "$(dirname "$0")/env.sh"
[ $# -gt 0 ] || usage
! pods_world || die "in a world of pods nobody else reaches a pod's sipp"
for name; do
  dir=$WORLD/log/$name
  read -r host port <"$dir/at" || die "nobody is called $name"
  call=$(awk '$5 == "answered" {id = $4} END {print id}' "$dir/events.log")
  [ -n "$call" ] || die "$name has no call; see $dir/events.log"
  # A word that the scenarios know, and SIP doesn't. Theirs is the call with this Call-ID.
  (in_world python3 -c 'import socket, sys
host, port, call = sys.argv[1:]
lines = ["HANGUP sip:us SIP/2.0", "Via: SIP/2.0/UDP hang-up", "From: <sip:us>;tag=1", "To: <sip:us>", f"Call-ID: {call}", "CSeq: 1 HANGUP", "Content-Length: 0"]
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), (host, int(port)))' "$host" "$port" "$call")
done

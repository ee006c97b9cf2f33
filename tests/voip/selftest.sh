#!/usr/bin/env bash
# selftest.sh: proves the callers, phones, registrars and the media image against each other: an Asterisk
# of the image with a dialplan of a few lines (etc/) in a world of its own, some 30 s, no cluster.
set -uo pipefail
export WORLD=${WORLD:-$(mktemp -d)/world}
. "$(dirname "$0")/env.sh"
cd "$voip" || exit 1
pass=0 fail=0
check() { # WHAT CMD...
  local what=$1; shift
  if "$@" >"$WORLD/check.log" 2>&1; then pass=$((pass + 1)); echo "ok    $what"; else fail=$((fail + 1)); echo "FAIL  $what"; tail -n 20 "$WORLD/check.log"; fi
}
background() { "$@" & BACK=$!; }
finish() { kill "$BACK" 2>/dev/null; wait "$BACK" 2>/dev/null; }
within() { local end=$((SECONDS + $1)); shift; until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done; }
said() { grep -q "$2" "$WORLD/log/$1/events.log" 2>/dev/null; }
registration() { ./asterisk.sh cli one 'pjsip show registrations' | grep -qE "registered +$1"; }
contacts() { ./asterisk.sh cli one 'pjsip show contacts' | grep -c 'anna/'; }
no_contact() { [ "$(contacts)" = 0 ]; }
refused() { ! "$@"; }
phone=(./phone.sh --at 10.88.0.20 --register 10.88.0.1 --user anna --password phone-secret --name phone)
caller=(./caller.sh --to 10.88.0.1 --name caller)
ready() { [ -e "$WORLD/log/phone/ready" ] && sleep 0.2; }
registrar=(./registrar.sh --at 10.88.0.11 --user trunk --name carrier --password)

./world.sh up --alone --owner $$ || exit 1
trap './world.sh down' EXIT
background "${registrar[@]}" carrier-secret
check "Asterisk of the media image comes up" ./asterisk.sh start one etc
check "a trunk registers with digest" within 5 said carrier 'registered <sip:trunk@10.88.0.1'
check "and Asterisk says so" within 3 registration Registered
finish
background "${registrar[@]}" not-that-one
./asterisk.sh cli one 'module reload res_pjsip_outbound_registration.so' >/dev/null; ./asterisk.sh cli one 'pjsip send register *all' >/dev/null
check "a registrar refuses a wrong password" within 5 said carrier 'refused: the digest'
check "and Asterisk says so" within 5 registration 'Rejected|Unregistered'
finish

check "prompt and music play, the centre hangs up" "${caller[@]}" --number 100 --talk 20
check "seen by the caller" said caller 'ended by the other side'
check "20 callers at 10 a second" "${caller[@]}" --number 100 --talk 20 --calls 20 --rate 10
check "a caller presses keys" "${caller[@]}" --number 400 --digits 12# --talk 20
check "and they arrive" bash -c './asterisk.sh cli one "dialplan show globals" | grep -qx " *KEYS=12"'
check "a number that isn't there is refused" refused "${caller[@]}" --number 999

background "${phone[@]}" --talk 2; check "a phone registers" within 5 ready
check "a call reaches the phone, which hangs up" "${caller[@]}" --number 200 --talk 20
check "seen by the phone" said phone 'hung up'
background_rtp() { ./world.sh exec "$voip/rtp.py" 4 >"$WORLD/rtp"; }
background_rtp & rtp=$!
check "the caller hangs up" "${caller[@]}" --number 200 --talk 2.5
check "seen by the phone" within 2 said phone 'ended by the other side'
wait $rtp
check "RTP went four ways, and none was lost" awk '$5 >= 30 && $7 == 0 {n++} END {exit n < 4}' "$WORLD/rtp"
finish
background "${phone[@]}"; within 5 ready
answered() { [ "$(grep -c ' answered' "$WORLD/log/phone/events.log")" = "$1" ]; }
hangs_up() { "${caller[@]}" --number 200 --until-bye & within 10 answered "$2" && ./hang-up.sh "$1" && wait $!; }
check "a phone hangs up when it is told to" hangs_up phone 1
check "seen by the caller" said caller 'ended by the other side'
check "a caller hangs up when they are told to" hangs_up caller 2
check "seen by the phone" within 2 said phone 'ended by the other side'
finish
background "${phone[@]}" --no-answer; within 5 ready
check "a caller gives up while it rings" "${caller[@]}" --number 300 --cancel 1
check "seen by the phone" within 2 said phone withdrawn
check "a phone that never answers is withdrawn" "${caller[@]}" --number 200 --talk 20
finish
background "${phone[@]}" --reject 486; within 5 ready
check "a phone refuses" "${caller[@]}" --number 200 --talk 20
check "seen by the phone" said phone 'refused with 486'
finish
check "a phone with a wrong password is refused" refused ./phone.sh --at 10.88.0.21 --register 10.88.0.1 --user anna --password wrong
check "a phone takes its registration back" "${phone[@]}" --expires 0
check "and Asterisk has forgotten it" within 3 no_contact
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]

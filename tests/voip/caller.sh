#!/usr/bin/env bash
# caller.sh --to HOST[:PORT] --number DID [options]: callers behind a carrier.
#
#   --from HOST[:PORT]   the carrier's address                           carrier-a's, port 5080
#   --caller NUMBER      who calls                                       493012345
#   --talk SECONDS       hang up so long after the answer                5
#   --until-bye          never hang up first (an hour at most)
#   --cancel SECONDS     give up so long after the first ringing; the call must not have been answered
#   --wait SECONDS       give up when no answer came so long             120
#   --calls N --rate R   N calls, R a second                             1, 1
#   --uri URI            the Request-URI, where it isn't sip:DID@HOST:PORT (a registered Contact)
#   --user U --password P  as whom, where callers have to say so
#   --header 'Name: x'   one more header in the INVITE
#   --tone HERTZ         what the callers send                           440
#   --digits 12#         press these keys (RFC 4733) so long after the answer, in place of the tone
#   --digits-after SECONDS                                               1
#   --name NAME          names $WORLD/log/NAME/{events,errors,sipp}.log  caller-FROM-PORT
#
# Exits 0 if every call was answered (with --cancel: given up) and ended as it should. TRACE=1
# keeps all SIP messages in messages.log.
set -euo pipefail
. "$(dirname "$0")/env.sh"
from='' to='' number='' caller=493012345 talk=5 cancel='' wait=120 calls=1 rate=1 uri='' header='' hertz=440 name='' digits='' digits_after=1 user='' password=''
while [ $# -gt 0 ]; do
  case $1 in
    --until-bye) talk=3600; shift; continue ;;
    --from) from=$2 ;; --to) to=$2 ;; --number) number=$2 ;; --caller) caller=$2 ;; --talk) talk=$2 ;;
    --cancel) cancel=$2 ;; --wait) wait=$2 ;; --calls) calls=$2 ;; --rate) rate=$2 ;; --uri) uri=$2 ;;
    --header) header=$2 ;; --user) user=$2 ;; --password) password=$2 ;; --tone) hertz=$2 ;; --digits) digits=$2 ;; --digits-after) digits_after=$2 ;; --name) name=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[ -n "$to" ] && [ -n "$number" ] || usage
[ -n "$from" ] || from=$(address carrier-a)
split_address "$from" 5080
dir=$(new_log "${name:-caller-$host-$port}")
kind=caller; [ -z "$cancel" ] || kind=caller-cancel talk=$cancel
# sipp sends keys from a socket that it doesn't share with a streamed tone. (Its play_dtmf has payload
# types of its own; the recordings that Debian ships with it have 101, as we offer.)
if [ -n "$digits" ]; then
  ! pods_world || die "--digits: sipp sends keys from a raw socket, which restricted pods must not open"
  media_port=auto_media_port
  media='' pause=$(ms "$digits_after")
  set -f
  for key in $(grep -o . <<<"$digits"); do
    case $key in [0-9]) ;; '#') key=pound ;; '*') key=star ;; *) die "--digits $digits: only 0-9, * and # are keys" ;; esac
    media+="<pause milliseconds=\"$pause\"/><nop><action><exec play_pcap_audio=\"/usr/share/sip-tester/dtmf_2833_$key.pcap\"/></action></nop>" pause=500
  done
  set +f
else
  media_port=rtpstream_audio_port
  media="<nop><action><exec rtp_stream=\"$(tone "$hertz"),-1,8,PCMA/8000\"/></action></nop>"
fi
scenario $kind "$dir" "URI=${uri:-sip:[service]@[remote_ip]:[remote_port]}" "CALLER=$caller" "TALK_MS=$(ms "$talk")" \
  "MEDIA_PORT=$media_port" "MEDIA=$media" ${header:+"HEADER=$header"}
# The same call once more with its credentials, behind the challenge.
[ -z "$user" ] || python3 - "$dir/$kind.xml" "$user" "$password" <<'P'
import sys
path, user, password = sys.argv[1:]
text = open(path).read()
end = text.index('</send>') + len('</send>')
invite = text[text.index(' <send'):end]
ack = """
 <recv response="100" optional="true"/>
 <recv response="401" auth="true"/>
 <send><![CDATA[
""" + invite[invite.index('  INVITE'):invite.index('  CSeq')].replace('INVITE', 'ACK') + """  CSeq: 1 ACK
  Max-Forwards: 70
  Content-Length: 0
 ]]></send>
"""
ack = '\n'.join('  [last_Via:]' if 'Via:' in line else '  [last_To:]' if line.startswith('  To:') else line for line in ack.split('\n'))
again = invite.replace('CSeq: 1', 'CSeq: 2').replace('  Content-Type:', f'  [authentication username={user} password={password}]\n  Content-Type:')
rest = text[end:].replace('CSeq: 2 BYE', 'CSeq: 3 BYE').replace('CSeq: 1 ACK', 'CSeq: 2 ACK')
open(path, 'w').write(text[:end] + ack + again + rest)
P
sipp_at "$host" "$port" "$dir" $kind -s "$number" -m "$calls" -r "$rate" -l 3000 -recv_timeout "$(ms "$wait")" "$to"
in_world "${sipp[@]}" >"$dir/sipp.log" 2>&1

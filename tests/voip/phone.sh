#!/usr/bin/env bash
# phone.sh --at HOST[:PORT] [options]: an agent's phone, or whoever else is called. Runs until it is ended.
#
#   --register HOST[:PORT]  register there first (and take the registration back with --expires 0)
#   --user U --password P   as whom
#   --expires SECONDS       how long; it is not renewed                     3600
#   --answer SECONDS        ring so long, then answer                       1
#   --no-answer             ring until the call is withdrawn
#   --reject CODE           refuse every call
#   --talk SECONDS          hang up so long after the answer                3600
#   --calls N               end after N calls
#   --tone HERTZ            what the phone sends                            1000
#   --name NAME             names $WORLD/log/NAME/{events,errors,sipp}.log  phone-HOST-PORT
#
# `ready` appears in the log folder once the phone is registered and about to listen. TRACE=1 keeps
# all SIP messages in messages.log.
set -euo pipefail
. "$(dirname "$0")/env.sh"
at='' registrar='' user='' password='' expires=3600 answer=1 reject='' talk=3600 calls='' hertz=1000 name=''
while [ $# -gt 0 ]; do
  case $1 in
    --no-answer) answer=3600; shift; continue ;;
    --at) at=$2 ;; --register) registrar=$2 ;; --user) user=$2 ;; --password) password=$2 ;; --expires) expires=$2 ;;
    --answer) answer=$2 ;; --reject) reject=$2 ;; --talk) talk=$2 ;; --calls) calls=$2 ;; --tone) hertz=$2 ;; --name) name=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[ -n "$at" ] || usage
split_address "$at" 5070
dir=$(new_log "${name:-phone-$host-$port}")
if [ -n "$registrar" ]; then
  [ -n "$user" ] && [ -n "$password" ] || usage
  scenario register "$dir" "USER=$user" "PASSWORD=$password" "EXPIRES=$expires"
  # From the port that will listen: a registrar behind NAT rules takes the source for the Contact.
  sipp_at "$host" "$port" "$dir" register -m 1 -recv_timeout 5000 "$registrar"
  # Like any phone it asks again: sipp takes an answer that comes twice for a wrong one, and a busy machine's late.
  tries=3
  until (in_world "${sipp[@]}" >"$dir/register.log" 2>&1); do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || die "$user could not register at $registrar from $at, at the third attempt; see $dir/register.log and errors.log"
    cat "$dir/errors.log" >>"$dir/register-failed.log" 2>/dev/null || true
    sleep 1
  done
  [ "$expires" != 0 ] || exit 0
fi
touch "$dir/ready"
if [ -n "$reject" ]; then
  kind=phone-reject
  scenario $kind "$dir" "CODE=$reject"
else
  kind=phone
  scenario $kind "$dir" "ANSWER_MS=$(ms "$answer")" "TALK_MS=$(ms "$talk")" "TONE=$(tone "$hertz")"
fi
sipp_at "$host" "$port" "$dir" $kind ${calls:+-m "$calls"}
in_world "${sipp[@]}" >"$dir/sipp.log" 2>&1

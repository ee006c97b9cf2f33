#!/usr/bin/env bash
# registrar.sh --at HOST[:PORT] --user U --password P [--refuse CODE] [--name NAME]: a carrier to which a
# trunk registers. Runs until it is ended.
#
# Challenges every REGISTER and checks the digest (403 where it is wrong), or answers all with CODE.
# events.log in $WORLD/log/NAME (registrar-HOST-PORT) says who registered which Contact: that is where
# caller.sh --uri sends the carrier's calls.
set -euo pipefail
. "$(dirname "$0")/env.sh"
at='' user='' password='' refuse='' name=''
while [ $# -gt 0 ]; do
  case $1 in
    --at) at=$2 ;; --user) user=$2 ;; --password) password=$2 ;; --refuse) refuse=$2 ;; --name) name=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[ -n "$at" ] || usage
split_address "$at" 5060
dir=$(new_log "${name:-registrar-$host-$port}")
kind=registrar
if [ -n "$refuse" ]; then
  kind=registrar-refuse
  scenario $kind "$dir" "CODE=$refuse"
else
  [ -n "$user" ] && [ -n "$password" ] || usage
  scenario $kind "$dir" "USER=$user" "PASSWORD=$password"
fi
sipp_at "$host" "$port" "$dir" $kind
in_world "${sipp[@]}" >"$dir/sipp.log" 2>&1

# Shared settings; sourced by the other scripts of this folder.
voip=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/trunkline
: "${STATE:=${XDG_STATE_HOME:-$HOME/.local/state}/trunkline/cluster}" # the cluster's, see ../cluster
: "${WORLD:=$STATE.world}"
STATE=$(readlink -m "$STATE"); WORLD=$(readlink -m "$WORLD")
export STATE WORLD

root=(); [ "$(id -u)" = 0 ] || root=(sudo)
die() { echo "$(basename "$0"): $*" >&2; exit 1; }
. "$voip/pods.sh"
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }

# world_pid: the first process of the world's namespaces.
world_pid() {
  local p
  p=$(cat "$WORLD/pid" 2>/dev/null) && [ -e "/proc/$p" ] || die "no world is up in WORLD=$WORLD (world.sh up, or world.sh up --alone)"
  echo "$p"
}

# pods_world: is the world one of pods?
pods_world() { [ -e "$WORLD/pods" ]; }

# in_world CMD...: becomes CMD in the world's network and pid namespaces, so that it can't outlive the
# world; it ends when this process is ended. In a world of pods: in the one whose address is `host`, with
# what is in `dir`.
in_world() {
  local p
  if pods_world; then in_pod "$host" "$dir" "$@"; exit; fi
  p=$(world_pid)
  exec "${root[@]}" nsenter --net --pid --target "$p" setpriv --pdeathsig TERM "$@"
}

# address ROLE: where carrier-a, carrier-b, phone-1 to phone-10 are
address() {
  local a=''
  if pods_world; then
    a=$(awk -v r="$1" '$1 == r {print $2}' "$WORLD/pods")
  else
    case $1 in carrier-a) a=10 ;; carrier-b) a=11 ;; phone-[1-9] | phone-10) a=$((19 + ${1#phone-})) ;; esac
    a=${a:+10.88.0.$a}
  fi
  [ -n "$a" ] || die "the world in WORLD=$WORLD has no $1"
  echo "$a"
}

# split_address HOST[:PORT] DEFAULT-PORT: sets `host` and `port`
split_address() { host=${1%%:*}; port=$2; case $1 in *:*) port=${1##*:} ;; esac; }

# scenario NAME DIR KEY=VALUE...: writes DIR/NAME.xml with @KEY@ replaced
scenario() {
  local name=$1 dir=$2 pair args=(); shift 2
  for pair; do args+=(-e "s|@${pair%%=*}@|$(sed 's/[\\&|]/\\&/g' <<<"${pair#*=}")|g"); done
  sed "${args[@]}" "$voip/scenarios/$name.xml" | grep -v '^  @HEADER@$' >"$dir/$name.xml"
}

# tone HERTZ: the path of 8 s of that tone as G.711 A-law, made when first wanted
tone() {
  local file=$WORLD/tone-$1.al
  [ -s "$file" ] || { python3 "$voip/tone.py" "$1" >"$file.$$" && mv "$file.$$" "$file"; }
  echo "$file"
}

# new_log NAME: an empty folder for one run's files
new_log() { local dir=$WORLD/log/$1; rm -rf "$dir"; mkdir -p "$dir"; echo "$dir"; }

# sipp_at HOST PORT DIR SCENARIO ARGS...: the command line of sipp, in the array `sipp`.
# Each port has RTP ports of its own, so that several run on one address.
sipp_at() {
  local host=$1 port=$2 dir=$3 file=$4; shift 4
  local rtp=$((10000 + port % 1000 * 50))
  echo "$host $port" >"$dir/at"
  sipp=(sipp -nostdin -aa -sf "$dir/$file.xml" -i "$host" -p "$port" -mi "$host" -mp "$rtp"
    -skip_rlimit -trace_logs -log_file "$dir/events.log" -trace_err -error_file "$dir/errors.log" "$@")
  [ -z "${TRACE:-}" ] || sipp+=(-trace_msg -message_file "$dir/messages.log")
}
ms() { awk -v s="$1" 'BEGIN {printf "%d", s * 1000}'; }

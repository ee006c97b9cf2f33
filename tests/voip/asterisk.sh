#!/usr/bin/env bash
# asterisk.sh start NAME ETC | stop NAME | cli NAME COMMAND | pid NAME | root: an Asterisk of the media image as a
# plain process in the world, for tests without a cluster. ETC becomes its /etc/asterisk (a copy:
# later changes go to $WORLD/asterisk/NAME/etc). Returns once it is fully booted.
#
# It sees the same paths as in its pod: each instance has /etc/asterisk, /var/{lib,spool,log}/asterisk
# and /run/asterisk of its own, by mounts that nobody else sees. Several run side by side, each
# bound to an address of its own by its configuration. It ends with the world.
#
# `root` prints where the image's files are, unpacked.
#
# Where ETC is $WORLD/asterisk/NAME/etc itself, somebody keeps its folders (a media side-car): they are
# taken as they are, and a restart finds them again.
set -euo pipefail
. "$(dirname "$0")/env.sh"
[ $# -ge 2 ] || [ "${1:-}" = root ] || usage
name=${2:-} home=$WORLD/asterisk/${2:-}
pid() { cat "$home/pid" 2>/dev/null || die "no Asterisk $name runs in WORLD=$WORLD"; }
cli() { local p; p=$(pid); "${root[@]}" nsenter --mount --root --wd --target "$p" /usr/sbin/asterisk -C /etc/asterisk/asterisk.conf -rx "$1"; }
booted() { cli 'core waitfullybooted' 2>/dev/null | grep -q 'fully booted'; }

# The media image's files, unpacked once for each content.
unpacked() {
  local made
  made=$("$voip/../../images/media/rootfs.sh")
  if [ ! -e "$made/root.complete" ]; then
    "${root[@]}" rm -rf "$made/root"; "${root[@]}" mkdir "$made/root"
    "${root[@]}" tar -C "$made/root" -xpf "$made/rootfs.tar" --numeric-owner
    touch "$made/root.complete"
  fi
  echo "$made/root"
}

start() {
  local tree etc=$1 p
  tree=$(unpacked); p=$(world_pid)
  [ ! -e "$home/pid" ] || stop
  if [ "$(readlink -m "$etc")" != "$(readlink -m "$home/etc")" ]; then
    "${root[@]}" rm -rf "$home"
    mkdir -p "$home"
    cp -rL "$etc" "$home/etc"
  fi
  "${root[@]}" mkdir -p "$home"/{lib,spool/{recording,monitor,tmp},log,run}
  : >"$home/out.log"
  "${root[@]}" chown -R 101:101 "$home"/{etc,lib,spool,log,run,out.log} # it opens /dev/stdout by name
  "${root[@]}" setsid nsenter --net --pid --target "$p" unshare --mount --propagation private bash -euc '
    mount --bind "$1" "$1"; cd "$1"
    mount -t proc proc proc; mount --rbind /dev dev; mount -t tmpfs -o mode=1777 tmp tmp
    mount --bind "$2/etc" etc/asterisk; mount --bind "$2/run" run/asterisk
    for d in lib spool log; do mount --bind "$2/$d" "var/$d/asterisk"; done
    ulimit -n 16384 2>/dev/null || true
    exec chroot --userspec=101:101 . /usr/sbin/asterisk -f -C /etc/asterisk/asterisk.conf' _ "$tree" "$home" \
    >"$home/out.log" 2>&1 </dev/null &
  local launcher=$! q
  for _ in {1..1000}; do
    for q in $(pgrep -P "$launcher" || true) $launcher; do
      if [ "$(cat "/proc/$q/comm" 2>/dev/null)" = asterisk ]; then echo "$q" >"$home/pid"; break 2; fi
    done
    sleep 0.02
  done
  local end=$((SECONDS + 60))
  while [ $SECONDS -lt $end ]; do
    if booted; then as_urgent "$q"; return; fi
    sleep 0.05
  done
  tail -n 20 "$home/out.log" >&2
  die "Asterisk $name with $etc was not up after 60 s; see $home/out.log"
}

# Asterisk gives up the real-time priority that it is started with; it gets it again.
as_urgent() {
  case $(chrt --pid $$ 2>/dev/null) in
    *SCHED_RR*) "${root[@]}" chrt --all-tasks --rr --pid 1 "$1" ;;
  esac
}

stop() {
  local p
  p=$(pid)
  if [ "$(cat "/proc/$p/comm" 2>/dev/null)" = asterisk ]; then
    "${root[@]}" kill -TERM "$p"
    for _ in {1..100}; do [ "$(cat "/proc/$p/comm" 2>/dev/null)" = asterisk ] || break; sleep 0.05; done
    "${root[@]}" kill -KILL "$p" 2>/dev/null || true
  fi
  rm -f "$home/pid"
}

case $1 in
  start) start "${3:?asterisk.sh start NAME ETC}" ;;
  stop) stop ;;
  cli) cli "${3:?asterisk.sh cli NAME COMMAND}" ;;
  pid) pid ;;
  root) unpacked ;;
  *) usage ;;
esac

#!/usr/bin/env bash
# postgres.sh start DIR [--owner PID] [--listen ADDRESS NAME] | url DIR | stop DIR [MODE] | version: a Postgres
# server of the distribution's packages (installed where they are missing), for tests.
#
# start  a cluster in DIR, empty at first, that listens on a unix socket there and nowhere else; synced, with
#        passwords. It prints the URL of its database `journal`. A DIR that has a cluster is started again.
# --listen it listens on ADDRESS too, for TLS alone; its certificate is NAME's, which DIR/ca.crt has signed. The URL
#        has that name
# --owner when that process is gone, however it went, the server ends and DIR goes
# stop   ends it: `fast`, or another MODE of pg_ctl (`immediate`: as a crash does)
#
# Run by root it is the user `postgres`, for a server refuses root.
set -euo pipefail
die() { echo "postgres.sh: $*" >&2; exit 1; }
find_bin() {
  local found=(/usr/lib/postgresql/*/bin/initdb)
  if [ -x "${found[-1]}" ]; then dirname "${found[-1]}"; else dirname "$(command -v initdb)" 2>/dev/null; fi
}
bin=$(find_bin) || bin=''
[ -n "$bin" ] || { "$(dirname "$0")/packages.sh" postgresql; bin=$(find_bin) || die "the package postgresql brings no initdb"; }
command=${1:-} dir=${2:-}
[ "$command" != version ] || { "$bin/postgres" --version; exit; }
[ -n "$dir" ] || { sed -n '2,12s/^# \?//p' "$0" >&2; exit 2; }
shift 2
as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid postgres --regid postgres --clear-groups)
url() {
  if [ -e "$dir/name" ]; then echo "postgres://trunkline:$(cat "$dir/password")@$(cat "$dir/name")/journal?sslmode=require"
  else echo "postgres://trunkline:$(cat "$dir/password")@${dir//\//%2F}/journal"; fi
}
# certify NAME: the server's key and certificate, and the authority's that signed it
certify() {
  cd "$dir"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=test authority" \
    -keyout ca.key -out ca.crt -addext basicConstraints=critical,CA:TRUE
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout data/server.key -out server.csr
  openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out data/server.crt \
    -extfile <(echo "subjectAltName=DNS:$1"; echo "basicConstraints=critical,CA:FALSE")
  rm ca.key server.csr
  chmod 600 data/server.key
  [ ${#as[@]} = 0 ] || chown postgres:postgres data/server.key data/server.crt
  chmod a+r ca.crt
  echo "$1" >name
}
control() { (cd / && "${as[@]}" "$bin/pg_ctl" --pgdata "$dir/data" "$@"); }

case $command in
  start)
    owner='' listen='' name=''
    while [ $# -gt 0 ]; do
      case $1 in
        --owner) owner=${2:?--owner wants a PID}; shift 2 ;;
        --listen) listen=${2:?--listen wants ADDRESS NAME} name=${3:?--listen wants ADDRESS NAME}; shift 3 ;;
        *) die "start takes --owner and --listen, not \`$1\`" ;;
      esac
    done
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    [ ${#dir} -lt 80 ] || die "$dir is too long a path for a unix socket"
    if [ ! -e "$dir/data/PG_VERSION" ]; then
      (umask 077; od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$dir/password")
      if [ ${#as[@]} -gt 0 ]; then
        chown -R postgres:postgres "$dir"
        # the way to it is one user's alone in a folder made by mktemp: opened for passing through
        chmod a+x "$(dirname "$dir")"
      fi
      (cd / && "${as[@]}" "$bin/initdb" --pgdata "$dir/data" --username trunkline --pwfile "$dir/password" \
        --auth scram-sha-256 --encoding UTF8 --no-locale --no-instructions) >"$dir/initdb.log" 2>&1 ||
        { cat "$dir/initdb.log" >&2; die "no cluster could be made in $dir"; }
      cat >>"$dir/data/postgresql.conf" <<C
listen_addresses = '$listen'
unix_socket_directories = '$dir'
max_connections = 100
shared_buffers = 16MB
log_min_messages = warning
C
      if [ -n "$listen" ]; then
        command -v openssl >/dev/null || "$(dirname "$0")/packages.sh" openssl
        (certify "$name") >"$dir/certify.log" 2>&1 || { cat "$dir/certify.log" >&2; die "no certificate could be made"; }
        echo "ssl = on" >>"$dir/data/postgresql.conf"
        echo "hostssl all all all scram-sha-256" >>"$dir/data/pg_hba.conf"
      fi
    fi
    chmod a+x "$dir" # to the socket
    control --log "$dir/log" --wait --silent start || { tail "$dir/log" >&2; die "no server in $dir"; }
    # In a list with `||` it would be a subshell of this script that holds its caller's pipes.
    if [ -n "$owner" ]; then
      setsid bash -c 'tail --pid="$1" -f /dev/null; "$2" stop "$3" immediate; rm -rf "$3"' _ \
        "$owner" "$(realpath "$0")" "$dir" >/dev/null 2>&1 </dev/null &
    fi
    made=$(PGPASSWORD=$(cat "$dir/password") "$bin/psql" -h "$dir" -U trunkline -d postgres -Atqc \
      "SELECT 1 FROM pg_database WHERE datname = 'journal'")
    [ -n "$made" ] || PGPASSWORD=$(cat "$dir/password") "$bin/createdb" -h "$dir" -U trunkline journal
    url
    ;;
  url) dir=$(cd "$dir" && pwd); url ;;
  stop)
    dir=$(cd "$dir" && pwd)
    [ ! -e "$dir/data/postmaster.pid" ] || control --mode "${1:-fast}" --wait --silent stop ;;
  *) die "start, url or stop, not \`$command\`" ;;
esac

#!/usr/bin/env bash
# rootfs.sh: writes the world image's root file system to stdout as a tar that is the same for the same
# packages. Needs no root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/../../tests/packages.sh" sip-tester busybox-static
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$here/slim.sh" "$tmp"
chmod 755 "$tmp"
tar -C "$tmp" --sort=name --mtime=@0 --format=posix --pax-option=delete=atime,delete=ctime \
  --owner=0 --group=0 --numeric-owner -cf - .

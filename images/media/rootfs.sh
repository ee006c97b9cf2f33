#!/usr/bin/env bash
# rootfs.sh: makes the media image's root file system, once for each content of this folder's lists
# and scripts, and prints its folder: rootfs.tar, and packages (what was installed).
#
# Asterisk comes from Debian sid, because stable has none. A mirror carries only sid's newest
# packages, so packages.lock is the record of what was tested rather than a pin: the build stops
# unless Asterisk's major version is the locked one, and says which packages differ.
# DEBIAN_MIRROR chooses another mirror. Needs root, or sudo.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hash=$(cd "$here" && cat rootfs.sh slim.sh modules.list packages.list packages.lock | sha256sum | cut -c1-16)
out=${XDG_CACHE_HOME:-$HOME/.cache}/trunkline/media/$hash
[ ! -e "$out/rootfs.tar" ] || { echo "$out"; exit 0; }
"$here/../../tests/packages.sh" mmdebstrap debian-archive-keyring
root=(); [ "$(id -u)" = 0 ] || root=(sudo)
mkdir -p "$out"
exec 8>"$out/lock"; flock 8 # whoever comes second finds it done
[ ! -e "$out/rootfs.tar" ] || { echo "$out"; exit 0; }

# the mirror that this machine already uses
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -1)}
mirror=${mirror:-http://deb.debian.org/debian}
tmp=$(mktemp -d)
trap '"${root[@]}" rm -rf "$tmp"' EXIT
# (a mirror's sid may be older than its Valid-Until allows)
"${root[@]}" mmdebstrap --quiet --variant=minbase --mode=root \
  --include="$(paste -sd, "$here/packages.list")" \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "3"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
  sid "$tmp/full" "deb $mirror sid main" >&2 8>&-

"${root[@]}" chroot "$tmp/full" dpkg-query -W -f '${Package}=${Version}\n' | LC_ALL=C sort >"$out/packages"
major() { sed -n 's/^asterisk=1:\([0-9]*\)\..*/\1/p' "$1"; }
if [ "$(major "$out/packages")" != "$(major "$here/packages.lock")" ]; then
  echo "rootfs.sh: the mirror has Asterisk $(major "$out/packages"), packages.lock has $(major "$here/packages.lock"): test with the new one, then copy $out/packages over packages.lock" >&2
  exit 1
fi
diff "$here/packages.lock" "$out/packages" >"$tmp/differ" || {
  echo "rootfs.sh: packages that are not those of packages.lock (< locked, > installed):" >&2
  grep '^[<>]' "$tmp/differ" >&2
}
"${root[@]}" "$here/slim.sh" "$tmp/full" "$tmp/slim" "$here/modules.list" 8>&-
"${root[@]}" tar -C "$tmp/slim" --sort=name --mtime=@0 --format=posix --pax-option=delete=atime,delete=ctime \
  --numeric-owner -cf - . >"$out/rootfs.tar.part"
mv "$out/rootfs.tar.part" "$out/rootfs.tar"
echo "$out"

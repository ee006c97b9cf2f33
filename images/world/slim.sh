#!/usr/bin/env bash
# slim.sh ROOTFS: copies this machine's sipp and busybox (Debian's sip-tester and busybox-static) and every
# library that they want into ROOTFS, with nothing else of Debian.
set -euo pipefail
umask 022
rootfs=$1
mkdir -p "$rootfs"/{bin,etc,lib,lib64,proc,tmp,usr/bin,usr/share/doc}
chmod 1777 "$rootfs/tmp"
sipp=$(command -v sipp) busybox=$(command -v busybox)
cp -L "$sipp" "$rootfs/usr/bin/sipp"
cp -L "$busybox" "$rootfs/bin/busybox"
for applet in sh cat head kill mkdir mkfifo ps rm sleep tar; do ln -s busybox "$rootfs/bin/$applet"; done
# The libraries by the names that they are looked up by, all in one folder; the dynamic loader (the line
# without an arrow) under the fixed path that programs name. A static busybox has none.
for program in "$sipp" "$busybox"; do ldd "$program" 2>/dev/null || true; done | sort -u >"$rootfs/libs"
while read -r library; do cp -Lu "$library" "$rootfs/lib/"; done < <(awk '/=> \//{print $3}' "$rootfs/libs" | sort -u)
while read -r loader; do mkdir -p "$rootfs$(dirname "$loader")"; cp -L "$loader" "$rootfs$loader"; done < <(awk '/^\t\//{print $1}' "$rootfs/libs" | sort -u)
rm "$rootfs/libs"
printf 'root:x:0:0::/:/bin/sh\nworld:x:65532:65532::/tmp:/bin/sh\n' >"$rootfs/etc/passwd"
for package in sip-tester busybox-static; do # the licences of what is inside
  mkdir "$rootfs/usr/share/doc/$package"
  cp -L "/usr/share/doc/$package/copyright" "$rootfs/usr/share/doc/$package/"
done

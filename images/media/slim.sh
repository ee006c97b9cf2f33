#!/usr/bin/env bash
# slim.sh FULL SLIM MODULES.list: copies Asterisk out of the Debian root file system FULL: the program,
# the named modules, every library that these want, prompts and music; no shell, no package manager.
set -euo pipefail
full=$1 slim=$2 list=$3
multiarch=$(basename "$(echo "$full"/usr/lib/*-linux-gnu)")
lib=usr/lib/$multiarch modules=usr/lib/$multiarch/asterisk/modules
mkdir -p "$slim"/{etc/ssl/certs,etc/asterisk,proc,dev,tmp,run/asterisk,usr/sbin,usr/lib64,var/{lib,spool,log}/asterisk} \
  "$slim/$modules" "$slim/usr/share/asterisk" "$slim/usr/share/doc"
chmod 1777 "$slim/tmp"
ln -s usr/lib "$slim/lib"; ln -s usr/lib64 "$slim/lib64"; ln -s usr/sbin "$slim/sbin"
grep -E '^(root|asterisk|nobody):' "$full/etc/passwd" >"$slim/etc/passwd"
grep -E '^(root|asterisk|nogroup):' "$full/etc/group" >"$slim/etc/group"
echo 'hosts: files dns' >"$slim/etc/nsswitch.conf"
cp -L "$full/etc/ssl/certs/ca-certificates.crt" "$slim/etc/ssl/certs/"
cp -L "$full/etc/localtime" "$slim/etc/" 2>/dev/null || true # sid's minbase may have none: UTC

wanted=(/usr/sbin/asterisk)
cp "$full/usr/sbin/asterisk" "$slim/usr/sbin/"
while read -r module; do
  cp "$full/$modules/$module" "$slim/$modules/"
  wanted+=("/$modules/$module")
done < <(grep -v '^#' "$list")
# Opened at run time, so that ldd doesn't show them: NSS's software token (libsrtp2 uses NSS) and glibc's resolver.
for name in libsoftokn3.so libfreebl3.so libfreeblpriv3.so libnss_dns.so.2 libnss_files.so.2 libgcc_s.so.1; do
  for f in "$lib/$name" "$lib/nss/$name"; do [ ! -e "$full/$f" ] || wanted+=("/$f"); done
done
# Each library by the name that it is looked up by, and the file that this stands for.
chroot "$full" ldd "${wanted[@]}" | awk '/=> \//{print $3} /^\t\/lib/{print $1}' | sort -u >"$slim.libs"
for f in $(cat "$slim.libs") $(printf '%s\n' "${wanted[@]}" | grep -E '/lib[^/]*\.so'); do
  real=$(chroot "$full" readlink -f "$f")
  name=$(chroot "$full" readlink -f "$(dirname "$f")")/$(basename "$f")
  mkdir -p "$slim$(dirname "$real")" "$slim$(dirname "$name")"
  cp "$full$real" "$slim$real"
  if [ "$name" != "$real" ] && [ ! -e "$slim$name" ]; then ln -s "$real" "$slim$name"; fi
done
rm "$slim.libs"
for f in "$full/$lib"/{libsoftokn3,libfreebl3,libfreeblpriv3}.chk "$full/$lib"/nss/*.chk; do
  [ ! -e "$f" ] || cp "$f" "$slim${f#"$full"}"
done
# The dynamic loader under the fixed name that programs ask for.
for loader in "$full"/usr/lib64/ld-linux-*.so.*; do
  [ ! -e "$loader" ] || [ -e "$slim/usr/lib64/$(basename "$loader")" ] || ln -s "../lib/$multiarch/$(basename "$loader")" "$slim/usr/lib64/"
done
for d in documentation moh rest-api sounds static-http; do cp -r "$full/usr/share/asterisk/$d" "$slim/usr/share/asterisk/"; done
find "$slim/usr/share/asterisk" -xtype l -delete
ln -s en_US_f_Allison "$slim/usr/share/asterisk/sounds/en" # the prompts of the default language
cp -r "$full/usr/share/doc/." "$slim/usr/share/doc/" # the licences of what is inside
chown -R 101:101 "$slim"/{etc/asterisk,run/asterisk,var/lib/asterisk,var/spool/asterisk,var/log/asterisk}

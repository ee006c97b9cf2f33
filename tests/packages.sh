#!/usr/bin/env bash
# packages.sh NAME...: installs the Debian packages that are missing; silent and quick when none is.
set -euo pipefail
missing=()
for package; do
  [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
root=(); [ "$(id -u)" = 0 ] || root=(sudo)
echo "installing Debian packages: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -q >&2
"${root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" >&2

#!/usr/bin/env bash
# Installs the Debian packages that these scripts need; nothing to do when they are there.
set -euo pipefail
exec "$(dirname "$0")/../packages.sh" sip-tester iproute2 util-linux nftables python3

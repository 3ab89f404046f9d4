#!/bin/bash
# Installs the Debian packages of the named groups of packages.txt, if any is
# missing: tests/packages.sh build demo. The only place that installs.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=()
for group in "$@"; do
	mapfile -t -O "${#wanted[@]}" wanted < <(
		awk -v group="[$group]" '/^\[/ { on = ($0 == group); next }
			on && NF && !/^#/ { print $1 }' packages.txt)
done

missing=()
for package in "${wanted[@]}"; do
	dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
		grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		{ echo "Installing ${missing[*]} needs root; run this as root." >&2; exit 1; }
	sudo=(sudo)
fi
echo "Installing: ${missing[*]}"
log=$(mktemp)
if ! { "${sudo[@]}" apt-get update &&
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	cat "$log" >&2
	echo "The packages above could not be installed: is the package mirror reachable?" >&2
	exit 1
fi
rm -f "$log"

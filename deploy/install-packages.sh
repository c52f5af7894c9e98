#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of deploy/packages.txt that are missing.
#   deploy/install-packages.sh            what building and running need
#   deploy/install-packages.sh --test     what the tests need, too
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

kinds='build|run'
if [ "${1:-}" = --test ]; then
    kinds='build|run|test'
fi
wanted=$(sed -nE "s/^([a-z0-9.+-]+) +# *($kinds).*/\1/p" "$here/packages.txt")
missing=()
for package in $wanted; do
    # A program of that name will do too (npm often comes with a newer Node.js than Debian's).
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ] &&
        ! command -v "$package" >/dev/null; then
        missing+=("$package")
    fi
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
echo "installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" apt-get install -q -y \
    --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "the packages could not be installed; see the lines above" >&2
    exit 1
fi

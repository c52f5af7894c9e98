#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks HL7's R4 package, pinned in package.lock.json, under the folder $1 and prints where its
# files are. What is already there and whole is not fetched again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${1:?usage: fetch.sh CACHE_DIR}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
done_mark="$cache/unpacked"
if [ ! -e "$done_mark" ] || ! cmp -s "$here/package.lock.json" "$done_mark"; then
    name=$(python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["name"]+"@"+d["version"])' \
        "$here/package.lock.json")
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && npm pack --silent "$name" >/dev/null)
    python3 - "$here/package.lock.json" "$work"/*.tgz <<'PY'
import base64, hashlib, json, sys
want = json.load(open(sys.argv[1]))["integrity"]
with open(sys.argv[2], "rb") as package:
    have = "sha512-" + base64.b64encode(hashlib.sha512(package.read()).digest()).decode()
if have != want:
    sys.exit("fetch.sh: the package's hash is not the pinned one: " + have)
PY
    tar -xzf "$work"/*.tgz -C "$work"
    rm -rf "$cache/package"
    mv "$work/package" "$cache/package"
    cp "$here/package.lock.json" "$done_mark"
fi
echo "$cache/package"

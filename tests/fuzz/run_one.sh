#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tests/fuzz/run_one.sh SECONDS TARGET: runs one fuzz target over its seeds (tests/fuzz/seeds/NAME, if
# there are any), in a corpus folder of its own. Fails on the first finding, and keeps it.
# One tree takes one way (the seed is 1), so that a finding can be met again; a search for more sets
# PN_FUZZ_SEED=0, which takes another way each time, and more seconds.
set -euo pipefail
seconds=$1
target=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
name=$(basename "$target")
corpus=$(dirname "$target")/corpus/$name
findings=$(dirname "$target")/findings/$name/
mkdir -p "$corpus" "$findings"
seeds=()
if [ -d "$root/tests/fuzz/seeds/$name" ]; then
    seeds=("$root/tests/fuzz/seeds/$name")
fi
log=$findings/log
if "$target" -seed="${PN_FUZZ_SEED:-1}" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=65536 \
    -artifact_prefix="$findings" "$corpus" "${seeds[@]}" >"$log" 2>&1; then
    printf '%s: clean, %s\n' "$name" "$(grep -o 'Done [0-9]* runs in [0-9]* second' "$log" || echo done)"
else
    tail -n 40 "$log"
    echo "$name: found something; the input lies in $findings" >&2
    exit 1
fi

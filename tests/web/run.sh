#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page and the report of a backtest in a real browser, on a hub with a made-up county in it.
#   tests/web/run.sh                    pictures go to build/web-shots
#   tests/web/run.sh page.test.mjs      one of them
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
if [ ! -d node_modules/playwright-core ]; then
    npm install --no-audit --no-fund --no-package-lock --silent
fi
work=$(mktemp -d)
mkfifo "$work/in"
python3 serve.py <"$work/in" >"$work/out" &
server=$!
exec 9>"$work/in"
stop() {
    exec 9>&-
    wait "$server" || true
    rm -rf "$work"
}
trap stop EXIT
for _ in $(seq 1800); do
    [ -s "$work/out" ] && break
    kill -0 "$server" || exit 1
    sleep 0.1
done
read -r PUNOS_URL PUNOS_TOKEN_FILE PUNOS_TEAMS_FILE PUNOS_REPORTS <"$work/out"
export PUNOS_URL PUNOS_TOKEN_FILE PUNOS_TEAMS_FILE PUNOS_REPORTS
export PUNOS_SHOTS=${PUNOS_SHOTS:-$root/build/web-shots}
if [ $# -eq 0 ]; then
    set -- page.test.mjs page_late.test.mjs report.test.mjs
fi
node --test --test-concurrency=1 "$@"

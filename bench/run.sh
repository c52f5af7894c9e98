#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures what the hub promises and prints the figures as Markdown tables: bench/README.md says what
# each one means.
#   bench/run.sh                    medians of five runs of everything
#   bench/run.sh --quick            one run, small
#   bench/run.sh --only NAME        one section (may be given again): intake, rebuild, page, trigger,
#                                   idle, stream, rules, backtest, secure, mapping
#   bench/run.sh --out FILE         the tables go there too (default build/bench/figures.md)
#   bench/run.sh --runs N           medians of N runs
#   bench/run.sh --events N         events for rebuild, page, rules and backtest (default 1,000,000)
set -euo pipefail
cd "$(dirname "$0")/.."
build=${PN_BENCH_BUILD:-build}
cmake -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$build.log" 2>&1 || {
    cat "$build.log" >&2
    exit 1
}
rm -f "$build.log"
cmake --build "$build" -j "$(nproc)" >"$build/bench/build.log" 2>&1 || {
    cat "$build/bench/build.log" >&2
    exit 1
}
exec python3 bench/run.py --build "$build" "$@"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rules that are changed under a running hub: on the embedded store, then on a real PostgreSQL.
#   tests/integration/run_reload.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
python3 tests/integration/reload/reload.py
postgres=$(tests/integration/postgres.sh start)
trap 'tests/integration/postgres.sh stop "$postgres"' EXIT
eval "$(tests/integration/postgres.sh env "$postgres")"
python3 tests/integration/reload/reload.py

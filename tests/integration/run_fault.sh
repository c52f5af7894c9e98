#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Faults on the whole hub: kill -9 of any process at 50 random points, on the embedded stream and store
# and on a real Kafka and PostgreSQL; then broker and database away for a minute each.
#   tests/integration/run_fault.sh [BUILD]     FAULT_KILLS and FAULT_SECONDS change the numbers
set -euo pipefail
cd "$(dirname "$0")/../.."
export PN_TEST_BINARY=${1:-$PWD/build}/punos
kills=${FAULT_KILLS:-50}

echo "== embedded"
python3 tests/fault/kill.py --kills "$kills" --people 60 --visits 14 --seed "${FAULT_SEED:-3}"

# shellcheck source=tests/lib/servers.sh
. tests/lib/servers.sh

echo "== Kafka and PostgreSQL"
python3 tests/fault/kill.py --kills "$kills" --people 60 --visits 14 --seed "${FAULT_SEED:-6}"
echo "== outages"
python3 tests/fault/outage.py --seconds "${FAULT_SECONDS:-60}"

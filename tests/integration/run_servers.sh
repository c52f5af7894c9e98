#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# On a real Kafka with a real PostgreSQL: drop folders with their receipts; one plan to all eight systems,
# three of them ill; the samples of every adapter over all its ways in, a polled server among them, with the
# search for identities that leaked.
#   tests/integration/run_servers.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
# shellcheck source=tests/lib/servers.sh
. tests/lib/servers.sh
python3 tests/integration/drops/drops.py
python3 tests/integration/eight/eight.py
python3 tests/integration/leak/adapters.py

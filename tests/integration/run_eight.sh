#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One plan to all eight records systems, three of them slow, refusing and dead for a while.
#   tests/integration/run_eight.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
python3 tests/integration/eight/eight.py

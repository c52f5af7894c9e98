#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nobody's identity outside its seal, whichever adapter is fed, and the way through quarantine.
#   tests/integration/run_leak.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
python3 tests/integration/leak/leak.py
python3 tests/integration/leak/adapters.py

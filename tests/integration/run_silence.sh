#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A feed falls silent and is heard again, on a whole hub.
#   tests/integration/run_silence.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
python3 tests/integration/silence/silence.py

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A small made-up county through the real transports into a real hub: all of it understood, every count the same
# as the truth, and how well the starting rules find the shared clients.
#   tests/integration/run_county.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
python3 tests/integration/county/test_county.py

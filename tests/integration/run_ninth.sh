#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/CONNECTING-A-SYSTEM.md, followed.
#   tests/integration/run_ninth.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
python3 tests/integration/ninth/ninth.py

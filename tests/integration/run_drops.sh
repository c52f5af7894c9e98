#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Effica and Pro Consona over real folders: lists in, plans and receipt files out.
#   tests/integration/run_drops.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
python3 tests/integration/drops/drops.py

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The units of deploy/systemd: systemd finds nothing wrong with them, and what the monthly one runs
# works as they run it: with no environment, its umask, and another user when this one is root.
#   tests/integration/run_units.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
exec python3 tests/integration/units/units.py

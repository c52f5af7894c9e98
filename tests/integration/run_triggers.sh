#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each rule of config/rules fires from native messages of at least two systems, and not without one of
# them. Prints rule by rule which.
#   tests/integration/run_triggers.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 tests/integration/triggers/triggers.py "${1:-build}"

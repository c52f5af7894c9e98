#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Samples of others through the adapters they concern.
#   tests/integration/run_samples.sh [BUILD FOLDER]
set -eu
cd "$(dirname "$0")/../.."
exec python3 tests/integration/samples/sweep.py "${1:-build}/punos"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The API of a whole hub, call by call.
#   tests/integration/run_api.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$PWD/${1:-build}/punos
case ${1:-build} in /*) PN_TEST_BINARY=$1/punos ;; esac
export PN_TEST_BINARY
python3 tests/integration/api/calls.py

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A whole hub that speaks TLS with everybody: run_tls.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
exec python3 -W ignore::DeprecationWarning tests/integration/tls/test_tls.py

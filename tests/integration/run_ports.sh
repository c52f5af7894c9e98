#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The ports that tests hold against each other: tests/lib/ports.py.
#   tests/integration/run_ports.sh
set -eu
cd "$(dirname "$0")/../.."
exec python3 tests/integration/ports/test_ports.py

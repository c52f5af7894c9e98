#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The service ingest, as it runs: run_ingest.sh BUILD_FOLDER
set -eu
python3 tests/integration/ingest/test_batch.py "${1:-build}"
exec python3 tests/integration/ingest/test_ingest.py "${1:-build}"

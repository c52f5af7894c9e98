#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ingest asking a FHIR server for what has changed: run_poll.sh BUILD_FOLDER
set -eu
exec python3 tests/integration/ingest/test_poll.py "${1:-build}"

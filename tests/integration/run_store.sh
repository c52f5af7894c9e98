#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The store's suite over both implementations, the second with a real PostgreSQL.
#   tests/integration/run_store.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-build}/integration/test_store

PN_TEST_STORE=embedded "$program"

folder=$(tests/integration/postgres.sh start)
trap 'tests/integration/postgres.sh stop "$folder"' EXIT
eval "$(tests/integration/postgres.sh env "$folder")"
PN_TEST_STORE=postgres "$program"

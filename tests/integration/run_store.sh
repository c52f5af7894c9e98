#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The store's suites over both implementations, the second with a real PostgreSQL.
#   tests/integration/run_store.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
programs=${1:-build}/integration

export PN_TEST_STORE=embedded
"$programs/test_store"
"$programs/test_transact"

folder=$(tests/integration/postgres.sh start)
trap 'tests/integration/postgres.sh stop "$folder"' EXIT
eval "$(tests/integration/postgres.sh env "$folder")"
PN_TEST_STORE=postgres
"$programs/test_store"
"$programs/test_transact"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A service that is killed at random places: on the embedded parts, and on a real Kafka with a real
# PostgreSQL.
#   tests/integration/run_skeleton.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-build}/integration/test_run

PN_TEST_STREAM=embedded PN_TEST_STORE=embedded "$program"

# shellcheck source=tests/lib/servers.sh
. tests/lib/servers.sh
PN_TEST_STREAM=kafka PN_TEST_STORE=postgres "$program"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A service that is killed at random places: on the embedded parts, and on a real Kafka with a real
# PostgreSQL.
#   tests/integration/run_skeleton.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-build}/integration/test_run

PN_TEST_STREAM=embedded PN_TEST_STORE=embedded "$program"

kafka=$(tests/integration/kafka.sh start)
trap 'tests/integration/kafka.sh stop "$kafka"' EXIT
postgres=$(tests/integration/postgres.sh start)
trap 'tests/integration/kafka.sh stop "$kafka"; tests/integration/postgres.sh stop "$postgres"' EXIT
eval "$(tests/integration/kafka.sh env "$kafka")"
eval "$(tests/integration/postgres.sh env "$postgres")"
PN_TEST_POSTGRES=$postgres PN_TEST_KAFKA=$kafka \
    PN_TEST_STREAM=kafka PN_TEST_STORE=postgres "$program"

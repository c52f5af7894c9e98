#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every kind of receipt: on the embedded stream and store, then on a real Kafka with a real PostgreSQL.
#   tests/integration/run_receipts.sh [BUILD FOLDER] [embedded|servers]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
where=${2:-}

if [ "$where" != servers ]; then
    python3 tests/integration/receipts/receipts.py
fi
if [ "$where" = embedded ]; then
    exit 0
fi
kafka=$(tests/integration/kafka.sh start)
trap 'tests/integration/kafka.sh stop "$kafka"' EXIT
postgres=$(tests/integration/postgres.sh start)
trap 'tests/integration/kafka.sh stop "$kafka"; tests/integration/postgres.sh stop "$postgres"' EXIT
eval "$(tests/integration/kafka.sh env "$kafka")"
eval "$(tests/integration/postgres.sh env "$postgres")"
python3 tests/integration/receipts/receipts.py

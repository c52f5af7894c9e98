#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The stream's suite over both implementations, the second with a real Kafka.
#   tests/integration/run_stream.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-build}/integration/test_stream

PN_TEST_STREAM=embedded "$program"

folder=$(tests/integration/kafka.sh start)
trap 'tests/integration/kafka.sh stop "$folder"' EXIT
eval "$(tests/integration/kafka.sh env "$folder")"
PN_TEST_STREAM=kafka "$program"
tests/integration/kcat.sh "$program"

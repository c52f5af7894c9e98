#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A whole hub with three systems, from outside: on the embedded stream and store, then on a real Kafka
# with a real PostgreSQL, there also the API call by call and the search for identities that leaked.
#   tests/integration/run_hub.sh [BUILD FOLDER] [embedded|servers]
set -euo pipefail
cd "$(dirname "$0")/../.."
PN_TEST_BINARY=$(realpath "${1:-build}/punos")
export PN_TEST_BINARY
where=${2:-}

if [ "$where" != servers ]; then
    python3 tests/integration/hub/scenes.py
fi
if [ "$where" = embedded ]; then
    exit 0
fi
# shellcheck source=tests/lib/servers.sh
. tests/lib/servers.sh
python3 tests/integration/hub/scenes.py
python3 tests/integration/api/calls.py
python3 tests/integration/leak/leak.py

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Random streams of events through the identification engine, and the same rules in SQL over the
# facts that are left: both must tell the same triggers at every moment. PN_RULES_SQL_STREAMS and
# PN_RULES_SQL_SEED choose how many streams, and which.
#
#   tests/integration/run_rules_sql.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${1:-build}")
streams=${PN_RULES_SQL_STREAMS:-10000}
seed=${PN_RULES_SQL_SEED:-20261122}

data=$(mktemp -d "${TMPDIR:-/tmp}/punos-rules-sql.XXXXXX")
server=$(tests/integration/postgres.sh start)
trap 'tests/integration/postgres.sh stop "$server"; rm -rf "$data"' EXIT
eval "$(tests/integration/postgres.sh env "$server")"

echo "$streams streams, seed $seed"
"$build/integration/test_rules_sql" "$data" "$streams" "$seed"
sql=$PWD/tests/integration/rules_sql/rules.sql
(cd "$data" && psql -qX -f "$sql")

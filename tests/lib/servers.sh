# SPDX-License-Identifier: Apache-2.0
# A real Kafka and a real PostgreSQL for the script that sources this, from the root of the tree; they
# are stopped when it exits. What names them is in the environment then: see kafka.sh and postgres.sh.
# shellcheck shell=bash
servers_stop() {
    [ -z "${kafka:-}" ] || tests/integration/kafka.sh stop "$kafka"
    [ -z "${postgres:-}" ] || tests/integration/postgres.sh stop "$postgres"
}
trap servers_stop EXIT
kafka=$(tests/integration/kafka.sh start)
postgres=$(tests/integration/postgres.sh start)
eval "$(tests/integration/kafka.sh env "$kafka")"
eval "$(tests/integration/postgres.sh env "$postgres")"

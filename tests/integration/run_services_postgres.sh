#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The stores of timeline and identify, with the tests they have on SQLite, over a real PostgreSQL.
#
#   tests/integration/run_services_postgres.sh BUILD
set -euo pipefail

build=$1
folder=$(tests/integration/postgres.sh start)
trap 'tests/integration/postgres.sh stop "$folder"' EXIT
set -a
eval "$(tests/integration/postgres.sh env "$folder")"
PN_TEST_STORE=postgres
set +a
for name in timeline.test_timeline timeline.test_entry_classes identify.test_engine \
    identify.test_engine_order identify.test_facts_held identify.rules.test_rule_sets identify.triggers.test_trigger_log \
    identify.feedback.test_feedback_read identify.worklist.test_cases identify.worklist.test_flag \
    identify.worklist.test_worklist_figures identify.worklist.test_units_without_team; do
    "$build/unit/$name"
done

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every test, on real parts: a real Kafka broker, a real PostgreSQL, a real browser.
#   tests/run.sh               everything
#   tests/run.sh --list        the names of the groups
#   tests/run.sh unit web      only these groups
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
# shellcheck source=tests/groups.sh
. tests/groups.sh

if [ "${1:-}" = --list ]; then
    printf '%s\n' "${GROUPS_IN_ORDER[@]}"
    exit 0
fi
wanted=("$@")
if [ ${#wanted[@]} -eq 0 ]; then
    wanted=("${GROUPS_IN_ORDER[@]}")
fi

deploy/install-packages.sh --test || exit 1

passed=0
failed=0
skipped=0
logs=${PUNOS_TEST_LOGS:-$root/build/test-logs}
mkdir -p "$logs"

run_group() {
    local name=$1 started=$SECONDS
    if ! declare -F "group_$name" >/dev/null; then
        echo "no such group: $name (see tests/run.sh --list)" >&2
        exit 2
    fi
    if [ -t 1 ]; then
        printf '%-12s running …\r' "$name"
    fi
    # Not inside the `if`: there the shell would not stop at the first command that fails.
    (
        set -e
        "group_$name"
    ) >"$logs/$name.log" 2>&1
    local status=$?
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        printf '%-12s ok      %4d s\n' "$name" $((SECONDS - started))
    else
        failed=$((failed + 1))
        printf '%-12s FAILED  %4d s   (last lines of %s follow)\n' "$name" $((SECONDS - started)) \
            "build/test-logs/$name.log"
        tail -n 60 "$logs/$name.log" | sed 's/^/    /'
    fi
}

for name in "${wanted[@]}"; do
    run_group "$name"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

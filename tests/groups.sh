# SPDX-License-Identifier: Apache-2.0
# The groups of tests that tests/run.sh runs, in order. A group is a function that fails when one of
# its commands fails; its output goes to a log that is shown when it does.
# shellcheck shell=bash
GROUPS_IN_ORDER=(tidy build generated unit sanitize integration web fuzz)

JOBS=$(nproc)

configure() { # folder, further cmake arguments
    local folder=$1
    shift
    local launcher=()
    if command -v ccache >/dev/null; then
        launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    fi
    cmake -B "$folder" -G Ninja "${launcher[@]}" "$@"
}

group_tidy() {
    python3 tests/tidy/tidy.py
}

group_build() {
    configure build -DCMAKE_BUILD_TYPE=Release
    cmake --build build -j "$JOBS"
}

group_unit() {
    ctest --test-dir build -L unit -j "$JOBS" --output-on-failure
}

# The same tests under AddressSanitizer and UndefinedBehaviorSanitizer.
group_sanitize() {
    configure build-asan -DCMAKE_BUILD_TYPE=Debug -DPN_SANITIZE=ON
    cmake --build build-asan -j "$JOBS"
    ctest --test-dir build-asan -L unit -j "$JOBS" --output-on-failure
}

# What is made from a source of truth is as fresh as if it were made now.
group_generated() {
    local check
    for check in tests/generated/*.sh; do
        echo "== $check"
        "$check"
    done
}

# Real servers: a Kafka broker, a PostgreSQL, the hub's own processes.
group_integration() {
    ctest --test-dir build -L integration -j "$JOBS" --output-on-failure
}

# The page in a real browser, on a whole hub.
group_web() {
    tests/web/run.sh
}

FUZZ_SECONDS=${FUZZ_SECONDS:-60}

# Every target for FUZZ_SECONDS under AddressSanitizer and UndefinedBehaviorSanitizer, two at a time.
group_fuzz() {
    CC=clang-14 configure build-fuzz -DCMAKE_BUILD_TYPE=Debug -DPN_FUZZ=ON
    cmake --build build-fuzz -j "$JOBS"
    find build-fuzz -maxdepth 1 -type f -name 'fuzz_*' -perm -u+x -print0 |
        xargs -0 -n 1 -P "$JOBS" tests/fuzz/run_one.sh "$FUZZ_SECONDS"
}

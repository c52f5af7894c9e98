#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole hub as one command: it gets ready, a killed service comes back, a second hub on the same
# folder is refused, it stops cleanly, and its services do not outlive it when it is killed.
#   tests/integration/run_up.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
punos=${1:-build}/punos
folder=$(mktemp -d)
data=$folder/data
up=

stop_all() {
    if [ -n "$up" ] && kill -0 "$up" 2>/dev/null; then
        kill -9 "$up"
    fi
    rm -rf "$folder"
}
trap stop_all EXIT

fail() {
    echo "run_up.sh: $*" >&2
    cat "$folder/log" >&2 || true
    exit 1
}

# Waits, 60 s at most, until the command succeeds.
wait_for() {
    local tries
    for tries in $(seq 600); do
        if "$@"; then
            return 0
        fi
        sleep 0.1
    done
    fail "waited in vain: $* ($tries tries)"
}

child_of() { # service
    pgrep -P "$up" -f "^punos $1 " || true
}

is_ready() {
    grep -q '^ready: ' "$folder/out"
}

is_ended() { # pid
    ! kill -0 "$1" 2>/dev/null
}

start() {
    "$punos" up --data "$data" --config "$folder/punos.yaml" >"$folder/out" 2>"$folder/log" &
    up=$!
    wait_for is_ready
}

# shellcheck disable=SC2046
printf 'api: {listen: "127.0.0.1:%s"}\ningest: {http_listen: "127.0.0.1:%s"}\n' \
    $(python3 tests/lib/ports.py "$folder" 2) >"$folder/punos.yaml"
start
[ "$(pgrep -c -P "$up")" = 6 ] || fail "not six services"
for part in "" /store /stream /run /secrets /drop; do
    [ "$(stat -c %a "$data$part")" = 700 ] || fail "the mode of data$part is not 700"
done

status=0
"$punos" up --data "$data" --config "$folder/punos.yaml" >/dev/null 2>&1 || status=$?
[ "$status" = 3 ] || fail "a second hub on the folder ended with $status"

before=$(child_of timeline)
kill -9 "$before"
came_back() {
    local now
    now=$(child_of timeline)
    [ -n "$now" ] && [ "$now" != "$before" ]
}
wait_for came_back

kill -TERM "$up"
status=0
wait "$up" || status=$?
[ "$status" = 0 ] || fail "stopped with status $status"

# A configuration with which a service cannot run ends the whole with a word on why; when the hub has
# been working before, the service is tried again until it is mended.
cp "$folder/punos.yaml" "$folder/good.yaml"
printf 'systems:\n  - { name: nobody, adapter: there-is-none, listen: "127.0.0.1:0" }\n' |
    cat "$folder/good.yaml" - >"$folder/punos.yaml"
status=0
timeout 60 "$punos" up --data "$data" --config "$folder/punos.yaml" >"$folder/out" 2>"$folder/log" ||
    status=$?
[ "$status" = 2 ] || fail "a configuration that cannot run ended with $status"
grep -q 'there-is-none' "$folder/log" || fail "no word on what cannot run"
if is_ready; then
    fail "ready with a service that cannot run"
fi
cp "$folder/good.yaml" "$folder/punos.yaml"
start
echo 'api: nonsense' >"$folder/punos.yaml"
before=$(child_of timeline)
kill -9 "$before"
wait_for grep -q 'status=2' "$folder/log"
kill -0 "$up" || fail "the whole ended though it had been working"
cp "$folder/good.yaml" "$folder/punos.yaml"
wait_for came_back
kill -TERM "$up"
wait "$up" || fail "did not stop cleanly"

start
mapfile -t children < <(pgrep -P "$up")
kill -9 "$up"
wait "$up" 2>/dev/null || true
for child in "${children[@]}"; do
    wait_for is_ended "$child"
done
up=
echo "up: ready, restarted, refused a second and a bad configuration, stopped, no orphans"

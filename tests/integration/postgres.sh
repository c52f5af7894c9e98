#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real PostgreSQL for the tests, from the distribution's binaries, in a temporary folder.
#
#   tests/integration/postgres.sh start         prints the folder that names this server from now on
#   tests/integration/postgres.sh env FOLDER    prints shell lines that set PGHOST, PGPORT, PGUSER,
#                                               PGDATABASE, PN_TEST_CONNINFO and PN_TEST_POSTGRES
#                                               (the folder)
#   tests/integration/postgres.sh stop FOLDER   stops the server and removes the folder
#   tests/integration/postgres.sh kill FOLDER   kill -9 of the server's processes (a power cut)
#   tests/integration/postgres.sh restart FOLDER  starts it again after kill or halt
#   tests/integration/postgres.sh halt FOLDER   stops it at once, keeps the folder
#
# It listens on a Unix socket in the folder and on a port of the loopback address that is its own until
# the folder is removed (tests/lib/ports.py); fsync is on. Run by root the server runs as the user `postgres`, since it refuses to run as root.
set -euo pipefail

readonly wait_seconds_max=60
here=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "postgres.sh: $*" >&2
    exit 1
}

bin_dir() {
    local dir
    dir=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    [ -n "$dir" ] || fail "no /usr/lib/postgresql/*/bin: install the package postgresql"
    echo "$dir"
}

as_server() {
    if [ "$(id -u)" = 0 ]; then
        # Not the caller's folder: the server's user may not be allowed to stand there.
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

is_ready() {
    as_server "$(bin_dir)/pg_isready" -q -h "$1/socket" -p "$(cat "$1/port")"
}

# Starts the server of a folder that initdb has filled, and waits until it answers.
launch() {
    local folder=$1
    as_server "$(bin_dir)/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t "$wait_seconds_max" \
        start >"$folder/pg_ctl.out" 2>&1 </dev/null
}

start() {
    local folder port
    folder=$(mktemp -d "${TMPDIR:-/tmp}/punos-postgres.XXXXXX")
    mkdir "$folder/socket"
    if [ "$(id -u)" = 0 ]; then
        chown -R postgres "$folder"
    fi
    as_server "$(bin_dir)/initdb" -D "$folder/data" -U punos -A trust -E UTF8 --locale=C \
        --no-instructions >"$folder/initdb.out" 2>&1 || fail "initdb failed, see $folder/initdb.out"
    port=$(python3 "$here/../lib/ports.py" "$folder")
    echo "$port" >"$folder/port"
    cat >"$folder/data/postgresql.auto.conf" <<END
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder/socket'
fsync = on
synchronous_commit = on
max_connections = 60
shared_buffers = '64MB'
END
    if ! launch "$folder" || ! is_ready "$folder"; then
        cat "$folder/log" >&2 || true
        fail "the server did not start"
    fi
    as_server "$(bin_dir)/createdb" -h "$folder/socket" -p "$port" -U punos punos
    echo "$folder"
}

print_env() {
    local folder=$1 port
    port=$(cat "$folder/port")
    echo "export PGHOST=127.0.0.1 PGPORT=$port PGUSER=punos PGDATABASE=punos"
    echo "export PN_TEST_POSTGRES='$folder'"
    echo "export PN_TEST_CONNINFO='host=127.0.0.1 port=$port user=punos dbname=punos'"
}

halt() {
    as_server "$(bin_dir)/pg_ctl" -D "$1/data" -m "$2" -w -t "$wait_seconds_max" stop \
        >/dev/null 2>&1 || true
}

kill_server() {
    local postmaster pids pid
    postmaster=$(head -n 1 "$1/data/postmaster.pid")
    # The parent is stopped first: it would start its children anew.
    kill -STOP "$postmaster"
    pids="$(cat "/proc/$postmaster/task/$postmaster/children") $postmaster"
    for pid in $pids; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    # The shared memory is free only when all are gone.
    for pid in $pids; do
        tail --pid="$pid" -s 0.02 -f /dev/null
    done
}

[ $# -ge 1 ] || fail "say start, or stop|env|halt|kill|restart FOLDER"
command=$1
if [ "$command" = start ]; then
    start
    exit 0
fi
[ $# -eq 2 ] && [ -d "$2/data" ] || fail "$command needs the folder that start printed"
case "$command" in
env) print_env "$2" ;;
stop)
    halt "$2" immediate
    rm -rf "$2"
    ;;
halt) halt "$2" fast ;;
kill) kill_server "$2" ;;
restart)
    launch "$2" || fail "the server did not start, see $2/log"
    is_ready "$2" || fail "the server does not answer, see $2/log"
    ;;
*) fail "unknown command $command" ;;
esac

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Kafka broker for the tests: one node, broker and controller, in a temporary folder.
#
#   tests/integration/kafka.sh start            prints the folder that names this broker from now on
#   tests/integration/kafka.sh env FOLDER       prints shell lines that set PN_TEST_BROKERS and
#                                               PN_TEST_KAFKA
#   tests/integration/kafka.sh stop FOLDER      stops it and removes the folder
#   tests/integration/kafka.sh pause FOLDER     freezes it: connections stay, nothing answers
#   tests/integration/kafka.sh resume FOLDER
#   tests/integration/kafka.sh kill FOLDER      kill -9
#   tests/integration/kafka.sh restart FOLDER   after kill; waits until it answers
#   tests/integration/kafka.sh fetch            only brings the jars into the cache
#
# The jars come from Maven Central once, as kafka/pom.xml pins them, into
# ${PUNOS_TEST_CACHE:-$HOME/.cache/punos}. It listens on ports of the
# loopback address that are its own until the folder is removed (tests/lib/ports.py).
set -euo pipefail

readonly ready_seconds_max=90
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/kafka/pom.xml")
cache=${PUNOS_TEST_CACHE:-$HOME/.cache/punos}
jars=$cache/kafka-$version

fail() {
    echo "kafka.sh: $*" >&2
    exit 1
}

fetch() {
    mkdir -p "$cache"
    # One process at a time; the folder gets its name only when it is whole.
    exec 8>"$cache/kafka.lock"
    flock 8
    if [ ! -d "$jars" ]; then
        local part=$jars.part
        rm -rf "$part"
        mvn -q -B -f "$here/kafka/pom.xml" dependency:copy-dependencies \
            -DoutputDirectory="$part" >"$cache/kafka-fetch.log" 2>&1 ||
            fail "the jars did not come, see $cache/kafka-fetch.log"
        mv "$part" "$jars"
    fi
    exec 8>&-
}

# In place of the (sub)shell that calls it, so that its process id is the broker's.
run_java() {
    exec java -cp "$jars/*" "-Dlog4j.configuration=file:$1/log4j.properties" \
        -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xms64m -Xmx512m "${@:2}"
}

configure() {
    local folder=$1 port=$2 controller_port=$3
    cat >"$folder/log4j.properties" <<END
log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
END
    cat >"$folder/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$folder/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
END
    echo "127.0.0.1:$port" >"$folder/brokers"
}

is_alive() {
    [ -s "$1/pid" ] && kill -0 "$(cat "$1/pid")" 2>/dev/null
}

launch() {
    local folder=$1 waited=0
    : >"$folder/log"
    # Away from the caller's pipes: whoever reads them would wait for the broker's end.
    run_java "$folder" kafka.Kafka "$folder/server.properties" \
        >"$folder/log" 2>&1 </dev/null 8>&- &
    echo $! >"$folder/pid"
    until grep -q 'Kafka Server started' "$folder/log"; do
        is_alive "$folder" || return 1
        waited=$((waited + 1))
        [ "$waited" -lt $((ready_seconds_max * 10)) ] || return 1
        sleep 0.1
    done
}

end_process() {
    local pid
    is_alive "$1" || return 0
    pid=$(cat "$1/pid")
    kill -CONT "$pid" 2>/dev/null || true
    kill -KILL "$pid" 2>/dev/null || true
    tail --pid="$pid" -s 0.05 -f /dev/null
}

start() {
    local folder id
    fetch
    folder=$(mktemp -d "${TMPDIR:-/tmp}/punos-kafka.XXXXXX")
    # shellcheck disable=SC2046
    configure "$folder" $(python3 "$here/../lib/ports.py" "$folder" 2)
    id=$(python3 -c 'import base64, uuid
print(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))')
    # A Kafka id may not begin with a dash.
    (run_java "$folder" kafka.tools.StorageTool format -t "P${id:1}" \
        -c "$folder/server.properties") >"$folder/format.log" 2>&1 ||
        fail "formatting failed, see $folder/format.log"
    if ! launch "$folder"; then
        end_process "$folder"
        tail -n 20 "$folder/log" >&2
        fail "the broker did not start, see $folder/log"
    fi
    echo "$folder"
}

[ $# -ge 1 ] || fail "say start, fetch, or env|stop|pause|resume|kill|restart FOLDER"
command=$1
case "$command" in
start)
    start
    exit 0
    ;;
fetch)
    fetch
    exit 0
    ;;
esac
[ $# -eq 2 ] && [ -f "$2/server.properties" ] || fail "$command needs the folder that start printed"
case "$command" in
env)
    echo "export PN_TEST_BROKERS=$(cat "$2/brokers") PN_TEST_KAFKA=$2"
    ;;
stop)
    end_process "$2"
    rm -rf "$2"
    ;;
pause) kill -STOP "$(cat "$2/pid")" ;;
resume) kill -CONT "$(cat "$2/pid")" ;;
kill) end_process "$2" ;;
restart) launch "$2" || fail "the broker did not start, see $2/log" ;;
*) fail "unknown command $command" ;;
esac

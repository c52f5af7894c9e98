#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds Punos, starts the hub on the embedded default, plays a made-up county's recent weeks into it
# over its three real transports, writes one shared plan and lets it go out to three systems.
#
#   deploy/quickstart.sh            leaves the hub running and says what to look at (Ctrl-C stops it)
#   deploy/quickstart.sh --check    does the same unattended, checks every step, stops; exit 0 or 1
#   deploy/quickstart.sh --data DIR keeps the hub's data there (default: a new folder under build/)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

check=no
data=
while [ $# -gt 0 ]; do
    case $1 in
    --check) check=yes ;;
    --data) data=${2:?--data needs a folder}; shift ;;
    --help | -h) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "unknown option: $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done

step() { printf '\n== %s\n' "$*"; }
fail() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

# wait_for SECONDS WHAT COMMAND…: until the command succeeds.
wait_for() {
    local seconds=$1 what=$2 deadline
    shift 2
    deadline=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            fail "waited $seconds s for $what; the hub's log is $work/hub.log"
        fi
        if ! kill -0 "$hub" 2>/dev/null; then
            tail -n 20 "$work/hub.log" >&2
            fail "the hub stopped; its last lines are above"
        fi
        sleep 0.2
    done
}

step "Packages"
deploy/install-packages.sh

step "Build"
launcher=()
if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
fi
cmake -B build -G Ninja -DCMAKE_BUILD_TYPE=Release "${launcher[@]}" >/dev/null
cmake --build build -j "$(nproc)" | tail -n 1

mkdir -p build/quickstart
work=$(mktemp -d build/quickstart/run.XXXXXX)
work=$root/$work
data=${data:-$work/data}
mkdir -p "$data" "$work/taken"

children=()
hub=
stop_all() {
    if [ -n "$hub" ] && kill -0 "$hub" 2>/dev/null; then
        kill "$hub"
        wait "$hub" 2>/dev/null || true
    fi
    for child in "${children[@]}"; do
        kill "$child" 2>/dev/null || true
    done
}
trap stop_all EXIT
trap 'exit 130' INT TERM

step "Three records systems that will take the plan"
# receiver NAME KIND OPTION…: starts one; the address it listens on becomes the variable NAME.
receiver() {
    local name=$1 kind=$2
    shift 2
    python3 tests/receivers/receiver.py "$kind" --out "$work/taken/$name" "$@" \
        >"$work/$name.out" 2>"$work/$name.err" &
    children+=($!)
    for _ in $(seq 100); do
        [ -s "$work/$name.out" ] && break
        sleep 0.1
    done
    sed 's/^[a-z]* //' "$work/$name.out"
}
receiver oberon mllp >"$work/oberon.addr"
receiver lifecare http >"$work/lifecare.addr"
receiver yph-effica drop --folder "$work/effica-in" >"$work/effica.addr"

# The page gets 8080 when a person will look at it and nobody else has it; all else any free port.
read -r api_port in_port mllp_port < <(python3 - "$check" <<'PY'
import socket
import sys

def free(port):
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))

taken = [free(0 if sys.argv[1] == "yes" else 8080), free(0), free(0)]
print(*(s.getsockname()[1] for s in taken))
PY
)
cat >"$work/punos.yaml" <<EOF
api: { listen: "127.0.0.1:$api_port" }
ingest: { http_listen: "127.0.0.1:$in_port" }
systems:
  - name: oberon
    adapter: oberon
    listen: "127.0.0.1:$mllp_port"
    deliver: "$(cat "$work/oberon.addr")"
  - name: lifecare
    adapter: lifecare
    deliver: "http://$(cat "$work/lifecare.addr")/fhir"
  - name: yph-effica
    adapter: yph-effica
    drop_folder: "$work/effica-out"
    deliver: "$work/effica-in"
EOF
mkdir -p "$work/effica-out"
echo "Oberon (MLLP) $(cat "$work/oberon.addr"), Lifecare (FHIR) $(cat "$work/lifecare.addr"), YPH Effica (folder)"

step "The hub"
build/punos up --data "$data" --config "$work/punos.yaml" >"$work/hub.log" 2>&1 &
hub=$!
base=http://127.0.0.1:$api_port
wait_for 60 "the hub to be ready" curl -fsS "$base/readyz"
# The token goes to curl by file, so that it shows in no list of processes.
(umask 077 && printf 'header = "Authorization: Bearer %s"\n' "$(cat "$data/secrets/api-token")" \
    >"$work/curl.conf")
call() { curl -fsS -K "$work/curl.conf" "$@"; }
echo "ready at $base"

step "A made-up county's last twelve weeks"
python3 tests/county/county.py --out "$work/county" --seed 7
build/senders/mllp_send --to "127.0.0.1:$mllp_port" "$work"/county/oberon/*.hl7 >"$work/mllp.out" ||
    fail "Oberon's messages were not all accepted: see $work/mllp.out"
tail -n 1 "$work/mllp.out"
bundles=0
for bundle in "$work"/county/lifecare/*.json; do
    call -o "$work/http.out" -H 'Content-Type: application/fhir+json' --data-binary "@$bundle" \
        "http://127.0.0.1:$in_port/in/lifecare/fhir" || fail "$bundle was refused: see $work/http.out"
    bundles=$((bundles + 1))
done
echo "Lifecare: $bundles bundles accepted over HTTP"
for document in "$work"/county/yph-effica/*.xml; do
    cp "$document" "$work/effica-out/.part"
    mv "$work/effica-out/.part" "$work/effica-out/$(basename "$document")"
done
documents=$(find "$work/county/yph-effica" -name '*.xml' | wc -l)
receipts() { [ "$(find "$work/effica-out" -name '*.receipt.json' | wc -l)" -ge "$documents" ]; }
wait_for 60 "the receipts of $documents social-care documents" receipts
if grep -L '"accepted"' $(find "$work/effica-out" -name '*.receipt.json') | grep -q .; then
    fail "a social-care document was refused: see the receipts under $work/effica-out"
fi
echo "YPH Effica: $documents documents accepted by file drop"

step "Likely shared clients"
worklist() { call "$base/worklist" >"$work/worklist.json" && python3 - "$work/worklist.json" <<'PY'
import json, sys
names = json.load(open(sys.argv[1]))
sys.exit(0 if len(names["clients"]) >= 3 else 1)
PY
}
wait_for 60 "three flagged clients on the work list" worklist
python3 tests/county/first_plan.py --worklist "$work/worklist.json" --plan "$work/plan.json"

step "One shared plan, in three systems"
call -o "$work/stored.json" -H 'Content-Type: application/fhir+json' \
    --data-binary "@$work/plan.json" "$base/fhir/CarePlan"
plan=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["id"])' "$work/stored.json")
delivered() { call "$base/fhir/CarePlan/$plan/\$delivery-state" >"$work/delivery.json" &&
    [ "$(grep -o '"completed"' "$work/delivery.json" | wc -l)" -ge 3 ]; }
wait_for 60 "three receipts of the plan" delivered
for system in oberon lifecare yph-effica; do
    [ -n "$(find "$work/taken/$system" -type f)" ] || fail "nothing arrived in $system"
    echo "$system has it: $(find "$work/taken/$system" -type f | head -n 1)"
done

if [ "$check" = yes ]; then
    step "Stopping"
    kill "$hub"
    wait "$hub" || fail "the hub did not stop cleanly"
    hub=
    echo "quickstart: everything held"
    exit 0
fi

cat <<EOF

Punos runs. Look at
  $base/                 the work list and a client's timeline
  $data/secrets/api-token     the bearer token that the page asks for
  $work/taken/     the plan as each of the three systems got it
Ctrl-C stops it.
EOF
wait "$hub"

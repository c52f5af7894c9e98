#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the hub puts on Kafka, as a program reads it that was not written here: kcat.
# Each record must be a CloudEvent in binary mode (CloudEvents Kafka protocol binding 1.0.2, 3.2).
#   tests/integration/kcat.sh TEST_STREAM       with PN_TEST_BROKERS set: appends 20 events, reads them
#   tests/integration/kcat.sh --topic NAME      only reads what a topic holds already
set -euo pipefail

fail() {
    echo "kcat.sh: $*" >&2
    exit 1
}

: "${PN_TEST_BROKERS:?is the bootstrap address}"
if [ "${1:-}" = --topic ]; then
    topic=$2
    wanted=1
else
    prefix=kcat$$.
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    PN_TEST_STREAM=kafka "$1" --make-topics "$folder" "$prefix"
    PN_TEST_STREAM=kafka "$1" "$folder" "$prefix" 0 20 20 >/dev/null
    topic=${prefix}event.v1
    wanted=20
fi

# -J prints one JSON object per record, with its headers as a list of names and values in turn.
kcat -C -q -J -e -o beginning -b "$PN_TEST_BROKERS" -t "$topic" | python3 -c '
import json, re, sys

wanted = int(sys.argv[1])
must = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type"]
count = 0
for line in sys.stdin:
    record = json.loads(line)
    pairs = record["headers"]
    headers = dict(zip(pairs[::2], pairs[1::2]))
    missing = [name for name in must if not headers.get(name)]
    assert not missing, f"headers missing: {missing}"
    assert headers["ce_specversion"] == "1.0"
    assert headers["content-type"] == "application/fhir+json"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", headers["ce_id"])
    assert record["key"] in (None, "", headers.get("ce_subject")), "the key is not the subject"
    others = [n for n in headers if not n.startswith("ce_") and n != "content-type"]
    assert not others, f"other headers: {others}"
    assert "resourceType" in json.loads(record["payload"])
    count += 1
assert count >= wanted, f"{count} records of {wanted}"
print(f"kcat: {count} records, each a CloudEvent")
' "$wanted" || fail "$topic does not hold what it should"

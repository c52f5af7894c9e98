#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A new adapter is green at once; a trace names rows, values and what nobody reads. Usage: FILE-OF-punos
set -eu
punos=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r adapters config "$scratch"
PUNOS_ADAPTERS=$scratch/adapters
export PUNOS_ADAPTERS

fail() { echo "$*" >&2; exit 1; }
refuses() { # words, then the command
    words=$1
    shift
    if "$@" >"$scratch/out" 2>"$scratch/err"; then fail "is not refused: $*"; fi
    grep -q -- "$words" "$scratch/err" || fail "$*: does not say '$words': $(cat "$scratch/err")"
}

"$punos" adapter new hampi --sector social --in http --out drop
"$punos" adapter check hampi
grep -q '^name: hampi ' "$scratch/adapters/hampi/adapter.yaml" || fail "the name is not changed"
grep -q '^sector: social ' "$scratch/adapters/hampi/adapter.yaml" || fail "no sector"
grep -q '^out: drop ' "$scratch/adapters/hampi/adapter.yaml" || fail "no way out"
if grep -rn '_template' "$scratch/adapters/hampi"; then fail "the template's name is left"; fi
# What a plan loses must lie beside it for review.
rm "$scratch/adapters/hampi/samples/plan.loss.json"
refuses 'has no plan.loss.json' "$punos" adapter check hampi
"$punos" adapter check hampi --update
"$punos" adapter check hampi
"$punos" adapter new copied --from oberon
"$punos" adapter check copied
refuses "there already" "$punos" adapter new hampi
refuses "small letters" "$punos" adapter new Hampi
refuses "small letters" "$punos" adapter new ../elsewhere
refuses "small letters" "$punos" adapter new a--b
refuses "no adapter" "$punos" adapter new other --from nowhere
refuses "one of primary" "$punos" adapter new other --sector else

has() { # file, tab-separated line that begins so
    grep -q "^$(printf '%b' "$2")" "$1" || fail "no line '$2' in $1: $(cat "$1")"
}
"$punos" adapter trace oberon adapters/oberon/samples/a03-discharge.hl7 >"$scratch/hl7"
has "$scratch/hl7" 'PID-7\t19810101\tperson 1: birthDate = 1981-01-01\t.*\.yaml:[0-9]'
has "$scratch/hl7" 'PV1-44\t20261120100500\tevent 1 visit.finished: period.start = 2026-11-20T10:05:00+02:00\t'
has "$scratch/hl7" 'MSH-10\tOB000003\tcontrol_id = OB000003\t'
has "$scratch/hl7" 'MSH-3\tOBERON\t-\tno row reads it'
has "$scratch/hl7" 'No row reads [0-9]* of the [0-9]* fields:'
"$punos" adapter trace --unread oberon adapters/oberon/samples/a03-discharge.hl7 >"$scratch/unread"
has "$scratch/unread" '  MSH-3\tOBERON'
if grep -q 'PID-7' "$scratch/unread"; then fail "--unread shows what is read"; fi

"$punos" adapter trace hampi "$scratch/adapters/hampi/samples/contacts.csv" >"$scratch/csv"
has "$scratch/csv" '/row\[1\]/way\t1\tevent 1 contact.recorded: class.code = AMB\tin/contacts.yaml:20'
# An opened part (Base64 inside XML), and JSON that is copied less what the row leaves out.
"$punos" adapter trace yph-effica adapters/yph-effica/samples/meeting-at-office.xml >"$scratch/xml"
has "$scratch/xml" '# form, opened from json'
has "$scratch/xml" '/ClinicalDocument/.*@'
"$punos" adapter trace lifecare adapters/lifecare/samples/visit-finished.json >"$scratch/json"
has "$scratch/json" '/entry\[1\]/.*\t.*copied'
# Refused: as far as it went, the reason, and its row.
refuses 'PID-3' "$punos" adapter trace oberon adapters/oberon/samples/refused-wrong-hetu.hl7
has "$scratch/out" 'Refused at PID-3'
"$punos" adapter trace --json oberon adapters/oberon/samples/a03-discharge.hl7 >"$scratch/trace.json"
python3 - "$scratch/trace.json" <<'END'
import json, sys
trace = json.load(open(sys.argv[1], encoding="utf-8"))
field = next(f for f in trace["fields"] if f["field"] == "PID-7")
assert field["reads"][0]["target"] == "birthDate" and field["reads"][0]["value"] == "1981-01-01", field
assert trace["fields_unread"] == sum(not f["reads"] for f in trace["fields"])
END

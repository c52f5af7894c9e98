#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every sample of others through the adapter that it concerns: understood, or refused with a reason.

    sweep.py PUNOS [--samples DIR]

    PN_SAMPLES    the folder, when --samples does not say; otherwise ../shared/samples beside the tree.
                  Without the folder the test is skipped (exit 77).

Understood: exit 0, at least one event, and each event's data passes `punos fhir validate`. Refused:
exit 1, and standard error names a place and a reason. Never a crash, never silence, and never a
person's name or identity number in what is said or put on the stream in clear.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SWEEP = [(folder, adapter, pattern)
         for folder, adapters, pattern in (
             ("hl7v2", ("oberon", "pegasos", "lifecare", "mediatri"), "*.hl7"),
             ("cda-fi", ("kanta", "yph-effica"), "*.xml"),
             ("sosmeta", ("kanta", "yph-effica"), "*.json"),
             ("synthea", ("lifecare", "mediatri"), "*.json"),
             ("fhir-fi", ("lifecare", "mediatri"), "*.json"))
         for adapter in adapters]
# FILE: PLACE: REASON, the place a segment, a field, an element, a path or a line.
REFUSAL = re.compile(r"^(.+?): (line \d+|[A-Za-z$/@.][^\s:]*|[^\s:]+:/[^\s:]*): (\S.{5,})$", re.M)
# Fields of HL7 v2 that tell who somebody is.
PERSON_FIELDS = {"PID": (2, 3, 4, 5, 6, 9, 11, 13, 14, 18, 19, 20), "NK1": (2, 4, 5),
                 "MRG": (1, 2, 3, 4, 7), "IN1": (16, 19), "GT1": (3, 5, 6)}
# It is asked for resources: each entry of a bundle comes to it by itself, with whom it is about.
POLLED = {"mediatri"}
ENTRIES_OF_A_TYPE = 3  # of each file
SKIPPED = 77
SHORT = 4  # a shorter text stands in any sentence
HETU = re.compile(r"(?<![0-9A-Za-z])\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y](?![0-9A-Za-z])")


def values_of_hl7(text):
    found = set()
    for segment in re.split(r"[\r\n]+", text):
        fields = segment.split("|")
        for number in PERSON_FIELDS.get(fields[0], ()):
            if number < len(fields):
                found.update(re.split(r"[\^~&]", fields[number]))
    return found


def values_of_xml(text):
    found = set()
    for name in ("given", "family", "streetAddressLine", "city", "postalCode"):
        found.update(re.findall(rf"<(?:\w+:)?{name}\b[^>]*>([^<]+)</", text))
    for block in re.findall(r"<(?:\w+:)?patientRole\b.*?</(?:\w+:)?patientRole>", text, re.S):
        found.update(re.findall(r'extension="([^"]+)"', block))
        found.update(re.findall(r'<(?:\w+:)?telecom[^>]*value="([^"]+)"', block))
    return found


def values_of_patient(patient):
    found = {i.get("value", "") for i in patient.get("identifier", [])}
    for name in patient.get("name", []):
        found.update([name.get("family", ""), name.get("text", ""), *name.get("given", [])])
    found.update(t.get("value", "") for t in patient.get("telecom", []))
    for address in patient.get("address", []):
        found.update(address.get("line", []))
    return found


def values_of_json(text):
    resource = json.loads(text)
    resources = [resource] + [e.get("resource", {}) for e in resource.get("entry", [])]
    found = set()
    for one in resources:
        if one.get("resourceType") == "Patient":
            found |= values_of_patient(one)
    return found


def identity_values(path):
    text = path.read_bytes().decode("utf-8", "replace")
    readers = {".hl7": values_of_hl7, ".xml": values_of_xml, ".json": values_of_json}
    found = readers[path.suffix](text)
    found |= set(HETU.findall(text))
    # A code list's words and a name may be the same: only what could tell somebody.
    return {v.strip() for v in found if v and len(v.strip()) >= SHORT}


def said(value, text):
    return re.search(r"(?<!\w)" + re.escape(value) + r"(?!\w)", text) is not None


class Sweep:
    def __init__(self, punos, scratch):
        self.punos = punos
        self.scratch = scratch
        self.faults = []
        self.understood = self.refused = self.events = 0
        self.resources = []

    def fault(self, path, text):
        self.faults.append(f"{path.parent.name}/{path.name}: {text}")

    def polled(self, path):
        """What a poll would bring of this: files of single resources, as lib/fhir/entries.h says."""
        resource = json.loads(path.read_text(encoding="utf-8"))
        entries = resource.get("entry") or [{"resource": resource}]
        people = {e.get("fullUrl"): e for e in entries
                  if e["resource"]["resourceType"] in ("Patient", "Encounter")}
        taken = collections.Counter()
        for number, entry in enumerate(entries):
            kind = entry["resource"]["resourceType"]
            taken[kind] += 1
            if taken[kind] > ENTRIES_OF_A_TYPE:
                continue
            text = json.dumps(entry)
            context = [{**e, "search": {"mode": "include"}} for url, e in people.items()
                       if url and e is not entry and url in text]
            one = {"resourceType": "Bundle", "type": "collection", "entry": [*context, entry]}
            file = self.scratch / path.parent.name / f"{path.stem}-{number}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(one), encoding="utf-8")
            yield file

    def decode(self, adapter, path):
        done = subprocess.run([self.punos, "adapter", "decode", adapter, str(path)],
                              capture_output=True, timeout=60, check=False)
        out, err = done.stdout.decode(), done.stderr.decode()
        # Neither the file's own name nor an element's is a value: Patient.identifier.
        words = re.sub(r"\b[A-Z]\w+(\.\w+)+: ", "", err.replace(str(path), ""))
        for value in identity_values(path):
            if said(value, words):
                self.fault(path, "standard error holds a value that tells who somebody is")
        if done.returncode == 0:
            self.take(path, out, err)
        elif done.returncode == 1:
            self.refused += 1
            if out:
                self.fault(path, "refused, and events printed all the same")
            if not REFUSAL.search(err):
                self.fault(path, f"refused without a place and a reason: {err.strip()!r}")
        else:
            self.fault(path, f"exit status {done.returncode}: {err.strip()[-200:]!r}")

    def take(self, path, out, err):
        self.understood += 1
        events = [json.loads(line) for line in out.splitlines()]
        if not events and ": ignored: " not in err:
            self.fault(path, "understood, and nothing came of it")
        if HETU.search(out):
            self.fault(path, "an identity code stands in an event")
        for number, event in enumerate(events):
            self.events += 1
            file = self.scratch / f"{path.parent.name}-{path.name}-{number}.json"
            file.write_text(json.dumps(event["data"]), encoding="utf-8")
            self.resources.append(file)

    def validate(self):
        for start in range(0, len(self.resources), 200):
            files = [str(f) for f in self.resources[start:start + 200]]
            done = subprocess.run([self.punos, "fhir", "validate", *files], capture_output=True,
                                  timeout=120, check=False)
            if done.returncode == 0:
                continue
            for file in files:
                one = subprocess.run([self.punos, "fhir", "validate", file], capture_output=True,
                                     timeout=60, check=False)
                if one.returncode != 0:
                    self.faults.append(f"{Path(file).name}: {one.stdout.decode()[:600]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("punos")
    parser.add_argument("--samples", type=Path, default=Path(
        os.environ.get("PN_SAMPLES", ROOT.parent / "shared" / "samples")))
    arguments = parser.parse_args()
    if not arguments.samples.is_dir():
        print(f"skipped: no folder {arguments.samples} (PN_SAMPLES names it)")
        return SKIPPED
    with tempfile.TemporaryDirectory() as scratch:
        sweep = Sweep(arguments.punos, Path(scratch))
        for folder, adapter, pattern in SWEEP:
            if not (ROOT / "adapters" / adapter).is_dir():
                sweep.faults.append(f"{folder}: there is no adapter {adapter}")
                continue
            before = sweep.understood, sweep.refused
            files = sorted((arguments.samples / folder).rglob(pattern))
            if not files:
                sweep.faults.append(f"{folder}: no samples")
            if adapter in POLLED and pattern == "*.json":
                files = [one for path in files for one in sweep.polled(path)]
            for path in files:
                sweep.decode(adapter, path)
            print(f"{folder}: {len(files)} messages through {adapter}, "
                  f"{sweep.understood - before[0]} understood, {sweep.refused - before[1]} refused")
        sweep.validate()
        print(f"{sweep.events} events, all checked")
    for fault in sweep.faults:
        print(f"FAULT {fault}", file=sys.stderr)
    return 1 if sweep.faults else 0


if __name__ == "__main__":
    sys.exit(main())

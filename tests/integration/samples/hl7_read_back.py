#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The HL7 v2 documents of the adapters' out-samples, read back by two parsers that were not written here:
hl7apy checks them against the standard's own structures, fields, data types and lengths, python-hl7 reads the
text out again."""
import json
import sys
from pathlib import Path

import hl7
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

ROOT = Path(__file__).resolve().parents[3]
# hl7apy has no structure for T10 of 2.3; table 0354 says that it is the one of T02.
SAME_STRUCTURE = {"MDM^T10|": "MDM^T02|"}


def plan_texts(plan):
    goals = [r for r in plan.get("contained", []) if r["resourceType"] == "Goal"]
    return [plan.get("description"), *(g["description"]["text"] for g in goals)]


def check(name, message, sample):
    for trigger, structure in SAME_STRUCTURE.items():
        formal = message.replace(trigger, structure, 1)
    parsed = parse_message(formal, validation_level=VALIDATION_LEVEL.STRICT)
    assert parsed.validate() and parsed.name == "MDM_T02", f"{name}: {parsed.name}"
    read = hl7.parse(message)
    wanted = "T10" if sample.get("previous") else "T02"
    assert str(read["MSH.F9.R1.C2"]) == wanted == str(read["EVN.F1"]), f"{name}: the trigger"
    assert len(str(read["MSH.F10"])) <= 20, f"{name}: MSH-10"
    plan, previous = sample["plan"], sample.get("previous")
    number = f"{plan['id']}.{plan['meta']['versionId']}"
    assert str(read.segment("TXA")[12]) == number, f"{name}: TXA-12"
    if previous:
        parent = f"{previous['id']}.{previous['meta']['versionId']}"
        assert str(read.segment("TXA")[13]) == parent != number, f"{name}: TXA-13"
    lines = [hl7_text(read, segment) for segment in read.segments("OBX")]
    assert [str(s[1]) for s in read.segments("OBX")] == [str(n + 1) for n in range(len(lines))]
    if not sample.get("withdrawn"):
        for text in filter(None, plan_texts(plan)):
            assert any(" ".join(text.split()) in line for line in lines), f"{name}: {text}"
    return len(lines)


def hl7_text(read, segment):
    return " ".join(str(read.unescape(str(segment[5]))).split())


def main():
    documents = 0
    for expected in sorted(ROOT.glob("adapters/*/samples/*.expected.json")):
        made = json.loads(expected.read_text(encoding="utf-8"))
        source = expected.with_name(expected.name.replace(".expected.json", ".plan.json"))
        for document in made.get("documents", []):
            if not document.get("lines", [""])[0].startswith("MSH|") or not source.exists():
                continue
            name = expected.relative_to(ROOT / "adapters")
            message = "\r".join(document["lines"]) + "\r"
            lines = check(name, message, json.loads(source.read_text(encoding="utf-8")))
            print(f"{name}: {lines} lines")
            documents += 1
    assert documents >= 8, f"only {documents} documents"
    print(f"{documents} documents read back")
    return 0


if __name__ == "__main__":
    sys.exit(main())

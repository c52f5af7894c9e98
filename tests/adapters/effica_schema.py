#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what the adapter makes of plans, and the documents of its samples, to the national structures
(Sosmeta JSON Schemas), in a folder of one's own copies: they are not part of this project.

Usage: tests/adapters/effica_schema.py [FOLDER [ADAPTER_FOLDER]]
FOLDER, else what PN_SOSMETA names (exit status 77 when nothing does: the test is skipped), holds <structure>.json, as 1.2.246.537.6.1506.15020.2024.11.28.json. Needs python3-jsonschema."""
import base64
import json
import os
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema

CDA, SOC = "{urn:hl7-org:v3}", "{urn:hl7finland}"


def content(document):
    """(structure, JSON) of a document; None when it has none."""
    root = ET.fromstring(document)
    structure = root.find(f".//{SOC}contentSpecificationId")
    form = root.find(f".//{CDA}nonXMLBody/{SOC}json")
    if structure is None or form is None or not form.text:
        return None
    return structure.get("root"), json.loads(base64.b64decode(form.text))


def documents(folder):
    for path in sorted(folder.glob("samples/*.expected.json")):
        for made in json.loads(path.read_text()).get("documents", []):
            yield path.name, "\n".join(made["lines"])
    for path in sorted(folder.glob("samples/*.xml")):
        if not path.name.startswith(("refused", "wrapped")):
            yield path.name, path.read_text()


def check(schemas, name, document):
    structure, form = content(document)
    schema = schemas / f"{structure}.json"
    if not schema.exists():
        return [f"{name}: no schema {schema.name}"]
    validator = jsonschema.Draft7Validator(json.loads(schema.read_text()))
    return [f"{name}: {'/'.join(map(str, fault.path))}: {fault.message[:200]}"
            for fault in validator.iter_errors(form)]


def main():
    beside = Path(__file__).resolve().parents[3] / "shared" / "samples" / "sosmeta"
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PN_SOSMETA", str(beside))
    if not Path(named).is_dir():
        print("the national structures are not here (PN_SOSMETA names their folder): skipped")
        return 77
    schemas = Path(named)
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "adapters/yph-effica")
    faults, count = [], 0
    for name, document in documents(folder):
        faults += check(schemas, name, document)
        count += 1
    print("\n".join(faults) or f"{count} documents hold to their structures")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

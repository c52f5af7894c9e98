#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An adapter's XML samples, in and out, hold to the schemas beside them (adapters/NAME/schema/*.xsd).

Usage: tests/adapters/xsd.py ADAPTER_FOLDER     needs xmllint (libxml2-utils)
Samples that begin with `refused` or `bad` are to be refused; a schema is chosen by the document element."""
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

XS = "{http://www.w3.org/2001/XMLSchema}"


def schemas(folder):
    """Each schema by the name of its document element."""
    found = {}
    for path in sorted((folder / "schema").glob("*.xsd")):
        for element in ET.parse(path).getroot().findall(f"{XS}element"):
            found[element.get("name")] = path
    return found


def documents(folder):
    for path in sorted((folder / "samples").glob("*.xml")):
        if not path.name.startswith(("refused", "bad")):
            yield path.name, path.read_bytes()
    for path in sorted((folder / "samples").glob("plan*.expected.json")):
        for number, made in enumerate(json.loads(path.read_text(encoding="utf-8")).get("documents", [])):
            yield f"{path.name} document {number + 1}", "\n".join(made["lines"]).encode()


def fault_of(schema, document):
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(document)
        file.flush()
        done = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", str(schema), file.name],
                              capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.replace(file.name, "").strip()


def main():
    folder = Path(sys.argv[1])
    known, used, faults = schemas(folder), set(), []
    for name, document in documents(folder):
        root = ET.fromstring(document).tag
        if root not in known:
            faults.append(f"{name}: no schema has the element {root}")
            continue
        used.add(root)
        fault = fault_of(known[root], document)
        faults += [f"{name}: {fault}"] if fault else []
        # A schema that takes anything would say nothing.
        broken = document.replace(f"</{root}>".encode(), f"<nonsense/></{root}>".encode())
        if fault_of(known[root], broken) is None:
            faults.append(f"{name}: the schema takes an element that there is not")
    faults += [f"no sample is a {root}" for root in known if root not in used and root != "Kuittaus"]
    print("\n".join(faults) or f"{folder.name}: all samples hold to {len(known)} schemas")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the documents that adapters/kanta makes of plans: the header of the Finnish CDA (its numbered elements and
their order, the versions' numbers), the archive's frame and what it must repeat of the document inside. No
CDA.xsd was found in a package registry, so the header's table stands here.

Usage: tests/adapters/kanta_documents.py [ADAPTER_FOLDER [FOLDER OF STRUCTURES]]
With the national structures (see effica_schema.py) the JSON inside is held to them too; needs python3-jsonschema."""
import base64
import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

V3, FI = "{urn:hl7-org:v3}", "{urn:hl7finland}"
# CDA R2 POCD_MT000040.ClinicalDocument: order of the header's elements; 1 must be there, 0 may.
HEADER = [("realmCode", 1), ("typeId", 1), ("templateId", 0), ("id", 1), ("code", 1), ("title", 1),
          ("effectiveTime", 1), ("confidentialityCode", 1), ("languageCode", 1), ("setId", 1),
          ("versionNumber", 1), ("recordTarget", 1), ("author", 1), ("custodian", 1), ("relatedDocument", 0),
          ("componentOf", 1), ("localHeader", 0), ("localSocialHeader", 0), ("component", 1)]
NEEDED = {"recordTarget": "patientRole/id", "author": "assignedAuthor/id",
          "custodian": "assignedCustodian/representedCustodianOrganization/id",
          "componentOf": "encompassingEncounter/effectiveTime"}
OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


def local(tag):
    return tag.split("}")[1]


def find(element, path):
    return element.find("/".join(V3 + step for step in path.split("/")))


def root_of(element, path):
    found = find(element, path)
    return None if found is None else found.get("root")


def header_faults(document):
    names = [local(child.tag) for child in document]
    order = [name for name, _ in HEADER]
    faults = [f"{name} is not of the header" for name in names if name not in order]
    faults += [f"{name} is missing" for name, must in HEADER if must and name not in names]
    places = [order.index(name) for name in names if name in order]
    if places != sorted(places):
        faults.append("elements stand in another order than CDA's")
    faults += [f"{name}/{path} is missing" for name, path in NEEDED.items()
               if find(document, f"{name}/{path}") is None]
    faults += [f"{e.tag}: {e.get('root')} is no OID" for e in document.iter()
               if e.get("root") and not OID.fullmatch(e.get("root"))]
    return faults


def version_faults(document):
    number, set_id = root_of(document, "id"), root_of(document, "setId")
    version = find(document, "versionNumber").get("value")
    parent = find(document, "relatedDocument/parentDocument")
    faults = [] if number == f"{set_id}.{version}" else ["id is not setId and version"]
    if parent is not None:
        old = find(parent, "versionNumber").get("value")
        if root_of(parent, "setId") != set_id or root_of(parent, "id") != f"{set_id}.{old}":
            faults.append("relatedDocument is of another set")
        if int(old) >= int(version):
            faults.append("relatedDocument is no earlier version")
    return faults


def patient_faults(document):
    code = find(document, "code")
    faults = [] if code.get("codeSystem", "").startswith("1.2.246.537.5.40150") else ["no register type"]
    header = document.find(FI + "localHeader")
    if header is None:
        return faults + ["no localHeader"]
    faults += [f"localHeader: {name} is missing" for name in
               ("fileFormat", "softwareSupport", "recordStatus", "custodianTypeCode", "retentionPeriodClass")
               if header.find(FI + name) is None]
    titles = [e.text for e in document.iter(V3 + "title")]
    return faults + ([] if "Hoidon tarve" in titles else ["no heading Hoidon tarve"])


def social_faults(document, structures):
    header = document.find(FI + "localSocialHeader")
    if header is None:
        return ["no localSocialHeader"]
    structure = header.find(FI + "contentSpecificationId").get("root")
    form = json.loads(base64.b64decode(document.find(f".//{FI}json").text))
    faults = [] if header.find(f"{FI}serviceProcess/{FI}code").get("code") == "3" else ["no planning"]
    path = structures and structures / f"{structure}.json"
    if path and path.exists():
        import jsonschema  # only when there are structures to hold to
        validator = jsonschema.Draft7Validator(json.loads(path.read_text()))
        faults += [f"{'/'.join(map(str, f.path))}: {f.message[:120]}" for f in validator.iter_errors(form)]
    return faults


def frame_faults(frame, structures):
    inner = find(frame, "controlActProcess/subject/clinicalDocument")
    document = ET.fromstring(base64.b64decode(find(inner, "text").text))
    reasons = [e.get("code") for e in frame.iter(V3 + "reasonCode")]
    faults = [] if reasons == ["SP17", "1"] else [f"reason codes {reasons}"]
    faults += [f"{name} of the frame is not the document's" for name in ("id", "setId")
               if root_of(inner, name) != root_of(document, name)]
    faults += [f"{name} is missing" for name in ("completionCode", "storageCode") if find(inner, name) is None]
    return faults + header_faults(document) + version_faults(document) + social_faults(document, structures)


def faults_of(text, structures):
    root = ET.fromstring(text)
    if local(root.tag) == "RCMR_IN200002FI01":
        return frame_faults(root, structures)
    return header_faults(root) + version_faults(root) + patient_faults(root)


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "adapters/kanta")
    structures = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    faults, count = [], 0
    for path in sorted(folder.glob("samples/plan-*.expected.json")):
        for made in json.loads(path.read_text()).get("documents", []):
            count += 1
            faults += [f"{path.name} {made['path']}: {f}" for f in
                       faults_of("\n".join(made["lines"]).encode(), structures)]
    print("\n".join(faults) or f"{count} documents hold to the header's table")
    return 1 if faults or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

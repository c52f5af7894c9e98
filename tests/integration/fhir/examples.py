# SPDX-License-Identifier: Apache-2.0
"""HL7's examples must pass; the same with one fault each must be refused at the right place.

usage: examples.py PUNOS PACKAGE_DIR
"""
import copy
import json
import os
import subprocess
import sys
import tempfile

HANDLED = """
Encounter Appointment EpisodeOfCare Condition ServiceRequest QuestionnaireResponse Observation
Consent DocumentReference Flag CarePlan CareTeam Goal Task DetectedIssue Patient Practitioner
PractitionerRole Organization RelatedPerson Communication Provenance AuditEvent OperationOutcome
Bundle CapabilityStatement Subscription RiskAssessment Location Group MessageHeader Procedure
Parameters Basic Binary
""".split()
FILES_PER_RUN = 2000
MUTATED_BYTES_MAX = 60000
WRONG = {"date": "x", "dateTime": "2020-13", "instant": "2020", "boolean": "true", "uri": "a b",
         "integer": 1.5, "positiveInt": 0, "unsignedInt": -1, "decimal": "1", "string": "",
         "code": " ", "id": "_", "base64Binary": "!", "canonical": "", "url": " ", "time": "25:00:00",
         "markdown": "", "oid": "1.2", "uuid": "x"}


def outcomes(punos, files):
    for start in range(0, len(files), FILES_PER_RUN):
        part = files[start:start + FILES_PER_RUN]
        done = subprocess.run([punos, "fhir", "validate", *part], capture_output=True, text=True,
                              check=False)
        lines = done.stdout.splitlines()
        if len(lines) != len(part) or done.returncode not in (0, 1):
            sys.exit(f"{len(part)} files gave {len(lines)} outcomes, exit {done.returncode}: "
                     f"{done.stderr[-500:]}")
        for name, line in zip(part, lines):
            yield name, [issue for issue in json.loads(line)["issue"] if issue["severity"] == "error"]


def check_examples(punos, package):
    files = [os.path.join(package, name) for name in sorted(os.listdir(package))
             if name.split("-")[0] in HANDLED and name.endswith(".json")]
    refused = 0
    for name, errors in outcomes(punos, files):
        if errors:
            refused += 1
            print(f"REFUSED {os.path.basename(name)}: {errors[0].get('expression')} "
                  f"{errors[0]['diagnostics']}")
    kinds = {os.path.basename(name).split("-")[0] for name in files}
    print(f"examples: {len(files)} of {len(kinds)} types, {refused} refused")
    return len(files) >= 300 and refused == 0, files


class Definition:
    """The children of each path of one resource type."""

    def __init__(self, package, name):
        with open(os.path.join(package, f"StructureDefinition-{name}.json"), encoding="utf-8") as file:
            elements = json.load(file)["snapshot"]["element"]
        self.children = {}
        for element in elements[1:]:
            self.children.setdefault(element["path"].rsplit(".", 1)[0], []).append(element)


def nodes(definition, node, path, expression):
    """Every object of the resource that the definition itself describes: root and backbones."""
    yield node, path, expression
    for element in definition.children.get(path, []):
        name = element["path"].rsplit(".", 1)[1]
        if element["path"] not in definition.children or name not in node:
            continue
        value = node[name]
        if isinstance(value, dict):
            yield from nodes(definition, value, element["path"], f"{expression}.{name}")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from nodes(definition, item, element["path"], f"{expression}.{name}[{index}]")


def primitive_faults(element, name, node, expression):
    for one in element.get("type", []):
        code = one["code"]
        choice = name.endswith("[x]")
        member = name[:-3] + code[0].upper() + code[1:] if choice else name
        if code not in WRONG or member not in node:
            continue
        where = f"{expression}.{name[:-3]}.ofType({code})" if choice else f"{expression}.{name}"
        if isinstance(node[member], list):
            yield {member: [WRONG[code]]}, "value", where + "[0]"
        else:
            yield {member: WRONG[code]}, "value", where


def faults(definition, node, path, expression):
    """(members to set, None to remove; the issue's code; its expression)."""
    yield {"punosUnknown": 1}, "structure", f"{expression}.punosUnknown"
    for element in definition.children[path]:
        name = element["path"].rsplit(".", 1)[1]
        yield from primitive_faults(element, name, node, expression)
        if name not in node or isinstance(node.get("_" + name), dict):
            continue
        if element["min"] == 1 and len(node) > 2:
            yield {name: None}, "required", f"{expression}.{name}"
        binding = element.get("binding", {})
        is_code = [one["code"] for one in element.get("type", [])] == ["code"]
        lexical = "mimetypes" in binding.get("valueSet", "") or "languages" in binding.get("valueSet", "")
        if binding.get("strength") == "required" and is_code and not lexical:
            many = isinstance(node[name], list)
            wrong = "punos-none"
            yield ({name: [wrong] if many else wrong}, "code-invalid",
                   f"{expression}.{name}{'[0]' if many else ''}")


def mutations(definition, resource, name):
    """The resource with one fault at a time."""
    whole = list(nodes(definition, resource, name, name))
    for number, (node, path, expression) in enumerate(whole):
        for change, code, where in faults(definition, node, path, expression):
            wrong = copy.deepcopy(resource)
            target = list(nodes(definition, wrong, name, name))[number][0]
            for member, value in change.items():
                if value is None:
                    del target[member]
                else:
                    target[member] = value
            yield wrong, code, where


def write_mutations(package, files, folder):
    wanted = {}
    definitions = {}
    for example in files:
        name = os.path.basename(example).split("-")[0]
        if name == "Bundle" or os.path.getsize(example) > MUTATED_BYTES_MAX:
            continue
        with open(example, encoding="utf-8") as file:
            resource = json.load(file)
        if name not in definitions:
            definitions[name] = Definition(package, name)
        for wrong, code, where in mutations(definitions[name], resource, name):
            path = os.path.join(folder, f"{len(wanted):06d}.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(wrong, file)
            wanted[path] = (os.path.basename(example), code, where)
    return wanted


def check_mutations(punos, package, files):
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        wanted = write_mutations(package, files, folder)
        for path, errors in outcomes(punos, list(wanted)):
            example, code, where = wanted[path]
            # The place is cut where it is longer than an issue has room for.
            if not any(error["code"] == code and error.get("expression", [""])[0] == where[:127]
                       for error in errors):
                missed += 1
                if missed <= 20:
                    print(f"MISSED {example}: {code} at {where}; found {errors[:1]}")
    print(f"mutations: {len(wanted)}, {missed} not refused as they should be")
    return len(wanted) >= 3000 and missed == 0


def main(punos, package):
    good, files = check_examples(punos, package)
    good &= check_mutations(punos, package, files)
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))

# SPDX-License-Identifier: Apache-2.0
"""Makes fhir_tables.h and fhir_tables.c from the R4 StructureDefinitions, ValueSets, CodeSystems.

usage: generate.py PACKAGE_DIR OUT_DIR [--check]
"""
import json
import os
import re
import sys

from valuesets import Expander

FHIR_TYPE_URL = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
SLOTS_MAX = 64
REPEATS, CHOICE, PRIMITIVE, REQUIRED = 1, 2, 4, 8


def load(folder, prefix):
    for name in sorted(os.listdir(folder)):
        if name.startswith(prefix + "-") and name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                yield json.load(file)


def structures(folder):
    """The base types by name: no profiles, no logical models."""
    found = {}
    for definition in load(folder, "StructureDefinition"):
        if definition.get("derivation") != "constraint" and definition["kind"] != "logical":
            found[definition["name"]] = definition
    return found


def capital(name):
    return name[0].upper() + name[1:]


def fhir_type(path, one):
    """The FHIR type that a type row means; ids and urls are written as FHIRPath system types."""
    if not one["code"].startswith("http://hl7.org/fhirpath/"):
        return one["code"]
    for extension in one.get("extension", []):
        if extension["url"] == FHIR_TYPE_URL:
            return extension["valueUrl"]
    raise SystemExit("no FHIR type for " + path)


class Model:
    """Types with their members, as the JSON of FHIR writes them."""

    def __init__(self, definitions, expander):
        self.definitions = definitions
        self.expander = expander
        self.types = {}  # name → (kind, [members])
        self.bindings = {}  # canonical → its kind and codes
        self.targets = {}  # tuple of resource types → None, in order of appearance
        for name in sorted(definitions):
            self._add(name, definitions[name])

    def _add(self, name, definition):
        if definition["kind"] == "primitive-type":
            self.types[name] = ("PRIMITIVE", [])
            return
        kind = "RESOURCE" if definition["kind"] == "resource" else "COMPLEX"
        if kind == "RESOURCE" and definition.get("abstract"):
            kind = "ABSTRACT"
        elements = definition["snapshot"]["element"]
        children = {}
        for element in elements[1:]:
            parent = element["path"].rsplit(".", 1)[0]
            children.setdefault(parent, []).append(element)
        for path, members in children.items():
            rows = []
            for slot, element in enumerate(members):
                rows += self._rows(path, element, slot, children)
            if len(members) > SLOTS_MAX:
                raise SystemExit("too many elements in " + path)
            self.types[path] = (kind if path == name else "BACKBONE", rows)

    def _rows(self, path, element, slot, children):
        if element["max"] not in ("1", "*") or element["min"] not in (0, 1):
            raise SystemExit("a cardinality that the tables cannot say: " + element["path"])
        name = element["path"].rsplit(".", 1)[1]
        flags = (REPEATS if element["max"] == "*" else 0) | (REQUIRED if element["min"] else 0)
        row = {"slot": slot, "flags": flags, "binding": self._binding(element), "targets": ()}
        if "contentReference" in element:
            return [dict(row, name=name, base=name, type=element["contentReference"][1:])]
        if element["path"] in children:
            return [dict(row, name=name, base=name, type=element["path"])]
        base = name[:-3] if name.endswith("[x]") else name
        rows = []
        for one in element["type"]:
            code = fhir_type(element["path"], one)
            if name == "id" and self._is_resource(path):
                code = "id"  # the snapshot says string; R4 2.26.3.1 says id
            own = dict(row, name=name, base=base, type=code, targets=self._targets(one))
            if name.endswith("[x]"):
                own.update(name=base + capital(code), flags=flags | CHOICE)
            rows.append(own)
        return rows

    def _is_resource(self, path):
        return self.definitions.get(path, {}).get("kind") == "resource"

    def _binding(self, element):
        binding = element.get("binding", {})
        if binding.get("strength") != "required" or "valueSet" not in binding:
            return ""
        canonical = binding["valueSet"].split("|")[0]
        if canonical not in self.bindings:
            self.bindings[canonical] = self.expander.expand(canonical)
        return canonical

    def _targets(self, one):
        if one["code"] != "Reference":
            return ()
        names = sorted(url.rsplit("/", 1)[1] for url in one.get("targetProfile", []))
        if not names or "Resource" in names:
            return ()
        for name in names:
            if not self._is_resource(name):
                raise SystemExit("a reference to what is no resource: " + name)
        self.targets[tuple(names)] = None
        return tuple(names)


class Pool:
    """All texts, each once, with their offsets."""

    def __init__(self):
        self.offsets = {}
        self.length = 0

    def at(self, text):
        if text not in self.offsets:
            self.offsets[text] = self.length
            self.length += len(text.encode()) + 1
        return self.offsets[text]

    def lines(self):
        for text in self.offsets:
            if re.search(r'[^ -~]|["\\?]', text):
                raise SystemExit("a text that must be escaped: " + text)
            yield '    "%s\\0"' % text


def constant(name):
    """Encounter.statusHistory → ENCOUNTER_STATUS_HISTORY."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.replace(".", "_"))
    return "PN_FHIR_T_" + text.upper()


class Tables:
    def __init__(self, model):
        self.model = model
        self.pool = Pool()
        self.pool.at("")
        self.names = sorted(model.types, key=str.encode)
        self.number = {name: i for i, name in enumerate(self.names)}
        self.binding_number = {"": 0}
        for canonical in sorted(model.bindings):
            self.binding_number[canonical] = len(self.binding_number)
        self.target_start = {(): 0}
        self.target_rows = [[]]  # the empty list stands first
        start = 1
        for names in sorted(model.targets):
            self.target_start[names] = start
            self.target_rows.append([self.number[name] for name in names])
            start += len(names) + 1

    def element_row(self, row):
        flags = row["flags"]
        if self.model.types[row["type"]][0] == "PRIMITIVE":
            flags |= PRIMITIVE
        return "    {%d, %d, %d, %d, %d, %d, %d}, // %s" % (
            self.pool.at(row["name"]), self.number[row["type"]],
            self.binding_number[row["binding"]], self.target_start[row["targets"]],
            row["slot"], flags, len(row["base"]), row["name"])

    def elements_and_types(self):
        elements, types, first = [], [], 0
        for name in self.names:
            kind, rows = self.model.types[name]
            rows = sorted(rows, key=lambda row: row["name"].encode())
            if len({row["name"] for row in rows}) != len(rows):
                raise SystemExit("a name twice in " + name)
            required = 0
            for row in rows:
                if row["flags"] & REQUIRED:
                    required |= 1 << row["slot"]
            elements.append("    // " + name)
            elements += [self.element_row(row) for row in rows]
            types.append("    {0x%xu, %d, %d, %d, PN_FHIR_KIND_%s}, // %s" % (
                required, self.pool.at(name), first, len(rows), kind, name))
            first += len(rows)
        return elements, types

    def bindings(self):
        rows, codes = ["    {0, 0, 0, PN_FHIR_CODES_NONE},"], []
        for canonical in sorted(self.model.bindings):
            kind, pairs = self.model.bindings[canonical]
            rows.append("    {%d, %d, %d, PN_FHIR_CODES_%s}, // %s" % (
                self.pool.at(canonical), len(codes), len(pairs), kind, canonical))
            codes += ["    {%d, %d}, // %s" % (self.pool.at(code), self.pool.at(system), code)
                      for code, system in pairs]
        return rows, codes

    def targets(self):
        return ["    %s" % "".join("%d, " % one for one in row) + "PN_FHIR_TARGETS_END,"
                for row in self.target_rows]

    def resources(self):
        return ["    " + constant(name) + "," for name in self.names
                if self.model.types[name][0] == "RESOURCE"]


HEAD = """// SPDX-License-Identifier: Apache-2.0
// Generated by lib/fhir/generate/generate.sh from %s@%s. Do not edit.
"""


def array(declaration, lines):
    return ["const " + declaration + " = {"] + lines + ["};", ""]


def write_source(tables, head):
    elements, types = tables.elements_and_types()
    bindings, codes = tables.bindings()
    if len(elements) > 0xFFFF or max(tables.target_start.values()) > 0xFFFF:
        raise SystemExit("an index has outgrown its 16 bits")
    lines = [head, '#include "fhir/fhir_tables.h"', ""]
    lines += array("struct pn_fhir_element pn_fhir_elements[]", elements)
    lines += array("struct pn_fhir_type pn_fhir_types[PN_FHIR_TYPE_COUNT]", types)
    lines += array("struct pn_fhir_binding pn_fhir_bindings[]", bindings)
    lines += array("struct pn_fhir_code pn_fhir_codes[]", codes)
    lines += array("uint16_t pn_fhir_targets[]", tables.targets())
    lines += array("uint16_t pn_fhir_resources[PN_FHIR_RESOURCE_COUNT]", tables.resources())
    lines += ["const char pn_fhir_texts[] ="] + list(tables.pool.lines())
    lines[-1] += ";"
    return "\n".join(lines) + "\n"


def write_header(tables, head):
    with open(os.path.join(os.path.dirname(__file__), "fhir_tables.h.in"), encoding="utf-8") as file:
        text = file.read()
    rows = ["    %s = %d," % (constant(name), i) for i, name in enumerate(tables.names)]
    if len({constant(name) for name in tables.names}) != len(tables.names):
        raise SystemExit("two types with one constant")
    return head + text.replace("@TYPES@", "\n".join(rows)) \
        .replace("@TYPE_COUNT@", str(len(tables.names))) \
        .replace("@RESOURCE_COUNT@", str(len(tables.resources())))


def deliver(path, text, only_check):
    old = None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            old = file.read()
    if only_check:
        print(("fresh: " if old == text else "STALE: ") + os.path.basename(path))
        return old == text
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def main(package, out, only_check):
    with open(os.path.join(os.path.dirname(__file__), "package.lock.json"), encoding="utf-8") as file:
        lock = json.load(file)
    value_sets = {one["url"]: one for one in load(package, "ValueSet")}
    code_systems = {one["url"]: one for one in load(package, "CodeSystem") if one.get("concept")}
    tables = Tables(Model(structures(package), Expander(value_sets, code_systems)))
    head = HEAD % (lock["name"], lock["version"])
    good = deliver(os.path.join(out, "fhir_tables.c"), write_source(tables, head), only_check)
    good &= deliver(os.path.join(out, "fhir_tables.h"), write_header(tables, head), only_check)
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], "--check" in sys.argv[3:]))

# SPDX-License-Identifier: Apache-2.0
"""Expands the value sets of required bindings to their codes."""

# Sets that are grammars and not lists: the scanner that stands in for them.
LEXICAL_SYSTEMS = {
    "urn:ietf:bcp:13": "MIME",
    "urn:ietf:bcp:47": "LANGUAGE",
    "http://unitsofmeasure.org": "UCUM",
}

# ISO 4217 is bound as required (Money.currency) but the package has no copy of it to expand.
LEXICAL_WITHOUT_CONTENT = {"urn:iso:std:iso:4217": "CURRENCY"}

# LOINC's own answer list (MolecularSequence.structureVariant.variantType), which HL7 may not copy.
WITHOUT_CONTENT = {"http://loinc.org/vs/LL379-9"}


class Expander:
    def __init__(self, value_sets, code_systems):
        self.value_sets = value_sets
        self.code_systems = code_systems

    def expand(self, canonical):
        """('LIST', [(code, system)…]) or (the scanner's name, [])."""
        if canonical.split("|")[0] in WITHOUT_CONTENT:
            return "NONE", []
        value_set = self.value_sets[canonical.split("|")[0]]
        found = set()
        for include in value_set["compose"]["include"]:
            lexical = self._lexical(include)
            if lexical:
                return lexical, []
            found |= self._part(include)
        for exclude in value_set["compose"].get("exclude", []):
            found -= self._part(exclude)
        if not found:
            raise SystemExit("no codes for " + canonical)
        return "LIST", sorted(found, key=lambda pair: (pair[0].encode(), pair[1].encode()))

    def _lexical(self, part):
        system = part.get("system")
        if "concept" in part:
            return None
        if system in LEXICAL_SYSTEMS:
            return LEXICAL_SYSTEMS[system]
        return LEXICAL_WITHOUT_CONTENT.get(system)

    def _part(self, part):
        found = None
        if "system" in part:
            found = self._system_part(part)
        for canonical in part.get("valueSet", []):
            kind, codes = self.expand(canonical)
            if kind != "LIST":
                raise SystemExit("a lexical value set inside another: " + canonical)
            found = set(codes) if found is None else found & set(codes)
        return found or set()

    def _system_part(self, part):
        system = part["system"]
        if "concept" in part:
            return {(concept["code"], system) for concept in part["concept"]}
        if system not in self.code_systems:
            raise SystemExit("no content for the code system " + system)
        tree = self.code_systems[system].get("concept", [])
        codes = set(_walk(tree))
        for rule in part.get("filter", []):
            codes &= _filter(tree, rule, system)
        return {(code, system) for code in codes}


def _walk(concepts):
    for concept in concepts:
        yield concept["code"]
        yield from _walk(concept.get("concept", []))


def _parents(concepts, above, ret_above):
    """Every code's ancestors, by nesting and by the subsumedBy property."""
    for concept in concepts:
        mine = set(above)
        for prop in concept.get("property", []):
            if prop["code"] == "subsumedBy":
                mine.add(prop["valueCode"])
        ret_above.setdefault(concept["code"], set()).update(mine)
        _parents(concept.get("concept", []), mine | {concept["code"]}, ret_above)


def _ancestors(code, direct, seen):
    for parent in direct.get(code, ()):
        if parent not in seen:
            seen.add(parent)
            _ancestors(parent, direct, seen)
    return seen


def _properties(concepts, wanted, value):
    for concept in concepts:
        for prop in concept.get("property", []):
            have = next((prop[key] for key in prop if key.startswith("value")), None)
            if prop["code"] == wanted and str(have).lower() == value.lower():
                yield concept["code"]
        yield from _properties(concept.get("concept", []), wanted, value)


def _filter(tree, rule, system):
    if rule["op"] in ("is-a", "descendent-of") and rule["property"] == "concept":
        direct = {}
        _parents(tree, set(), direct)
        below = {code for code in direct if rule["value"] in _ancestors(code, direct, set())}
        return below | {rule["value"]} if rule["op"] == "is-a" else below
    if rule["op"] == "=":
        return set(_properties(tree, rule["property"], rule["value"]))
    raise SystemExit("unknown filter in " + system + ": " + repr(rule))

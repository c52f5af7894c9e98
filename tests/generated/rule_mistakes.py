#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A rule file with any mistake is refused with its place: every key and value of config/rules/*.yaml, and of a file that says
each thing that the language can say, is
broken one at a time: left out, misspelt, told twice, and of another kind. `punos rules check` refuses each such file, with the line of
the mistake, of what it stands in or beside, or of what now misses it; what it takes is good by
schemas/rules.schema.yaml.
  tests/generated/rule_mistakes.py [--all] [FILE…]
Each field gets every wrong value in some of the places where it stands; with --all in each of them."""
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[2]
PUNOS = ROOT / os.environ.get("PN_TEST_BUILD", "build") / "punos"
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
BATCH = 400  # files of one process
WHOLLY = 2  # places of a field, in one file, that get every wrong value
PARTS = ("code_groups", "filters", "prices")
NUMBERS = ("0", "-1", "100000000", "1.5", "1.555", "1.", '"3"', "x3")
OF_SCALAR = ("[x]", "{ x: 1 }", "")
OF_TEXT = ("7", "true", '""', "~", '"{cuont}"', '"{count"')
OF_WORD = ("qwerty-zz", "Visit")
OF_COLLECTION = ("word", "7", "[]", "{}", "")


class Node:
    """A value, where it stands in the text and in the tree."""

    def __init__(self, value, key=None, parent=None):
        self.value, self.key, self.parent, self.children = value, key, parent, []
        self.start = (key or value).start_mark.index
        self.line = (key or value).start_mark.line + 1
        self.is_flow = parent is not None and bool(parent.value.flow_style)
        if isinstance(value, yaml.MappingNode):
            self.children = [Node(inner, name, self) for name, inner in value.value]
        elif isinstance(value, yaml.SequenceNode):
            self.children = [Node(inner, None, self) for inner in value.value]
        # A block's own mark lies after the blanks and comments that follow it.
        is_block = self.children and not value.flow_style
        self.end = self.children[-1].end if is_block else value.end_mark.index

    def path(self):
        above = self.parent.path() if self.parent else []
        return above if self.parent is None else above + [self.key.value if self.key else self.place()]

    def place(self):
        return self.parent.children.index(self)

    def all(self):
        for child in self.children:
            yield child
            yield from child.all()


class Mutant:
    def __init__(self, node, what, text, line=None):
        self.node, self.what, self.text = node, what, text
        self.line = line or node.line

    def name(self):
        return f"{self.what} {'.'.join(map(str, self.node.path()))}"


def cut(text, start, end, instead=""):
    return text[:start] + instead + text[end:]


def without(text, node):
    """The text without a key or an item."""
    beside, place = node.parent.children, node.place()
    start = node.start
    if node.key is None and not node.is_flow:
        start = text.rindex("-", 0, start)
    if place + 1 < len(beside):
        after = beside[place + 1].start
        if node.key is None and not node.is_flow:
            after = text.rindex("-", 0, after)
        return cut(text, start, after)
    if place > 0:
        return cut(text, beside[place - 1].end, node.end)
    return cut(text, start, node.end, "" if node.is_flow else "{}" if node.key else "[]")


def twice(text, node):
    """The key stands there two times; the second is told."""
    name = text[node.start:node.key.end_mark.index]
    if node.is_flow:
        return Mutant(node, "twice", cut(text, node.start, node.start, f"{name}: 1, "))
    blanks = " " * node.key.start_mark.column
    return Mutant(node, "twice", cut(text, node.start, node.start, f"{name}: 1\n{blanks}"),
                  node.line + 1)


def other_values(node):
    if node.children:
        return OF_COLLECTION
    text, is_plain = node.value.value, node.value.style is None
    if is_plain and re.fullmatch(r"[0-9]+([.][0-9]+)?", text):
        return OF_SCALAR + NUMBERS
    return OF_SCALAR + OF_TEXT + (OF_WORD if is_plain and " " not in text else ())


def values_for(node, places, is_all):
    """Of those that a field's place gets: beyond the first places one, by turns."""
    field = ".".join(str(step) for step in node.path() if not isinstance(step, int))
    if node.path()[0] in PARTS:
        field = f"{node.path()[0]}.{len(node.path())}.{node.path()[-1] if len(node.path()) > 2 else ''}"
    values, place = other_values(node), places[field]
    places[field] += 1
    return values if is_all or place < WHOLLY else [values[place % len(values)]]


def mutants(text, root, is_all):
    places = Counter()
    for node in root.all():
        yield Mutant(node, "without", without(text, node), node.parent.line)
        if node.key is not None:
            end = node.key.end_mark.index
            yield Mutant(node, "misspelt", cut(text, end - 1, end, text[end - 1] + "zz"))
            yield twice(text, node)
        value = node.value.start_mark.index
        for other in values_for(node, places, is_all):
            # Where the block began there is its key, or the hyphen.
            blank = " " if text[value - 1] == "\n" or node.children and not node.value.flow_style else ""
            start = node.key.end_mark.index + 1 if blank and node.key else value
            yield Mutant(node, f"{other or 'nothing'} as", cut(text, start, node.end, blank + other))
    ids = [node for node in root.all() if node.path()[-1] == "id"]
    for before, node in zip(ids, ids[1:]):
        yield Mutant(node, "id of another", cut(text, node.value.start_mark.index, node.end,
                                                before.value.value))


def check(texts):
    """What is said of each: (line, field, words), or None."""
    said = [None] * len(texts)
    with tempfile.TemporaryDirectory(prefix="punos-rules-", dir=MEMORY) as folder:
        names = [f"m{place}.yaml" for place in range(len(texts))]
        for name, text in zip(names, texts):
            Path(folder, name).write_text(text, encoding="utf-8")
        answer = subprocess.run([str(PUNOS), "rules", "check", *names], cwd=folder, check=False,
                                capture_output=True, text=True, encoding="utf-8")
        assert answer.returncode in (0, 1), f"exit status {answer.returncode}: {answer.stderr[-500:]}"
    for line in answer.stderr.splitlines():
        found = re.fullmatch(r"m([0-9]+)\.yaml:([0-9]+)(?: (\S+))?: (.+)", line)
        assert found, f"no place: {line}"
        said[int(found[1])] = (int(found[2]), found[3] or "", found[4])
    return said


def names_in(node):
    """Names of code groups, filters and price lists that are no more once the node is broken."""
    path = node.path()
    if path[0] not in PARTS:
        return []
    return [path[1]] if len(path) > 1 else [child.key.value for child in node.children]


# What two places together are wrong by is told at the one that is named here.
TOGETHER = {"it can't be over at_least": "lapse_below", "there are fewer of them": "count",
            "more than there are rules that support": "supports_needed",
            "cool_down_days is expected too: else it would rise at once again": "expires_months"}


def misplaced(mutant, told):
    line, field, words = told
    if "nothing has this name" in words:
        lost = names_in(mutant.node)
        there = mutant.text.splitlines()[line - 1]
        if any(name in there for name in lost):
            return False
    if field.rpartition(".")[2] == TOGETHER.get(words):
        return False
    return line not in (mutant.line, mutant.node.line, mutant.node.parent.line)


class Schema:
    def __init__(self):
        whole = yaml.load((ROOT / "schemas/rules.schema.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
        self.whole = jsonschema.Draft202012Validator(whole)
        rule = {"$ref": "#/$defs/rule", "$defs": whole["$defs"]}
        self.rule = jsonschema.Draft202012Validator(rule)

    def is_good(self, mutant, root, text):
        """Looks at the rule that was broken, or at the rest with the first rule only."""
        grown = len(mutant.text) - len(text)
        rules = next(part for part in root.children if part.key.value == "rules")
        place = mutant.node.path()
        if place[0] == "rules" and len(place) > 2:
            rule = rules.children[place[1]]
            blanks = " " * rule.value.start_mark.column
            return self.rule.is_valid(
                yaml.load(blanks + mutant.text[rule.start:rule.end + grown], yaml.CSafeLoader))
        end = rules.children[0].end + grown if place[0] != "rules" else len(mutant.text)
        return self.whole.is_valid(yaml.load(mutant.text[:end], yaml.CSafeLoader))


def run(path, is_all=False):
    """(faults, how many were refused and taken) of one file."""
    schema, faults, counts = Schema(), [], Counter()
    text = path.read_text(encoding="utf-8")
    root = Node(yaml.compose(text, yaml.CSafeLoader))
    assert schema.whole.is_valid(yaml.load(text, yaml.CSafeLoader)), f"{path.name}: the schema says no"
    all_of_them = list(mutants(text, root, is_all))
    for first in range(0, len(all_of_them), BATCH):
        batch = all_of_them[first:first + BATCH]
        for mutant, told in zip(batch, check([one.text for one in batch])):
            counts["refused" if told else "taken"] += 1
            if told is None and not schema.is_good(mutant, root, text):
                faults.append(f"{path.name}: {mutant.name()}: taken, and wrong by the schema")
            elif told and misplaced(mutant, told):
                faults.append(f"{path.name}: {mutant.name()} (line {mutant.line}): told is line"
                              f" {told[0]} {told[1]}: {told[2]}")
    return faults, counts


def main(names):
    is_all = "--all" in names
    paths = [Path(name) for name in names if name != "--all"]
    # The last has one of each thing that the language can say.
    paths = paths or [*sorted((ROOT / "config/rules").glob("*.yaml"), key=lambda path: -path.stat().st_size),
                      ROOT / "tests/integration/rules_sql/rules.yaml"]
    faults, counts = [], Counter()
    with ProcessPoolExecutor() as pool:
        for found, counted in pool.map(partial(run, is_all=is_all), paths):
            faults += found
            counts += counted
    for fault in faults[:40]:
        print(fault)
    print(f"{counts['refused']} files refused with their place, {counts['taken']} good ones taken,"
          f" {len(faults)} faults")
    return 1 if faults or counts["refused"] < 1000 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which rule of config/rules/start.yaml fires from which system's own messages, as a table made by running them.

    by_system.py BUILD_FOLDER [--write]    holds docs/RULES-BY-SYSTEM.md against what happens, or makes it anew

For each rule and system just enough of the happenings that fire it is told in that system's messages, over its
own transport, to a whole hub; and once more with one of them left out, when it must not fire. What a system has
no place for is written in tellers.py; that this is so is held against the samples of its adapter, which reach every
mapping row: what none of them gives, no row gives.
"""
import datetime
import difflib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(sys.argv[1]).resolve()
sys.path += [str(ROOT / "tests/county"), str(ROOT / "tests/lib"), str(Path(__file__).parent)]
import native  # noqa: E402
import play  # noqa: E402
import score  # noqa: E402
import tellers  # noqa: E402
from hubkey import key_maker  # noqa: E402
from native import Happening  # noqa: E402
from tellers import ICPC2, REASONS, TELLS, WORDS  # noqa: E402

PAGE = ROOT / "docs/RULES-BY-SYSTEM.md"
RULES = ROOT / "config/rules/start.yaml"
SECONDS = 120
SYSTEMS = ["pegasos", "lifecare", "mediatri", "effica", "oberon", "yph-effica", "pro-consona", "kanta", "forms"]


class Cannot(Exception):
    """The system's messages have no place for it: what it is."""


# --- What fires a rule, by what a system can tell ------------------------------------------------

def have(system, what, kind=None):
    if what not in TELLS[system]:
        raise Cannot(NAMES[what])
    if kind is not None and kind not in TELLS[system][what]:
        raise Cannot(NAMES["concern " + kind] if what == "concern" else NAMES[kind])


NAMES = {"visit": "visits", "contact": "contacts", "emergency": "emergency visits", "noshow": "unused appointments",
         "clientship": "client relationships", "concern": "concerns", "reason": "the reason of a visit",
         "service": "the service of a visit", "profession": "who met the client",
         **{f"concern {name}": f"a concern of the kind `{name}`" for name in tellers.EVERY_CONCERN}}


def met(system, *kinds):
    """A visit, or else a contact, that tells all these."""
    for what in ("visit", "contact"):
        if set(kinds) <= set(TELLS[system].get(what, ())) and what in TELLS[system]:
            return what
    have(system, "visit" if "visit" in TELLS[system] else "contact", *kinds)
    return "visit"


def made(system, count, what, **kind):
    have(system, what)
    for name in kind:
        have(system, what, name)
    return [(system, Happening(what, **kind))] * count


def reasons(system):
    return REASONS.get(system, ICPC2)


def concern(system, *kinds):
    have(system, "concern")
    kind = next((kind for kind in kinds if kind in TELLS[system]["concern"]), None)
    have(system, "concern", kind or kinds[0])
    return [(system, Happening("concern", about=kind, by="professional"))]


def care(system):
    have(system, "clientship")
    return [(system, Happening("clientship", task="päihdehuolto"))]


def of_each(system, name, values):
    what = met(system, name)
    return [(system, Happening(what, **{name: value})) for value in values]


def vague(system):
    return made(system, 4, met(system, "reason"), reason=reasons(system)[0])


def costly(system):
    return made(system, 23, "emergency") if "emergency" in TELLS[system] else \
        made(system, 89, met(system))


def acute(system, behind):
    return made(system, 4, "emergency") + behind


def acute_alone(system):
    return made(system, 3, "emergency") + made(system, 1, "emergency", reason=reasons(system)[1])


# Each rule: ways to fire it, (the other system that it takes, happenings of a system). The first that the system can
# tell is run.
WAYS = {
    "emergency-visits": [("", lambda s: made(s, 10, "emergency"))],
    "visits": [("", lambda s: made(s, 11, met(s)))],
    "visits-in-care": [("", lambda s: made(s, 22, met(s)) + care(s)),
                       ("yph-effica", lambda s: made(s, 22, met(s)) + care("yph-effica"))],
    "no-shows": [("", lambda s: made(s, 3, "noshow"))],
    "many-professions": [("", lambda s: of_each(s, "profession", WORDS["professions"]))],
    "many-services": [("", lambda s: of_each(s, "service", WORDS.get(s, [])))],
    "concern": [("", lambda s: concern(s, "concern"))],
    "core-not-reached": [("", lambda s: concern(s, "core-not-reached"))],
    "vague-reasons": [("", vague)],
    "behaviour-or-risk": [("", lambda s: concern(s, "odd-behaviour", "suspected-addiction"))],
    "unclear-work-ability": [("", lambda s: concern(s, "unclear-work-ability"))],
    "cannot-use-services": [("", lambda s: concern(s, "cannot-use-services"))],
    "acute-with-life-reasons": [
        ("", acute_alone), ("", lambda s: acute(s, concern(s, "homelessness"))),
        ("forms", lambda s: acute(s, concern("forms", "homelessness"))),
        ("oberon", lambda s: acute("oberon", concern(s, "homelessness"))),
        ("oberon", lambda s: acute("oberon", made(s, 1, met(s, "reason"), reason=reasons(s)[1])))],
    "costliest-tenth": [("", costly)],
}


def way_of(rule, system):
    """(the other system, happenings, None) or (None, None, what the system does not tell)."""
    missing = []
    for other, make in WAYS[rule]:
        try:
            return other, make(system), None
        except Cannot as cannot:
            missing.append(str(cannot))
    return None, None, missing[0]


# --- Telling it ----------------------------------------------------------------------------------

class Person:
    def __init__(self, index, rule, system, parts, fires):
        self.rule, self.system, self.fires = rule, system, fires
        self.person = native.Person(index)
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        self.told = {}
        for place, (teller, happening) in enumerate(parts):
            one = Happening(happening.what, **happening.kind)
            one.person, one.number = self.person, self.person.index * 1000 + place
            one.time = now - datetime.timedelta(hours=30 + 40 * place)
            self.told.setdefault(teller, []).append(one)


def people():
    found, table = [], {}
    for rule in WAYS:
        for system in SYSTEMS:
            other, parts, missing = way_of(rule, system)
            table[rule, system] = (other, missing)
            if parts:
                found.append(Person(len(found) + 1, rule, system, parts, True))
                own = next(place for place, part in enumerate(parts) if part[0] == system)
                found.append(Person(len(found) + 1, rule, system, parts[:own] + parts[own + 1:], False))
    return found, table


def one_line(payload):
    return b" ".join(payload.split(b"\n")) + b"\n"


def write(county, persons):
    """The messages in the folders that play.py sends from."""
    files = {}
    for person in persons:
        for system, happenings in person.told.items():
            if system in ("oberon", "pegasos"):
                told = [getattr(tellers, system)(one) for one in happenings]
            elif system == "lifecare":
                told = [one_line(native.lifecare(happenings))]
            elif system == "mediatri":
                told = [json.dumps(one).encode() + b"\n" for one in tellers.mediatri(happenings)]
            elif system in ("effica", "pro-consona"):
                files.setdefault(system, []).extend(happenings)
                continue
            else:
                make = tellers.kanta if system == "kanta" else getattr(native, system.replace("-", "_"))
                told = [one_line(make(one)) for one in happenings]
            files.setdefault(system, []).extend(told)
    places = {"oberon": "mllp/1.hl7", "pegasos": "mllp/1.hl7", "mediatri": "poll/1.jsonl",
              "effica": "drop/1.csv", "pro-consona": "drop/1.xml"}
    for system, told in files.items():
        path = county / system / places.get(system, "http/1.txt")
        path.parent.mkdir(parents=True)
        if system in ("effica", "pro-consona"):
            path.write_bytes(getattr(native, system.replace("-", "_"))(told))
        else:
            path.write_bytes(b"".join(told))


def run(persons):
    """{(rule, system): the faults}"""
    faults = []
    with tempfile.TemporaryDirectory(prefix="punos-by-system-") as folder:
        county = Path(folder)
        write(county, persons)
        with play.CountyHub(county, RULES, binary=str(BUILD / "punos")) as hub:
            play.play(hub, SECONDS)
            play.settle(hub, SECONDS)
            listed = hub.run("quarantine", "list").stdout.decode().strip()
            assert not listed, "refused:\n" + listed
            make_key = key_maker(hub.data)
            codes = {make_key(person.person.code): person.person.code for person in persons}
            fired, _ = score.fired_of_store(hub.data / "store" / "identify.db", codes)
            hub.stop()
    for person in persons:
        if (person.rule in fired.get(person.person.code, {})) != person.fires:
            faults.append(f"{person.rule} from {person.system}: "
                          f"{'does not fire' if person.fires else 'fires one short'}")
    return faults


# --- What is said of the blind ------------------------------------------------------------------

def given(system):
    """What the samples of the system's adapter give: (what, kind)."""
    found = set()
    for path in sorted((ROOT / "adapters" / system / "samples").glob("*.expected.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        for event in told.get("events", []) if isinstance(told, dict) else []:
            found |= features(event["type"].split(".")[2], event["resource"])
    return found


def features(kind, resource):
    found = {(kind, None)}
    if resource.get("status") == "noshow":
        found.add(("noshow", None))
    if resource.get("class", {}).get("code") == "EMER":
        found.add(("emergency", None))
    if kind in ("visit", "contact"):
        found |= {(name, None) for name, member in (("profession", "participant"), ("service", "serviceType"),
                                                    ("reason", "reasonCode")) if resource.get(member)}
    if kind == "concern":
        found |= {("concern", coding["code"]) for coding in resource["code"]["coding"]}
    return found


def check_blind(table):
    """What is said not to be told is in no sample either."""
    faults = []
    words = {text: name for name, text in NAMES.items()}
    for system in SYSTEMS:
        samples = given(system)
        for rule in WAYS:
            missing = table[rule, system][1]
            if missing is None:
                continue
            name = words[missing].split(" ")
            said = ("concern", name[1]) if len(name) > 1 else (name[0], None)
            if said in samples:
                faults.append(f"{rule} from {system}: a sample gives {missing}")
    return faults


# --- The page ------------------------------------------------------------------------------------

HEAD = """# Which rules see what from which system

Made by `tests/integration/run_rule_systems.sh` from real runs (`--write`): for each rule of `config/rules/start.yaml` and each
system, just enough in that system's own messages, over its own transport, into a whole hub; with one thing less the rule
doesn't fire. **Yes**: it fires from this system alone. **With …**: from this system's part and another's. **–** and a number:
blind here, and why, below. What a system has no place for is held against the samples of its adapter too: they reach every
mapping row. That a message has the place says nothing of whether a site fills it: look at `punos adapter trace`, and at what
each adapter's README assumes. A concern that a system can't tell comes by the form program or the API's concern call.
"""


def page(table):
    """The table and the reasons."""
    lines = [HEAD, "| rule | " + " | ".join(SYSTEMS) + " |", "|---" * (len(SYSTEMS) + 1) + "|"]
    reasons_of = []
    for rule in WAYS:
        cells = []
        for system in SYSTEMS:
            other, missing = table[rule, system]
            if missing is not None:
                if missing not in reasons_of:
                    reasons_of.append(missing)
                cells.append(f"– {reasons_of.index(missing) + 1}")
            else:
                cells.append(f"with {other}" if other and other != system else "yes")
        lines.append(f"| `{rule}` | " + " | ".join(cells) + " |")
    lines += ["", "Blind, because the system's messages as the adapter reads them don't tell:", ""]
    lines += [f"{place}. {reason}" for place, reason in enumerate(reasons_of, 1)]
    return "\n".join(lines) + "\n"


def main():
    rules = [line.split()[-1] for line in RULES.read_text(encoding="utf-8").splitlines()
             if line.startswith("  - id: ")]
    assert rules == list(WAYS), f"the rules of start.yaml are {rules}"
    persons, table = people()
    faults = run(persons) + check_blind(table)
    assert not faults, "\n" + "\n".join(faults)
    text = page(table)
    print(f"by_system: {len(persons)} persons, {sum(p.fires for p in persons)} of "
          f"{len(WAYS) * len(SYSTEMS)} pairs fire")
    if "--write" in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    before = PAGE.read_text(encoding="utf-8")
    assert text == before, "docs/RULES-BY-SYSTEM.md is stale (--write):\n" + "".join(
        difflib.unified_diff(before.splitlines(True), text.splitlines(True)))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small county, made and told to a hub: nothing is refused, what the rules count is what happened, whatever came
late, twice, corrected, taken back or under another number; and the rules find the shared clients."""
import contextlib
import datetime
import hashlib
import io
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests/county"), str(ROOT / "tests/lib")]
import play  # noqa: E402
import proportions  # noqa: E402
import score  # noqa: E402
from hubkey import key_maker  # noqa: E402
from made import clients, figures, life, parameters  # noqa: E402
from made.days import BEFORE, Days  # noqa: E402

CLIENTS, SEED, WEEKS = 600, 4, 52
RULES = ROOT / "config" / "rules" / "start.yaml"
SETTLE_S = 120
PRECISION_FLOOR = 0.025
# What truth.csv counts, as the rules' filters; and the numbers that are told apart.
FILTERS = {"emergency": "kinds: [visit], urgency: emergency, client_contacts_only: true",
           "met": "kinds: [visit, contact], client_contacts_only: true",
           "noshows": "kinds: [appointment], noshow: true"}
LADDERS = {"professions": [*range(1, 9)], "emergency": [*range(1, 21)], "met": [*range(1, 20), 22, 25, 28, 32, 36, 40, 45, 50, 55],
           "noshows": [*range(1, 9)]}
CONDITIONS = {"professions": "distinct: { of: professions, where: met, in_months: 12, at_least: %d }"}
TONGUES = ["", "fi", "sv", "other"]  # services/identify/feedback/feedback.h
SYSTEMS = {"oberon", "pegasos", "lifecare", "effica", "yph-effica", "pro-consona", "mediatri", "kanta",
           "forms"}


def make(folder, count, *more):
    subprocess.run([sys.executable, str(ROOT / "tests/county/population.py"), "--out", str(folder),
                    "--clients", str(count), "--seed", str(SEED), *more], check=True,
                   stdout=subprocess.DEVNULL)


def digest(folder):
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def ladder_rules():
    """A rule for each step of each ladder: which of them hold tells the number itself."""
    words = "{ fi: x, sv: x, en: x }"
    lines = ["filters:"] + [f"  {name}: {{ {text} }}" for name, text in FILTERS.items()] + ["rules:"]
    for name, steps in LADDERS.items():
        for step in steps:
            lines += [f"  - id: {name}-{step}", "    version: 1", "    origin: punos", "    source: a test",
                      f"    title: {words}", f"    explanation: {words}", "    weight: 1",
                      "    when: { " + (CONDITIONS.get(name) or
                                          f"count: {{ where: {name}, in_months: 12, at_least: %d }}") % step +
                      " }"]
    return "\n".join(lines) + "\n"


def tongues(store, codes):
    """{code: language group} of whom some system told the language."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30)
    found = {codes[key]: TONGUES[language] for key, language in connection.execute(
        "SELECT k.client_key, p.language FROM people p JOIN client_keys k ON k.client = p.subject")
        if key in codes and language}
    connection.close()
    return found


class Made(unittest.TestCase):
    def test_same_seed_same_bytes(self):
        with tempfile.TemporaryDirectory(prefix="punos-county-") as folder:
            digests = []
            for name, more in (("one", ["--jobs", "1"]), ("two", ["--jobs", "2"]),
                               ("other", ["--seed", "5"])):
                make(Path(folder) / name, 60, "--weeks", "9", "--until", "2026-11-23", *more)
                digests.append(digest(Path(folder) / name))
            self.assertEqual(digests[0], digests[1])
            self.assertNotEqual(digests[0], digests[2])

    def test_every_parameter_has_a_source(self):
        text = parameters.FILE.read_text(encoding="utf-8")
        self.assertEqual(parameters.lines_without_source(text), [])
        self.assertEqual(parameters.lines_without_source("a = 1 # ours\nb = 2\n"), [2])

    def test_identity_codes(self):
        """FINLAND.md 1.1, computed anew; more people of one day than a separator has numbers for."""
        read = parameters.read()
        people = clients.make(read, 4000, SEED, datetime.date(2026, 11, 22))
        codes = [person.code for person in people]
        self.assertEqual(len(set(codes)), len(codes))
        for person in people:
            digits = person.code[:6] + person.code[7:10]
            self.assertEqual("0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31], person.code[10])
            self.assertIn(person.code[6], "-YXWVU" if person.birth.year < 2000 else "ABCDEF")
            self.assertEqual(person.code[:6], f"{person.birth:%d%m%y}")
            self.assertGreaterEqual(int(person.code[7:10]), 900)
            self.assertEqual(int(person.code[9]) % 2, 1 if person.sex == "M" else 0)
        self.assertTrue({code[6] for code in codes} >= set("-YXWVUABCDEF"))
        many = clients.Codes(0.0)
        draw = random.Random(1)
        day = [many.make(draw, datetime.date(1980, 1, 1), "F") for _ in range(301)]
        self.assertEqual(len(set(day[:300])), 300)
        self.assertIsNone(day[300])

    def test_proportions(self):
        """Without messages: a county large enough for the bounds of the parameters."""
        read = parameters.read()
        days = Days(datetime.date(2025, 11, 24), WEEKS, read["rhythm"])
        people = clients.make(read, 3000, SEED, days.dates[BEFORE + days.count - 1])
        kinds = clients.kind_parameters(read)
        world = life.World(read, kinds, days, SEED)
        rows = []
        for person in people:
            counted = figures.count(life.Life(world, person).live(), kinds[person.kind, person.why],
                                    read["prices"], days)
            rows.append({"age": person.age, "shared": person.is_shared, **counted})
        self.assertEqual(proportions.check(rows, read["proportions"]), [])
        rows[0]["cost"] *= 10 ** 6
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertIn("cost_of_tenth", proportions.check(rows, read["proportions"]))


class Told(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="punos-county-")
        cls.county = Path(cls.folder.name) / "county"
        make(cls.county, CLIENTS, "--weeks", str(WEEKS))
        cls.truth = score.read_truth(cls.county)
        cls.hub = play.CountyHub(cls.county, RULES).start()
        cls.addClassCleanup(cls.close)
        started = time.monotonic()
        cls.counts = play.play(cls.hub, SETTLE_S)
        play.settle(cls.hub, SETTLE_S)
        print(f"county: {sum(cls.counts.values())} messages in {time.monotonic() - started:.1f} s")
        make_key = key_maker(cls.hub.data)
        cls.codes = {make_key(row["code"]): row["code"] for row in cls.truth}
        cls.fired, cls.ranked = score.fired_of_store(cls.hub.data / "store" / "identify.db", cls.codes)
        cls.hub.stop()
        cls.tongues = tongues(cls.hub.data / "store" / "identify.db", cls.codes)
        path = Path(cls.folder.name) / "ladders.yaml"
        path.write_text(ladder_rules(), encoding="utf-8")
        cls.ladders, _, _ = score.evaluate(cls.hub.binary, cls.hub.data, path, cls.codes)

    @classmethod
    def close(cls):
        cls.hub.__exit__(None, None, None)
        cls.folder.cleanup()

    def test_all_is_understood(self):
        self.assertEqual({name for name, _ in self.counts}, SYSTEMS)
        self.assertEqual({way for _, way in self.counts}, {"mllp", "http", "drop", "poll"})
        listed = self.hub.run("quarantine", "list")
        self.assertEqual(listed.returncode, 0)
        self.assertEqual(listed.stdout.decode().strip(), "")

    def test_troubles_are_in_it(self):
        """Merges, corrections, withdrawals and repeats, or the next test proves nothing."""
        lines = [line for path in self.county.rglob("*.hl7") for line in path.read_bytes().split(b"\r")
                 if line.startswith(b"MSH")]
        for trigger, least in ((b"ADT^A40", 1), (b"ADT^A08", 10), (b"ADT^A11", 3), (b"SIU^S15", 10)):
            self.assertGreaterEqual(sum(trigger in line for line in lines), least, trigger)
        self.assertGreaterEqual(len(lines) - len(set(lines)), 5)

    def test_what_is_counted_is_what_happened(self):
        """Of everybody, to the number: what came late, twice, corrected, taken back or under another number."""
        for name, steps in LADDERS.items():
            with self.subTest(name=name):
                wanted, counted = {}, {}
                for row in self.truth:
                    reached = sum(1 for step in steps if step <= int(row[name]))
                    if reached:
                        wanted[row["code"]] = reached
                for code, rules in self.ladders.items():
                    reached = sum(1 for rule in rules if rule.startswith(name + "-"))
                    if reached:
                        counted[code] = reached
                self.assertGreater(len(wanted), 10)
                self.assertEqual({code: (counted.get(code), wanted.get(code)) for code in
                                  wanted.keys() | counted.keys()
                                  if counted.get(code) != wanted.get(code)}, {})

    def test_professions_of_every_system(self):
        """As many profession groups as the rule takes, at stations of each records system of primary care."""
        met = {row["primary"] for row in self.truth if "many-professions" in self.fired.get(row["code"], {})}
        self.assertEqual(met, {row["primary"] for row in self.truth})

    def test_languages(self):
        """The skew is watched by language: it is known of everybody whom any system told of, and rightly."""
        told = {row["code"]: {"fi": "fi", "sv": "sv"}.get(row["language"], "other") for row in self.truth}
        self.assertEqual({code: (group, told[code]) for code, group in self.tongues.items()
                          if group != told[code]}, {})
        self.assertGreaterEqual(len(self.tongues), 0.95 * len(self.truth))

    def test_found(self):
        result = score.score(self.fired, self.ranked, self.truth)
        score.show(result)
        self.assertEqual(result["unknown"], 0)
        whole, rules = result["whole"], {row["name"]: row for row in result["rules"]}
        # Measured with this seed: all rules 6 of 6 at 3.0 %, six of the first ten names, emergency-visits
        # 3 of 3, vague-reasons 6 of 16.
        self.assertGreaterEqual(whole["hits"], whole["shared"] - 1)
        self.assertGreaterEqual(whole["precision"][0], PRECISION_FLOOR)
        self.assertEqual(rules["emergency-visits"]["hits"], rules["emergency-visits"]["fired"])
        self.assertGreaterEqual(rules["vague-reasons"]["precision"][0], 0.3)
        self.assertGreaterEqual(result["first"][0]["hits"], 4)


if __name__ == "__main__":
    unittest.main(verbosity=1)

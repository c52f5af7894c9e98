#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each rule of each file of config/rules fires from the native messages of at least two systems, and
does not fire when any one of the happenings is missing. Through the real intake and adapters onto the
stream, and from it through a real `punos identify` for each rule file.

    triggers.py BUILD_FOLDER        prints a table: rule, systems

A person for each case and each way of leaving something out; everybody has a cancelled appointment
besides, by which the person's key is found on the stream.
"""
import copy
import datetime
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests/lib"), str(Path(__file__).parent)]
import native  # noqa: E402
from cases import CARE, CASES  # noqa: E402
from hub import END, START, acknowledgement, wait_until  # noqa: E402
from ports import held_ports  # noqa: E402

BUILD = Path(sys.argv[1]).resolve()
SECONDS = 60
DROPS = {"yph-effica": "xml", "effica": "csv", "pro-consona": "xml"}
HTTP = {"lifecare": "/in/lifecare/fhir", "forms": "/in/forms"}


class Variant:
    """One person: what happens to it, and whether a rule fires."""

    def __init__(self, index, name, parts, fires, born=None):
        self.name = name
        self.fires = fires
        self.person = native.Person(index, born)
        self.mark = f"A{index * 1000}"
        self.sent = [("oberon", native.Happening("cancelled")), *parts]
        self.key = None

    def happenings(self, now):
        """Two days apart, so that the windows hold them all; each with a number of its own."""
        for place, (system, happening) in enumerate(self.sent):
            one = copy.copy(happening)
            one.person = self.person
            one.number = self.person.index * 1000 + place
            one.time = now - datetime.timedelta(days=2 + 2 * place)
            yield system, one


def without_each(parts):
    """(what is missing, the rest) for each kind of part."""
    for place, (system, happening) in enumerate(parts):
        earlier = parts[:place]
        if not any(s == system and h.same_as(happening) for s, h in earlier):
            yield f"{system} {happening.what}", earlier + parts[place + 1:]


def make_variants():
    """({(file, rule, place of the case): variants}, all variants)"""
    made, of_case, by_rule = [], {}, {}

    def make(name, parts, fires, born=None):
        made.append(Variant(len(made) + 1, name, parts, fires, born))
        return made[-1]

    for file, rules in CASES.items():
        for rule, cases in rules.items():
            for place, case in enumerate(cases):
                if id(case) not in of_case:
                    parts = list(case.parts)
                    found = [make("all of it", parts, True, case.born)]
                    found += [make(f"without one {missing}", rest, False, case.born)
                              for missing, rest in without_each(parts)]
                    if case.kept_out:
                        found.append(make("a client of that service",
                                          [("yph-effica", CARE), *parts], False))
                    if case.born:
                        found.append(make("younger", parts, False))
                    of_case[id(case)] = found
                by_rule[file, rule, place] = of_case[id(case)]
    return by_rule, made


# --- Sending -------------------------------------------------------------------------------------

class Intake:
    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.http_port, self.mllp_port = held_ports(2)
        lines = [f'ingest: {{ http_listen: "127.0.0.1:{self.http_port}" }}', "systems:",
                 f'  - {{ name: oberon, adapter: oberon, listen: "127.0.0.1:{self.mllp_port}" }}',
                 *(f"  - {{ name: {name}, adapter: {name} }}" for name in HTTP),
                 *(f'  - {{ name: {name}, adapter: {name}, drop_folder: "{folder / name}" }}'
                   for name in DROPS)]
        for name in DROPS:
            (folder / name).mkdir()
        self.config = folder / "punos.yaml"
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.log = open(folder / "ingest.log", "wb")
        self.process = subprocess.Popen(
            [BUILD / "punos", "ingest", "--data", self.data, "--config", self.config],
            stdout=self.log, stderr=self.log)
        wait_until(self.is_ready, SECONDS, "the intake")

    def is_ready(self):
        assert self.process.poll() is None, (self.folder / "ingest.log").read_text()
        try:
            for port in (self.http_port, self.mllp_port):
                socket.create_connection(("127.0.0.1", port), 2).close()
            return (self.data / "secrets/api-token").exists()
        except OSError:
            return False

    def send_mllp(self, messages):
        with socket.create_connection(("127.0.0.1", self.mllp_port), SECONDS) as connection:
            pending = b""
            for message in messages:
                connection.sendall(START + message + END)
                while END not in pending:
                    pending += connection.recv(65536) or fail("the connection ended")
                answer, pending = pending.split(END, 1)
                assert acknowledgement(answer[1:])[0] == "AA", answer

    def post(self, path, body):
        token = (self.data / "secrets/api-token").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}", data=body, method="POST",
            headers={"Content-Type": "application/fhir+json", "Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            assert answer.status < 300, answer.read()

    def drop(self, system, name, payload):
        part = self.folder / system / f".{name}.part"
        part.write_bytes(payload)
        part.rename(self.folder / system / name)

    def stop(self):
        self.process.terminate()
        status = self.process.wait(SECONDS)
        self.log.close()
        assert status == 0, (self.folder / "ingest.log").read_text()


def fail(text):
    raise AssertionError(text)


def send(intake, variants, now):
    hl7, lists, files = [], {"effica": [], "pro-consona": []}, 0
    for variant in variants:
        bundle = []
        for system, one in variant.happenings(now):
            if system == "oberon":
                hl7.append(native.oberon(one))
            elif system == "lifecare":
                bundle.append(one)
            elif system == "forms":
                intake.post(HTTP["forms"], native.forms(one))
            elif system == "yph-effica":
                intake.drop(system, f"{one.number}.xml", native.yph_effica(one))
                files += 1
            else:
                lists[system].append(one)
        if bundle:
            intake.post(HTTP["lifecare"], native.lifecare(bundle))
    intake.drop("effica", "visits.csv", native.effica(lists["effica"]))
    intake.drop("pro-consona", "records.xml", native.pro_consona(lists["pro-consona"]))
    intake.send_mllp(hl7)
    wait_until(lambda: receipts(intake) == files + 2, SECONDS, "the receipts of the files")
    return len(hl7)


def receipts(intake):
    found = 0
    for name in DROPS:
        for path in (intake.folder / name).rglob("*.receipt.json"):
            receipt = json.loads(path.read_text(encoding="utf-8"))
            assert receipt["outcome"] == "accepted" and not receipt.get("refused"), (path.name, receipt)
            found += 1
    return found


# --- Looking -------------------------------------------------------------------------------------

def read(path, sql):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=SECONDS)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def find_keys(data, variants):
    """Each person's key, by the number of the cancelled appointment."""
    keys = {}
    for (event,) in read(data / "stream/stream.db", "SELECT event FROM record"):
        for mark in re.findall(rb'"value":"(A\d+)"', event):
            subject = re.search(rb"Patient/([0-9a-f]{32})", event)
            keys.setdefault(mark.decode(), subject.group(1).decode())
    for variant in variants:
        variant.key = keys[variant.mark]
    assert len({variant.key for variant in variants}) == len(variants), "two persons are one"


class Identify:
    """The service with one rule file, over a copy of the stream."""

    def __init__(self, intake, file):
        self.data = intake.folder / file
        for part in ("stream", "secrets"):
            shutil.copytree(intake.data / part, self.data / part)
        self.records = read(self.data / "stream/stream.db", "SELECT count(*) FROM record")[0][0]
        config = self.data / "punos.yaml"
        config.write_text(f'rules: "{ROOT}/config/rules/{file}.yaml"\n', encoding="utf-8")
        self.log = open(self.data / "log", "wb")
        self.process = subprocess.Popen(
            [BUILD / "punos", "identify", "--data", self.data, "--config", config],
            stdout=self.log, stderr=self.log)

    def is_done(self):
        assert self.process.poll() is None, (self.data / "log").read_text()
        try:
            done = read(self.data / "store/identify.db", "SELECT sum(next_offset) FROM punos_position")
        except sqlite3.OperationalError:  # not made yet
            return False
        return done[0][0] == self.records

    def fired(self):
        """{(client key, rule)} of the triggers that hold."""
        rows = read(self.data / "store/identify.db", "SELECT rule, data FROM triggers WHERE state = 0")
        return {(re.search(r"Patient/([0-9a-f]{32})", data).group(1), rule) for rule, data in rows}

    def stop(self):
        self.process.terminate()
        self.process.wait(SECONDS)
        self.log.close()


def rule_ids(file):
    text = (ROOT / f"config/rules/{file}.yaml").read_text(encoding="utf-8")
    return re.findall(r"^  - id: (\S+)$", text, re.M)


def compare(by_rule, fired):
    wrong = []
    for (file, rule, place), variants in by_rule.items():
        for variant in variants:
            if ((variant.key, rule) in fired[file]) != variant.fires:
                what = "does not fire" if variant.fires else "fires"
                wrong.append(f"{file} {rule}, {CASES[file][rule][place].systems()}: {what} with "
                             f"{variant.name}")
    return wrong


def print_table(by_rule):
    for file in CASES:
        print(f"\n{file}")
        for rule, cases in CASES[file].items():
            short = sum(len(by_rule[file, rule, place]) - 1 for place in range(len(cases)))
            systems = list(dict.fromkeys(case.systems() for case in cases))
            print(f"  {rule:30} fires from {', '.join(systems)};"
                  f" not in {short} cases that lack one")


def check_complete():
    for path in sorted((ROOT / "config/rules").glob("*.yaml")):
        rules = CASES.get(path.stem) or fail(f"no case for any rule of {path.name}")
        assert list(rules) == rule_ids(path.stem), f"{path.name}: the rules are {rule_ids(path.stem)}"
        for rule, cases in rules.items():
            assert len({case.systems() for case in cases}) >= 2, f"{rule}: at least two systems"


def main():
    check_complete()
    by_rule, variants = make_variants()
    folder = Path(tempfile.mkdtemp(prefix="punos-triggers-"))
    running = []
    try:
        intake = Intake(folder)
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        try:
            messages = send(intake, variants, now)
        finally:
            intake.stop()
        print(f"triggers: {len(variants)} persons, {messages} messages over MLLP among others")
        find_keys(intake.data, variants)
        running = [Identify(intake, file) for file in CASES]
        wait_until(lambda: all(one.is_done() for one in running), SECONDS, "the rules")
        fired = {file: one.fired() for file, one in zip(CASES, running)}
        wrong = compare(by_rule, fired)
        print_table(by_rule)
        assert not wrong, "\n" + "\n".join(wrong)
    finally:
        for one in running:
            one.stop()
        if not os.environ.get("PN_TEST_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

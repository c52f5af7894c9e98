# SPDX-License-Identifier: Apache-2.0
"""`transport: poll`: the real ingest asks a real FHIR server, which behaves as servers do."""
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "senders"))
from fhir_server import FhirServer  # noqa: E402
from hub import Hub, hetu, wait_for  # noqa: E402

BUILD = os.path.abspath("build")
MOMENT = "2026-11-02T10:00:00+02:00"
FINISHED = b"fi.punos.visit.finished.v1"


def patient(number):
    return {"resourceType": "Patient", "id": f"p{number}",
            "identifier": [{"system": "urn:oid:1.2.246.21", "value": hetu(number)}]}


def visit(number, person=None, **changes):
    resource = {"resourceType": "Encounter", "id": f"e{number}", "status": "finished",
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                          "code": "AMB"},
                "subject": {"reference": f"Patient/p{number if person is None else person}"},
                "period": {"start": MOMENT, "end": MOMENT}}
    resource.update(changes)
    return resource


class Polled(unittest.TestCase):
    page_size = 10
    settings = ""

    def setUp(self):
        self.server = FhirServer()
        self.addCleanup(self.server.close)
        self.server.put(patient(0))

    def start(self, *more_systems):
        """The hub, with Lifecare's mapping asked instead of being sent to."""
        token = os.path.join("/tmp", f"punos-poll-token-{os.getpid()}-{id(self)}")
        with open(os.open(token, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write("secret-token\n")
        self.addCleanup(os.remove, token)
        self.token_file = token
        system = (f'{{ name: county, adapter: lifecare, poll: "{self.server.base}", '
                  f'poll_token_file: "{token}", poll_every_s: 1{self.settings} }}')
        hub = Hub.__new__(Hub)
        hub_start, hub.start = hub.start, lambda: None
        Hub.__init__(hub, BUILD, adapters=["lifecare"], systems=[system, *more_systems])
        hub.start = hub_start
        path = os.path.join(hub.adapters, "lifecare", "adapter.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("\nin:\n", "\nin:\n  - { transport: poll, format: json, resources: "
                       f"[Patient, Encounter], page_size: {self.page_size}, overlap_s: 5 }}\n"))
        hub.start()
        self.hub = hub
        self.addCleanup(hub.close)
        return hub

    def wait_visits(self, count):
        wait_for(lambda: len(self.hub.events(FINISHED)) >= count, f"{count} visits")
        self.assertEqual(len(self.hub.events(FINISHED)), count)

    def cursor(self, kind="Encounter"):
        path = os.path.join(self.hub.data, "store", "ingest.db")
        store = sqlite3.connect(path, timeout=10)
        row = store.execute("SELECT moment_ms FROM poll_cursor WHERE resource_type = ?",
                            (kind,)).fetchone()
        store.close()
        return row[0] if row else None

    def quarantined(self):
        return self.hub.run("quarantine", "list").stdout.decode().splitlines()

    def rounds(self, kind="Encounter"):
        return len([r for r in self.server.requests if r.type == kind])

    def wait_rounds(self, count=2, kind="Encounter"):
        before = self.rounds(kind)
        wait_for(lambda: self.rounds(kind) >= before + count, f"{count} more questions")

    def metric(self, name):
        folder = os.path.join(self.hub.data, "run")
        for file_name in os.listdir(folder):
            if file_name.endswith(".metrics"):
                with open(os.path.join(folder, file_name), encoding="utf-8") as file:
                    for line in file:
                        if line.startswith(name):
                            return int(line.split()[-1])
        return None


class Ordinary(Polled):
    def test_pages_versions_and_nothing_twice(self):
        for number in range(35):
            self.server.put(patient(number))
            self.server.put(visit(number))
        self.start()
        self.wait_visits(35)
        self.assertEqual(len(self.hub.events(b"fi.punos.client.identified.v1")), 35)
        wait_for(lambda: self.cursor() is not None, "the cursor")
        first = self.cursor()
        self.wait_rounds(3)  # the overlap comes again and again
        self.assertEqual(len(self.hub.events(FINISHED)), 35)
        self.server.put(visit(3))  # a new version
        self.server.put(visit(99, person=0))
        self.wait_visits(37)
        wait_for(lambda: self.cursor() > first, "the cursor to move")
        self.assertTrue(all(r.token == "Bearer secret-token" for r in self.server.requests))
        wait_for(lambda: self.metric("punos_poll_last_success_seconds"), "the metric")
        self.assertLess(self.metric("punos_poll_behind_seconds"), 30)
        self.assertNotIn("secret-token", self.hub.log())

    def test_one_bad_resource_refuses_only_itself(self):
        for number in range(12):
            self.server.put(patient(number))
            self.server.put(visit(number, **({"status": "odd"} if number == 4 else {})))
        self.server.put(visit(50, person="none"))
        self.start()
        self.wait_visits(11)
        wait_for(lambda: len(self.quarantined()) == 2, "the two")
        self.assertIn("poll", self.quarantined()[0])
        wait_for(lambda: self.metric("punos_poll_last_success_seconds"), "a whole round")
        self.assertIsNotNone(self.cursor())  # it went past them
        # The mended version gets through by itself.
        self.server.put(visit(4))
        self.wait_visits(12)

    def test_patients_that_the_page_does_not_bring_are_asked_for(self):
        self.server.faults["no_include"] = True
        for number in range(60):
            self.server.put(patient(number))
            self.server.put(visit(number))
        self.start()
        self.wait_visits(60)
        self.assertTrue([r for r in self.server.requests if "_id" in r.query])
        self.assertEqual(self.quarantined(), [])

    def test_a_server_that_knows_no_include(self):
        self.server.faults["status"] = lambda r: 400 if "_include" in r.query else None
        self.server.put(visit(1, person=0))
        self.start()
        self.wait_visits(1)

    def test_many_resources_of_one_moment(self):
        moment = time.time() - 600
        for number in range(33):
            self.server.put(visit(number, person=0), moment)
        self.start()
        self.wait_visits(33)

    def test_a_system_far_in_the_future_hides_nothing(self):
        self.server.put(visit(1, person=0), time.time() + 10 * 365 * 86400)
        self.start()
        self.wait_visits(1)
        self.server.put(visit(2, person=0), time.time())
        self.wait_visits(2)

    def test_what_changes_while_it_is_paged_is_not_skipped(self):
        for number in range(40):
            self.server.put(visit(number, person=0))
        moved = []

        def move(request):  # after each page the oldest gets a new version: the offsets shift
            if request.type == "Encounter" and len(moved) < 6 and request.query.get("_count"):
                moved.append(visit(len(moved), person=0))
                threading.Timer(0, self.server.put, [moved[-1]]).start()
        self.server.faults["delay"] = move
        self.start()
        wait_for(lambda: len(moved) == 6, "the changes")
        self.wait_rounds(4)
        found = re.findall(rb'"resourceType":"Encounter","id":"([0-9a-f-]{36})"',
                           b"".join(self.hub.events(FINISHED)))
        self.assertEqual(len(set(found)), 40)


class OddServers(Polled):
    def fill(self, count=25):
        for number in range(count):
            self.server.put(visit(number, person=0), time.time() - 900 + (number * 7919) % 500)

    def test_it_does_not_sort(self):
        self.server.faults["unsorted"] = True
        self.fill()
        self.start()
        self.wait_visits(25)

    def test_it_says_nothing_of_itself(self):
        self.server.faults["no_self"] = True
        self.fill()
        self.start()
        self.wait_visits(25)

    def test_it_says_that_it_sorts_and_does_not(self):
        self.server.faults["unfiltered"] = True
        self.fill()
        self.start()
        self.wait_visits(25)
        self.wait_rounds(6)
        self.assertEqual(len(self.hub.events(FINISHED)), 25)

    def test_an_empty_next_link(self):
        self.server.faults["next"] = lambda r: "" if int(r.query.get("at", 0)) == 0 else None
        self.fill(8)
        self.start()
        self.wait_visits(8)
        wait_for(lambda: self.metric("punos_poll_last_success_seconds"), "a whole round")

    def test_the_same_page_again_and_again(self):
        moment = time.time() - 600
        for number in range(8):
            self.server.put(visit(number, person=0), moment)
        self.server.faults["next"] = lambda r: (
            f"{self.server.base}/Encounter?at=0&n={len(self.server.requests)}"
            if r.type == "Encounter" else None)
        self.start()
        self.wait_visits(8)
        wait_for(lambda: "circle" in self.hub.log(), "the complaint")
        asked = self.rounds()
        self.assertLess(asked, 30)
        self.server.faults.clear()
        wait_for(lambda: "polling goes on" in self.hub.log(), "the end of the trouble")

    def test_a_link_to_another_server_is_not_followed(self):
        with FhirServer() as other:
            self.server.faults["unsorted"] = True
            self.server.faults["next"] = lambda r: (
                other.base + "/Encounter?at=1" if r.type == "Encounter" else None)
            self.fill(3)
            self.start()
            wait_for(lambda: "another server" in self.hub.log(), "the complaint")
            self.assertEqual(other.requests, [])

    def test_too_busy(self):
        for status in (429, 503):
            calls = []
            self.server.faults["status"] = lambda r: calls.append(time.monotonic()) or (
                status if len(calls) < 2 else None)
            self.server.faults["headers"] = lambda r: {"Retry-After": "3"} if len(calls) < 2 else {}
            if status == 429:
                self.server.put(visit(1, person=0))
                self.start()
                self.wait_visits(1)
            else:
                wait_for(lambda: len(calls) > 2, "more questions")
            self.assertGreaterEqual(calls[1] - calls[0], 2.9)
            self.assertIn(f"answers {status}" if status == 429 else "polling goes on",
                          self.hub.log())

    def test_the_token_is_not_accepted_until_it_is_changed(self):
        self.server.faults["status"] = lambda r: None if r.token == "Bearer new" else 401
        self.server.put(visit(1, person=0))
        self.start()
        wait_for(lambda: "poll_token_file" in self.hub.log(), "the complaint")
        with open(self.token_file, "w", encoding="ascii") as file:
            file.write("new")
        self.wait_visits(1)
        self.assertEqual(self.hub.log().count("in trouble"), 1)

    def test_a_token_that_others_can_read_is_not_used(self):
        self.start()
        self.wait_rounds(1)
        os.chmod(self.token_file, 0o644)
        wait_for(lambda: "0600" in self.hub.log(), "the complaint")

    def test_what_is_no_answer(self):
        for body in (b"{not json", b"<html>", b"{}", b"{\"resourceType\":\"OperationOutcome\"}",
                     b"{\"resourceType\":\"Bundle\",\"type\":\"batch\"}"):
            self.server.faults["body"] = lambda r, b=body: b if r.type == "Encounter" else None
            if body == b"{not json":
                self.server.put(visit(1, person=0))
                self.start()
            wait_for(lambda: "Encounter" in self.hub.log(), "the complaint")
        # Patients went on meanwhile.
        self.server.put(patient(7))
        wait_for(lambda: len(self.hub.events(b"client.identified")) == 2, "the patient")
        self.server.faults.clear()
        self.wait_visits(1)

    def test_pages_too_large_are_asked_for_in_smaller_ones(self):
        narrative = "x" * (3 * 1024 * 1024)
        for number in range(8):
            self.server.put(visit(number, person=0, text={"status": "generated",
                            "div": f"<div xmlns=\"http://www.w3.org/1999/xhtml\">{narrative}</div>"}))
        self.start()
        self.wait_visits(8)
        self.assertIn("5", [r.query.get("_count") for r in self.server.requests])

    def test_one_slow_system_holds_nobody_up(self):
        self.server.faults["delay"] = lambda r: 60
        with FhirServer([patient(1), visit(1)]) as other:
            self.start(f'{{ name: other, adapter: lifecare, poll: "{other.base}", poll_every_s: 1 }}')
            self.wait_visits(1)
            self.assertEqual(self.hub.post("/in/booth", "{}")[0], 422)


class Crashes(Polled):
    page_size = 7

    def test_kill_9_loses_and_doubles_nothing(self):
        dice = random.Random(3)
        for number in range(150):
            self.server.put(visit(number, person=0))
        self.server.faults["delay"] = lambda r: 0.02
        self.start()
        for number in range(150, 158):
            time_left = dice.uniform(0.05, 0.5)
            deadline = threading.Event()
            deadline.wait(time_left)
            self.hub.kill()
            self.server.put(visit(number, person=0))
            self.hub.start()
            path = os.path.join(self.hub.data, "store", "ingest.db")
            store = sqlite3.connect(path, timeout=10)  # the dead process's lease
            store.execute("UPDATE poll_lease SET until_ms = 0")
            store.commit()
            store.close()
        self.hub.kill()
        store = sqlite3.connect(path, timeout=10)
        store.execute("UPDATE poll_lease SET until_ms = 0")
        store.commit()
        store.close()
        self.hub.start()
        wait_for(lambda: len(self.hub.events(FINISHED)) >= 158, "all visits")
        self.wait_rounds(3)
        self.assertEqual(len(self.hub.events(FINISHED)), 158)

    def test_of_two_processes_one_asks(self):
        for number in range(20):
            self.server.put(visit(number, person=0))
        self.start()
        self.wait_visits(20)
        config = self.hub.config + ".second"
        with open(self.hub.config, encoding="utf-8") as file:
            text = file.read()
        with open(config, "w", encoding="utf-8") as file:
            file.write(text.replace(self.hub.drop, self.hub.drop + "2"))
        log = open(self.hub.log_path + ".second", "w", encoding="utf-8")
        second = subprocess.Popen([self.hub.binary, "ingest", "--data", self.hub.data, "--config",
                                   config], stdout=log, stderr=log)
        try:
            wait_for(lambda: b'"ready"' in Path(log.name).read_bytes(), "the second")
            before, started = self.rounds(), time.monotonic()
            self.wait_rounds(4)
            took = time.monotonic() - started
            self.assertLessEqual(self.rounds() - before, took + 2)
            self.hub.process.send_signal(signal.SIGTERM)  # it gives the lease back
            self.hub.process.wait(30)
            self.server.put(visit(21, person=0))
            self.wait_visits(21)
        finally:
            second.terminate()
            second.wait(30)
            log.close()
        self.hub.start()


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""From the last byte of a message to the trigger on the live feed, with a whole hub under load.

The load: admissions of known clients at a fixed rate over eight connections. Beside it one connection
sends, at even intervals, that a client did not come (SIU^S26), the third time: the rule for repeatedly
unused appointments raises a trigger for it. The clock runs from the moment before that message is handed to
the socket until the event has been read from the feed.
"""
import datetime
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import hubs
import intake

sys.path.insert(0, os.path.join(intake.ROOT, "tests", "county"))

TITLE = "Last byte of a message to the trigger on the feed"
HEADER = ["messages/s", "triggers", "p50 ms", "p99 ms", "at most ms"]
RATE = 1000
LOAD_CLIENTS = 5000
CONNECTIONS = 8
EVERY_SECONDS = 0.05
MISSED_BEFORE = 2  # one less than the rule's threshold
LATEST_SECONDS = 30
UTC = datetime.timezone.utc


class Person:
    """Made up: the individual number of the code is over 900."""

    def __init__(self, number):
        self.number = number
        self.code = intake.visit(number, "x").split(b"PID|1||")[1].split(b"^")[0].decode()
        self.family, self.given = "Testinen", "Koe"
        self.birth = datetime.date(1970, 1, 1)
        self.sex, self.municipality = "F", "091"


def missed(person, number):
    """That an appointment was neither used nor cancelled."""
    now = datetime.datetime.now(UTC)
    start = now - datetime.timedelta(days=10 * (MISSED_BEFORE - number) + 1)
    appointment = {"id": f"P{person.number}N{number}", "start": start, "minutes": 30,
                   "end": start + datetime.timedelta(minutes=30), "service": "15",
                   "unit": "AIKA", "profession": "laakari"}
    return hubs.hl7.siu("S26", appointment["id"], now, person, appointment)


def send_before(options, port, folder, people):
    path = os.path.join(folder, "before.hl7")
    with open(path, "wb") as file:
        for number in range(MISSED_BEFORE):
            for person in people:
                file.write(missed(person, number))
    intake.send(options.build, port, path, CONNECTIONS, MISSED_BEFORE * len(people), "before")


def start_load(options, port, path, run, seconds):
    return subprocess.Popen(
        [os.path.join(options.build, "senders", "mllp_send"), "--to", f"127.0.0.1:{port}",
         "--quiet", "--connections", str(CONNECTIONS), "--rate", str(RATE), "--count",
         str(int(RATE * seconds)), "--renumber", f"load{run}n", path], stdout=subprocess.DEVNULL)


def probe(port, messages, sent):
    """Sends one message each interval and waits for its acknowledgement."""
    with socket.create_connection(("127.0.0.1", port), LATEST_SECONDS) as connection:
        started = time.monotonic()
        for number, (key, message) in enumerate(messages):
            time.sleep(max(started + number * EVERY_SECONDS - time.monotonic(), 0))
            sent[key] = time.monotonic()
            code, _ = hubs.whole.acknowledgement(hubs.whole.exchange(connection, message))
            assert code == "AA", code


def measure(options, hub, path, run):
    """Milliseconds of every probe's trigger."""
    port = hub.mllp_port("oberon")
    first = LOAD_CLIENTS + run * options.probes
    people = [Person(first + i) for i in range(options.probes)]
    send_before(options, port, os.path.dirname(path), people)
    hubs.wait_caught_up(hub)
    keys = [hub.find_patient(person.code) for person in people]
    sent, seen = {}, {}
    hubs.Feed(hub, "fi.punos.trigger.raised.v1", seen.setdefault)
    load = start_load(options, port, path, run, EVERY_SECONDS * options.probes + 2)
    time.sleep(1)  # the load is even by then
    probe(port, [(key, missed(person, MISSED_BEFORE))
                 for key, person in zip(keys, people)], sent)
    load.wait()
    hubs.whole.wait_until(lambda: all(key in seen for key in keys), LATEST_SECONDS,
                          "every trigger to come")
    return [(seen[key] - sent[key]) * 1000 for key in keys]


def rows(options):
    folder = tempfile.mkdtemp(prefix="punos-trigger-")
    path = intake.write_messages(folder, LOAD_CLIENTS)
    with hubs.make(options) as hub:
        intake.send(options.build, hub.mllp_port("oberon"), path, CONNECTIONS, LOAD_CLIENTS, "known")
        runs = [measure(options, hub, path, run) for run in range(options.runs)]
    shutil.rmtree(folder)
    yield [RATE, options.probes] + [
        f"{statistics.median(hubs.percentile(run, share) for run in runs):.1f}"
        for share in (0.5, 0.99, 1)]

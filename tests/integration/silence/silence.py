#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A system falls silent and is heard again, on a whole hub with a short fixed bound: one event at each
end, also over a restart, and the stamp on the timeline, the work list and the metrics.

    silence.py    PN_TEST_BROKERS and PN_TEST_CONNINFO choose what stands behind (see tests/lib/hub.py)
"""
import datetime
import json
import random
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/county")]
import hl7  # noqa: E402
import people  # noqa: E402
from hub import Hub, acknowledgement, exchange, wait_until  # noqa: E402
from ports import held_ports  # noqa: E402
import socket  # noqa: E402

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
SECONDS = 30
SILENT, RESUMED = "fi.punos.feed.silent.v1", "fi.punos.feed.resumed.v1"


def system(port):
    return ["  - name: sairaala", "    adapter: oberon", f'    listen: "127.0.0.1:{port}"',
            "    silent_after_seconds: 3"]


class World:
    def __init__(self, hub, port):
        self.hub, self.port = hub, port
        self.random, self.sent = random.Random(5), 0
        self.person = people.Person(self.random, 1)

    def visit(self):
        self.sent += 1
        visit = {"class": "O", "unit": "POLI1", "service": "15", "id": f"S{self.sent}", "start": NOW}
        message = hl7.adt("A04", f"SIL{self.sent:05d}", NOW, self.person, visit)
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            assert acknowledgement(exchange(connection, message))[0] == "AA"

    def told(self, count):
        """The feed's events from the start until nothing has come for a second, if so many at least."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.hub.api_port}/feed?from=start&types=fi.punos.feed.*",
            headers={"Authorization": f"Bearer {self.hub.token()}"})
        found = []
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            answer.fp.raw._sock.settimeout(1)
            try:
                for line in answer:
                    if line.startswith(b"data: "):
                        found.append(json.loads(line[6:]))
            except TimeoutError:
                pass
        return found if len(found) >= count else None

    def stamps(self):
        client = wait_until(lambda: self.hub.find_patient(self.person.code), SECONDS, "the client")
        bundle = self.hub.get(f"/fhir/Patient/{client}/$timeline")
        found = {}
        for extension in bundle["meta"]["extension"]:
            parts = {part["url"]: part for part in extension["extension"]}
            found[parts["source"]["valueUri"]] = parts
        return found

    def metric(self):
        _, _, text = self.hub.call("GET", "/metrics")
        lines = [line for line in text.decode().splitlines()
                 if line.startswith("punos_feed_silent{") and "sairaala" in line]
        return lines[0].split()[-1] if lines else None


def is_silent(world):
    return "silent" in world.stamps().get("/adapter/sairaala", {})


def is_heard(world):
    """What is sent again and again is not silent; the bound is short."""
    world.visit()
    return not is_silent(world)


def play(world):
    world.visit()
    wait_until(lambda: is_silent(world), SECONDS, "the silence on the timeline")
    stamp = world.stamps()["/adapter/sairaala"]
    since = datetime.datetime.fromisoformat(stamp["silentSince"]["valueInstant"])
    assert NOW <= since <= datetime.datetime.now(datetime.timezone.utc), stamp
    wait_until(lambda: world.metric() == "1", SECONDS, "the metric")
    assert world.hub.get("/worklist")["silent"][0]["source"] == "sairaala"
    event = wait_until(lambda: world.told(1), SECONDS, "the event feed")[0]
    assert event["type"] == SILENT
    assert event["data"]["resourceType"] == "OperationOutcome" and event["subject"] == "sairaala"
    world.hub.stop()
    world.hub.start()
    time_up = time.monotonic() + 6  # twice the bound
    wait_until(lambda: time.monotonic() > time_up, SECONDS, "the bound to pass twice")
    listed = world.hub.run("feed", "list").stdout.decode()
    assert "SILENT" in listed and "/adapter/sairaala" in listed, listed
    assert is_silent(world), "nobody has been heard"
    wait_until(lambda: is_heard(world), SECONDS, "the end of the silence")
    told = wait_until(lambda: world.told(2), SECONDS, "the end on the event feed")
    kinds = [event["type"] for event in told]
    assert kinds[:2] == [SILENT, RESUMED], f"a restart tells nothing again: {kinds}"


def main():
    port = held_ports(1)[0]
    with Hub(systems=(), more_systems=system(port)) as hub:
        play(World(hub, port))
    print("silence: good")


main()

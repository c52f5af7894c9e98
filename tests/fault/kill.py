#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of any process at random points while messages flow: nothing acknowledged is lost, nothing
happens twice.

    kill.py [--kills 50] [--seed 1] [--people 40] [--visits 12]

Senders behave as a hospital system does: one message at a time per connection, in order, the same
message again until it has its AA. Each person has visits (an arrival A04 and a departure A03 each) and
a few missed appointments, enough to raise triggers. A coordinator writes plans meanwhile. At the end:
every acknowledged visit is on its client's timeline exactly once and finished (so in order), every
trigger and every plan version happened once.

On the embedded stream and store, or on those that PN_TEST_BROKERS and PN_TEST_CONNINFO name.
"""
import argparse
import collections
import datetime
import json
import random
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/county")]
import hl7  # noqa: E402
import people  # noqa: E402
from hub import SERVICES, Hub, Receiver, acknowledgement, exchange, wait_until  # noqa: E402

UTC = datetime.timezone.utc
CONNECTIONS = 4


def messages_of(random_source, person, visits, now):
    """The person's messages in order, as (control id, bytes), and the visit ids among them."""
    messages, ids = [], []
    start = now - datetime.timedelta(days=200)
    for number in range(visits):
        start += datetime.timedelta(hours=random_source.randint(20, 300))
        visit_id = f"K{person.index}-{number}"
        visit = {"class": "E", "unit": "PAIVYSTYS", "service": "15", "id": visit_id, "start": start}
        messages.append((f"{visit_id}-A", hl7.adt("A04", f"{visit_id}-A", start, person, visit)))
        done = start + datetime.timedelta(hours=2)
        ended = {**visit, "end": done}
        messages.append((f"{visit_id}-B", hl7.adt("A03", f"{visit_id}-B", done, person, ended)))
        ids.append(visit_id)
    return messages, ids


class Sender(threading.Thread):
    """One connection; each message again until its AA has come."""

    def __init__(self, hub, messages, pause=0.0, patience=120.0):
        super().__init__(daemon=True)
        self.pause = pause  # between two messages
        self.patience = patience  # how long one message is tried
        self.hub = hub
        self.messages = messages
        self.acknowledged = 0
        self.resent = 0
        self.error = None

    def run(self):
        try:
            for control_id, message in self.messages:
                self.send(control_id, message)
                self.acknowledged += 1
                time.sleep(self.pause)
        except Exception as error:  # shown by the main thread
            self.error = error

    def send(self, control_id, message):
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            try:
                answer = self.answer(message)
                code, answered_id = acknowledgement(answer)
                assert (code, answered_id) == ("AA", control_id), f"{code} for {answered_id}"
                return
            except OSError:
                self.close()
                self.resent += 1
                time.sleep(0.05)
        raise AssertionError(f"{control_id}: no AA within {self.patience} s")

    connection = None

    def answer(self, message):
        if self.connection is None:
            address = ("127.0.0.1", self.hub.mllp_port("oberon"))
            self.connection = socket.create_connection(address, 5)
        return exchange(self.connection, message)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Killer:
    """Kills while the senders work, then brings the supervisor back when it was the one."""

    def __init__(self, hub, random_source, kills):
        self.hub = hub
        self.random = random_source
        self.left = kills
        self.count = collections.Counter()

    def kill_one(self):
        service = self.random.choice(SERVICES + ("ingest", "timeline", "up"))
        if not self.hub.kill(service):
            return
        self.count[service] += 1
        self.left -= 1
        if service == "up":
            self.hub.start()


def write_plan(hub, patient):
    plan = json.loads((ROOT / "schemas/plan-example.json").read_text(encoding="utf-8"))
    for kept_by_hub in ("id", "meta", "created", "author"):
        plan.pop(kept_by_hub, None)
    text = json.dumps(plan).replace(plan["subject"]["reference"], f"Patient/{patient}")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            status, _, body = hub.call("POST", "/fhir/CarePlan", text.encode(),
                                       {"Content-Type": "application/fhir+json"})
        except OSError:
            status, body = 0, None
        # 409: the answer to an earlier try was lost with the process, the plan is there.
        if status in (201, 409):
            return
        time.sleep(0.2)
    raise AssertionError(f"the plan could not be written: {status} {body}")


def timeline_of(hub, patient):
    path, entries = f"/fhir/Patient/{patient}/$timeline?_count=100", []
    while path:
        bundle = hub.get(path)
        entries += [e["resource"] for e in bundle.get("entry", [])]
        links = [link["url"] for link in bundle.get("link", []) if link["relation"] == "next"]
        path = "/" + links[0].split("/", 3)[3] if links and "://" in links[0] else (
            links[0] if links else None)
    return entries


def visits_on(entries):
    found = collections.Counter()
    for resource in entries:
        if resource["resourceType"] == "Encounter":
            value = resource["identifier"][0]["value"]
            found[(value, resource["status"])] += 1
    return found


def triggers_raised(hub):
    """The triggers raised, from the event feed from its beginning until it is quiet."""
    status, _, _ = hub.call("GET", "/healthz")
    assert status == 200
    return [json.loads(line[6:]) for line in read_feed(hub) if line.startswith("data: ")]


def read_feed(hub):
    connection = socket.create_connection(("127.0.0.1", hub.api_port), 10)
    connection.sendall((f"GET /feed?types=fi.punos.trigger.raised.v1&from=start HTTP/1.1\r\n"
                        f"Host: hub\r\nAuthorization: Bearer {hub.token()}\r\n\r\n").encode())
    connection.settimeout(3)
    text = b""
    try:
        while chunk := connection.recv(65536):
            text += chunk
    except TimeoutError:
        pass
    connection.close()
    return text.decode().replace("\r", "").split("\n")


def check(hub, persons, expected, receiver):
    patients = {}
    for person in persons:
        patients[person.index] = wait_until(lambda p=person: hub.find_patient(p.code), 60,
                                            "the client to be known")

    def all_there():
        for person in persons:
            wanted = collections.Counter({(v, "finished"): 1 for v in expected[person.index]})
            if visits_on(timeline_of(hub, patients[person.index])) != wanted:
                return False
        return True

    wait_until(all_there, 120, "every acknowledged visit, once and finished, on its timeline")
    wait_until(lambda: len(hub.get("/worklist?_count=500")["clients"]) >= len(persons), 60,
               "every client to be flagged")

    def raised():
        found = collections.Counter((e["subject"], e["data"]["id"]) for e in triggers_raised(hub))
        doubled = {key: n for key, n in found.items() if n != 1}
        assert not doubled, f"triggers raised more than once: {doubled}"
        return found if len(found) >= len(persons) else None

    triggers = wait_until(raised, 60, "a trigger of every client on the feed")

    def documents():
        return [f.read_bytes().split(b"|")[9] for f in receiver.files()]

    # One that was sent again is the same one, though its time of sending is another.
    wait_until(lambda: len(set(documents())) >= 3, 60, "three plans")
    ids = documents()
    assert len(set(ids)) == 3, f"{len(set(ids))} different documents for three plans"
    return len(triggers), len(ids)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--visits", type=int, default=12)
    arguments = parser.parse_args()
    source = random.Random(arguments.seed)
    now = datetime.datetime.now(UTC)
    persons = [people.Person(source, i) for i in range(arguments.people)]
    queues, expected = [[] for _ in range(CONNECTIONS)], {}
    for person in persons:
        messages, expected[person.index] = messages_of(source, person, arguments.visits, now)
        queues[person.index % CONNECTIONS] += messages
    receiver_folder = Path(tempfile.mkdtemp(prefix="punos-receiver-"))
    with Receiver("mllp", receiver_folder) as receiver, \
            Hub(systems=("oberon",), receivers={"oberon": receiver}) as hub:
        senders = [Sender(hub, queue) for queue in queues]
        killer = Killer(hub, source, arguments.kills)
        for sender in senders:
            sender.start()
        planned = 0
        while any(s.is_alive() for s in senders) or killer.left > 0:
            time.sleep(source.uniform(0.02, 0.6))
            if killer.left > 0:
                killer.kill_one()
            if planned < 3:
                patient = hub_patient(hub, persons[planned])
                if patient:
                    write_plan(hub, patient)
                    planned += 1
        for sender in senders:
            sender.join()
            assert sender.error is None, sender.error
        wait_until(hub.is_ready, 60, "the hub to be ready again")
        triggers, documents = check(hub, persons, expected, receiver)
        print(f"{sum(s.acknowledged for s in senders)} messages acknowledged "
              f"({sum(s.resent for s in senders)} sent again), "
              f"{sum(killer.count.values())} kills {dict(killer.count)}, {triggers} triggers, "
              f"3 plans in {documents} transmissions: nothing lost, nothing twice")


def hub_patient(hub, person):
    try:
        return hub.find_patient(person.code)
    except (OSError, AssertionError):
        return None


if __name__ == "__main__":
    main()

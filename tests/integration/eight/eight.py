#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One plan to all eight records systems over real sockets and folders. While one is slow, one asks to
try again and one is dead, three versions are written: the other five have each of them at once, the
three have them all once they are well again, each version once and in order. Then the plan is
withdrawn, and each of the eight hears of it. The slow one has the first version in hand all the while.

Prints how long it took; the bounds that are asserted are wide, because a test is no stop-watch.
PN_TEST_BROKERS and PN_TEST_CONNINFO choose what stands behind (see tests/lib/hub.py).
"""
import base64
import copy
import datetime
import json
import random
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/county")]
import hl7  # noqa: E402
import people  # noqa: E402
from hub import Hub, Receiver, acknowledgement, equal, wait_until  # noqa: E402
from ports import held_ports  # noqa: E402

UTC = datetime.timezone.utc
FHIR = {"Content-Type": "application/fhir+json"}
SECONDS = 30
# name: the way out, options of tests/receivers/receiver.py, documents per version that tell the situation
SYSTEMS = {
    "oberon": ("mllp", [], 1),
    "pegasos": ("mllp", [], 1),
    "lifecare": ("http", [], 2),
    "mediatri": ("http", [], 2),
    "kanta": ("http", ["--system", "kanta"], 1),
    "effica": ("drop", ["--system", "effica"], 1),
    "yph-effica": ("drop", [], 1),
    "pro-consona": ("drop", ["--system", "pro-consona"], 1),
}
SLOW, REFUSING, DEAD = "pegasos", "kanta", "oberon"
ILL = {SLOW, REFUSING, DEAD}
MARK = re.compile(r"TILANNE-(\d+)-LOPPU")


def opened(payload):
    """A document as text, with what stands in it as Base64 opened."""
    text = payload.decode("utf-8", "replace")
    for packed in re.findall(r"[A-Za-z0-9+/]{40,}={0,2}", text):
        try:
            text += "\n" + base64.b64decode(packed, validate=True).decode("utf-8")
        except ValueError:
            pass
    return text


class System:
    def __init__(self, folder, name):
        self.name = name
        self.way, self.options, self.documents = SYSTEMS[name]
        self.folder = folder / name
        self.folder.mkdir()
        self.mood_file = self.folder / "mood.json"
        self.listen = f"127.0.0.1:{held_ports(1)[0]}"
        self.receiver = None

    def start(self):
        self.receiver = Receiver(self.way, self.folder, *self.options, "--listen", self.listen,
                                 "--mood", str(self.mood_file))

    def mood(self, **mood):
        part = self.mood_file.with_suffix(".part")
        part.write_text(json.dumps(mood), encoding="utf-8")
        part.rename(self.mood_file)

    def stop(self):
        if self.receiver:
            self.receiver.stop()

    def target(self):
        return {"mllp": self.listen, "http": f"http://{self.listen}/fhir",
                "drop": str(self.folder / "drop")}[self.way]

    def config(self, number):
        lines = [f"  - name: {self.name}", f"    adapter: {self.name}",
                 f'    deliver: "{self.target()}"']
        if self.way == "mllp" and self.name != "oberon":
            lines.append(f'    listen: "127.0.0.1:{number}"')
        if self.name == SLOW:
            lines.append("    receipt_timeout_ms: 600000")
        if self.name == "mediatri":
            lines.append(f'    poll: "http://{self.listen}/fhir"')
        return lines

    def versions(self):
        """The numbers of the situations that its documents tell, in the order of their arrival."""
        found = []
        for path in self.receiver.files() if self.receiver else []:
            marks = MARK.findall(opened(path.read_bytes()))
            if marks:
                found.append(int(marks[0]))
        return found


def make_plan(client, number):
    plan = json.loads((ROOT / "schemas/plan-example.json").read_text(encoding="utf-8"))
    for hub_keeps in ("id", "meta", "created", "author"):
        plan.pop(hub_keeps, None)
    plan = json.loads(json.dumps(plan).replace(plan["subject"]["reference"], f"Patient/{client}"))
    today = datetime.date.today()
    plan["period"] = {"start": today.isoformat(),
                      "end": (today + datetime.timedelta(days=150)).isoformat()}
    plan["description"] = f"TILANNE-{number}-LOPPU"
    return plan


class Story:
    def __init__(self, hub, systems):
        self.hub = hub
        self.systems = systems
        self.client = self.plan = self.etag = None

    def meet(self):
        person = people.Person(random.Random(3), 1)
        now = datetime.datetime.now(UTC).replace(microsecond=0)
        visit = {"class": "E", "unit": "POLI1", "service": "15", "id": "E1", "start": now}
        answer = self.hub.send_mllp("oberon", hl7.adt("A04", "EIGHT1", now, person, visit))
        equal(acknowledgement(answer)[0], "AA", "acknowledgement")
        self.client = wait_until(lambda: self.hub.find_patient(person.code), SECONDS, "the client")

    def write(self, number):
        body = make_plan(self.client, number)
        if self.plan is None:
            status, headers, answer = self.hub.call("POST", "/fhir/CarePlan", body, FHIR)
            equal(status, 201, f"the plan: {answer}")
            self.plan = answer["id"]
        else:
            body["id"] = self.plan
            status, headers, answer = self.hub.call(
                "PUT", f"/fhir/CarePlan/{self.plan}", body, {**FHIR, "If-Match": self.etag})
            equal(status, 200, f"version {number}: {answer}")
        self.etag = headers["ETag"]

    def withdraw(self):
        stored = copy.deepcopy(self.hub.get(f"/fhir/CarePlan/{self.plan}"))
        stored["status"] = "revoked"
        status, headers, answer = self.hub.call(
            "PUT", f"/fhir/CarePlan/{self.plan}", stored, {**FHIR, "If-Match": self.etag})
        equal(status, 200, f"the withdrawal: {answer}")
        self.etag = headers["ETag"]

    def have(self, names, wanted):
        return all(self.systems[name].versions() == [
            number for number in wanted for _ in range(self.systems[name].documents)]
            for name in names)

    def seen(self, names):
        return {name: self.systems[name].versions() for name in names}

    def wait(self, names, wanted, what):
        started = time.monotonic()
        try:
            wait_until(lambda: self.have(names, wanted), SECONDS, what)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.seen(names)}") from None
        print(f"eight: {what}: {time.monotonic() - started:.2f} s", flush=True)

    def all_accepted(self, version):
        """Whether the ledger has every version up to this one as taken by every system."""
        found = {}
        for entry in self.hub.get(f"/fhir/CarePlan/{self.plan}/$delivery-state").get("entry", []):
            task = entry["resource"]
            number = int(task["focus"]["reference"].rsplit("/", 1)[1])
            found[task["owner"]["display"], number] = task["status"]
        return found == {(name, number): "completed" for name in self.systems
                         for number in range(1, version + 1)}


def run(story):
    systems = story.systems
    well = set(systems) - ILL
    story.meet()
    for name in set(systems) - {DEAD}:
        systems[name].start()
    systems[SLOW].mood(busy=True)
    systems[REFUSING].mood(unwell=True)
    for number in (1, 2, 3):
        story.write(number)
        story.wait(well, list(range(1, number + 1)), f"version {number} at the five that are well")
    for name in ILL:
        assert not story.have([name], [1, 2, 3]), f"{name} was not ill"
    systems[SLOW].mood()
    systems[REFUSING].mood()
    systems[DEAD].start()
    story.wait({REFUSING, DEAD}, [1, 2, 3], "all versions at the refusing and the dead, well again")
    story.wait({SLOW}, [1, 2, 3], "all versions at the slow one, well again")
    wait_until(lambda: story.all_accepted(3), SECONDS, "the ledger to have all as accepted")
    before = {name: len(system.receiver.files()) for name, system in systems.items()}
    story.withdraw()
    wait_until(lambda: story.all_accepted(4), SECONDS, "the withdrawal, accepted by all eight")
    for name, system in systems.items():
        assert len(system.receiver.files()) > before[name], f"{name} was told of no withdrawal"


def main():
    folder = Path(tempfile.mkdtemp(prefix="punos-eight-"))
    systems = {name: System(folder, name) for name in SYSTEMS}
    ports = held_ports(len(SYSTEMS))
    lines = [line for number, system in zip(ports, systems.values()) if system.name != "oberon"
             for line in system.config(number)]
    try:
        with Hub(systems=["oberon"], receivers={"oberon": Dead(systems["oberon"].listen)},
                 more_systems=lines) as hub:
            run(Story(hub, systems))
    finally:
        for system in systems.values():
            system.stop()
    shutil.rmtree(folder)
    print("eight: 1 passed, 0 failed")


class Dead:
    """Where Oberon's receiver will be, for the hub's configuration."""
    def __init__(self, address):
        self.address, self.drop = address, None


if __name__ == "__main__":
    main()

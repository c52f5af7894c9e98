#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of receipt, over real sockets and folders: commits and late answers, answers by a
message of their own, wrong ones, HTTP 202 and Location, receipt files of all sorts, cases, retries."""
import json
import os
import re
import shutil
import sys
import tempfile
import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/county")]
import hl7  # noqa: E402
import people  # noqa: E402
import random  # noqa: E402
import socket  # noqa: E402
from hub import Hub, Receiver, acknowledgement, equal, exchange, wait_until  # noqa: E402
from ports import held_ports  # noqa: E402

HERE = Path(__file__).resolve().parent
FHIR = {"Content-Type": "application/fhir+json"}
SECONDS = 30
REFUSAL = "lehti on lukittu"
SYSTEMS = {  # name: (adapter, kind of receiver, its options, further keys)
    "same": ("kaiku", "mllp", ["--enhanced", "--later", "0.4"], {}),
    "apart": ("kaiku", "mllp", ["--enhanced"], {"listen": None}),
    "overdue": ("kaiku", "mllp", ["--enhanced"], {"answer_timeout_ms": 700}),
    "wrong": ("kaiku", "mllp", ["--wrong-first", "1"], {"receipt_timeout_ms": 3000}),
    "late": ("kaiku", "mllp", ["--late-first", "1", "3"], {"receipt_timeout_ms": 1500}),
    "refusing": ("kaiku", "mllp", ["--refuse", REFUSAL], {}),
    "jobs": ("tyojono", "http", ["--status", "202"], {}),
    "box": ("lokero", "drop", ["--receipts", "none"], {}),
}
SCENES = []


def scene(function):
    SCENES.append(function)
    return function


class World:
    def __init__(self, folder):
        self.random, self.persons, self.messages = random.Random(7), 0, 0
        self.codes = {}  # of the clients
        self.receivers = {name: Receiver(kind, folder / name, *options)
                          for name, (_, kind, options, _) in SYSTEMS.items()}
        self.listen = held_ports(1)[0]
        self.hub = Hub(systems=("oberon",), more_systems=self.config(),
                       settings=["deliver: { backoff_first_ms: 100, backoff_max_ms: 300 }"])

    def config(self):
        lines = []
        for name, (adapter, kind, _, keys) in SYSTEMS.items():
            receiver = self.receivers[name]
            target = {"mllp": receiver.address, "http": f"http://{receiver.address}",
                      "drop": str(receiver.drop)}[kind]
            lines += [f"  - name: {name}", f"    adapter: {adapter}", f'    deliver: "{target}"']
            for key, value in keys.items():
                value = f'"127.0.0.1:{self.listen}"' if key == "listen" else value
                lines.append(f"    {key}: {value}")
        return lines

    def client(self):
        self.persons += 1
        person = people.Person(self.random, self.persons)
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(days=1)
        message = hl7.adt("A03", f"RC{self.persons:05d}", now, person,
                          {"class": "O", "unit": "POLI1", "service": "15",
                           "id": f"R{self.persons}", "start": now - datetime.timedelta(hours=1), "end": now})
        equal(acknowledgement(self.hub.send_mllp("oberon", message))[0], "AA", "the visit")
        client = wait_until(lambda: self.hub.find_patient(person.code), SECONDS, "the client")
        self.codes[client] = person.code.encode()
        return client

    def plan(self, client):
        plan = json.loads((ROOT / "schemas/plan-example.json").read_text(encoding="utf-8"))
        for kept_by_hub in ("id", "meta", "created", "author"):
            plan.pop(kept_by_hub)
        plan = json.loads(json.dumps(plan).replace(plan["subject"]["reference"],
                                                   f"Patient/{client}"))
        status, _, plan = self.hub.call("POST", "/fhir/CarePlan", plan, FHIR)
        equal(status, 201, f"created: {plan}")
        return plan

    def update(self, plan):
        version = plan["meta"]["versionId"]
        status, _, plan = self.hub.call("PUT", f"/fhir/CarePlan/{plan['id']}", plan,
                                        {**FHIR, "If-Match": f'W/"{version}"'})
        equal(status, 200, f"updated: {plan}")
        return plan

    def task(self, plan, system, version=1):
        bundle = self.hub.get(f"/fhir/CarePlan/{plan['id']}/$delivery-state")
        for entry in bundle.get("entry", []):
            task = entry["resource"]
            if (task["owner"]["display"] == system
                    and task["focus"]["reference"].endswith(f"/_history/{version}")):
                return task
        return None

    def becomes(self, plan, system, state, version=1):
        def look():
            task = self.task(plan, system, version)
            return task and task["businessStatus"]["text"] == state and task
        return wait_until(look, SECONDS, f"{system} v{version} to be {state}")

    def taken(self, system, what=b""):
        return [f.read_bytes() for f in self.receivers[system].files() if what in f.read_bytes()]

    def tell(self, kind, code, receipt, words="", control=None):
        """A message of its own to the system `apart`."""
        self.messages += 1
        control = control or f"A{self.messages:05d}"
        # MSH-15 AL: an acknowledgement is answered only when it asks for a commit.
        text = (f"MSH|^~\\&|KAIKU|K|PUNOS|HUB|20261122120000||{kind}|{control}|P|2.5|||AL|NE\r"
                f"MSA|{code}|{receipt}|{words}\r")
        with socket.create_connection(("127.0.0.1", self.listen), 10) as connection:
            equal(acknowledgement(exchange(connection, text.encode()))[0], "CA", f"{kind} taken")

    def odd(self):
        return self.hub.get("/deliveries?_count=1")["oddAnswers"]


def control_ids(messages):
    return [m.split(b"\r")[0].split(b"|")[9].decode() for m in messages]


def receipt_of(task):
    return task["id"].replace("-", "")[:20]


@scene
def a_commit_and_then_the_application_on_the_same_connection(world):
    plan = world.plan(world.client())
    task = world.becomes(plan, "same", "accepted")
    outputs = {o["type"]["text"] for o in task["output"]}
    assert {"committed", "settled", "attempts"} <= outputs, outputs
    ids = control_ids(world.taken("same", b"|MDM^"))
    equal(ids, [receipt_of(task)], "sent once")


@scene
def an_answer_by_a_message_of_its_own(world):
    plan = world.plan(world.client())
    receipt = receipt_of(world.becomes(plan, "apart", "committed"))
    # What is committed holds up nobody else.
    other = world.plan(world.client())
    world.becomes(other, "apart", "committed")
    # The odd answer of the system `wrong` is counted, and no kill below takes it away.
    world.becomes(plan, "wrong", "accepted")
    # A restart does not send it again.
    world.hub.kill("deliver")
    odd = world.odd()
    world.tell("ACK", "AA", "NOBODYS")
    wait_until(lambda: world.odd() == odd + 1, SECONDS, "the answer that fits nothing to be kept")
    equal(world.task(plan, "apart")["businessStatus"]["text"], "committed", "not the other's answer")
    world.tell("ACK", "AA", receipt)
    first = world.becomes(plan, "apart", "accepted")
    world.tell("ACK", "AA", receipt)
    world.tell("ACK^READ", "AA", receipt)
    read = world.becomes(plan, "apart", "acknowledged")
    settled = [[o for o in t["output"] if o["type"]["text"] == "settled"] for t in (first, read)]
    equal(settled[0], settled[1], "the same answer twice changes nothing")
    equal(control_ids(world.taken("apart", receipt.encode())), [receipt], "sent once")
    world.becomes(other, "apart", "committed")


@scene
def the_application_refuses_in_its_own_words(world):
    plan = world.plan(world.client())
    receipt = receipt_of(world.becomes(plan, "apart", "committed"))
    world.tell("ACK", "AR", receipt, "potilasta 010181-900C ei ole")
    task = world.becomes(plan, "apart", "rejected")
    assert "010181" not in task["statusReason"]["text"], "an identity code in the words"
    assert "identity code" in task["statusReason"]["text"], task["statusReason"]


@scene
def an_overdue_answer_is_asked_for_under_the_same_id(world):
    plan = world.plan(world.client())
    receipt = receipt_of(world.becomes(plan, "overdue", "committed"))
    wait_until(lambda: control_ids(world.taken("overdue")).count(receipt) >= 2, SECONDS,
               "it to be sent again")
    equal(world.task(plan, "overdue")["businessStatus"]["text"], "committed", "meanwhile")
    # A newer version does not wait for it for ever, and is not overwritten by it.
    plan = world.update(plan)
    newer = receipt_of(world.becomes(plan, "overdue", "committed", 2))
    sent = control_ids(world.taken("overdue"))
    assert receipt not in sent[sent.index(newer):], "the older version after the newer one"


@scene
def another_messages_answer_is_not_taken(world):
    plan = world.plan(world.client())
    world.becomes(plan, "wrong", "accepted")
    first = control_ids(world.taken("wrong"))[0]
    wait_until(lambda: control_ids(world.taken("wrong")).count(first) >= 2, SECONDS,
               "what had the wrong answer to be sent again")
    assert world.odd() > 0, "the wrong answer is kept"


@scene
def a_late_answer_is_its_own_messages(world):
    plan, other = world.plan(world.client()), world.plan(world.client())
    for each in (plan, other):
        receipt = receipt_of(world.becomes(each, "late", "accepted"))
        assert receipt in control_ids(world.taken("late")), receipt


@scene
def what_was_rejected_is_retried_when_the_cause_is_mended(world):
    plan = world.plan(world.client())
    # MSA-1 AE is no "try again" for this adapter: a no, in the system's words.
    task = world.becomes(plan, "refusing", "rejected")
    equal(task["statusReason"]["text"], REFUSAL, "the system's own words")
    listed = world.hub.run("delivery", "list", "--state", "rejected", "--system", "refusing")
    assert task["id"] in listed.stdout.decode(), listed.stdout + listed.stderr
    found = world.hub.get("/deliveries?state=rejected&system=refusing")["deliveries"]
    assert task["id"] in {item["id"] for item in found}, found
    assert plan["subject"]["reference"].split("/")[1] not in json.dumps(found), "a client is named"
    address = world.receivers["refusing"].address
    world.receivers["refusing"].stop()
    folder = world.receivers["refusing"].taken.parent
    world.receivers["refusing"] = Receiver("mllp", folder, "--listen", address)
    done = world.hub.run("delivery", "retry", task["id"])
    equal(done.returncode, 0, f"retry: {done.stderr}")
    world.becomes(plan, "refusing", "accepted")
    done = world.hub.run("delivery", "retry", task["id"])
    assert done.returncode != 0, "what is accepted is not retried"


@scene
def http_202_then_an_answer_then_an_update_in_its_place(world):
    plan = world.plan(world.client())
    task = world.becomes(plan, "jobs", "committed")
    answer = {"kind": "answer", "number": "n1", "receipt": task["id"], "status": "accepted"}
    status, _, body = world.hub.send_http("jobs", json.dumps(answer).encode(), "application/json",
                                          "")
    assert status in (200, 201), f"{status} {body}"
    world.becomes(plan, "jobs", "accepted")
    plan = world.update(plan)
    newer = world.becomes(plan, "jobs", "committed", 2)
    # The receiver's number of a document is the place that it gives it.
    sent = [(int(f.name.split("-")[0]), json.loads(f.read_bytes()))
            for f in world.receivers["jobs"].files()]
    places = [str(number) for number, m in sent if m["receipt"] == task["id"]]
    updates = [(m["method"], m["id"]) for _, m in sent if m["receipt"] == newer["id"]]
    equal((len(places), updates), (1, [("PUT", places[0])]), "to the place that the system gave it")


@scene
def receipt_files_of_all_sorts(world):
    folder = world.receivers["box"].drop
    plan = world.plan(world.client())
    task = world.becomes(plan, "box", "sent")
    name = f"plan-{task['id']}.json"
    wait_until(lambda: world.taken("box") and not (folder / name).exists(), SECONDS,
               "the file to be picked up")
    receipt = folder / f"{name}.receipt.json"
    odd = folder / "receipts/odd"
    (folder / "plan-nobodys.json.receipt.json").write_text('{"status": "accepted"}')
    wait_until(lambda: (odd / "plan-nobodys.json.receipt.json").exists(), SECONDS, "the foreign one")
    receipt.write_text('{"status": "acc')  # half written
    whole = folder / ".whole"
    whole.write_text('{"status": "accepted"}')
    whole.rename(receipt)
    world.becomes(plan, "box", "accepted")
    wait_until(lambda: not receipt.exists(), SECONDS, "the receipt to be taken away")
    receipt.write_text('{"status": "accepted"}')
    wait_until(lambda: (odd / receipt.name).exists(), SECONDS, "the double one")
    plan = world.update(plan)
    later = f"plan-{world.becomes(plan, 'box', 'sent', 2)['id']}.json"
    receipt.write_text('{"status": "rejected"}')  # of the older version
    wait_until(lambda: (odd / f"{receipt.name}.1").exists(), SECONDS, "the older version's")
    equal(world.task(plan, "box", 1)["businessStatus"]["text"], "accepted", "the older version")
    (folder / f"{later}.receipt.json").write_text("nonsense")
    wait_until(lambda: (odd / f"{later}.receipt.json").exists(), SECONDS, "the malformed one")
    equal(world.task(plan, "box", 2)["businessStatus"]["text"], "sent", "the newer version")


@scene
def a_shared_client_is_told_of_and_ends(world):
    client = world.client()
    flag = {"resourceType": "Flag", "status": "active", "subject": {"reference": f"Patient/{client}"},
            "code": {"coding": [{"system": "https://punos.fi/fhir/CodeSystem/flag",
                                 "code": "shared-client"}]}}
    # Other scenes' plans come to the system whenever they like.
    def told():
        return world.taken("same", world.codes[client])

    def kinds():
        return [re.search(rb"\|(ADT\^A31|MDM\^T\d\d)\|", m)[1] for m in told()]

    status, headers, opened = world.hub.call("POST", "/fhir/Flag", flag, FHIR)
    equal((status, opened["status"]), (201, "active"), f"opened: {opened}")
    status, _, again = world.hub.call("POST", "/fhir/Flag", flag, FHIR)
    equal((status, again["id"]), (200, opened["id"]), "one open case")
    wait_until(lambda: kinds() == [b"ADT^A31"], SECONDS, "the opening")
    world.plan(client)
    found = world.hub.get(f"/fhir/Flag?patient={client}&status=active")["entry"]
    equal([e["resource"]["id"] for e in found if e["search"]["mode"] == "match"], [opened["id"]],
          "the plan opened no other")
    path, ended = f"/fhir/Flag/{opened['id']}", {**opened, "status": "inactive"}
    status, _, _ = world.hub.call("PUT", path, ended, {**FHIR, "If-Match": headers["ETag"]})
    equal(status, 409, "under an active plan")
    plan = world.hub.get(f"/fhir/CarePlan?patient={client}")["entry"][0]["resource"]
    status, _, _ = world.hub.call("DELETE", f"/fhir/CarePlan/{plan['id']}", None,
                                  {"If-Match": 'W/"1"'})
    equal(status, 204, "withdrawn")
    status, _, shown = world.hub.call("PUT", path, ended, {**FHIR, "If-Match": headers["ETag"]})
    equal((status, shown["status"]), (200, "inactive"), "ended")
    wait_until(lambda: any(b"ZYA|PAATTYY" in m for m in told()), SECONDS, "the end")
    equal(kinds(), [b"ADT^A31", b"MDM^T02", b"MDM^T11", b"ADT^A31"], "in the order of happening")


def play(world):
    failed = 0
    for function in SCENES:
        try:
            function(world)
            print(f"ok      {function.__name__}", flush=True)
        except (AssertionError, KeyError, IndexError, TypeError, OSError) as error:
            failed += 1
            print(f"FAILED  {function.__name__}: {type(error).__name__} {error}", flush=True)
    log = world.hub.log.read_text(encoding="utf-8")
    if "010181" in log or REFUSAL in log:
        failed += 1
        print("FAILED  a system's words stand in the log")
    print(f"{len(SCENES)} scenes, {failed} did not hold")
    return failed


def main():
    folder = Path(tempfile.mkdtemp(prefix="punos-receipts-"))
    adapters = folder / "adapters"
    shutil.copytree(ROOT / "adapters", adapters)
    for name in ("kaiku", "tyojono", "lokero"):
        shutil.copytree(HERE / name, adapters / name)
    os.environ["PUNOS_ADAPTERS"] = str(adapters)
    world = World(folder)
    try:
        with world.hub:
            return 1 if play(world) else 0
    finally:
        for receiver in world.receivers.values():
            receiver.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

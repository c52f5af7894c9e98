#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/CONNECTING-A-SYSTEM.md, followed step by step with a system that nothing here knows: one new
folder among the adapters, one item in the configuration, and it is connected both ways."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests/lib"))
from hub import Hub, Receiver, acknowledgement, equal, exchange, wait_until  # noqa: E402
from ports import held_ports  # noqa: E402

HERE = Path(__file__).resolve().parent
CODE = "010181-900C"  # of the samples
FHIR = {"Content-Type": "application/fhir+json"}
SECONDS = 30


def punos(adapters, *arguments):
    binary = os.environ.get("PN_TEST_BINARY", str(ROOT / "build/punos"))
    return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=60,
                          check=False, env={**os.environ, "PUNOS_ADAPTERS": str(adapters)})


def the_template_is_a_beginning(adapters):
    """Step 1: a copy, its name, its samples' expected results written anew."""
    copy = adapters / "newcomer"
    shutil.copytree(ROOT / "adapters/_template", copy)
    done = punos(adapters, "adapter", "check", "newcomer")
    equal(done.returncode, 1, "a copy with the template's name")
    assert "adapter.yaml" in done.stderr and "name" in done.stderr, done.stderr
    text = (copy / "adapter.yaml").read_text(encoding="utf-8")
    (copy / "adapter.yaml").write_text(text.replace("name: _template", "name: newcomer"),
                                       encoding="utf-8")
    done = punos(adapters, "adapter", "check", "newcomer", "--update")
    equal(done.returncode, 0, f"the renamed copy: {done.stderr}")
    shutil.rmtree(copy)


def its_own_samples_hold(adapters):
    done = punos(adapters, "adapter", "check", "hampi")
    equal(done.returncode, 0, f"adapter check: {done.stdout}{done.stderr}")
    assert "every row is reached" in done.stdout + done.stderr
    sample = adapters / "hampi/samples/finished.hl7"
    done = punos(adapters, "adapter", "decode", "hampi", str(sample))
    equal((done.returncode, len(done.stdout.splitlines())), (0, 2), "decode")
    # What is wrong in a mapping is named with its line.
    broken = adapters / "hampi/in/visit.yaml"
    good = broken.read_text(encoding="utf-8")
    broken.write_text(good.replace("to: period.end", "to: period.ende"), encoding="utf-8")
    done = punos(adapters, "adapter", "check", "hampi")
    equal(done.returncode, 1, "a wrong path")
    assert re.search(r"in/visit\.yaml:\d+", done.stderr), done.stderr
    broken.write_text(good, encoding="utf-8")


class Connection:
    def __init__(self, hub, port, adapters):
        self.hub, self.port, self.adapters = hub, port, adapters

    def send(self, sample, **changes):
        message = (self.adapters / "hampi/samples" / sample).read_bytes()
        for old, new in changes.values():
            assert old in message, old
            message = message.replace(old, new)
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            return exchange(connection, message)

    def visits(self, client):
        bundle = self.hub.get(f"/fhir/Encounter?patient={client}")
        return [(e["resource"]["identifier"][0]["value"], e["resource"]["status"])
                for e in bundle.get("entry", [])]


def messages_come_in(connection):
    equal(acknowledgement(connection.send("finished.hl7")), ("AA", "HP0001"), "a visit")
    client = wait_until(lambda: connection.hub.find_patient(CODE), SECONDS, "the client")
    wait_until(lambda: connection.visits(client) == [("H-1001", "finished")], SECONDS, "the visit")
    answer = connection.send("refused-no-code.hl7")
    equal(acknowledgement(answer)[0], "AE", "without an identity code")
    assert b"PID" in answer.split(b"MSA|")[1], "the refusal names its place"
    return client


def quarantine_and_replay(connection, client):
    """A code that the site did not tell of: refused, put into the table, sent through again."""
    unknown = {"id": (b"HP0001", b"HP0009"), "visit": (b"H-1001", b"H-1009"),
               "kind": (b"|KT|", b"|KS|")}
    answer = connection.send("finished.hl7", **unknown)
    equal(acknowledgement(answer)[0], "AE", "an unknown kind of visit")
    listed = connection.hub.run("quarantine", "list").stdout.decode()
    line = next(row for row in listed.splitlines() if "ZHK-2" in row)
    entry = line.split()[0]
    shown = connection.hub.run("quarantine", "show", entry).stdout
    assert b"|KS|" in shown and b"H-1009" in shown, "the message itself"
    equal(connection.hub.run("replay", entry).returncode, 1, "before the table is corrected")
    table = connection.adapters / "hampi/codes/visit-class.csv"
    row = "KS,AMB,http://terminology.hl7.org/CodeSystem/v3-ActCode,ambulatory,filling\n"
    table.write_text(table.read_text(encoding="utf-8") + row, encoding="utf-8")
    done = connection.hub.run("replay", entry)
    equal(done.returncode, 0, f"after it: {done.stderr}")
    wait_until(lambda: ("H-1009", "finished") in connection.visits(client), SECONDS,
               "the replayed visit")
    equal(len(connection.visits(client)), 2, "visits")
    connection.hub.stop()  # the hub itself reads adapters when it starts
    connection.hub.start()
    again = {**unknown, "id": (b"HP0001", b"HP0010"), "visit": (b"H-1001", b"H-1010")}
    equal(acknowledgement(connection.send("finished.hl7", **again))[0], "AA", "from now on")


def the_plan_goes_out(hub, receiver, client):
    plan = json.loads((ROOT / "schemas/plan-example.json").read_text(encoding="utf-8"))
    for kept_by_hub in ("id", "meta", "created", "author"):
        plan.pop(kept_by_hub)
    text = json.dumps(plan).replace(plan["subject"]["reference"], f"Patient/{client}")
    status, _, stored = hub.call("POST", "/fhir/CarePlan", text.encode(), FHIR)
    equal(status, 201, f"a plan: {stored}")

    def is_accepted():
        state = hub.get(f"/fhir/CarePlan/{stored['id']}/$delivery-state")
        return [e["resource"]["status"] for e in state.get("entry", [])] == ["completed"]

    wait_until(is_accepted, SECONDS, "the system's receipt")
    content = receiver.files()[0].read_text(encoding="utf-8")
    assert content.count("<Suunnitelma versio=\"1\">") == 1 and CODE in content, "the document"


def main():
    folder = Path(tempfile.mkdtemp(prefix="punos-ninth-"))
    adapters = folder / "adapters"
    adapters.mkdir()
    for known in (ROOT / "adapters").iterdir():
        (adapters / known.name).symlink_to(known)
    shutil.copytree(HERE / "hampi", adapters / "hampi")
    receiver = Receiver("drop", folder / "hampi")
    port = held_ports(1)[0]
    system = ["  - name: hampi", f'    listen: "127.0.0.1:{port}"', f'    deliver: "{receiver.drop}"']
    try:
        the_template_is_a_beginning(adapters)
        its_own_samples_hold(adapters)
        with Hub(systems=("oberon",), settings=[f'adapters: "{adapters}"'],
                 more_systems=system) as hub:
            connection = Connection(hub, port, adapters)
            client = messages_come_in(connection)
            quarantine_and_replay(connection, client)
            the_plan_goes_out(hub, receiver, client)
        print("a ninth system: checked, connected, corrected, replayed, and given a plan")
    finally:
        receiver.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

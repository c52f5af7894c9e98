#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nobody's identity leaves its seal, whatever comes in by which way; what is bad lies in quarantine,
bit for bit, until a corrected mapping lets it through once.

    leak.py       PN_TEST_BROKERS and PN_TEST_CONNINFO choose what stands behind (see tests/lib/hub.py)
"""
import base64
import collections
import contextlib
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
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/county")]
import messages  # noqa: E402
from hub import Hub, Receiver, acknowledgement, wait_until  # noqa: E402

SHORTEST_BASE64 = 10


class Leak:
    def __init__(self, hub, person):
        self.hub = hub
        self.person = person
        self.refused = collections.Counter()  # bytes of what was refused
        self.said = []                        # (what, bytes) that the hub answered
        self.faults = []

    def fault(self, text):
        self.faults.append(text)

    def expect(self, what, was_refused, must, payload):
        if must is not None and was_refused != must:
            self.fault(f"{what}: {'refused' if was_refused else 'taken'}")
        if was_refused and payload is not None:
            self.refused[payload] += 1

    # --- Feeding ---------------------------------------------------------------------------------

    def feed_mllp(self):
        good = messages.admission(self.person, 1)
        assert acknowledgement(self.hub.send_mllp("oberon", good))[0] == "AA", "a good message"
        for what, message, must in messages.mllp_messages(self.person):
            kept = None if len(message) > 8 * 1024 * 1024 else message
            try:
                answer = self.hub.send_mllp("oberon", message, 30)
            except OSError:
                answer = b""
            code, _ = acknowledgement(answer)
            # The sender's own control id comes back in MSA-2 (HL7 v2 2.9.2): it must.
            own = message.split(b"\r")[0].split(b"|")
            if len(own) > 9:
                answer = answer.replace(b"|" + own[9] + b"|", b"||").replace(
                    b"|" + own[9] + b"\r", b"|\r")
            self.said.append((f"mllp, {what}", self.without_msh(answer)))
            if must is not None and code not in ("AA", "AE", "AR"):
                if kept is not None:
                    self.fault(f"mllp, {what}: no acknowledgement")
            self.expect(f"mllp, {what}", code != "AA", must, kept)
            if code in ("AE", "AR") and kept is not None and not re.search(
                    rb"\rERR\|[^|]*\|[A-Z][A-Z0-9]{2}|MSA\|A.\|[^|]*\|[^|\r]{8}", answer):
                self.fault(f"mllp, {what}: refused without a place")

    @staticmethod
    def without_msh(answer):
        """MSH turns the sender's names and version round: they go back only to who sent them."""
        return answer.split(b"\r", 1)[-1]

    def feed_http(self):
        for what, body, kind, path, must in messages.http_messages(self.person):
            try:
                status, headers, answer = self.hub.send_http("lifecare", body, kind, path)
            except OSError:  # closed before all of it was read
                continue
            text = answer if isinstance(answer, bytes) else json.dumps(
                answer, ensure_ascii=False).encode()
            self.said.append((f"http, {what}", text + str(headers).encode()))
            if status >= 500:
                self.fault(f"http, {what}: {status}")
            is_kept = headers.get("X-Quarantine-Id") is not None
            if must and not (is_kept or status in (400, 413)):
                self.fault(f"http, {what}: {status}, and not in quarantine")
            self.expect(f"http, {what}", status >= 400, must, body if is_kept else None)

    def feed_drop(self):
        fed = list(messages.drop_messages(self.person))
        for name, content, _ in fed:
            self.hub.drop(name, content)
        wait_until(lambda: len(self.hub.receipts()) >= len(fed), 60, "a receipt for each file")
        outcomes = {}
        for receipt in self.hub.receipts():
            found = json.loads(receipt.read_text(encoding="utf-8"))
            outcomes[receipt.name.removesuffix(".receipt.json")] = found
            found = {k: v for k, v in found.items() if k != "file"}
            self.said.append(("receipt", json.dumps(found, ensure_ascii=False).encode()))
        for name, content, must in fed:
            self.expect(f"file {name!r}", outcomes[name]["outcome"] == "rejected", must, content)

    def feed_noise(self):
        """What is no message at all, and calls that name somebody where no name belongs."""
        with socket.create_connection(("127.0.0.1", self.hub.mllp_port("oberon")), 10) as sender:
            sender.sendall(b"GET /" + self.person.code.encode() + b" HTTP/1.0\r\n\r\n")
        code = self.person.code
        for method, path in (("GET", f"/fhir/Patient?identifier={code}"),
                             ("GET", f"/fhir/Patient/{code}"), ("GET", f"/fhir/{code}/x"),
                             ("GET", f"/worklist?rule={code}"), ("PUT", f"/worklist/{code}"),
                             ("GET", f"/fhir/CarePlan/{code}"), ("GET", f"/{code}"),
                             ("GET", f"/feed?subject={code}x{code}x{code}")):
            status, _, answer = self.hub.call(method, path, b"{}" if method == "PUT" else None)
            if status < 400:
                self.fault(f"{method} {path.replace(code, '…')}: {status}")
            text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.said.append((f"{method} {path.replace(code, '…')}", text))

    def write_plan(self):
        """A plan whose texts name the person: it goes to two systems, sealed until it leaves."""
        plan = json.loads((ROOT / "schemas/plan-example.json").read_text(encoding="utf-8"))
        for kept_by_hub in ("id", "meta", "created", "author"):
            plan.pop(kept_by_hub)
        client = self.hub.find_patient(self.person.code)
        text = json.dumps(plan).replace(plan["subject"]["reference"], f"Patient/{client}")
        plan = json.loads(text)
        plan["description"] = f"{self.person.given} {self.person.family}, puh. {self.person.phone}."
        status, _, stored = self.hub.call("POST", "/fhir/CarePlan", plan,
                                          {"Content-Type": "application/fhir+json"})
        assert status == 201, f"a plan: {status} {stored}"

        def are_settled():
            state = self.hub.get(f"/fhir/CarePlan/{stored['id']}/$delivery-state")
            found = [e["resource"]["status"] for e in state.get("entry", [])]
            return len(found) == 2 and set(found) == {"completed"}

        wait_until(are_settled, 30, "the plan in two systems")
        status, _, answer = self.hub.call("GET", f"/fhir/CarePlan/{stored['id']}/$delivery-state")
        self.said.append(("delivery state", json.dumps(answer, ensure_ascii=False).encode()))
        plan["description"] = f"Soita, tunnus {self.person.code}."
        status, _, answer = self.hub.call("POST", "/fhir/CarePlan", plan,
                                          {"Content-Type": "application/fhir+json"})
        assert status in (409, 422), f"a plan with an identity code: {status}"
        self.said.append(("refused plan", json.dumps(answer, ensure_ascii=False).encode()))

    # --- Looking ---------------------------------------------------------------------------------

    def needles(self):
        found = {}
        for secret in self.person.secrets():
            for charset in ("utf-8", "iso-8859-1", "utf-16-le"):
                found[secret.encode(charset)] = secret
            # Inside Base64 the three ways a text can lie.
            for shift in range(3):
                whole = base64.b64encode(b"\0" * shift + secret.encode())
                inner = whole[(0, 2, 3)[shift]:len(whole) - len(whole) % 4 - 4]
                if len(inner) >= SHORTEST_BASE64:
                    found[inner] = secret
        return found

    def look(self, where, content):
        lowered = content.lower()
        for needle, secret in self.needles().items():
            if needle.lower() in lowered if needle.isascii() else needle in content:
                kind = "an identity code" if secret[:6].isdigit() else "a name or contact detail"
                self.fault(f"{where}: holds {kind}")
                return

    def look_everywhere(self):
        for what, text in self.said:
            self.look(f"answer ({what})", text)
        self.look("log", self.hub.log.read_bytes())
        for path in self.hub.data.rglob("*"):
            if "secrets" in path.parts:
                continue
            self.look("a file's name", str(path.relative_to(self.hub.data)).encode())
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # what was there a moment ago
                self.look(str(path.relative_to(self.hub.folder)), path.read_bytes())
        for folder in (self.hub.folder / "effica-out").rglob("*.receipt.json"):
            body = json.loads(folder.read_text(encoding="utf-8"))
            body.pop("file", None)
            self.look("receipt", json.dumps(body, ensure_ascii=False).encode())
        _, _, metrics = self.hub.call("GET", "/metrics")
        self.look("/metrics", metrics if isinstance(metrics, bytes) else str(metrics).encode())
        self.look("quarantine list", self.hub.run("quarantine", "list", "--closed").stdout)
        self.look("process list", subprocess.run(["ps", "axww"], capture_output=True,
                                                 check=True).stdout)
        self.look_at_servers()

    def look_at_servers(self):
        config = self.hub.config.read_text(encoding="utf-8")
        prefix = re.search(r'topic_prefix: "([^"]+)"', config)
        if prefix:
            topics = subprocess.run(["kcat", "-L", "-J", "-b", os.environ["PN_TEST_BROKERS"]],
                                    capture_output=True, check=True).stdout
            for topic in json.loads(topics)["topics"]:
                if topic["topic"].startswith(prefix[1]):
                    records = subprocess.run(
                        ["kcat", "-C", "-q", "-J", "-e", "-o", "beginning", "-b",
                         os.environ["PN_TEST_BROKERS"], "-t", topic["topic"]],
                        capture_output=True, check=True).stdout
                    self.look(f"topic {topic['topic']}", records)
        conninfo = re.search(r'conninfo: "([^"]+)"', config)
        if conninfo:
            dump = subprocess.run(["pg_dump", "-d", conninfo[1]], capture_output=True, check=True)
            self.look("the database", dump.stdout)
            blobs = re.findall(rb"\\\\x([0-9a-f]+)", dump.stdout)
            assert blobs, "the dump shows the sealed bytes in hexadecimal digits"
            self.look("the database's bytes", bytes.fromhex(b"00".join(blobs).decode()))

    # --- Quarantine ------------------------------------------------------------------------------

    def listed(self):
        done = self.hub.run("quarantine", "list")
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().splitlines()

    def check_quarantine(self):
        lines = self.listed()
        kept = collections.Counter()
        for line in lines:
            entry_id = line.split()[0]
            if not re.search(r"  (line \d+|byte \d+|\S+): \S.{7,}$", line):
                self.fault(f"quarantine list: no place and reason in {line!r}")
            shown = self.hub.run("quarantine", "show", entry_id)
            kept[shown.stdout] += 1
            self.look("quarantine show's remark", shown.stderr)
        missing = [m for m in self.refused if m not in kept]
        extra = [m for m in kept if m not in self.refused]
        for message in missing:
            self.fault(f"refused, and not in quarantine: {message[:9]!r}… ({len(message)} bytes)")
        for message in extra:
            self.fault(f"in quarantine, and nobody was told: {message[:9]!r}… ({len(message)} bytes)")
        if (self.hub.data / "store/ingest.db").exists():
            count = sum("quarantine-show" in map(str, row.values())
                        for row in self.hub.in_store("ingest", "SELECT * FROM audit"))
            if count != len(lines):
                self.fault(f"{count} access records for {len(lines)} messages shown")
        return len(lines)

    def check_replay(self):
        """The class Q that no table knew: put into the copy's table, the message gets through."""
        number = next(m for w, m, _ in messages.mllp_messages(self.person)
                      if w == "unknown class").split(b"PV1|")[1].split(b"|")[18].decode()
        table = self.hub.folder / "adapters/_hl7v2/codes/encounter-class.csv"
        before = len(self.listed())
        content = table.read_text(encoding="utf-8").rstrip("\n")
        row = content.splitlines()[1].split(",")
        table.write_text(content + "\n" + ",".join(["Q", *row[1:]]) + "\n", encoding="utf-8")
        done = self.hub.run("replay", "--all", "--system", "oberon")
        self.look("replay's remarks", done.stdout + done.stderr)
        left = len(self.listed())
        if left != before - 1:
            self.fault(f"replay: {before} entries before, {left} after one correction")
        self.hub.run("replay", "--all", "--system", "oberon")
        patient = wait_until(lambda: self.hub.find_patient(self.person.code), 30, "the client")

        def found():
            entries = self.hub.get(f"/fhir/Encounter?patient={patient}&_count=200").get("entry", [])
            return [e for e in entries if e["resource"].get("identifier", [{}])[0].get("value")
                    == number]

        wait_until(found, 30, "the replayed visit on the timeline")
        if len(found()) != 1:
            self.fault(f"replayed visit is on the timeline {len(found())} times")


def main():
    person = messages.Victim()
    systems = ("oberon", "lifecare", "yph-effica")
    scratch = Path(tempfile.mkdtemp(prefix="punos-leak-"))
    receivers = {"oberon": Receiver("mllp", scratch / "oberon"),
                 "yph-effica": Receiver("drop", scratch / "effica")}
    hub = Hub(systems, receivers, settings=[f'adapters: "{scratch / "adapters"}"', "log: { level: debug }"])
    shutil.copytree(ROOT / "adapters", hub.folder / "adapters")
    (scratch / "adapters").symlink_to(hub.folder / "adapters")
    try:
        with hub:
            leak = Leak(hub, person)
            leak.feed_mllp()
            leak.feed_http()
            leak.feed_drop()
            leak.feed_noise()
            wait_until(lambda: hub.find_patient(person.code), 30, "the client")
            leak.write_plan()
            count = leak.check_quarantine()
            leak.look_everywhere()
            leak.check_replay()
            leak.look_everywhere()
            for fault in sorted(set(leak.faults)):
                print(f"FAULT {fault}", file=sys.stderr)
            print(f"{len(leak.said)} answers, {count} messages in quarantine, "
                  f"{len(set(leak.faults))} faults")
            return 1 if leak.faults else 0
    finally:
        for receiver in receivers.values():
            receiver.stop()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

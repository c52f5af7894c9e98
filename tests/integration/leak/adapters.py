#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nobody's identity leaves its seal, whichever adapter is fed: the samples of every adapter, the refused
ones first, and the same ones with a made-up person's identity code, name, street and telephone number
in odd places, over every way in that the adapter has.

    adapters.py   PN_TEST_BROKERS and PN_TEST_CONNINFO choose what stands behind (see tests/lib/hub.py)
    PN_TEST_SEED  another order of odd places

Identity codes may stand nowhere but sealed: not in logs, stores, topics, metrics, answers, receipts or
lists. A name in the place of, say, a unit's name cannot be told from one: it may stand in an event, and
nowhere that is not one.
"""
import contextlib
import datetime
import json
import os
import random
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests" / part) for part in ("lib", "county", "senders", "integration/samples")]
import messages  # noqa: E402
import people  # noqa: E402
from fhir_server import FhirServer  # noqa: E402
from hub import Hub, exchange, wait_until  # noqa: E402
from ports import held_ports  # noqa: E402
from leak import Leak  # noqa: E402
from sweep import identity_values, said  # noqa: E402

SECONDS = 120
ODD_OF_REFUSED, ODD_OF_OTHERS = 3, 1
HETU = re.compile(rb"(?<![0-9A-Za-z])\d{6}[-+A-FU-Y]9\d\d[0-9A-FHJ-NPR-Y](?![0-9A-Za-z])")
# What says what a message is and whose, and so where it would go, stays as it is.
KEPT_FIELDS = {"MSH": range(1, 13), "EVN": (1,)}
KEPT_MEMBERS = {"resourceType", "id", "reference", "fullUrl", "lastUpdated", "versionId"}
MLLP = ("oberon", "pegasos", "lifecare", "mediatri")
HTTP = {"lifecare": ("/fhir", "application/fhir+json", ".json"),
        "forms": ("/fhir", "application/fhir+json", ".json"),
        "kanta": ("", "application/xml", ".xml"),
        "yph-effica": ("", "application/xml", ".xml")}
DROP = {"effica": (".csv", ".xml"), "pro-consona": (".xml",), "kanta": (".xml",),
        "yph-effica": (".xml",)}
POLLED = "county"  # mediatri's other way in
POLLED_CLIENT = people.identity_code(datetime.date(1950, 1, 2), 998)  # whom only it knows


class Everybody:
    """Whose codes are looked for everywhere: the made-up person's and all samples'."""

    def __init__(self, person, codes):
        self.codes = sorted(
            {person.code, person.other_code, person.code.lower(), POLLED_CLIENT} | codes)

    def secrets(self):
        return self.codes


# --- Samples, and samples gone wrong -----------------------------------------------------------------

def samples(adapter, *suffixes):
    """(name, bytes) of what comes in, the refused ones first."""
    found = [p for p in (ROOT / "adapters" / adapter / "samples").iterdir()
             if p.suffix in suffixes and not re.search(r"\.(expected|plan|case|loss)\.json$", p.name)]
    found.sort(key=lambda p: (not p.name.startswith(("refused", "bad")), p.name))
    assert found, f"{adapter}: no samples"
    return [(p.name, p.read_bytes()) for p in found]


class Odd:
    def __init__(self, person, seed):
        self.random = random.Random(seed)
        # The code most often: it is what the hub can tell.
        self.words = [person.code] * 3 + [person.family, person.given, person.street, person.phone,
                                          f"{person.family} {person.code}", person.code.lower()]

    def word(self):
        return self.random.choice(self.words)

    def hl7(self, content):
        lines = content.decode("latin-1").replace("\n", "\r").split("\r")
        places = []
        for at, line in enumerate(lines):
            fields = line.split("|")
            kept = KEPT_FIELDS.get(fields[0], ())
            places += [(at, n) for n in range(1, len(fields)) if n not in kept]
        at, number = self.random.choice(places)
        fields = lines[at].split("|")
        fields[number] = self.within(fields[number])
        lines[at] = "|".join(fields)
        return "\r".join(lines).encode("latin-1")

    def within(self, text):
        """Instead of a field, or of one of its components."""
        parts = text.split("^")
        parts[self.random.randrange(len(parts))] = self.word()
        return self.random.choice((self.word(), "^".join(parts), f"{text} {self.word()}"))

    def xml(self, content):
        """Instead of a text or an attribute's value, or as an element of its own name's."""
        text = content.decode("latin-1")
        places = [m.span(1) for m in re.finditer(r'>([^<>{}]*\w[^<>{}]*)<|="([^"<>]*)"', text)
                  if m.start(1) > text.find("?>")]
        places = [p for p in places if p[0] >= 0] or [(len(text), len(text))]
        start, end = self.random.choice(places)
        return (text[:start] + self.word() + text[end:]).encode("latin-1", "replace")

    def json(self, content):
        value = json.loads(content)
        places = list(self.members(value))
        if places:
            holder, key = self.random.choice(places)
            holder[key] = self.word()
        return json.dumps(value, ensure_ascii=False).encode()

    def members(self, value):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in pairs:
            if isinstance(below, (dict, list)):
                yield from self.members(below)
            elif key not in KEPT_MEMBERS:
                yield value, key

    def csv(self, content):
        lines = content.decode("latin-1").split("\n")
        at = self.random.randrange(len(lines))
        cells = lines[at].split(";")
        cells[self.random.randrange(len(cells))] = self.word()
        lines[at] = ";".join(cells)
        return "\n".join(lines).encode("latin-1")

    def all_of(self, adapter, *suffixes):
        """(name, bytes): every sample as it is, and with something in odd places."""
        make = {".hl7": self.hl7, ".xml": self.xml, ".json": self.json, ".csv": self.csv}
        for name, content in samples(adapter, *suffixes):
            yield name, content
            is_refused = name.startswith(("refused", "bad"))
            for number in range(ODD_OF_REFUSED if is_refused else ODD_OF_OTHERS):
                try:
                    yield f"odd-{number}-{name}", make[Path(name).suffix](content)
                except ValueError:  # a sample that is no JSON
                    pass


# --- Ways in -------------------------------------------------------------------------------------

class Feeder:
    def __init__(self, folder, person):
        self.folder = folder
        self.odd = Odd(person, int(os.environ.get("PN_TEST_SEED", "3")))
        self.server = FhirServer()
        self.ports = dict(zip(MLLP, held_ports(len(MLLP))))
        self.said = []
        self.count = 0

    def systems(self):
        """Lines of the configuration."""
        names = sorted({*MLLP, *HTTP, *DROP})
        token = self.folder / "token"
        token.touch(0o600)
        token.write_text("secret-token\n", encoding="ascii")
        for name in names:
            yield f"  - name: {name}"
            if name in MLLP:
                yield f'    listen: "127.0.0.1:{self.ports[name]}"'
            if name in DROP:
                (self.folder / name).mkdir()
                yield f'    drop_folder: "{self.folder / name}"'
        yield (f'  - {{ name: {POLLED}, adapter: mediatri, poll: "{self.server.base}", '
               f'poll_token_file: "{token}", poll_every_s: 1 }}')

    def note(self, where, answer):
        self.said.append((where, answer))
        self.count += 1

    def mllp(self, adapter):
        for name, content in self.odd.all_of(adapter, ".hl7"):
            message = content.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
            answer = b""
            with contextlib.suppress(OSError):
                with socket.create_connection(("127.0.0.1", self.ports[adapter]), 2) as connection:
                    answer = exchange(connection, message)
            # MSH and MSA-2 give the sender's own words back to it (HL7 v2 2.9.2).
            segments = [s for s in answer.split(b"\r")[1:] if not s.startswith(b"MSA")]
            words = [s.split(b"|", 3)[-1] for s in answer.split(b"\r") if s.startswith(b"MSA")]
            self.note(f"{adapter}, {name}", b"\r".join(segments + words))

    def http(self, hub, adapter):
        path, kind, suffix = HTTP[adapter]
        for name, content in self.odd.all_of(adapter, suffix):
            with contextlib.suppress(OSError):
                status, headers, answer = hub.send_http(adapter, content, kind, path)
                assert status != 404, f"{adapter}: {answer}"
                if status >= 500:
                    raise AssertionError(f"{adapter}, {name}: {status} {answer}")
                text = answer if isinstance(answer, bytes) else json.dumps(
                    answer, ensure_ascii=False).encode()
                self.note(f"{adapter}, {name}", text + str(headers).encode())

    def drop(self, adapter):
        """Files; those that say nothing about anybody get a receipt like all others."""
        folder, names = self.folder / adapter, []
        for name, content in self.odd.all_of(adapter, *DROP[adapter]):
            (folder / f".{name}.part").write_bytes(content)
            (folder / f".{name}.part").rename(folder / name)
            names.append(name)

        def receipts():
            found = {p.name: p for p in folder.rglob("*.receipt.json")}
            return found if all(f"{n}.receipt.json" in found for n in names) else None

        for name, path in wait_until(receipts, SECONDS, f"the receipts of {adapter}").items():
            self.note(f"{adapter}, {name}", path.read_bytes())

    def poll(self):
        self.server.put({"resourceType": "Patient", "id": "polled-client",
                         "identifier": [{"system": "urn:oid:1.2.246.21", "value": POLLED_CLIENT}]})
        for number, (name, content) in enumerate(self.odd.all_of("mediatri", ".json")):
            try:
                entries = json.loads(content).get("entry", [])
            except ValueError:
                continue
            for entry in entries:
                resource = entry.get("resource", {})
                if "id" in resource and "resourceType" in resource:
                    # Whom a sample is about stays one person; what is told of them is of its own.
                    if resource["resourceType"] not in ("Patient", "Encounter"):
                        resource["id"] = f"{resource['id']}-{number}"
                    resource.pop("meta", None)
                    self.server.put(resource)
            self.count += 1

    def is_polled(self):
        """All was there when the last kind was asked for, twice."""
        before = len(self.server.requests)

        def again():
            kinds = [r.type for r in self.server.requests[before:]]
            return min(map(kinds.count, ("Patient", "CarePlan", "Encounter"))) >= 2

        wait_until(again, SECONDS, "the poll to come round twice")


def feed(feeder, hub):
    feeder.poll()
    for adapter in MLLP:
        feeder.mllp(adapter)
    for adapter in HTTP:
        feeder.http(hub, adapter)
    for adapter in DROP:
        feeder.drop(adapter)
    feeder.is_polled()
    wait_until(lambda: hub.find_patient(POLLED_CLIENT), SECONDS, "the client of a polled server")


def people_of_samples():
    """Names, numbers, addresses and telephone numbers in the samples' own places for them."""
    found = set()
    for adapter in {*MLLP, *HTTP, *DROP}:
        for path in (ROOT / "adapters" / adapter / "samples").glob("*.*"):
            name = path.name
            if not re.search(r"\.(expected|plan|case|loss)\.json$|\.csv$", name):
                with contextlib.suppress(ValueError):
                    found |= identity_values(path)
    return found


def look(feeder, hub, person):
    codes = {m.decode() for folder in (ROOT / "adapters").glob("[a-z]*/samples")
             for p in folder.iterdir() if ".expected." not in p.name
             for m in HETU.findall(p.read_bytes())}
    codes_only = Leak(hub, Everybody(person, codes))
    codes_only.said = feeder.said
    codes_only.look_everywhere()
    words = Leak(hub, person)
    log = hub.log.read_text(encoding="utf-8", errors="replace")
    words.look("log", log.encode())
    for value in people_of_samples():
        if said(value, log):
            words.fault("log: holds a value of a sample's person")
    words.look("/metrics", str(hub.call("GET", "/metrics")[2]).encode())
    listed = hub.run("quarantine", "list", "--closed").stdout
    words.look("quarantine list", listed)
    for where, answer in feeder.said:
        words.look(f"answer ({where})", answer)
    for request in feeder.server.requests:
        codes_only.look("a URL that was asked for", f"{request.path} {request.query}".encode())
    return sorted(set(codes_only.faults + words.faults)), len(listed.splitlines())


def main():
    person = messages.Victim()
    folder = Path(tempfile.mkdtemp(prefix="punos-leak-"))
    feeder = Feeder(folder, person)
    hub = Hub(systems=(), settings=[f'adapters: "{ROOT / "adapters"}"', "log: { level: debug }"],
              more_systems=list(feeder.systems()))
    try:
        with hub:
            feed(feeder, hub)
            faults, kept = look(feeder, hub, person)
    finally:
        feeder.server.close()
        shutil.rmtree(folder, ignore_errors=True)
    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    print(f"{feeder.count} messages of {len({*MLLP, *HTTP, *DROP})} adapters, {kept} in quarantine, "
          f"{len(faults)} faults")
    assert kept > 0, "nothing was refused"
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

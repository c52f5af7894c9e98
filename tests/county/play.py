#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A made-up county's messages into a hub, over the transports of the systems themselves: MLLP, HTTP, files in a
folder, and a FHIR server that is asked. Each system's messages go in their order, the systems side by side.

    play.py --county DIR --data DATA

has only the intake run and leaves its data folder, with the county on the embedded stream: for score.py, and
for whatever reads a stream. A test has a whole hub:

    with CountyHub(folder) as hub:
        totals = play(hub)
"""
import argparse
import json
import re
import selectors
import socket
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/senders")]
from fhir_server import FhirServer, seconds_of  # noqa: E402
from hub import Hub, wait_until  # noqa: E402
from ports import held_ports  # noqa: E402

MLLP = ("oberon", "pegasos", "lifecare", "mediatri")
HTTP = {"lifecare": "application/fhir+json", "forms": "application/fhir+json",
        "kanta": "application/xml", "yph-effica": "application/xml"}
DROP = ("effica", "pro-consona")
WINDOW = 64                  # messages under way on an MLLP connection
HTTP_CONNECTIONS = 24
HTTP_SECONDS = 60
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
FILES_AT_ONCE = 400          # per call of the MLLP sender
POLL_EVERY_S = 1
SECONDS_MAX = 7200
PAGES_OLD_S = 400 * 86400    # the FHIR server is asked from so long ago on


class CountyServer(FhirServer):
    """Mediatri's server. Its resources do not change, so a search is a look into a sorted list."""

    def __init__(self, folder):
        super().__init__()
        self.sorted = {}
        self.ends = {}  # type: how many requests there had been when its last page was asked for
        for path in sorted((folder / "mediatri" / "poll").glob("*.jsonl")):
            for line in path.read_bytes().splitlines():
                self.take(json.loads(line))
        for kind in {kind for kind, _ in self.resources}:
            found = [(seconds_of(r["meta"]["lastUpdated"]), r["id"], r)
                     for (other, _), r in self.resources.items() if other == kind]
            self.sorted[kind] = sorted(found, key=lambda item: item[:2])

    def take(self, resource):
        key = (resource["resourceType"], resource["id"])
        before = self.resources.get(key)
        if before and resource["resourceType"] == "Patient":
            return
        version = int(before["meta"]["versionId"]) + 1 if before else 1
        resource["meta"]["versionId"] = str(version)
        self.resources[key] = resource

    def matches(self, request):
        moment = request.query.get("_lastUpdated", "")
        if "_id" in request.query or not moment.startswith("ge"):
            return super().matches(request)
        found = self.sorted.get(request.type, [])
        start = bisect_left(found, (seconds_of(moment[2:]), ""), key=lambda item: item[:2])
        return [resource for _, _, resource in found[start:]]

    def search(self, request):
        answer = super().search(request)
        if not any(link["relation"] == "next" for link in answer["link"]):
            self.ends[request.type] = len(self.requests)
        return answer

    def is_read(self):
        """Whether the last page of each type was taken: the next question comes when one is durable."""
        ends = [self.ends.get(kind) for kind in self.sorted if kind != "Patient"]
        return None not in ends and (not ends or len(self.requests) > max(ends))


def lines_of_systems(folder, server, ports):
    """The configuration's systems: every one that the county has messages of."""
    lines = []
    for name in sorted(set(MLLP) | set(HTTP) | set(DROP)):
        lines += [f"  - name: {name}", f"    adapter: {name}"]
        if name in MLLP:
            lines.append(f'    listen: "127.0.0.1:{ports[MLLP.index(name)]}"')
        if name in DROP or name in ("yph-effica", "kanta"):
            (folder / "in" / name).mkdir(parents=True, exist_ok=True)
            lines.append(f'    drop_folder: "{folder / "in" / name}"')
        if name == "mediatri":
            started = time.strftime("%Y-%m-%d", time.gmtime(time.time() - PAGES_OLD_S))
            lines += [f'    poll: "{server.base}"', f"    poll_from: {started}",
                      f"    poll_every_s: {POLL_EVERY_S}"]
    return lines


class CountyHub(Hub):
    def __init__(self, county, rules=None, settings=(), binary=None):
        self.county = Path(county)
        self.server = CountyServer(self.county)
        self.ports = held_ports(len(MLLP))
        more = [*settings, *([f'rules: "{Path(rules).resolve()}"'] if rules else [])]
        super().__init__(systems=(), settings=more, binary=binary)
        with open(self.config, "a", encoding="utf-8") as file:
            file.write("\n".join(lines_of_systems(self.folder, self.server, self.ports)) + "\n")

    def __exit__(self, *arguments):
        self.server.close()
        super().__exit__(*arguments)

    def metrics(self, service):
        return read_metrics(self.data, service)


class CountyIntake(CountyHub):
    """Only what takes messages in."""

    def __init__(self, county, data, binary=None):
        super().__init__(county, binary=binary)
        self.data = Path(data)
        self.data.mkdir(parents=True)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "ingest", "--data", str(self.data), "--config", str(self.config)],
                stdout=log, stderr=log)
        wait_until(self.is_ready, 60, f"the intake to be ready (log: {self.log})")
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"the intake stopped: see {self.log}"
        try:
            for port in (*self.ports, self.in_port):
                socket.create_connection(("127.0.0.1", port), 2).close()
            return (self.data / "secrets" / "api-token").exists()
        except OSError:
            return False

    def quarantined(self):
        return self.run("quarantine", "list").stdout.decode().splitlines()


def read_metrics(data, service):
    """The service's own counts: (name, label) to number."""
    found = {}
    for path in (data / "run").glob(f"{service}.*.metrics"):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, label, number = line.split("\t")
            found[name, label] = int(number)
    return found


# --- Sending -------------------------------------------------------------------------------------


def send_mllp(hub, name):
    files = sorted((hub.county / name / "mllp").glob("*.hl7"))
    sender = Path(hub.binary).parent / "senders" / "mllp_send"
    count = 0
    for at in range(0, len(files), FILES_AT_ONCE):
        done = subprocess.run(
            [str(sender), "--to", f"127.0.0.1:{hub.ports[MLLP.index(name)]}", "--window", str(WINDOW),
             *map(str, files[at:at + FILES_AT_ONCE])], capture_output=True, text=True, check=False)
        words = done.stdout.splitlines()[-1] if done.stdout else done.stderr
        if done.returncode != 0:
            refused = [line for line in done.stdout.splitlines() if line.startswith(("MSA|AE", "MSA|AR"))]
            raise AssertionError(f"{name}: {words} {refused[:3]}")
        count += int(words.split()[0])
    return count


class HttpConnection:
    """One request under way at a time; the loop below keeps many of these busy."""

    def __init__(self, port, requests):
        self.requests, self.answer = requests, b""
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.is_done = not self.ask()

    def ask(self):
        request = next(self.requests, None)
        if request is not None:
            self.socket.sendall(request)
        return request is not None

    def hear(self):
        """Takes what came; the status line and body of a whole answer, else None."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the hub closed the connection")
        self.answer += piece
        head, found, rest = self.answer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not found or (length and len(rest) < int(length[1])):
            return None
        self.answer = b""
        self.is_done = not self.ask()
        return head.split(b"\r\n", 1)[0] + b" " + rest[:300]


def _requests(hub, name):
    token = hub.token()
    for path in sorted((hub.county / name / "http").glob("*.*")):
        for body in path.read_bytes().splitlines():
            yield (f"POST /in/{name}/fhir HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}"
                   f"\r\nContent-Type: {HTTP[name]}\r\nContent-Length: {len(body)}\r\n\r\n"
                   ).encode() + body


def send_http(hub, name):
    requests, count = _requests(hub, name), 0
    with selectors.DefaultSelector() as selector:
        for _ in range(HTTP_CONNECTIONS):
            connection = HttpConnection(hub.in_port, requests)
            if connection.is_done:
                connection.socket.close()
            else:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map():
            ready = selector.select(HTTP_SECONDS)
            assert ready, f"{name}: no answer in {HTTP_SECONDS} s"
            for key, _ in ready:
                answer = key.data.hear()
                if answer is None:
                    continue
                assert answer.split()[1].startswith(b"2"), f"{name}: {answer}"
                count += 1
                if key.data.is_done:
                    selector.unregister(key.data.socket)
                    key.data.socket.close()
    return count


def drop(hub, name):
    """All files, then their receipts: every record in them accepted."""
    folder = hub.folder / "in" / name
    names = []
    for path in sorted((hub.county / name / "drop").glob("*.*")):
        part = folder / f".{path.name}.part"
        part.write_bytes(path.read_bytes())
        part.rename(folder / path.name)
        names.append(path.name)
    seconds = 60 + len(names)
    found = wait_until(lambda: _receipts(folder, names), seconds, f"the receipts of {name}")
    refused = [receipt for receipt in found if receipt.get("refused")]
    assert not refused, f"{name}: {refused[0]}"
    return sum(receipt.get("accepted", 0) for receipt in found)


def _receipts(folder, names):
    paths = [folder / end / f"{name}.receipt.json" for name in names for end in ("done", "rejected")]
    there = [path for path in paths if path.exists()]
    return [json.loads(path.read_text(encoding="utf-8")) for path in there] \
        if len(there) >= len(names) else None


def _in_thread(results, key, work, *arguments):
    def run():
        try:
            results[key] = work(*arguments)
        except Exception as fault:  # told by whoever waits for the thread
            results[key] = fault
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def play(hub, seconds=600):
    """Everything in; the number of messages by (system, transport)."""
    results, threads = {}, []
    for way, names, work in (("mllp", MLLP, send_mllp), ("http", HTTP, send_http), ("drop", DROP, drop)):
        for name in names:
            if (hub.county / name / way).is_dir():
                threads.append(_in_thread(results, (name, way), work, hub, name))
    for thread in threads:
        thread.join()
    for result in results.values():
        if isinstance(result, Exception):
            raise result
    wait_until(hub.server.is_read, seconds, "Mediatri's resources to be asked for")
    results["mediatri", "poll"] = sum(1 for kind, _ in hub.server.resources if kind != "Patient")
    return results


def settle(hub, seconds):
    """Until the services have read all that is on the stream, and said so after it was there."""
    now = time.time()

    def has_read(service):
        files = list((hub.data / "run").glob(f"{service}.*.metrics"))
        return all(path.stat().st_mtime > now for path in files) and \
            hub.metrics(service).get(("punos_lag_events", ""), 1) == 0

    for service in ("timeline", "identify"):
        wait_until(lambda: has_read(service), seconds, f"{service} to have read everything")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--county", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="a data folder that is not there yet")
    parser.add_argument("--binary", default=str(ROOT / "build/punos"))
    arguments = parser.parse_args()
    started = time.monotonic()
    with CountyIntake(arguments.county, arguments.data, arguments.binary) as hub:
        counts = play(hub, SECONDS_MAX)
        refused = hub.quarantined()
    for (name, way), count in sorted(counts.items()):
        print(f"{name:12} {way:5} {count:9}")
    seconds = time.monotonic() - started
    print(f"{sum(counts.values())} messages in {seconds:.0f} s, {len(refused)} in quarantine")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())

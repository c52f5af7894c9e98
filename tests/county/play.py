# SPDX-License-Identifier: Apache-2.0
"""A made-up county's messages into a hub, over the transports of the systems themselves: MLLP, HTTP, files in a
folder, and a FHIR server that is asked. Each system's messages go in their order, the systems side by side.

    with county_hub(folder) as hub:
        totals = play(hub, folder)
"""
import http.client
import json
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/senders")]
from fhir_server import FhirServer, seconds_of  # noqa: E402
from hub import Hub, free_ports, wait_until  # noqa: E402

MLLP = ("oberon", "pegasos", "lifecare", "mediatri")
HTTP = {"lifecare": "application/fhir+json", "forms": "application/fhir+json",
        "kanta": "application/xml", "yph-effica": "application/xml"}
DROP = ("effica", "pro-consona")
WINDOW = 32                  # messages under way on an MLLP connection
HTTP_CONNECTIONS = 4
FILES_AT_ONCE = 400          # per call of the MLLP sender
POLL_EVERY_S = 1
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
    def __init__(self, county, rules=None, settings=()):
        self.county = Path(county)
        self.server = CountyServer(self.county)
        self.ports = free_ports(len(MLLP))
        more = [*settings, *([f'rules: "{Path(rules).resolve()}"'] if rules else [])]
        super().__init__(systems=(), settings=more)
        with open(self.config, "a", encoding="utf-8") as file:
            file.write("\n".join(lines_of_systems(self.folder, self.server, self.ports)) + "\n")

    def __exit__(self, *arguments):
        self.server.close()
        super().__exit__(*arguments)

    def metrics(self, service):
        """The service's own count: (name, label) to number."""
        found = {}
        for path in (self.data / "run").glob(f"{service}.*.metrics"):
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


class HttpSender(threading.Thread):
    def __init__(self, hub, name, lines):
        super().__init__()
        self.hub, self.name_of, self.lines, self.faults = hub, name, lines, []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.hub.in_port, timeout=60)
        headers = {"Authorization": f"Bearer {self.hub.token()}", "Content-Type": HTTP[self.name_of]}
        path = f"/in/{self.name_of}/fhir"
        for line in self.lines:
            connection.request("POST", path, line, headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status >= 300:
                self.faults.append(f"{self.name_of}: {answer.status} {body[:300]!r}")
        connection.close()


def send_http(hub, name):
    count = 0
    for path in sorted((hub.county / name / "http").glob("*.*")):
        lines = path.read_bytes().splitlines()
        parts = [lines[at::HTTP_CONNECTIONS] for at in range(HTTP_CONNECTIONS)]
        senders = [HttpSender(hub, name, part) for part in parts if part]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
            if sender.faults:
                raise AssertionError(sender.faults[0])
        count += len(lines)
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
    """Everything in; the number of messages by (system, transport). Waits until all is worked off."""
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
    settle(hub, seconds)
    return results


def settle(hub, seconds):
    """Until the services have read all that is on the stream."""
    for service in ("timeline", "identify"):
        wait_until(lambda: hub.metrics(service).get(("punos_lag_events", ""), 1) == 0, seconds,
                   f"{service} to have read everything")

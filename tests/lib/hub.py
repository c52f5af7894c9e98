# SPDX-License-Identifier: Apache-2.0
"""A whole hub for tests: real processes, real sockets, a data folder of its own.

    with Hub(systems=["oberon"]) as hub:
        hub.send_mllp("oberon", message)
        hub.get("/worklist")

Everything listens on loopback ports of its own (ports.py). PN_TEST_BROKERS (Kafka's bootstrap address) and
PN_TEST_CONNINFO (PostgreSQL's connection string) put it on those instead of the embedded stream and
store; each hub has topics and a database of its own there.
"""
import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from ports import held_ports

ROOT = Path(__file__).resolve().parents[2]
START, END = b"\x0b", b"\x1c\r"
SERVICES = ("ingest", "timeline", "identify", "plan", "deliver", "api")


def wait_until(condition, seconds, what):
    """Bounded: the condition's value once it is true, AssertionError when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def equal(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


class Receiver:
    """One of tests/receivers/receiver.py's systems. Its address is its own also while it is stopped."""

    def __init__(self, kind, folder, *options):
        self.taken = folder / "taken"
        self.drop = folder / "drop"
        arguments = ["python3", str(ROOT / "tests/receivers/receiver.py"), kind, "--out",
                     str(self.taken), *options]
        if kind == "drop":
            arguments += ["--folder", str(self.drop)]
        elif "--listen" not in options:
            arguments += ["--listen", f"127.0.0.1:{held_ports(1)[0]}"]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split()[-1]

    def files(self):
        return sorted(p for p in self.taken.glob("*") if not p.name.endswith(".part"))

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Hub:
    def __init__(self, systems=("oberon", "lifecare", "yph-effica"), receivers=None, binary=None,
                 settings=(), more_systems=(), tls=None):
        """Further lines of the configuration: settings before its systems, more_systems after. `tls`:
        a folder of tests/lib/make_ca.sh, whose `hub` the API shows and whose `ca` the intake asks for;
        the systems' own TLS is in their lines."""
        self.tls = tls
        self.scheme = "https" if tls else "http"
        self.context = ssl.create_default_context(cafile=f"{tls}/ca.pem") if tls else None
        self.folder = Path(tempfile.mkdtemp(prefix="punos-hub-"))
        self.data = self.folder / "data"
        self.data.mkdir()
        self.binary = binary or os.environ.get("PN_TEST_BINARY", str(ROOT / "build/punos"))
        self.systems = systems
        self.receivers = receivers or {}
        self.api_port, self.in_port, *self.mllp_ports = held_ports(2 + len(systems))
        self.process = None
        self.log = self.folder / "hub.log"
        self._write_config(settings, more_systems)

    def _write_config(self, settings, more_systems):
        own = f"tls: {{ certificate: {self.tls}/hub.pem, key: {self.tls}/hub.key" if self.tls else ""
        api_tls = f", {own} }}" if own else ""
        ingest_tls = f", {own}, ca: {self.tls}/ca.pem }}" if own else ""
        lines = [f'api: {{ listen: "127.0.0.1:{self.api_port}"{api_tls} }}',
                 f'ingest: {{ http_listen: "127.0.0.1:{self.in_port}"{ingest_tls} }}']
        lines += settings
        own_name = f"t{os.getpid()}x{time.time_ns()}"
        brokers, conninfo = os.environ.get("PN_TEST_BROKERS"), os.environ.get("PN_TEST_CONNINFO")
        if brokers:
            lines.append(f'stream: {{ kind: kafka, brokers: "{brokers}", '
                         f'topic_prefix: "{own_name}.", partitions: 4 }}')
        if conninfo:
            subprocess.run(["psql", "-q", conninfo, "-c", f"CREATE DATABASE {own_name}"], check=True)
            others = [w for w in conninfo.split() if not w.startswith("dbname=")]
            own = " ".join(others + [f"dbname={own_name}"])
            lines.append(f'store: {{ kind: postgres, conninfo: "{own}" }}')
        lines.append("systems:")
        for name, port in zip(self.systems, self.mllp_ports):
            lines += [f"  - name: {name}", f"    adapter: {name}"]
            if name == "oberon":
                lines.append(f'    listen: "127.0.0.1:{port}"')
            if name == "yph-effica":
                lines.append(f'    drop_folder: "{self.folder / "effica-out"}"')
            receiver = self.receivers.get(name)
            if receiver is not None:
                target = {"oberon": receiver.address, "lifecare": f"http://{receiver.address}/fhir",
                          "yph-effica": str(receiver.drop)}[name]
                lines.append(f'    deliver: "{target}"')
        lines += more_systems
        (self.folder / "effica-out").mkdir(exist_ok=True)
        self.config = self.folder / "punos.yaml"
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    # --- Processes -------------------------------------------------------------------------------

    def start(self):
        log = open(self.log, "ab")
        self.process = subprocess.Popen(
            [self.binary, "up", "--data", str(self.data), "--config", str(self.config)],
            stdout=log, stderr=log)
        log.close()
        wait_until(self.is_ready, 60, f"the hub to be ready (log: {self.log})")
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the hub stopped with {self.process.returncode}: see {self.log}")
        try:
            # On Kafka intake may be on another machine, so the API does not answer for it.
            for port in self._intake_ports():
                socket.create_connection(("127.0.0.1", port), 2).close()
            with urllib.request.urlopen(f"{self.scheme}://127.0.0.1:{self.api_port}/readyz",
                                        timeout=2, context=self.context) as r:
                return r.status == 200
        except OSError:
            return False

    def _intake_ports(self):
        """Where its systems' messages come in; what a system of a test's own has is not known here."""
        ports = [self.mllp_port("oberon")] if "oberon" in self.systems else []
        by_http = {"lifecare", "yph-effica"} & set(self.systems)
        return ports + ([self.in_port] if by_http else [])

    def pids(self):
        """The hub's service processes now, by name: children of `punos up`."""
        found = {}
        for task in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for pid in task.read_text().split():
                try:
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                for service in SERVICES:
                    if service.encode() in words[1:2]:
                        found[service] = int(pid)
        return found

    def kill(self, service):
        """kill -9 of one service, or of the supervisor itself ("up")."""
        pid = self.process.pid if service == "up" else self.pids().get(service)
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        if service == "up":
            self.process.wait()
        return True

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            self.stop()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if kind is None and not os.environ.get("PN_TEST_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments):
        """A command of the same program on the hub's data and configuration."""
        return subprocess.run([self.binary, *arguments, "--data", str(self.data), "--config",
                               str(self.config)], capture_output=True, timeout=60, check=False)

    def in_store(self, name, statement):
        """A statement's rows, as {column: value}, in an embedded store that the hub may be writing."""
        with closing(sqlite3.connect(self.data / f"store/{name}.db", timeout=30)) as store, store:
            store.row_factory = sqlite3.Row
            return [dict(row) for row in store.execute(statement)]

    # --- Calls -----------------------------------------------------------------------------------

    def token(self):
        return (self.data / "secrets" / "api-token").read_text().strip()

    def call(self, method, path, body=None, headers=None, port=None):
        """(status, headers, body as JSON or bytes); an HTTP error is an answer like any other."""
        all_headers = {"Authorization": f"Bearer {self.token()}", **(headers or {})}
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.scheme}://127.0.0.1:{port or self.api_port}{path}",
                                         data=data, method=method, headers=all_headers)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.context) as answer:
                return answer.status, answer.headers, _decode(answer)
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, _decode(answer)

    def get(self, path):
        status, _, body = self.call("GET", path)
        assert status == 200, f"GET {path}: {status} {body}"
        return body

    def find_patient(self, code):
        """The Patient id of an identity code, or None."""
        status, _, bundle = self.call(
            "POST", "/fhir/Patient/_search",
            b"identifier=urn:oid:1.2.246.21%7C" + code.replace("+", "%2B").encode(),
            {"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 200, f"Patient/_search: {status} {bundle}"
        entries = bundle.get("entry", [])
        return entries[0]["resource"]["id"] if entries else None

    # --- Sending ---------------------------------------------------------------------------------

    def mllp_port(self, name):
        return self.mllp_ports[self.systems.index(name)]

    def send_mllp(self, name, message, timeout=10):
        with socket.create_connection(("127.0.0.1", self.mllp_port(name)), timeout) as connection:
            return exchange(connection, message)

    def send_http(self, name, body, content_type="application/fhir+json", path="/fhir"):
        return self.call("POST", f"/in/{name}{path}", body, {"Content-Type": content_type},
                         self.in_port)

    def drop(self, name, payload):
        folder = self.folder / "effica-out"
        part = folder / f".{name}.part"
        part.write_bytes(payload)
        part.rename(folder / name)

    def receipts(self):
        return list((self.folder / "effica-out").rglob("*.receipt.json"))


def _decode(answer):
    body = answer.read()
    if body and "json" in answer.headers.get("Content-Type", ""):
        return json.loads(body)
    return body


def exchange(connection, message):
    """One frame out, its answer back; OSError when the connection ends first."""
    connection.sendall(START + message + END)
    pending = b""
    while END not in pending:
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionError("cut off before the answer")
        pending += chunk
    return pending[1:pending.index(END)]


def acknowledgement(answer):
    """(code, control id) of an HL7 acknowledgement."""
    for segment in answer.split(b"\r"):
        fields = segment.split(b"|")
        if fields[0] == b"MSA":
            return fields[1].decode(), fields[2].decode()
    return "", ""

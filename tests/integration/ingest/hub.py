# SPDX-License-Identifier: Apache-2.0
"""A running `punos ingest` in a folder of its own, and senders that talk to it."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
WAIT_SECONDS = 30
CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def hetu(number):
    """A made-up identity code; the individual numbers 900 to 999 are never official."""
    day, rest = number % 28 + 1, number // 28
    month, rest = rest % 12 + 1, rest // 12
    year, individual = rest % 100, 900 + rest // 100 % 100
    digits = f"{day:02}{month:02}{year:02}{individual:03}"
    return f"{digits[:6]}-{digits[6:]}{CHECK[int(digits) % 31]}"


def wait_for(condition, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {WAIT_SECONDS} s for {what}")


class Hub:
    def __init__(self, build, extra="", adapters=(), systems=(), drop=None):
        """Further adapters of the tree, lines of the configuration and items of `systems`."""
        self.binary = os.path.join(build, "punos")
        self.folder = tempfile.mkdtemp(prefix="punos-ingest-")
        self.data = os.path.join(self.folder, "data")
        self.adapters = os.path.join(self.folder, "adapters")
        self.drop = drop or os.path.join(self.folder, "drop")
        os.makedirs(self.adapters)
        libraries = [name for name in os.listdir(os.path.join(ROOT, "adapters"))
                     if name.startswith("_")]
        for name in (*libraries, "oberon", *adapters):
            shutil.copytree(os.path.join(ROOT, "adapters", name), os.path.join(self.adapters, name))
        shutil.copytree(os.path.join(os.path.dirname(__file__), "adapters", "booth"),
                        os.path.join(self.adapters, "booth"))
        self.config = os.path.join(self.folder, "punos.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"""adapters: "{self.adapters}"
ingest: {{ http_listen: "127.0.0.1:0" }}
{extra}
systems:
  - {{ name: oberon, adapter: oberon, listen: "127.0.0.1:0" }}
  - {{ name: booth, adapter: booth, drop_folder: "{self.drop}" }}
""")
            file.writelines(f"  - {system}\n" for system in systems)
        self.process = None
        self.start()

    def start(self):
        self.log_path = os.path.join(self.folder, "log")
        log = open(self.log_path, "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [self.binary, "ingest", "--data", self.data, "--config", self.config],
            stdout=log, stderr=log)
        log.close()
        wait_for(lambda: '"ready"' in self.log() or self.process.poll() is not None, "the start")
        ports = dict(re.findall(r"by=(\w+) port=(\d+)", self.log()))
        assert "mllp" in ports and "http" in ports, self.log()
        self.mllp_port, self.http_port = int(ports["mllp"]), int(ports["http"])

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(WAIT_SECONDS)
        assert status == 0, self.log()

    def close(self):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)

    def run(self, *arguments):
        return subprocess.run(
            [self.binary, *arguments, "--data", self.data, "--config", self.config],
            capture_output=True, timeout=60, check=False)

    def stream_path(self):
        return os.path.join(self.data, "stream", "stream.db")

    def events(self, containing=b""):
        """The stored events whose bytes contain something, oldest first."""
        with sqlite3.connect(self.stream_path(), timeout=10) as stream:
            rows = stream.execute("SELECT event FROM record ORDER BY key").fetchall()
        stream.close()
        return [row[0] for row in rows if containing in row[0]]

    def token(self):
        with open(os.path.join(self.data, "secrets", "api-token"), encoding="ascii") as file:
            return file.read().strip()

    def post(self, path, body, token=None, method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=2 * WAIT_SECONDS)
        headers = {"Content-Type": "application/json"}
        if token != "":
            headers["Authorization"] = "Bearer " + (token or self.token())
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text)


class Mllp:
    """One connection of a sender."""

    def __init__(self, hub):
        self.socket = socket.create_connection(("127.0.0.1", hub.mllp_port), WAIT_SECONDS)
        self.input = b""

    def send(self, *messages):
        self.socket.sendall(b"".join(b"\x0b" + m + b"\x1c\r" for m in messages))

    def raw(self, data):
        self.socket.sendall(data)

    def answer(self):
        while b"\x1c\r" not in self.input:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("closed")
            self.input += more
        frame, self.input = self.input.split(b"\x1c\r", 1)
        return frame.lstrip(b"\x0b").decode("latin-1")

    def ask(self, message):
        self.send(message)
        return self.answer()

    def __del__(self):
        self.socket.close()


def msa(answer):
    segment = [s for s in answer.split("\r") if s.startswith("MSA|")][0]
    return segment.split("|")


def visit(number, control_id, trigger="A01", person=None, family="Testinen"):
    """An admission in ISO 8859-1, MSH-18 left empty."""
    moment = "20261101120000"
    return "\r".join([
        f"MSH|^~\\&|OBERON|PKL|PUNOS|HUB|{moment}||ADT^{trigger}|{control_id}|P|2.3",
        f"EVN|{trigger}|{moment}",
        f"PID|1||{person or hetu(number)}^^^&1.2.246.21&ISO||{family}^Tänja||19700101|F",
        f"PV1|1|E|PKL^1^1||||||||||||||||V{number}|||||||||||||||||||||||||{moment}",
    ]).encode("latin-1") + b"\r"


def booth_visit(number, **changes):
    body = {"kind": "visit", "id": f"B{number}", "hetu": hetu(number), "family": "Koeläinen",
            "recorded": "2026-11-02T10:00:00Z", "unit": "Booth 1"}
    body.update(changes)
    return json.dumps(body)

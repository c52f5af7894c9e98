# SPDX-License-Identifier: Apache-2.0
"""Whole hubs, as the tests start them, and the requests that are measured."""
import http.client
import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path

import rebuild

ROOT = Path(__file__).resolve().parents[1]
SETTLE_SECONDS = 1800
SERVICES = ("timeline", "identify", "api")


def _load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


# By its path: the tests of ingest have a module of the same name. What it imports is beside it.
sys.path.append(str(ROOT / "tests/lib"))
whole = _load("whole_hub", ROOT / "tests/lib/hub.py")
hl7 = _load("county_hl7", ROOT / "tests/county/hl7.py")


def make(options, systems=("oberon",)):
    return whole.Hub(systems=systems, binary=os.path.join(options.build, "punos"))


def wait_caught_up(hub):
    def is_caught_up():
        return all(rebuild.metrics(hub.data, service).get(("punos_lag_events", ""), 1) == 0
                   for service in SERVICES)
    whole.wait_until(is_caught_up, SETTLE_SECONDS, "the services to have read the stream")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Caller:
    """GETs over one connection that stays open."""

    def __init__(self, hub):
        self.connection = http.client.HTTPConnection("127.0.0.1", hub.api_port, timeout=30)
        self.headers = {"Authorization": f"Bearer {hub.token()}"}

    def get(self, path):
        """(seconds, body)"""
        started = time.monotonic()
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        seconds = time.monotonic() - started
        if answer.status != 200:
            raise AssertionError(f"GET {path}: {answer.status} {body[:500]}")
        return seconds, body

    def close(self):
        self.connection.close()


class Feed(threading.Thread):
    """Listens to the live feed; calls `on_event(subject, moment)` for each event of a type."""

    def __init__(self, hub, types, on_event):
        super().__init__(daemon=True)
        self.on_event = on_event
        self.connection = http.client.HTTPConnection("127.0.0.1", hub.api_port, timeout=60)
        self.connection.request("GET", f"/feed?types={types}",
                                headers={"Authorization": f"Bearer {hub.token()}"})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.status
        self.start()

    def run(self):
        try:
            for line in self.answer:
                if line.startswith(b"data: {"):
                    moment = time.monotonic()
                    self.on_event(json.loads(line[6:]).get("subject"), moment)
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # the hub is stopped while we listen

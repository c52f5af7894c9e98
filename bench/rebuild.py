#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast a service rebuilds its state from the stream: starts it on a full stream and an empty store,
and waits until nothing is left to read.

    rebuild.py --data DIR --service timeline [--binary build/punos]

Prints seconds, events per second, processor time per event and the peak resident memory.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import process

ROOT = Path(__file__).resolve().parents[1]
TITLE = "Rebuild from the embedded stream"
HEADER = ["service", "events", "seconds", "events/s", "CPU µs per event", "peak resident MiB",
          "4 million at this rate, s"]
SERVICES = ("timeline", "identify")
CLIENTS_PER_EVENT = 164000 / 4000000
SECONDS_MAX = 1800


def metrics(data, service):
    """The service's metrics: (name, label value) to number."""
    found = {}
    for path in (data / "run").glob(f"{service}.*.metrics"):
        for line in path.read_text().splitlines():
            name, _, label_value, number = line.split("\t")
            found[(name, label_value)] = int(number)
    return found


def wait_done(program, data, service, seconds_max):
    """Events handled, processor seconds and peak bytes when nothing is left to read."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        if program.poll() is not None:
            sys.exit(f"{service} stopped with {program.returncode}")
        now = metrics(data, service)
        handled = now.get(("punos_events_total", "done"), 0)
        if handled > 0 and now.get(("punos_lag_events", ""), 1) == 0:
            return handled, process.cpu_seconds(program.pid), process.peak_bytes(program.pid)
        time.sleep(0.05)
    sys.exit(f"{service} was not done after {seconds_max} s")


def rebuild(binary, data, service, seconds_max=SECONDS_MAX, more=()):
    for pattern in (f"store/{service}.db*", f"run/{service}.*"):
        for path in data.glob(pattern):
            path.unlink()
    started = time.monotonic()
    program = subprocess.Popen([binary, service, "--data", str(data), *more],
                               stderr=subprocess.DEVNULL)
    try:
        handled, cpu, peak = wait_done(program, data, service, seconds_max)
        seconds = time.monotonic() - started
    finally:
        if program.poll() is None:
            os.kill(program.pid, signal.SIGTERM)
            program.wait()
    return {"service": service, "events": handled, "seconds": round(seconds, 2),
            "events_per_s": int(handled / seconds), "cpu_us": round(cpu / handled * 1e6, 1),
            "peak_mib": round(peak / 1048576, 1)}


def make_stream(build, data, events, tables=None):
    """Fills the stream of a data folder with a made-up county; the number of its clients. The folder
    `tables` gets the same as CSV."""
    clients = max(int(events * CLIENTS_PER_EVENT), 10)
    data.mkdir(parents=True, exist_ok=True)
    (data / "stream").mkdir(exist_ok=True)
    subprocess.run([os.path.join(build, "bench", "make_events"), str(data), str(events),
                    str(clients), *([str(tables)] if tables else [])], check=True,
                   stdout=subprocess.DEVNULL)
    return clients


def rows(options):
    folder = Path(tempfile.mkdtemp(prefix="punos-rebuild-"))
    make_stream(options.build, folder, options.events)
    for service in SERVICES:
        runs = [rebuild(os.path.join(options.build, "punos"), folder, service)
                for _ in range(options.runs)]
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]
                  if key != "service"}
        yield [service, f"{middle['events']:.0f}", f"{middle['seconds']:.1f}",
               f"{middle['events_per_s']:.0f}", f"{middle['cpu_us']:.1f}",
               f"{middle['peak_mib']:.0f}", f"{4e6 / middle['events_per_s']:.0f}"]
    shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--binary", default=str(ROOT / "build/punos"))
    parser.add_argument("--seconds-max", type=float, default=SECONDS_MAX)
    arguments = parser.parse_args()
    print(json.dumps(rebuild(arguments.binary, arguments.data, arguments.service,
                             arguments.seconds_max)))


if __name__ == "__main__":
    main()

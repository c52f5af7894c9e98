#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast a service rebuilds its state from the stream: starts it on a full stream and an empty store,
and waits until nothing is left to read.

    rebuild.py --data DIR --service timeline [--binary build/punos]

Prints seconds, events per second and the peak resident memory.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def metrics(data, service):
    """The service's metrics: (name, label value) to number."""
    found = {}
    for path in (data / "run").glob(f"{service}.*.metrics"):
        for line in path.read_text().splitlines():
            name, _, label_value, number = line.split("\t")
            found[(name, label_value)] = int(number)
    return found


def peak_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--binary", default=str(ROOT / "build/punos"))
    parser.add_argument("--seconds-max", type=float, default=600)
    arguments = parser.parse_args()
    for path in (arguments.data / "store").glob(f"{arguments.service}.db*"):
        path.unlink()
    for path in (arguments.data / "run").glob(f"{arguments.service}.*"):
        path.unlink()
    started = time.monotonic()
    process = subprocess.Popen([arguments.binary, arguments.service, "--data", str(arguments.data)],
                               stderr=subprocess.DEVNULL)
    try:
        peak, handled = 0, 0
        while time.monotonic() - started < arguments.seconds_max:
            if process.poll() is not None:
                sys.exit(f"{arguments.service} stopped with {process.returncode}")
            peak = max(peak, peak_bytes(process.pid))
            now = metrics(arguments.data, arguments.service)
            handled = now.get(("punos_events_total", "done"), 0)
            if handled > 0 and now.get(("punos_lag_events", ""), 1) == 0:
                break
            time.sleep(0.05)
        else:
            sys.exit(f"not done after {arguments.seconds_max} s")
        seconds = time.monotonic() - started
        print(json.dumps({"service": arguments.service, "events": int(handled),
                          "seconds": round(seconds, 2), "events_per_s": int(handled / seconds),
                          "peak_mib": round(peak / 1048576, 1)}))
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
            process.wait()


if __name__ == "__main__":
    main()

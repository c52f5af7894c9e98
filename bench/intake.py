#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Durable MLLP intake: every AA after its events are synced. Beside it a floor program that takes the
same frames over the same sockets, appends them to a file and syncs before it answers.

A message is an admission of a known client, 450 bytes, with a control id of its own. The sender runs on
the same machine.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import process

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration", "ingest"))
from hub import Hub, visit  # noqa: E402

TITLE = "Durable MLLP intake"
HEADER = ["connections", "under way on each", "Punos msg/s", "p50 ms", "p99 ms", "CPU µs per msg",
          "syncs per msg", "floor msg/s", "floor p99 ms", "floor CPU µs", "ratio to floor"]
CLIENTS = 500
WARM = 2000
SETTINGS = ((1, 1), (8, 1), (64, 1), (8, 16))


def write_messages(folder, count):
    path = os.path.join(folder, "messages.hl7")
    with open(path, "wb") as file:
        for number in range(count):
            file.write(visit(number, f"N{number}"))
    return path


def send(build, port, path, connections, count, prefix, window=1):
    """Messages a second, p50 and p99 in milliseconds."""
    out = subprocess.run(
        [os.path.join(build, "senders", "mllp_send"), "--to", f"127.0.0.1:{port}", "--quiet",
         "--connections", str(connections), "--count", str(count), "--renumber", prefix,
         "--window", str(window), path],
        capture_output=True, text=True, check=True).stdout
    found = re.search(r"in ([\d.]+) s, .* p50 ([\d.]+) p99 ([\d.]+)", out)
    return count / float(found.group(1)), float(found.group(2)), float(found.group(3))


def start_hub(build):
    hub = Hub(build)
    return hub.mllp_port, hub.process.pid, hub.close


def start_floor(build):
    folder = tempfile.mkdtemp(prefix="punos-floor-")
    program = subprocess.Popen(
        [os.path.join(build, "bench", "intake_floor"), os.path.join(folder, "log")],
        stdout=subprocess.PIPE, text=True)
    port = int(program.stdout.readline())

    def stop():
        program.terminate()
        program.wait()
        program.stdout.close()
        shutil.rmtree(folder)
    return port, program.pid, stop


def measure(start, options, path, prefix):
    """By setting: medians of rate, p50, p99, CPU and syncs per message; each run on a fresh server."""
    figures = {}
    count_file = os.path.join(os.path.dirname(path), "syncs")
    for run in range(options.runs):
        with process.counting_syncs(options.build, count_file):
            port, pid, stop = start(options.build)
        send(options.build, port, path, 8, WARM, f"{prefix}warm{run}")
        for connections, window in SETTINGS:
            count = max(options.messages // (10 if connections == 1 else 1), 200)
            cpu, syncs = process.cpu_seconds(pid), process.syncs(count_file)
            rate, p50, p99 = send(options.build, port, path, connections, count,
                                  f"{prefix}{run}c{connections}w{window}n", window)
            cpu, syncs = process.cpu_seconds(pid) - cpu, process.syncs(count_file) - syncs
            figures.setdefault((connections, window), []).append(
                (rate, p50, p99, cpu / count * 1e6, syncs / count))
        stop()
        os.unlink(count_file)
    return {key: tuple(statistics.median(column) for column in zip(*rows))
            for key, rows in figures.items()}


def rows(options):
    folder = tempfile.mkdtemp(prefix="punos-intake-")
    path = write_messages(folder, CLIENTS)
    hub = measure(start_hub, options, path, "h")
    floor = measure(start_floor, options, path, "f")
    shutil.rmtree(folder)
    for (connections, window), (rate, p50, p99, cpu, syncs) in hub.items():
        floor_rate, _, floor_p99, floor_cpu, _ = floor[(connections, window)]
        yield [connections, window, f"{rate:.0f}", f"{p50:.2f}", f"{p99:.2f}", f"{cpu:.0f}",
               f"{syncs:.3f}", f"{floor_rate:.0f}", f"{floor_p99:.2f}", f"{floor_cpu:.0f}",
               f"{rate / floor_rate:.2f}"]

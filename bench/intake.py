#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Durable MLLP intake: every AA after its events are synced. Beside it a floor program that takes the
same frames over the same sockets, appends them to a file and syncs before it answers.

  bench/intake.py [--build build] [--runs 5] [--messages 20000]

Prints, for 1, 8 and 64 connections, the medians over the runs: messages a second, the p99 of the
latency, and both as a ratio to the floor. A message is an admission of a known client, 450 bytes, with
a control id of its own.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration", "ingest"))
from hub import Hub, visit  # noqa: E402

CLIENTS = 500


def write_messages(folder, count):
    path = os.path.join(folder, "messages.hl7")
    with open(path, "wb") as file:
        for number in range(count):
            file.write(visit(number, f"N{number}"))
    return path


def send(build, port, path, connections, count, prefix, window=1):
    out = subprocess.run(
        [os.path.join(build, "senders", "mllp_send"), "--to", f"127.0.0.1:{port}", "--quiet",
         "--connections", str(connections), "--count", str(count), "--renumber", prefix,
         "--window", str(window), path],
        capture_output=True, text=True, check=True).stdout
    found = re.search(r"in ([\d.]+) s, (\d+)/s, .* p99 ([\d.]+)", out)
    return float(found.group(2)), float(found.group(3))


def measure(start, build, path, arguments, prefix):
    """{(connections, window): (median rate, median p99)} over runs, each on a fresh server."""
    figures = {}
    for run in range(arguments.runs):
        port, stop = start()
        send(build, port, path, 8, 2000, f"{prefix}warm{run}")
        for connections, window in ((1, 1), (8, 1), (64, 1), (8, 16)):
            count = max(arguments.messages // (10 if connections == 1 else 1), 100)
            figures.setdefault((connections, window), []).append(
                send(build, port, path, connections, count,
                     f"{prefix}{run}c{connections}w{window}n", window))
        stop()
    return {key: tuple(statistics.median(column) for column in zip(*rows))
            for key, rows in figures.items()}


def start_hub(build):
    hub = Hub(build)
    return hub.mllp_port, hub.close


def start_floor(build):
    folder = tempfile.mkdtemp(prefix="punos-floor-")
    process = subprocess.Popen(
        [os.path.join(build, "bench", "intake_floor"), os.path.join(folder, "log")],
        stdout=subprocess.PIPE, text=True)
    port = int(process.stdout.readline())

    def stop():
        process.terminate()
        process.wait()
        process.stdout.close()
        shutil.rmtree(folder)
    return port, stop


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--messages", type=int, default=20000)
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    folder = tempfile.mkdtemp(prefix="punos-intake-")
    path = write_messages(folder, CLIENTS)
    hub = measure(lambda: start_hub(build), build, path, arguments, "h")
    floor = measure(lambda: start_floor(build), build, path, arguments, "f")
    shutil.rmtree(folder)
    print("| connections | under way on each | Punos msg/s | p99 ms | floor msg/s | p99 ms | ratio |")
    print("|---|---|---|---|---|---|---|")
    for (connections, window), (rate, p99) in hub.items():
        floor_rate, floor_p99 = floor[(connections, window)]
        print(f"| {connections} | {window} | {rate:.0f} | {p99:.2f} | {floor_rate:.0f} "
              f"| {floor_p99:.2f} | {rate / floor_rate:.2f} |")


if __name__ == "__main__":
    main()

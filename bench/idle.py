# SPDX-License-Identifier: Apache-2.0
"""What `punos up` takes when nothing happens: memory that its processes have together, shared pages
divided among them (PSS), and processor time."""
import statistics
import time
from pathlib import Path

import hubs
import process

TITLE = "punos up, idle"
HEADER = ["process", "PSS MiB", "CPU ms per s"]
SYSTEMS = ("oberon", "lifecare", "yph-effica")
SETTLE_SECONDS = 5
WATCH_SECONDS = 10


def name_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1].decode()


def look(hub):
    """By process: memory in MiB, and milliseconds of processor time in a second."""
    pids = [hub.process.pid] + process.children(hub.process.pid)
    before = {pid: process.cpu_seconds(pid) for pid in pids}
    time.sleep(WATCH_SECONDS)
    return {name_of(pid): (process.pss_bytes(pid) / 1048576,
                           (process.cpu_seconds(pid) - before[pid]) * 1000 / WATCH_SECONDS)
            for pid in pids}


def rows(options):
    systems = [name for name in SYSTEMS if (hubs.ROOT / "adapters" / name).is_dir()]
    with hubs.make(options, systems) as hub:
        time.sleep(SETTLE_SECONDS)
        runs = [look(hub) for _ in range(options.runs)]
    for run in runs:
        run["together"] = tuple(sum(column) for column in zip(*run.values()))
    for name in runs[0]:
        pss, cpu = (statistics.median(column) for column in zip(*(run[name] for run in runs)))
        yield [name, f"{pss:.1f}", f"{cpu:.1f}"]

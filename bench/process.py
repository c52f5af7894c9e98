# SPDX-License-Identifier: Apache-2.0
"""What the kernel knows of a process: processor time, memory, syncs."""
import contextlib
import os
import struct
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def pss_bytes(pid):
    """Memory with what several processes share divided among them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found


@contextlib.contextmanager
def counting_syncs(build, path):
    """Programs started inside count their syncs into the file."""
    before = dict(os.environ)
    os.environ["LD_PRELOAD"] = os.path.join(build, "bench", "count_syncs.so")
    os.environ["PN_SYNC_COUNT"] = str(path)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def syncs(path):
    data = Path(path).read_bytes()
    return struct.unpack("=Q", data)[0] if len(data) == 8 else 0

# SPDX-License-Identifier: Apache-2.0
"""The embedded stream alone: appends by batch size beside a bare write-and-sync loop, and reading."""
import os
import re
import shutil
import statistics
import subprocess
import tempfile

TITLE = "Embedded stream"
HEADER = ["what", "events/s", "floor events/s", "ratio to floor"]


def run_once(options, figures):
    folder = tempfile.mkdtemp(prefix="punos-stream-")
    out = subprocess.run([os.path.join(options.build, "bench", "bench_stream"),
                          os.path.join(folder, "data"), str(options.events // 5)],
                         capture_output=True, text=True, check=True).stdout
    shutil.rmtree(folder)
    for batch, rate, floor in re.findall(r"^\s*(\d+)\s+(\d+)\s+(\d+)\s+[\d.]+$", out, re.M):
        figures.setdefault(f"append, {batch} in a batch", []).append((float(rate), float(floor)))
    figures.setdefault("read", []).append((float(re.search(r": (\d+)/s", out).group(1)), 0))


def rows(options):
    figures = {}
    for _ in range(options.runs):
        run_once(options, figures)
    for what, pairs in figures.items():
        rate, floor = (statistics.median(column) for column in zip(*pairs))
        yield [what, f"{rate:.0f}", f"{floor:.0f}" if floor else "", f"{rate / floor:.2f}"
               if floor else ""]

# SPDX-License-Identifier: Apache-2.0
"""How long a backtest takes over the stored stream: wall time, processor time of all its processes and
their memory together."""
import datetime
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import process
import rebuild

ROOT = Path(__file__).resolve().parents[1]
TITLE = "A backtest over the embedded stream"
HEADER = ["events", "clients", "seconds", "CPU s, all processes", "events per CPU s",
          "peak MiB, all processes", "load before"]
RULES = ROOT / "config/rules/start.yaml"
START_SECONDS_MAX = 60


def make_store(binary, data):
    """Identify's store with the rules as number 1; it need not have read the stream."""
    config = data / "bench.yaml"
    config.write_text(f'rules: "{RULES}"\n', encoding="utf-8")
    program = subprocess.Popen([binary, "identify", "--data", str(data), "--config", str(config)],
                               stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + START_SECONDS_MAX
    for line in program.stderr:
        if '"ready"' in line or time.monotonic() > deadline:
            break
    program.terminate()
    program.communicate()


def memory_of(pid):
    total = 0
    for one in [pid, *process.children(pid)]:
        try:
            total += process.pss_bytes(one)
        except (OSError, ProcessLookupError):
            pass  # it has ended meanwhile
    return total


def backtest(binary, data):
    today = datetime.date.today()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started, peak = time.monotonic(), 0
    program = subprocess.Popen(
        [binary, "rules", "backtest", str(RULES), "--data", str(data), "--out", str(data / "report"),
         "--from", str(today - datetime.timedelta(days=365)), "--to", str(today)],
        stdout=subprocess.DEVNULL)
    while program.poll() is None:
        peak = max(peak, memory_of(program.pid))
        time.sleep(0.1)
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if program.returncode != 0:
        sys.exit(f"the backtest ended with {program.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "peak_mib": peak / 1048576}


def rows(options):
    binary = os.path.join(options.build, "punos")
    with tempfile.TemporaryDirectory(prefix="punos-bench-") as folder:
        data = Path(folder) / "data"
        clients = rebuild.make_stream(options.build, data, options.events)
        make_store(binary, data)
        load = os.getloadavg()[0]
        runs = [backtest(binary, data) for _ in range(options.runs)]
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    yield [options.events, clients, round(middle["seconds"], 1), round(middle["cpu"], 1),
           int(options.events / middle["cpu"]), round(middle["peak_mib"]), round(load, 1)]

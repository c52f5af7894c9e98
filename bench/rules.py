# SPDX-License-Identifier: Apache-2.0
"""The same rules over the same made-up county-year in Punos, in Esper and in SQL alone.

What each says is in peers/rules.yaml, rules.epl and rules.sql. Everybody writes which rule rose for whom
and when; what is not the same as Punos' is told. With the rules that a county would start with only Punos
is measured.
"""
import os
import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import jars
import rebuild

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "bench/peers"
TITLE = "Rules over a county-year"
HEADER = ["what", "rules", "events", "seconds", "events/s", "CPU µs per event", "memory MiB",
          "triggers rose", "not the same as Punos", "at another moment"]
START = ROOT / "config/rules/start.yaml"
JAVA_HEAP = "-Xmx6g"


def rises(path):
    """Of a file of rule, client, moment."""
    return set(path.read_text(encoding="utf-8").split())


def in_memory(options, folder, rules):
    """Punos' engine alone: each event's evaluation, and the walk over everybody's history."""
    out = subprocess.run([os.path.join(options.build, "bench", "bench_rules"), "--triggers",
                          folder / "punos.csv", rules, folder], capture_output=True, text=True,
                         check=True).stdout.split()
    told = {name: float(number) for name, number in zip(out[::2], out[1::2])}
    common = {"rules": told["rules"], "events": told["events"], "memory": told["peak_mib"]}
    yield "live", common | {"seconds": told["events"] / told["events/s"],
                            "cpu_us": told["cpu_us"], "file": folder / "punos.csv"}
    yield "history", common | {"seconds": told["history_s"],
                               "cpu_us": told["history_s"] * 1e6 / told["events"],
                               "file": folder / "punos.csv.history"}


def service(options, folder, rules):
    """The identify service from an empty store to the end of the stream."""
    config = folder / "punos.yaml"
    config.write_text(f"rules: {rules}\n", encoding="utf-8")
    told = rebuild.rebuild(os.path.join(options.build, "punos"), folder, "identify",
                           more=["--config", str(config)])
    return {"rules": None, "events": told["events"], "seconds": told["seconds"],
            "cpu_us": told["cpu_us"], "memory": told["peak_mib"]}


def esper(options, folder):
    found = jars.folder()
    if found is None:
        return None
    classes = Path(options.build) / "bench/esper"
    subprocess.run(["javac", "-nowarn", "-cp", f"{found}/*", "-d", classes,
                    PEERS / "EsperRules.java"], check=True)
    out = subprocess.run(["java", "-Duser.timezone=Europe/Helsinki", "-XX:+UseSerialGC", JAVA_HEAP, "-cp",
                          f"{classes}:{found}/*", "EsperRules", folder, PEERS / "rules.epl"],
                         capture_output=True, text=True, check=True).stdout.split()
    events, seconds, cpu, held = (float(word) for word in out)
    return {"rules": 8, "events": events, "seconds": seconds, "cpu_us": cpu / events * 1e6,
            "memory": held / 1048576, "file": folder / "esper.csv"}


def sql(folder, events):
    """PostgreSQL from loaded tables to the table of triggers."""
    script = ROOT / "tests/integration/postgres.sh"
    server = subprocess.run([script, "start"], capture_output=True, text=True,
                            check=True).stdout.strip()
    try:
        lines = subprocess.run([script, "env", server], capture_output=True, text=True,
                               check=True).stdout
        out = subprocess.run(["psql", "-qX", "-f", PEERS / "rules.sql"], cwd=folder, check=True,
                             capture_output=True, text=True,
                             env=os.environ | dict(re.findall(r"(PG\w+)=(\w[\w.]*)", lines))).stdout
    finally:
        subprocess.run([script, "stop", server], check=True)
    told = dict(line.split() for line in out.splitlines())
    return {"rules": 8, "events": events, "memory": float(told["memory"]) / 1024,
            "seconds": float(told["judged"]) - float(told["loaded"]), "cpu_us": None,
            "file": folder / "sql.csv"}


def measure_once(options, folder, rules, start):
    """What was measured: its name to its figures."""
    names = {"live": "Punos, each event evaluated, in memory",
             "history": "Punos, everybody's history walked, in memory"}
    for kind, figures in in_memory(options, folder, rules):
        yield names[kind], figures | {"found": rises(figures["file"])}
        events = figures["events"]
    yield "Punos, identify from the stream into its store", service(options, folder, rules)
    figures = esper(options, folder)
    if figures:
        yield "Esper 9.0.0", figures | {"found": rises(figures["file"])}
    figures = sql(folder, events)
    yield "PostgreSQL, SQL alone (loading not counted)", figures | {"found": rises(figures["file"])}
    for kind, figures in in_memory(options, folder, start):
        yield f"{names[kind]}, {start.name}", figures
    yield f"Punos, identify, {start.name}", service(options, folder, start)


def compare(found, ours):
    """How many of a rule for a client only one of them has, and how many rose at another moment."""
    def by_client(lines):
        moments = {}
        for line in lines:
            trigger, moment = line.rsplit(",", 1)
            moments.setdefault(trigger, set()).add(moment)
        return moments

    found, ours = by_client(found), by_client(ours)
    both = found.keys() & ours.keys()
    return len(found.keys() ^ ours.keys()), sum(found[key] != ours[key] for key in both)


def row_of(name, runs, ours):
    def middle(key):
        values = [run[key] for run in runs if run[key] is not None]
        return statistics.median(values) if values else None

    def text(value, digits=0):
        return "" if value is None else f"{value:.{digits}f}"

    found = runs[-1].get("found")
    other, moved = compare(found, ours) if found else (None, None)
    return [name, text(middle("rules")), text(middle("events")), text(middle("seconds"), 1),
            text(middle("events") / middle("seconds")), text(middle("cpu_us"), 1),
            text(middle("memory")), text(len(found)) if found else "", text(other), text(moved)]


def rows(options):
    folder = Path(tempfile.mkdtemp(prefix="punos-rules-"))
    folder.chmod(0o755)
    rebuild.make_stream(options.build, folder, options.events, tables=folder)
    runs = {}
    for _ in range(options.runs):
        for name, figures in measure_once(options, folder, PEERS / "rules.yaml", START):
            runs.setdefault(name, []).append(figures)
    ours = next(iter(runs.values()))[-1]["found"]
    for name, figures in runs.items():
        yield row_of(name, figures, ours)
    shutil.rmtree(folder)

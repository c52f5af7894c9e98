#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well rules find the shared clients of a made-up county: precision and recall, with intervals.

    score.py --county DIR [--data DATA] [--rules FILE]...

plays the county (made by population.py) into a hub of its own, then has `punos identify` evaluate each rule
file over the stream, and holds what fires at the end against DIR/truth.csv. `--data` is a hub's data folder
(embedded stream) that the county is in already; it is not changed beyond the identification's store, which
is set aside and put back. Figures: for each rule for how many clients it fires, and how many names there are
on the work list (rules that only support others put nobody there), how many of these are shared (precision)
and how many of the shared are found (recall), with Wilson's 95 % intervals; the list by health station and by
segment; and the precision of its first names.
"""
import argparse
import csv
import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))
import play  # noqa: E402
from hubkey import key_maker  # noqa: E402

DEFAULT_RULES = play.ROOT / "config" / "rules" / "start.yaml"
RAISED, LAPSED = 0, 8  # triggers.state and cases.state, services/identify/worklist/worklist_read.h
FIRST_NAMES = (10, 50, 100, 500)
SECONDS_MAX = 1800
WILSON_Z = 1.96


def wilson(hits, count):
    """(share, low, high); (None, 0, 1) of nothing."""
    if count == 0:
        return None, 0.0, 1.0
    share, square = hits / count, WILSON_Z ** 2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = WILSON_Z / (1 + square / count) * math.sqrt(
        share * (1 - share) / count + square / (4 * count * count))
    return share, max(middle - half, 0.0), min(middle + half, 1.0)


def read_truth(county):
    with open(Path(county) / "truth.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- What fires ----------------------------------------------------------------------------------


def fired_of_store(store, codes):
    """{code: {rule: count}} of what holds, and the codes of the work list in its order."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30)
    fired = {}
    for key, rule, counted in connection.execute(
            "SELECT k.client_key, t.rule, t.counted FROM triggers t JOIN client_keys k "
            "ON k.client = t.client WHERE t.state = ?", (RAISED,)):
        fired.setdefault(codes.get(key, key), {})[rule] = counted
    ranked = [codes.get(key, key) for (key,) in connection.execute(
        "SELECT k.client_key FROM cases c JOIN client_keys k ON k.client = c.client "
        "WHERE c.state <> ? AND c.merged_into = 0 ORDER BY c.rank DESC, k.client_key", (LAPSED,))]
    connection.close()
    return fired, ranked


def evaluate(binary, data, rules, codes):
    """Has a new identification read the whole stream with these rules."""
    folder = Path(tempfile.mkdtemp(prefix="punos-score-"))
    config = folder / "punos.yaml"
    config.write_text(f'rules: "{Path(rules).resolve()}"\n', encoding="utf-8")
    store, aside = data / "store", folder / "aside"
    aside.mkdir()
    for path in store.glob("identify.db*"):
        shutil.move(path, aside / path.name)
    started = time.monotonic()
    try:
        _run_identify(binary, data, config)
        seconds = time.monotonic() - started
        return (*fired_of_store(store / "identify.db", codes), seconds)
    finally:
        for path in store.glob("identify.db*"):
            path.unlink()
        for path in aside.iterdir():
            shutil.move(path, store / path.name)
        shutil.rmtree(folder)


def _run_identify(binary, data, config):
    for path in (data / "run").glob("identify.*"):
        path.unlink()
    program = subprocess.Popen([binary, "identify", "--data", str(data), "--config", str(config)],
                               stderr=subprocess.DEVNULL)
    try:
        play.wait_until(lambda: _has_read(program, data), SECONDS_MAX, "identify to read the stream")
    finally:
        if program.poll() is None:
            os.kill(program.pid, signal.SIGTERM)
            program.wait()


def _has_read(program, data):
    assert program.poll() is None, f"identify stopped with {program.returncode}"
    found = play.read_metrics(data, "identify")
    return (found.get(("punos_events_total", "done"), 0) > 0 and
            found.get(("punos_lag_events", ""), 1) == 0)


# --- Figures -------------------------------------------------------------------------------------


def figures(name, flagged, rows):
    """Of the clients in `rows`: how the flagged ones are the shared ones."""
    shared = {row["code"] for row in rows if row["shared"] == "1"}
    among = {row["code"] for row in rows} & set(flagged)
    hits = len(among & shared)
    return {"name": name, "fired": len(among), "shared": len(shared), "hits": hits,
            "precision": wilson(hits, len(among)), "recall": wilson(hits, len(shared))}


def recall_by(fired, truth, rules, name):
    """{rule: {value: recall}}: what a system cannot tell, a rule cannot find there."""
    values = sorted({row[name] for row in truth})
    return {rule: {value: figures(value, [c for c, found in fired.items() if rule in found],
                                  [row for row in truth if row[name] == value])["recall"][0]
                   for value in values} for rule in rules}


def score(fired, ranked, truth):
    rules = sorted({rule for found in fired.values() for rule in found})
    known = {row["code"] for row in truth}
    result = {"whole": figures("on the list", ranked, truth),
              "unknown": sum(1 for code in fired if code not in known),
              "rules": [figures(rule, [c for c, found in fired.items() if rule in found], truth)
                        for rule in rules],
              "several": [figures(f"{count} rules or more",
                                  [c for c, found in fired.items() if len(found) >= count], truth)
                          for count in (2, 3)],
              "first": [figures(f"first {count} names", ranked[:count], truth)
                        for count in FIRST_NAMES if count <= len(ranked)]}
    result["rule_recall"] = recall_by(fired, truth, rules, "primary")
    for name in ("station", "primary", "segment", "why", "language", "sex"):
        values = sorted({row[name] for row in truth if row[name]})
        result[name] = [figures(value, ranked, [row for row in truth if row[name] == value])
                        for value in values]
    return result


def _interval(value):
    share, low, high = value
    return f"{'—':>16}" if share is None else f"{share:5.1%} ({low:4.0%}–{high:4.0%})"


def show(result):
    print(f"{'':26}{'fired':>7}{'shared':>8}{'hits':>6}  {'precision':18}  recall")
    for title in ("rules", "several", "first", "whole", "station", "primary", "why", "segment"):
        rows = result[title] if isinstance(result[title], list) else [result[title]]
        if title in ("station", "primary", "why", "segment"):
            print(f"-- on the list, by {title}")
        for row in rows:
            print(f"{row['name']:26}{row['fired']:7}{row['shared']:8}{row['hits']:6}  "
                  f"{_interval(row['precision']):18}  {_interval(row['recall'])}")
    systems = sorted(next(iter(result["rule_recall"].values()), {}))
    print(f"-- recall of each rule, by the station's system\n{'':26}" +
          "".join(f"{name:>12}" for name in systems))
    for rule, recalls in result["rule_recall"].items():
        print(f"{rule:26}" + "".join(f"{'—' if recalls[name] is None else format(recalls[name], '.0%'):>12}"
                                     for name in systems))


def score_data(binary, data, county, rules):
    truth = read_truth(county)
    make = key_maker(data)
    codes = {make(row["code"]): row["code"] for row in truth}
    results = {}
    for path in rules:
        fired, ranked, seconds = evaluate(binary, data, path, codes)
        results[str(path)] = score(fired, ranked, truth)
        print(f"== {path}: {seconds:.1f} s")
        show(results[str(path)])
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--county", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rules", type=Path, nargs="+", default=[DEFAULT_RULES])
    parser.add_argument("--json", type=Path, help="also into this file")
    parser.add_argument("--binary", default=str(play.ROOT / "build/punos"))
    arguments = parser.parse_args()
    if arguments.data:
        results = score_data(arguments.binary, arguments.data, arguments.county, arguments.rules)
    else:
        with play.CountyHub(arguments.county, binary=arguments.binary) as hub:
            started = time.monotonic()
            counts = play.play(hub, SECONDS_MAX)
            play.settle(hub, SECONDS_MAX)
            print(f"played {sum(counts.values())} messages in {time.monotonic() - started:.0f} s")
            hub.stop()
            results = score_data(arguments.binary, hub.data, arguments.county, arguments.rules)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What bench/run.sh runs after the build; its options are described there."""
import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

import backtest
import idle
import intake
import mapping
import page
import rebuild
import rules
import secure
import stream
import trigger

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = {"intake": intake, "rebuild": rebuild, "page": page, "trigger": trigger, "idle": idle,
            "stream": stream, "rules": rules, "backtest": backtest,
            "mapping": mapping, "secure": secure}
FULL = {"runs": 5, "messages": 40000, "events": 1000000, "requests": 2000, "probes": 300,
        "seconds": 2}
QUICK = {"runs": 1, "messages": 4000, "events": 50000, "requests": 300, "probes": 40,
         "seconds": 0.5}


def first_match(path, prefix):
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(prefix):
            return line.split(":", 1)[1].strip()
    return "unknown"


def machine():
    memory = int(first_match("/proc/meminfo", "MemTotal").split()[0]) / 1048576
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=False,
                            capture_output=True, text=True).stdout.strip()
    return (f"{os.cpu_count()} × {first_match('/proc/cpuinfo', 'model name')}, {memory:.0f} GiB, "
            f"Linux {platform.release()}; load before {os.getloadavg()[0]:.1f}; commit {commit}")


def options_of(words):
    parser = argparse.ArgumentParser(prog="bench/run.sh")
    parser.add_argument("--build", default="build", help="the build folder")
    parser.add_argument("--quick", action="store_true", help="one run, small")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="this section alone")
    parser.add_argument("--runs", type=int, help="medians of so many")
    parser.add_argument("--events", type=int, help="for rebuild, page, rules and backtest")
    parser.add_argument("--out", type=Path, help="the tables go there too")
    options = parser.parse_args(words)
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name, None) is None:
            setattr(options, name, value)
    options.build = os.path.abspath(options.build)
    options.out = options.out or Path(options.build) / "bench" / "figures.md"
    return options


def main():
    options = options_of(sys.argv[1:])
    with open(options.out, "w", encoding="utf-8") as file:
        def say(text=""):
            print(text, flush=True)
            print(text, file=file, flush=True)

        say(f"`bench/run.sh {' '.join(sys.argv[3:])}`".replace(" `", "`"))
        say()
        say(f"{machine()}; medians of {options.runs}.")
        for name in options.only or SECTIONS:
            section = SECTIONS[name]
            say(f"\n### {section.TITLE} (`--only {name}`)\n")
            say("| " + " | ".join(section.HEADER) + " |")
            say("|" + "---|" * len(section.HEADER))
            for row in section.rows(options):
                say("| " + " | ".join(str(cell) for cell in row) + " |")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A made-up county's year, as the native messages of all its records systems, with known truth.

    population.py --out DIR [--clients 2000] [--weeks 52] [--seed 1] [--until 2026-11-23] [--jobs 2]

writes DIR/<system>/<transport>/<day>.* in the order of sending, and DIR/truth.csv: who is a shared client, of
which segment, why, and what each client's year comes to. The hub is never given that file. `--until` is the
first day after the county's time (default: today). The same arguments give the same bytes.
"""
import argparse
import datetime
import os
import time
from pathlib import Path

from made import clients, life, parameters, write
from made.days import BEFORE, Days


def make(arguments):
    read = parameters.read()
    first = arguments.until - datetime.timedelta(weeks=arguments.weeks)
    days = Days(first, arguments.weeks, read["rhythm"])
    last = days.dates[BEFORE + days.count - 1]
    people = clients.make(read, arguments.clients, arguments.seed, last)
    world = life.World(read, clients.kind_parameters(read), days, arguments.seed)
    return write.write(world, people, arguments.out, arguments.jobs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", type=datetime.date.fromisoformat, default=datetime.date.today())
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 2))
    arguments = parser.parse_args()
    started = time.monotonic()
    counts = make(arguments)
    for (system, transport, form), count in sorted(counts.items()):
        print(f"{system:12} {transport:5} {form:5} {count:9}")
    print(f"{sum(counts.values())} messages of {arguments.clients} clients in "
          f"{time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()

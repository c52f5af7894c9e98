#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A made-up county's figures beside the documents'.

    proportions.py --county DIR

Counted from truth.csv, which is counted from what happened and not from messages. Exit status 1 when a figure
is outside its bounds (parameters.toml; wider for a county of less than 20,000 clients).
"""
import argparse
import csv
import math
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))
from made import parameters  # noqa: E402

BOUNDS_OF = 20000   # clients that the bounds are meant for
WIDER_AT_MOST = 2.5
NUMBERS = ("age", "emergency", "contacts", "professions", "noshows", "vague", "clientship", "ward_days",
           "cost")
TITLES = {
    "cost_of_tenth": "the costliest tenth's share of the cost",
    "frequent_clients": "adults with four emergency visits or more",
    "frequent_visits": "their share of adults' emergency visits",
    "professions_all": "profession groups, all clients",
    "professions_tenth": "profession groups, the costliest tenth",
    "professions_shared": "profession groups, shared clients",
    "shared_ten_visits": "shared clients with ten emergency visits or more",
}


def read(county):
    with open(Path(county) / "truth.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["shared"] = row["shared"] == "1"
        for name in NUMBERS:
            row[name] = int(row[name])
    return rows


def mean(rows, name):
    return sum(row[name] for row in rows) / max(len(rows), 1)


def figures(rows):
    by_cost = sorted(rows, key=lambda row: -row["cost"])
    tenth = by_cost[:len(rows) // 10]
    adults = [row for row in rows if row["age"] >= 18]
    often = [row for row in adults if row["emergency"] >= 4]
    shared = [row for row in rows if row["shared"]]
    visits = sum(row["emergency"] for row in adults)
    return {"cost_of_tenth": sum(row["cost"] for row in tenth) / sum(row["cost"] for row in rows),
            "frequent_clients": len(often) / len(adults),
            "frequent_visits": sum(row["emergency"] for row in often) / max(visits, 1),
            "professions_all": mean(rows, "professions"),
            "professions_tenth": mean(tenth, "professions"),
            "professions_shared": mean(shared, "professions"),
            "shared_ten_visits": sum(row["emergency"] >= 10 for row in shared) / max(len(shared), 1)}


def visitors_share(rows):
    """Of emergency visits, the part of the twentieth of visitors who come most (000:312: 30 to 50 %)."""
    visits = sorted((row["emergency"] for row in rows if row["emergency"]), reverse=True)
    return sum(visits[:len(visits) // 20]) / max(sum(visits), 1)


def bounds(wanted, clients):
    middle, low, high = wanted
    wider = min(max(math.sqrt(BOUNDS_OF / clients), 1.0), WIDER_AT_MOST)
    return middle - (middle - low) * wider, middle + (high - middle) * wider


def check(rows, wanted):
    """Prints the table; the names of the figures that are out of bounds."""
    found, outside = figures(rows), []
    print(f"{'':52}{'documents':>10}{'county':>9}   bounds")
    for name, value in found.items():
        low, high = bounds(wanted[name], len(rows))
        is_out = not low <= value <= high
        outside += [name] * is_out
        print(f"{TITLES[name]:52}{wanted[name][0]:10.3f}{value:9.3f}   {low:.3f}–{high:.3f}"
              f"{'  OUTSIDE' if is_out else ''}")
    print(f"{'the twentieth of emergency visitors: their visits':52}{'.30–.50':>10}"
          f"{visitors_share(rows):9.3f}   not held: does not fit the two rows above")
    groups = (("shared clients", [row for row in rows if row["shared"]]),
              ("all others", [row for row in rows if not row["shared"]]))
    for title, part in groups:
        print(f"{title}: {len(part)}; a year each: emergency {mean(part, 'emergency'):.2f}, contacts "
              f"{mean(part, 'contacts'):.1f}, no-shows {mean(part, 'noshows'):.2f}, vague reasons "
              f"{mean(part, 'vague'):.2f}, with a clientship {mean(part, 'clientship'):.0%}, cost "
              f"{mean(part, 'cost'):.0f} €")
    return outside


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--county", type=Path, required=True)
    arguments = parser.parse_args()
    outside = check(read(arguments.county), parameters.read()["proportions"])
    if outside:
        sys.exit(f"out of bounds: {', '.join(outside)}")


if __name__ == "__main__":
    main()

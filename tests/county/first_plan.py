#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a shared plan for the first client of a work list, from schemas/plan-example.json.

    first_plan.py --worklist FILE --plan FILE
"""
import argparse
import datetime
import json
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "schemas" / "plan-example.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--worklist", type=Path, required=True)
    parser.add_argument("--plan", type=Path, required=True)
    arguments = parser.parse_args()
    clients = json.loads(arguments.worklist.read_text(encoding="utf-8"))["clients"]
    for client in clients[:3]:
        reasons = ", ".join(trigger["title"]["en"] for trigger in client["triggers"])
        print(f"client {client['client'][:8]}…: {reasons}")
    plan = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    for hub_keeps in ("id", "meta", "created", "author"):
        plan.pop(hub_keeps, None)
    text = json.dumps(plan)
    text = text.replace(plan["subject"]["reference"], f"Patient/{clients[0]['client']}")
    plan = json.loads(text)
    today = datetime.date.today()
    plan["period"] = {"start": today.isoformat(),
                      "end": (today + datetime.timedelta(days=150)).isoformat()}
    arguments.plan.write_text(json.dumps(plan, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Messages into files: OUT/<system>/<transport>/<day>.<ending>, each in the order in which it was sent.

What a system sends one by one stands in a day's file as it would go over the line: HL7 v2 one after the
other, JSON and XML a message a line. What a system leaves as a file is that file. The whole county is never
in memory: clients are told in parts, parts are sorted week by week.
"""
import csv
import multiprocessing
import pickle
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from made import figures
from made.life import Life
from made.systems.social import Effica
from made.tell import Telling

PART = 2000  # clients
FORK = multiprocessing.get_context("fork")  # the pool sees _shared
TRUTH = ["index", "code", "shared", "segment", "why", "station", "primary", "social", "age", "sex",
         "language", *figures.COLUMNS]
ENDINGS = {("mllp", "hl7"): "hl7", ("http", "json"): "jsonl", ("http", "xml"): "lines",
           ("poll", "json"): "jsonl", ("drop", "csv"): "csv", ("drop", "xml"): "xml"}
# What stands around the records of a file that a system leaves in its folder.
FRAMES = {("effica", "csv"): (";".join(Effica.COLUMNS).encode("cp1252") + b"\n", b""),
          ("effica", "xml"): ('<?xml version="1.0" encoding="UTF-8"?>\n<EfficaSiirto versio="1">'
                              "<Lahettaja>Koealue</Lahettaja>\n".encode(), b"</EfficaSiirto>\n"),
          ("pro-consona", "xml"): ('<?xml version="1.0" encoding="UTF-8"?>\n<ConsonaAineisto versio="1">'
                                   "<Lahettaja>Koealue</Lahettaja>\n".encode(), b"</ConsonaAineisto>\n")}

_shared = {}  # what the processes of the pool are forked with


def _tell_part(number):
    world, clients, folder = _shared["world"], _shared["clients"], _shared["folder"]
    weeks, truth = {}, []
    for client in clients[number * PART:(number + 1) * PART]:
        happenings = Life(world, client).live()
        kind = world.kinds[client.kind, client.why]
        client.figures = figures.count(happenings, kind, world.parameters["prices"], world.days)
        messages = Telling(world, client).tell(happenings)
        for place, (moment, channel, payload) in enumerate(messages):
            weeks.setdefault(moment // (7 * 1440), []).append(
                (moment, client.index, place, channel, payload))
        truth.append([client.index, client.code, int(client.is_shared), client.kind, client.why,
                      client.station["unit"], client.station["primary"], client.station["social"],
                      client.age, client.sex, client.language, *client.figures.values()])
    for week, messages in weeks.items():
        with open(folder / f"{week:+05d}.{number:05d}", "wb") as file:
            pickle.dump(messages, file, pickle.HIGHEST_PROTOCOL)
    return sorted(weeks), truth


def _write_week(week):
    """Sorts one week's messages and appends them to the files of its days; how many of each channel."""
    world, folder, out = _shared["world"], _shared["folder"], _shared["out"]
    messages = []
    for path in sorted(folder.glob(f"{week:+05d}.*")):
        with open(path, "rb") as file:
            messages += pickle.load(file)
        path.unlink()
    messages.sort(key=lambda message: message[:3])
    files, counts = {}, {}
    for moment, _, _, channel, payload in messages:
        files.setdefault((moment // 1440, channel), []).append(payload)
        counts[channel] = counts.get(channel, 0) + 1
    for (day, channel), payloads in files.items():
        _write_file(out, world.days.date(day * 1440), channel, payloads)
    return counts


def _write_file(out, date, channel, payloads):
    system, transport, form = channel
    folder = out / system / transport
    folder.mkdir(parents=True, exist_ok=True)
    before, after = FRAMES.get((system, form), (b"", b""))
    end = b"" if form == "hl7" else b"\n"
    with open(folder / f"{date}.{ENDINGS[transport, form]}", "wb") as file:
        file.write(before)
        file.writelines(payload + end for payload in payloads)
        file.write(after)


def write(world, clients, out, jobs):
    """All messages and truth.csv; how many messages of each (system, transport, form)."""
    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".parts-", dir=out))
    _shared.update(world=world, clients=clients, folder=folder, out=out)
    counts, weeks = {}, set()
    try:
        with open(out / "truth.csv", "w", encoding="utf-8", newline="") as file, \
                ProcessPoolExecutor(jobs, FORK) as pool:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(TRUTH)
            for found, truth in pool.map(_tell_part, range(-(-len(clients) // PART))):
                weeks.update(found)
                rows.writerows(truth)
            for week_counts in pool.map(_write_week, sorted(weeks)):
                for channel, count in week_counts.items():
                    counts[channel] = counts.get(channel, 0) + count
    finally:
        shutil.rmtree(folder)
    return counts

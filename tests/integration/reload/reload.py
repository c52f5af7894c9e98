#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules are changed under a running hub: messages stream in while rule sets are promoted and put back
and identify is killed again and again. In the end its triggers are those of a hub that had the last rules
from the start, and what was told of them on the feed adds up to them: none lost, none doubled. A
backtest says when identify is behind the events that it read."""
import csv
import datetime
import http.client
import json
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
sys.path.insert(0, str(ROOT / "tests" / "county"))
import hl7  # noqa: E402
import hub as whole  # noqa: E402

RULES = ROOT / "tests/unit/identify/plain.yaml"
UTC = datetime.timezone.utc
SECONDS = 60
CLIENTS, MISSED_MAX = 40, 5
LATE = 7  # events
CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"
KINDS = ("raised", "changed", "lapsed", "retracted")


class Person:
    """Made up: individual numbers over 900."""

    def __init__(self, number):
        self.number = number
        self.birth = datetime.date(1950 + number % 40, 1 + number % 12, 1 + number % 28)
        digits = f"{self.birth:%d%m%y}{900 + number % 100}"
        self.code = f"{digits[:6]}-{digits[6:]}{CHECK[int(digits) % 31]}"
        self.family, self.given, self.sex, self.municipality = "Testinen", "Koe", "F", "091"


def missed(person, place):
    start = datetime.datetime.now(UTC) - datetime.timedelta(days=20 * place + 3)
    appointment = {"id": f"P{person.number}N{place}", "start": start, "minutes": 30,
                   "end": start + datetime.timedelta(minutes=30), "service": "15", "unit": "AIKA",
                   "profession": "laakari"}
    return hl7.siu("S26", appointment["id"], datetime.datetime.now(UTC), person, appointment)


def messages():
    all_of_them = [missed(person, place) for person in map(Person, range(CLIENTS))
                   for place in range(1 + person.number % MISSED_MAX)]
    random.Random(7).shuffle(all_of_them)
    return all_of_them


def send(hub, all_of_them, pause):
    with socket.create_connection(("127.0.0.1", hub.mllp_port("oberon")), SECONDS) as connection:
        for message in all_of_them:
            code, _ = whole.acknowledgement(whole.exchange(connection, message))
            assert code == "AA", code
            time.sleep(pause)  # the rate of the load


def variant(folder, at_least):
    """The rules with another threshold for unused appointments."""
    text = RULES.read_text(encoding="utf-8")
    before = "where: unused, in_months: 12, at_least: 3"
    assert before in text
    path = folder / f"rules-{at_least}.yaml"
    path.write_text(text.replace(before, before[:-1] + str(at_least)), encoding="utf-8")
    return path


def told(hub):
    """(client, rule): happenings in the order of the feed, until nothing has come for a second."""
    found = {}
    connection = http.client.HTTPConnection("127.0.0.1", hub.api_port, timeout=1)
    types = ",".join(f"fi.punos.trigger.{kind}.v1" for kind in KINDS)
    connection.request("GET", f"/feed?from=start&types={types}",
                       headers={"Authorization": f"Bearer {hub.token()}"})
    try:
        for line in connection.getresponse():
            if line.startswith(b"data: {"):
                event = json.loads(line[6:])
                rule = event["data"]["code"]["coding"][0]["code"]
                found.setdefault((event["subject"], rule), []).append(event["type"].split(".")[3])
    except (socket.timeout, TimeoutError):
        pass
    finally:
        connection.close()
    return found


def raised(found):
    """What holds after all that was told; each is raised and ended by turns."""
    now = set()
    for key, happenings in found.items():
        for happening in happenings:
            assert (key in now) == (happening != "raised"), f"{key[1]}: {happenings}"
            if happening == "raised":
                now.add(key)
            elif happening in ("lapsed", "retracted"):
                now.discard(key)
    return now


def holding(hub, wanted):
    """What holds, once it is so many: the feed may be slower than the second that ends its reading."""
    found = raised(told(hub))
    return found if len(found) == wanted else None


def run(hub, *words, status=0):
    answer = hub.run(*words)
    assert answer.returncode == status, f"{words}: {answer.returncode} {answer.stderr!r}"
    return answer.stdout.decode() + answer.stderr.decode()


def backtest(hub, path):
    today = datetime.date.today()
    run(hub, "rules", "backtest", str(path), "--from", str(today - datetime.timedelta(days=200)),
        "--to", str(today + datetime.timedelta(days=1)), "--out", str(hub.folder / "report"))


def kill(hub):
    whole.wait_until(lambda: hub.kill("identify"), SECONDS, "identify to be there")


def expected(client_count, at_least):
    return sum(1 for number in range(client_count) if 1 + number % MISSED_MAX >= at_least)


def change_under_load(hub, files):
    """Promotes, restores and kills while messages come; ends with the rules of files[0]."""
    sending = threading.Thread(target=send, args=(hub, messages(), 0.02))
    sending.start()
    for path in files:
        backtest(hub, path)
    for turn in range(3):
        run(hub, "rules", "promote", str(files[1 + turn % 2]), "--by", "a test")
        if turn % 2 == 0:
            kill(hub)
        run(hub, "rules", "restore", "1", "--by", "a test")
        kill(hub)
    run(hub, "rules", "promote", str(files[1]), "--by", "a test")
    run(hub, "rules", "promote", str(files[0]), "--by", "a test")
    kill(hub)
    sending.join()


def gates(hub, folder):
    """What is refused, and what is kept."""
    fresh = variant(folder, 6)
    answer = run(hub, "rules", "promote", str(fresh), "--by", "a test", status=1)
    assert "no backtest" in answer, answer
    bad = folder / "bad.yaml"
    bad.write_text(fresh.read_text(encoding="utf-8").replace("in_months: 12", "in_months: 0", 1),
                   encoding="utf-8")
    for words in (("promote", str(bad), "--by", "a test"),
                  ("backtest", str(bad), "--from", "2026-01-01", "--to", "2026-02-01")):
        answer = run(hub, "rules", *words, status=1)
        assert "bad.yaml:" in answer and "in_months" in answer, answer
    backtest(hub, fresh)
    fresh.write_text(fresh.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    run(hub, "rules", "promote", str(fresh), "--by", "a test", status=1)
    run(hub, "rules", "promote", str(variant(folder, 2)), status=1)
    history = run(hub, "rules", "history")
    assert "installation" in history and "a test" in history and "in use" in history, history
    shown = run(hub, "rules", "show", "1")
    assert shown == RULES.read_text(encoding="utf-8")


def behind(hub):
    """How many events a backtest says that identify has not handled; 0 when it warns of none."""
    backtest(hub, RULES)
    with open(hub.folder / "report/warnings.csv", encoding="utf-8-sig", newline="") as file:
        found = [row["warning"] for row in csv.DictReader(file) if row["what"] == "behind"]
    return int(re.search("[0-9]+", found[0])[0]) if found else 0


def lag(hub):
    """Events come while identify is away: a backtest says how far behind the list is, and no more
    once the service has caught up. The hub is stopped, and runs afterwards."""
    whole.equal(behind(hub), 0, "nothing new since the hub stopped")
    ingest = subprocess.Popen([hub.binary, "ingest", "--data", str(hub.data), "--config",
                               str(hub.config)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        whole.wait_until(lambda: is_listening(hub), SECONDS, "ingest to listen")
        send(hub, [missed(Person(0), 20 + place) for place in range(LATE)], 0)
        whole.wait_until(lambda: behind(hub) >= LATE, SECONDS, f"{LATE} events or more behind")
    finally:
        ingest.terminate()
        ingest.wait(timeout=30)
    assert behind(hub) >= LATE, "still behind"
    hub.start()
    whole.wait_until(lambda: behind(hub) == 0, SECONDS, "identify to catch up")


def is_listening(hub):
    try:
        socket.create_connection(("127.0.0.1", hub.mllp_port("oberon")), 2).close()
    except OSError:
        return False
    return True


def main():
    first = f"rules: {RULES}"
    with whole.Hub(systems=["oberon"], settings=[first]) as hub:
        files = [variant(hub.folder, at_least) for at_least in (2, 4, 5)]
        change_under_load(hub, files)
        wanted = expected(CLIENTS, 2)
        whole.wait_until(lambda: holding(hub, wanted), SECONDS, f"{wanted} triggers to hold")
        time.sleep(2)  # two rounds more change nothing
        here = whole.wait_until(lambda: holding(hub, wanted), SECONDS, "the same to hold")
        gates(hub, hub.folder)
        other = whole.Hub(systems=["oberon"], settings=[f"rules: {files[0]}"])
        # The same clients have the same keys there.
        (other.data / "secrets").mkdir(mode=0o700)
        shutil.copy(hub.data / "secrets" / "hub.key", other.data / "secrets" / "hub.key")
        with other:
            send(other, messages(), 0)
            there = whole.wait_until(lambda: holding(other, wanted), SECONDS,
                                     "as many triggers there")
        assert here == there, f"only here {len(here - there)}, only there {len(there - here)}"
        hub.stop()
        run(hub, "rules", "restore", "1", "--by", "while it is stopped")
        assert "while it is stopped" in run(hub, "rules", "history")
        lag(hub)
    print(f"{wanted} triggers, none lost, none doubled")


if __name__ == "__main__":
    main()

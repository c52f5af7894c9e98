#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The broker, then the database, away for a while (a minute by default) while messages flow: nothing
acknowledged is lost, nothing happens twice, and work goes on by itself.

    outage.py [--seconds 60] [--people 30] [--visits 12]

Needs PN_TEST_KAFKA and PN_TEST_POSTGRES (the folders that kafka.sh and postgres.sh start gave)
besides PN_TEST_BROKERS and PN_TEST_CONNINFO.
"""
import argparse
import datetime
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/county")]
import kill  # noqa: E402
import people  # noqa: E402
from hub import Hub, Receiver, wait_until  # noqa: E402


def script(name, verb, folder):
    subprocess.run([str(ROOT / "tests/integration" / name), verb, folder], check=True,
                   stdout=subprocess.DEVNULL, timeout=120)


def outage(name, folder, seconds, senders):
    """Stops the server, looks that nothing is acknowledged in vain, brings it back."""
    before = sum(s.acknowledged for s in senders)
    script(name, "kill", folder)
    time.sleep(seconds)
    during = sum(s.acknowledged for s in senders) - before
    script(name, "restart", folder)
    returned = time.monotonic()
    total = sum(len(s.messages) for s in senders)
    at_return = sum(s.acknowledged for s in senders)
    wait_until(lambda: sum(s.acknowledged for s in senders) > at_return or at_return == total, 120,
               f"acknowledgements to go on after {name}")
    print(f"{name}: away {seconds:.0f} s, {during} acknowledged meanwhile, "
          f"went on {time.monotonic() - returned:.1f} s after its return", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--visits", type=int, default=12)
    arguments = parser.parse_args()
    source = random.Random(11)
    now = datetime.datetime.now(kill.UTC)
    persons = [people.Person(source, i) for i in range(arguments.people)]
    queues, expected = [[] for _ in range(kill.CONNECTIONS)], {}
    for person in persons:
        messages, expected[person.index] = kill.messages_of(source, person, arguments.visits, now)
        queues[person.index % kill.CONNECTIONS] += messages
    folder = Path(tempfile.mkdtemp(prefix="punos-receiver-"))
    with Receiver("mllp", folder) as receiver, \
            Hub(systems=("oberon",), receivers={"oberon": receiver}) as hub:
        senders = [kill.Sender(hub, queue, pause=0.02, patience=arguments.seconds + 120)
                   for queue in queues]
        for sender in senders:
            sender.start()
        wait_until(lambda: sum(s.acknowledged for s in senders) > 50, 30, "messages to flow")
        outage("kafka.sh", os.environ["PN_TEST_KAFKA"], arguments.seconds, senders)
        outage("postgres.sh", os.environ["PN_TEST_POSTGRES"], arguments.seconds, senders)
        for sender in senders:
            sender.join()
            assert sender.error is None, sender.error
        wait_until(hub.is_ready, 120, "the hub to be ready again")
        for person in persons[:3]:
            kill.write_plan(hub, wait_until(lambda p=person: kill.hub_patient(hub, p), 60, "client"))
        triggers, documents = kill.check(hub, persons, expected, receiver)
        print(f"{sum(s.acknowledged for s in senders)} messages acknowledged "
              f"({sum(s.resent for s in senders)} sent again), {triggers} triggers, 3 plans in "
              f"{documents} transmissions: nothing lost, nothing twice")


if __name__ == "__main__":
    main()

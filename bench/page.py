# SPDX-License-Identifier: Apache-2.0
"""One client's timeline page over HTTP, with a county's events stored: GET Patient/{id}/$timeline over
one connection, clients at random, most of them among the tenth that has most of the events."""
import random
import statistics

import hubs
import process
import rebuild

TITLE = "A client's timeline page"
HEADER = ["events stored", "entries on a page", "p50 ms", "p99 ms", "at most ms",
          "CPU ms of the API per page"]
WARM = 200
PAGE_SIZES = (20, 100)


def key_of(client):
    """As bench/make_events.c makes them."""
    return f"{(client + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}{client:016x}"


def ask(caller, source, clients, size, count):
    seconds = []
    for _ in range(count):
        busy = source.random() < 0.75
        client = source.randrange(max(clients // 10, 1) if busy else clients)
        spent, _ = caller.get(f"/fhir/Patient/{key_of(client)}/$timeline?_count={size}")
        seconds.append(spent * 1000)
    return seconds


def rows(options):
    hub = hubs.make(options)
    clients = rebuild.make_stream(options.build, hub.data, options.events)
    with hub:
        hubs.wait_caught_up(hub)
        source, caller = random.Random(1), hubs.Caller(hub)
        for size in PAGE_SIZES:
            ask(caller, source, clients, size, WARM)
            cpu = process.cpu_seconds(hub.pids()["api"])
            runs = [ask(caller, source, clients, size, options.requests)
                    for _ in range(options.runs)]
            cpu = process.cpu_seconds(hub.pids()["api"]) - cpu
            cpu = cpu * 1000 / (options.runs * options.requests)
            yield [options.events, size] + [
                f"{statistics.median(hubs.percentile(run, share) for run in runs):.2f}"
                for share in (0.5, 0.99, 1)] + [f"{cpu:.2f}"]
        caller.close()

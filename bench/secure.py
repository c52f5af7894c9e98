#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Durable MLLP intake over TLS beside plain, 8 connections with one message under way on each.

One hub with a listener of either kind, and the same sender for both: threads with Python's sockets, which
is slower than the hub, so the figure to compare is the hub's processor time per message.
"""
import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time

import intake
import process

TITLE = "MLLP intake over TLS"
HEADER = ["connections", "plain msg/s", "TLS msg/s", "plain p99 ms", "TLS p99 ms", "plain CPU µs per msg",
          "TLS CPU µs per msg", "TLS handshakes/s"]
CONNECTIONS = 8
HANDSHAKES = 200
END = b"\x1c\r"


def context_of(ca):
    context = ssl.create_default_context(cafile=f"{ca}/ca.pem")
    context.load_cert_chain(f"{ca}/sender.pem", f"{ca}/sender.key")
    return context


def connect(port, context):
    plain = socket.create_connection(("127.0.0.1", port), 30)
    return context.wrap_socket(plain, server_hostname="localhost") if context else plain


def talk(connection, messages, times):
    with connection:
        for message in messages:
            started = time.monotonic()
            connection.sendall(b"\x0b" + message + END)
            answer = b""
            while not answer.endswith(END):
                answer += connection.recv(65536)
            assert b"|AA|" in answer, answer
            times.append(time.monotonic() - started)


def measure(port, context, pid, count, prefix):
    """Messages a second, p99 in milliseconds, processor time per message in µs."""
    times, each = [], count // CONNECTIONS
    senders = [threading.Thread(target=talk, args=(
        connect(port, context), [intake.visit(n % 500, f"{prefix}{k}x{n}") for n in range(each)], times))
        for k in range(CONNECTIONS)]
    cpu, started = process.cpu_seconds(pid), time.monotonic()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    took, cpu = time.monotonic() - started, process.cpu_seconds(pid) - cpu
    assert len(times) == each * CONNECTIONS
    return (len(times) / took, sorted(times)[int(len(times) * 0.99)] * 1e3, cpu / len(times) * 1e6)


def handshakes(port, context):
    started = time.monotonic()
    for _ in range(HANDSHAKES):
        connect(port, context).close()
    return HANDSHAKES / (time.monotonic() - started)


def rows(options):
    ca = tempfile.mkdtemp(prefix="punos-secure-")
    subprocess.run([os.path.join(intake.ROOT, "tests/lib/make_ca.sh"), ca], check=True)
    files = f"certificate: {ca}/hub.pem, key: {ca}/hub.key, ca: {ca}/ca.pem"
    hub = intake.Hub(options.build, systems=[
        f'{{ name: secure, adapter: oberon, listen: "127.0.0.1:0", tls: {{ {files} }} }}'])
    ports = dict(re.findall(r"system=(\w+) by=mllp port=(\d+)", hub.log()))
    context, figures = context_of(ca), {"plain": [], "tls": []}
    measure(int(ports["oberon"]), None, hub.process.pid, 2000, "warm")
    for run in range(options.runs):
        for kind, port, use in (("plain", ports["oberon"], None), ("tls", ports["secure"], context)):
            figures[kind].append(measure(int(port), use, hub.process.pid, options.messages,
                                         f"{kind}{run}c"))
    rate = handshakes(int(ports["secure"]), context)
    hub.close()
    shutil.rmtree(ca)
    plain, secure = ([statistics.median(column) for column in zip(*figures[kind])]
                     for kind in ("plain", "tls"))
    yield [CONNECTIONS, f"{plain[0]:.0f}", f"{secure[0]:.0f}", f"{plain[1]:.2f}", f"{secure[1]:.2f}",
           f"{plain[2]:.0f}", f"{secure[2]:.0f}", f"{rate:.0f}"]

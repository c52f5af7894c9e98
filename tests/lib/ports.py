#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ports for the servers that a test starts, and starts again.

Nobody else takes a port that is handed out here. It is outside the range that outgoing connections and
programs that bind port 0 are served from, no other test program is given it while it is held, and when
it is handed out nothing is bound to it.

    held_ports(2)             two ports, held as long as this process lives
    held_ports(2, folder)     held as long as the folder is there: for what outlives the process
    ports.py FOLDER [COUNT]   the same from a shell; prints them on one line

Each port that was ever held has a file under the temporary folder. Who holds the port has the file
locked, or has written the name of its folder into it.
"""
import fcntl
import os
import random
import socket
import sys
import tempfile
from pathlib import Path

PORT_MIN, PORT_MAX = 10000, 65535  # below are the ports that servers have by habit
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
HOLDS = Path(tempfile.gettempdir()) / "punos-test-ports"
_locks = []  # open until the process ends


def candidates():
    """All ports that may be handed out, in any order."""
    first, last = map(int, RANGE.read_text(encoding="ascii").split())
    everyone = range(PORT_MIN, PORT_MAX + 1)
    # Where the range is all there is, the holds are still worth something.
    ours = [port for port in everyone if not first <= port <= last] or list(everyone)
    random.shuffle(ours)
    return ours


def is_bound(port):
    """Also while connections of an earlier server wait for their end."""
    with socket.socket() as tried:
        try:
            tried.bind(("", port))
        except OSError:
            return True
    return False


def lock(port):
    """The port's file, locked and open; None while somebody holds the port."""
    try:
        file = open(HOLDS / str(port), "a+", encoding="utf-8")
    except PermissionError:  # another user's
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.seek(0)
    holder = file.read()
    if (holder and Path(holder).exists()) or is_bound(port):
        file.close()
        return None
    file.truncate(0)
    return file


def held_ports(count, folder=None):
    HOLDS.mkdir(exist_ok=True)
    if HOLDS.stat().st_uid == os.getuid():
        HOLDS.chmod(0o1777)
    found, left = [], iter(candidates())
    while len(found) < count:
        port = next(left, None)
        assert port is not None, f"of {count} ports only {len(found)} are free"
        file = lock(port)
        if file is None:
            continue
        found.append(port)
        if folder is None:
            _locks.append(file)
        else:
            file.write(str(Path(folder).resolve(strict=True)))
            file.close()
    return found


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: ports.py FOLDER [COUNT]")
    print(*held_ports(int(sys.argv[2]) if len(sys.argv) == 3 else 1, sys.argv[1]))


if __name__ == "__main__":
    main()

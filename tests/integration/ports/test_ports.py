#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs side by side are never given the same port, and one that is held by nobody any more is
given again. Runs on three ports of a folder of its own, so that there is something to be short of."""
import os
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests/lib"))
import ports  # noqa: E402

HOLDER = """import sys
sys.path.append(sys.argv[1])
import ports
from pathlib import Path
ports.HOLDS, ports.candidates = Path(sys.argv[2]), lambda: list(map(int, sys.argv[3].split()))
print(*ports.held_ports(int(sys.argv[4]), *sys.argv[5:]), flush=True)
sys.stdin.read()
"""


class Ports(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="punos-ports-")
        self.addCleanup(self.folder.cleanup)
        self.three = ports.held_ports(3)

    def ask(self, count, *folder):
        """(the ports that a program is given, the program: it lives until its input ends)"""
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, ROOT / "tests/lib", Path(self.folder.name, "holds"),
             " ".join(map(str, self.three)), str(count), *folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(holder.communicate)
        return list(map(int, holder.stdout.readline().split())), holder

    def test_outside_the_range_of_outgoing_connections(self):
        first, last = map(int, ports.RANGE.read_text(encoding="ascii").split())
        if last - first < ports.PORT_MAX - ports.PORT_MIN:
            self.assertTrue(all(not first <= port <= last for port in ports.candidates()))
        self.assertNotIn(0, ports.held_ports(1))

    def test_as_long_as_the_process_lives(self):
        first, holder = self.ask(2)
        second, _ = self.ask(1)
        self.assertEqual(sorted(first + second), sorted(self.three))
        self.assertEqual(self.ask(1)[0], [])
        holder.kill()
        holder.wait()
        self.assertEqual(sorted(self.ask(2)[0]), sorted(first))

    def test_as_long_as_the_folder_is_there(self):
        server = tempfile.mkdtemp(dir=self.folder.name)
        held, holder = self.ask(2, server)
        holder.communicate()
        self.assertEqual(self.ask(2)[0], [])
        os.rmdir(server)
        self.assertEqual(sorted(self.ask(3)[0]), sorted(self.three))
        self.assertEqual(len(held), 2)

    def test_not_while_something_is_bound(self):
        for address in ("127.0.0.1", "0.0.0.0"):
            with socket.create_server((address, self.three[0])):
                self.assertEqual(self.ask(3)[0], [])
        self.assertEqual(len(self.ask(3)[0]), 3)

    def test_from_a_shell(self):
        with tempfile.TemporaryDirectory(dir=self.folder.name) as server:
            told = subprocess.run([ROOT / "tests/lib/ports.py", server, "2"], capture_output=True,
                                  text=True, check=True).stdout.split()
            self.assertEqual(len(set(told)), 2)
            held = [(ports.HOLDS / port).read_text(encoding="utf-8") for port in told]
            self.assertEqual(held, [str(Path(server).resolve())] * 2)


if __name__ == "__main__":
    unittest.main()

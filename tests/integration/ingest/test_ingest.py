# SPDX-License-Identifier: Apache-2.0
"""The real `punos ingest`, by its three ways in: what is acknowledged, kept, refused, replayed."""
import json
import os
import random
import shutil
import sqlite3
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from hub import Hub, Mllp, booth_visit, hetu, msa, visit, wait_for  # noqa: E402

BUILD = os.path.abspath("build")


class WithHub(unittest.TestCase):
    def setUp(self):
        self.hub = Hub(BUILD)
        self.addCleanup(self.hub.close)


class ByMllp(WithHub):
    def test_a_message_is_acknowledged_and_on_the_stream(self):
        sender = Mllp(self.hub)
        answer = sender.ask(visit(1, "C1"))
        self.assertEqual(msa(answer)[1:3], ["AA", "C1"])
        self.assertEqual(answer.split("|")[2:6], ["PUNOS", "HUB", "OBERON", "PKL"])
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.started.v1")), 1)
        self.assertEqual(len(self.hub.events(b"fi.punos.client.identified.v1")), 1)
        for event in self.hub.events():
            self.assertNotIn(hetu(1).encode(), event)
            self.assertNotIn(b"Testinen", event)
            self.assertIn(b"specialist", event)

    def test_enhanced_mode_is_answered_as_chapter_2_says(self):
        """Commit first, then the application's word, each as MSH-15 and MSH-16 ask."""
        def ask(control_id, wishes, message=None):
            message = message or visit(7, control_id)
            sender.send(message.replace(b"|P|2.3\r", b"|P|2.3|||" + wishes + b"\r", 1))

        sender = Mllp(self.hub)
        ask("E1", b"AL|AL")
        self.assertEqual(msa(sender.answer())[1:3], ["CA", "E1"])
        answer = sender.answer()
        self.assertEqual(msa(answer)[1:3], ["AA", "E1"])
        self.assertEqual(answer.split("\r")[0].split("|")[14:16], ["NE", "NE"])
        ask("E2", b"AL|NE")
        ask("E3", b"NE|AL")
        self.assertEqual([msa(sender.answer())[1:3] for _ in range(2)], [["CA", "E2"], ["AA", "E3"]])
        # What is wrong lies safely in quarantine; what nothing here handles is not wanted.
        ask("E4", b"AL|ER", visit(7, "E4").replace(b"PV1|1|E|", b"PV1|1|Q|"))
        self.assertEqual([msa(sender.answer())[1] for _ in range(2)], ["CA", "AE"])
        ask("E5", b"AL|AL", visit(7, "E5").replace(b"ADT^A01", b"BAR^P01"))
        self.assertEqual(msa(sender.answer())[1:3], ["CR", "E5"])
        # Neither is answered: nothing is asked for, and an acknowledgement is never acknowledged.
        ask("E6", b"NE|NE")
        sender.send(b"MSH|^~\\&|OBERON|PKL|PUNOS|HUB|20261101120000||ACK|E7|P|2.3\rMSA|CA|X\r")
        self.assertEqual(msa(sender.ask(visit(7, "E8")))[1:3], ["AA", "E8"])

    def test_results_that_nobody_needs_are_taken_and_left(self):
        sender = Mllp(self.hub)
        result = ("MSH|^~\\&|OBERON|PKL|PUNOS|HUB|20261101120000||ORU^R01|R1|P|2.3\r"
                  f"PID|1||{hetu(8)}^^^^HETU||Testinen^Tiina\rOBR|1||N1|2035\r"
                  "OBX|1|NM|2035^P-CRP||3|mg/l|||||F\r").encode()
        self.assertEqual(msa(sender.ask(result))[1:3], ["AA", "R1"])
        self.assertEqual(self.hub.events(), [])
        self.assertEqual(self.hub.run("quarantine", "list").stdout, b"")

    def test_the_same_message_twice_is_one_event(self):
        sender = Mllp(self.hub)
        for _ in range(3):
            self.assertEqual(msa(sender.ask(visit(1, "C1")))[1:3], ["AA", "C1"])
        count = len(self.hub.events())
        self.hub.kill()
        self.hub.start()  # what it remembers in memory is gone
        sender = Mllp(self.hub)
        self.assertEqual(msa(sender.ask(visit(1, "C1")))[1], "AA")
        self.assertEqual(len(self.hub.events()), count)

    def test_identity_is_published_once_and_again_when_it_changes(self):
        sender = Mllp(self.hub)
        for number, family in enumerate(["Testinen", "Testinen", "Uusinen", "Testinen"]):
            person = hetu(7)
            self.assertEqual(
                msa(sender.ask(visit(number, f"C{number}", person=person, family=family)))[1], "AA")
        self.assertEqual(len(self.hub.events(b"fi.punos.client.identified.v1")), 3)
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.started.v1")), 4)

    def test_two_messages_with_one_control_id_are_not_one(self):
        sender = Mllp(self.hub)
        sender.ask(visit(1, "SAME"))
        sender.ask(visit(2, "SAME"))
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.started.v1")), 2)

    def test_frames_come_as_tcp_likes(self):
        sender = Mllp(self.hub)
        sender.send(*[visit(n, f"P{n}") for n in range(200)])
        answers = [msa(sender.answer())[2] for _ in range(200)]
        self.assertEqual(answers, [f"P{n}" for n in range(200)])
        for byte in b"\x0b" + visit(300, "Q1").rstrip(b"\r") + b"\x1c\r":
            sender.raw(bytes([byte]))
        self.assertEqual(msa(sender.answer())[1:3], ["AA", "Q1"])
        self.assertEqual(msa(sender.ask(visit(301, "Q2").replace(b"\r", b"\n")))[1:3], ["AA", "Q2"])
        noise = random.Random(5).randbytes(10 * 1024 * 1024).replace(b"\x0b", b" ")
        sender.raw(noise)
        self.assertEqual(msa(sender.ask(visit(302, "Q3")))[1:3], ["AA", "Q3"])

    def test_what_is_not_understood_is_refused_with_its_place_and_kept(self):
        sender = Mllp(self.hub)
        bad = visit(5, "BAD").replace(hetu(5).encode(), b"320101-9011")
        for _ in range(2):
            answer = sender.ask(bad)
            self.assertEqual(msa(answer)[1:3], ["AE", "BAD"])
            self.assertIn("PID", answer.split("MSA|")[1])
            self.assertNotIn("320101", answer)
        self.assertEqual(msa(sender.ask(b"this is no message"))[1], "AR")
        unknown = visit(6, "UNK").replace(b"ADT^A01", b"ZZZ^Z99")
        self.assertEqual(msa(sender.ask(unknown))[1:3], ["AR", "UNK"])
        listed = self.hub.run("quarantine", "list").stdout.decode().splitlines()
        self.assertEqual(len(listed), 3)
        self.assertIn("x2", listed[0])
        self.assertIn("PID", listed[0])
        self.assertNotIn("320101", "".join(listed))
        self.assertEqual(len(self.hub.events(b"fi.punos.message.quarantined.v1")), 3)
        shown = self.hub.run("quarantine", "show", listed[0].split()[0])
        self.assertEqual(shown.stdout, bad)
        self.assertEqual(self.audit_count("quarantine-show"), 1)
        self.assertEqual(self.hub.run("quarantine", "show", "nothing").returncode, 1)

    def audit_count(self, action):
        store = sqlite3.connect(os.path.join(self.hub.data, "store", "ingest.db"), timeout=10)
        tables = [row[0] for row in store.execute("SELECT name FROM sqlite_master")]
        table = [name for name in tables if "audit" in name and "index" not in name][0]
        rows = store.execute(f"SELECT * FROM {table}").fetchall()
        store.close()
        return sum(1 for row in rows if any(action in str(value) for value in row))

    def test_nobodys_identity_is_written_in_clear(self):
        sender = Mllp(self.hub)
        sender.ask(visit(9, "C9", family="Salainenko"))
        sender.ask(visit(9, "C10", family="Salainenko").replace(b"ADT^A01", b"ZZZ^Z99"))
        self.hub.stop()
        for folder, _, names in os.walk(self.hub.folder):
            for name in names:
                if "adapters" in folder:
                    continue
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                self.assertNotIn(hetu(9).encode(), content, name)
                self.assertNotIn(b"Salainenko", content, name)
        self.hub.start()

    def test_an_identity_code_in_the_wrong_place_is_refused(self):
        sender = Mllp(self.hub)
        leak = visit(3, "LEAK").replace(b"PKL^1^1", hetu(4).encode() + b"^1^1")
        answer = sender.ask(leak)
        self.assertEqual(msa(answer)[1], "AE")
        self.assertNotIn(hetu(4), answer)
        self.assertEqual(self.hub.events(b"fi.punos.visit.started.v1"), [])


class Replay(WithHub):
    def test_a_corrected_mapping_lets_it_through(self):
        mapping = os.path.join(self.hub.adapters, "oberon", "in", "adt-visit.yaml")
        self.hub.stop()
        shutil.move(mapping, mapping + ".away")
        self.hub.start()
        sender = Mllp(self.hub)
        self.assertEqual(msa(sender.ask(visit(1, "C1")))[1], "AR")
        self.assertEqual(self.hub.run("replay", "--all").returncode, 1)
        self.assertEqual(self.hub.events(b"fi.punos.visit"), [])
        shutil.move(mapping + ".away", mapping)
        replayed = self.hub.run("replay", "--system", "oberon")
        self.assertEqual(replayed.returncode, 0, replayed.stderr)
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.started.v1")), 1)
        self.assertEqual(len(self.hub.events(b"fi.punos.message.replayed.v1")), 1)
        self.assertEqual(self.hub.run("quarantine", "list").stdout, b"")
        self.assertIn(b"closed", self.hub.run("quarantine", "list", "--closed").stdout)
        self.assertEqual(self.hub.run("replay").returncode, 2)


class ByHttp(WithHub):
    def test_answers_in_fhirs_form(self):
        status, body = self.hub.post("/in/booth", booth_visit(1))
        self.assertEqual((status, body["resourceType"]), (201, "OperationOutcome"))
        self.assertEqual(self.hub.post("/in/booth", booth_visit(1))[0], 200)
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.finished.v1")), 1)
        status, body = self.hub.post("/in/booth", booth_visit(2, hetu="010101-9999"))
        self.assertEqual(status, 422)
        self.assertIn("hetu", json.dumps(body["issue"]))
        self.assertNotIn("9999", json.dumps(body))
        self.assertEqual(self.hub.post("/in/booth/fhir", booth_visit(3))[0], 200)
        self.assertEqual(self.hub.post("/in/nobody", booth_visit(4))[0], 404)
        self.assertEqual(self.hub.post("/in/oberon", booth_visit(4))[0], 404)
        self.assertEqual(self.hub.post("/in/booth", "")[0], 400)
        self.assertEqual(self.hub.post("/in/booth", booth_visit(5), method="DELETE")[0], 405)
        self.assertEqual(self.hub.post("/in/booth", "{not json")[0], 422)

    def test_wants_a_token(self):
        for token in ("", "wrong"):
            status, body = self.hub.post("/in/booth", booth_visit(1), token=token)
            self.assertEqual((status, body["resourceType"]), (401, "OperationOutcome"))
        self.assertEqual(self.hub.events(), [])


class ByDrop(WithHub):
    def put(self, name, content):
        with open(os.path.join(self.hub.drop, name), "w", encoding="utf-8") as file:
            file.write(content)

    def move_in(self, name, content):
        self.put(".part", content)
        os.rename(os.path.join(self.hub.drop, ".part"), os.path.join(self.hub.drop, name))

    def receipt(self, folder, name):
        path = os.path.join(self.hub.drop, folder, name + ".receipt.json")
        wait_for(lambda: os.path.exists(path), path)
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def test_takes_files_and_leaves_receipts(self):
        self.move_in("one.json", booth_visit(1))
        receipt = self.receipt("done", "one.json")
        self.assertEqual((receipt["outcome"], receipt["system"]), ("accepted", "booth"))
        wait_for(lambda: os.path.exists(os.path.join(self.hub.drop, "done", "one.json")), "the file")
        self.put("two.json", booth_visit(2))  # written in place: taken once it is still
        self.assertEqual(self.receipt("done", "two.json")["outcome"], "accepted")
        self.move_in("bad.json", booth_visit(3, hetu="010101-9999"))
        receipt = self.receipt("rejected", "bad.json")
        self.assertEqual(receipt["outcome"], "rejected")
        self.assertIn("hetu", receipt["place"])
        self.assertTrue(receipt["quarantine"])
        self.move_in("one.json", booth_visit(4))  # the same name again
        self.assertEqual(self.receipt("done", "one.json.1")["outcome"], "accepted")
        self.move_in("copy.json", booth_visit(1))  # the same content again
        self.assertTrue(self.receipt("done", "copy.json")["repeated"])
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.finished.v1")), 3)
        # The receipt is there before its file has been moved.
        wait_for(lambda: sorted(os.listdir(self.hub.drop)) == ["done", "rejected"], "nothing left")

    def test_a_folder_that_went_away_is_watched_when_it_is_back(self):
        self.move_in("one.json", booth_visit(1))
        self.receipt("done", "one.json")
        os.rename(self.hub.drop, self.hub.drop + ".away")  # as a network mount does
        wait_for(lambda: os.path.isdir(self.hub.drop), "the folder to be made again")
        self.move_in("two.json", booth_visit(2))
        self.assertEqual(self.receipt("done", "two.json")["outcome"], "accepted")
        shutil.rmtree(self.hub.drop)
        os.rename(self.hub.drop + ".away", self.hub.drop)
        self.move_in("three.json", booth_visit(3))
        self.assertEqual(self.receipt("done", "three.json")["outcome"], "accepted")

    def test_a_file_that_is_written_on_is_taken_whole(self):
        path = os.path.join(self.hub.drop, "slow.json")
        content = booth_visit(1)
        with open(path, "w", encoding="utf-8") as file:  # no close in between: still being written
            for i in range(0, len(content), 40):
                file.write(content[i:i + 40])
                file.flush()
                os.fsync(file.fileno())
        self.assertEqual(self.receipt("done", "slow.json")["outcome"], "accepted")

    def test_another_process_on_the_folder_stands_by(self):
        second = Hub(BUILD, drop=self.hub.drop)
        self.addCleanup(second.close)
        wait_for(lambda: "standing by" in second.log(), "the second one to stand by")
        for i in range(20):
            self.move_in(f"n{i}.json", booth_visit(i))
        for i in range(20):
            self.assertEqual(self.receipt("done", f"n{i}.json")["outcome"], "accepted")
        self.assertEqual(len(second.events()), 0)
        self.hub.kill()
        self.move_in("after.json", booth_visit(50))
        self.assertEqual(self.receipt("done", "after.json")["outcome"], "accepted")
        self.assertGreater(len(second.events()), 0)

    def test_follows_no_link_and_no_hostile_name(self):
        outside = os.path.join(self.hub.folder, "outside.json")
        with open(outside, "w", encoding="utf-8") as file:
            file.write(booth_visit(1))
        os.symlink(outside, os.path.join(self.hub.drop, "link.json"))
        os.mkfifo(os.path.join(self.hub.drop, "pipe.json"))
        os.mkdir(os.path.join(self.hub.drop, "folder.json"))
        self.move_in("; rm -rf $HOME `x`\n.json", booth_visit(2))
        self.move_in("empty.json", "")
        self.assertEqual(self.receipt("rejected", "link.json")["outcome"], "rejected")
        self.assertEqual(self.receipt("rejected", "pipe.json")["outcome"], "rejected")
        self.assertEqual(self.receipt("rejected", "empty.json")["outcome"], "rejected")
        self.assertEqual(self.receipt("done", "; rm -rf $HOME `x`\n.json")["outcome"], "accepted")
        self.assertTrue(os.path.exists(outside))
        raw = os.fsencode(os.path.join(self.hub.drop, ".part2"))
        with open(raw, "w", encoding="utf-8") as file:
            file.write(booth_visit(3))
        os.rename(raw, os.fsencode(self.hub.drop) + b"/\xff\xfe.json")
        path = os.fsencode(self.hub.drop) + b"/done/\xff\xfe.json.receipt.json"
        wait_for(lambda: os.path.exists(path), "the receipt of a name that is no text")

    def test_what_lay_there_before_the_start_is_taken(self):
        self.hub.kill()
        self.put("early.json", booth_visit(1))
        self.hub.start()
        self.assertEqual(self.receipt("done", "early.json")["outcome"], "accepted")


class WhenThingsGoAway(WithHub):
    def test_senders_wait_while_the_stream_is_away(self):
        sender = Mllp(self.hub)
        sender.ask(visit(0, "C0"))
        lock = sqlite3.connect(self.hub.stream_path(), isolation_level=None, timeout=10)
        lock.execute("BEGIN IMMEDIATE")
        sender.send(*[visit(n, f"C{n}") for n in range(1, 100)])
        # Answered while the stream is still away: the call has a time-out.
        self.assertEqual(self.hub.post("/in/booth", booth_visit(1))[0], 503)
        wait_for(lambda: "messages wait" in self.hub.log(), "the word on it in the log")
        sender.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            sender.answer()
        lock.execute("ROLLBACK")
        lock.close()
        sender.socket.settimeout(30)
        answers = [msa(sender.answer())[1:3] for _ in range(99)]
        self.assertEqual(answers, [["AA", f"C{n}"] for n in range(1, 100)])
        self.assertEqual(self.hub.post("/in/booth", booth_visit(1))[0], 201)
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.started.v1")), 100)

    def test_what_was_acknowledged_survives_kill_9(self):
        accepted = set()
        number = 0
        dice = random.Random(11)
        for _ in range(8):
            first = number
            sender = Mllp(self.hub)
            timer = threading.Timer(dice.uniform(0.05, 0.4), self.hub.kill)
            try:
                while True:
                    answer = msa(sender.ask(visit(number, f"K{number}")))
                    self.assertEqual(answer[1:3], ["AA", f"K{number}"])
                    accepted.add(number)
                    number += 1
                    if number == first + 1:
                        timer.start()
            except (ConnectionError, OSError):
                pass
            timer.join()
            self.assertGreater(number, first)
            self.hub.start()
        stored = self.hub.events(b"fi.punos.visit.started.v1")
        self.assertEqual(len({event[1:17] for event in stored}), len(stored))
        sender = Mllp(self.hub)
        before = len(stored)
        for known in sorted(accepted):  # sent again by a careful sender: nothing new
            self.assertEqual(msa(sender.ask(visit(known, f"K{known}")))[1], "AA")
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.started.v1")), before)
        self.assertGreaterEqual(before, len(accepted))
        self.assertLessEqual(before, len(accepted) + 8)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main()

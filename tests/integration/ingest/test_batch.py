# SPDX-License-Identifier: Apache-2.0
"""FHIR Bundles by HTTP: a batch entry by entry, a transaction all or nothing."""
import json
import os
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from hub import Hub, hetu, wait_for  # noqa: E402

BUILD = os.path.abspath("build")
MOMENT = "2026-11-02T10:00:00+02:00"


def patient(number, code=None):
    identifier = {"system": "urn:oid:1.2.246.21", "value": code or hetu(number)}
    return {"fullUrl": f"urn:uuid:p{number}",
            "resource": {"resourceType": "Patient", "id": f"p{number}", "identifier": [identifier],
                         "name": [{"family": "Koeläinen"}]}}


def visit(number, version=1, **changes):
    resource = {"resourceType": "Encounter", "id": f"e{number}", "status": "finished",
                "meta": {"versionId": str(version), "lastUpdated": MOMENT},
                "class": {"code": "AMB",
                          "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode"},
                "subject": {"reference": f"urn:uuid:p{number}"},
                "period": {"start": MOMENT, "end": MOMENT}}
    resource.update(changes)
    return {"fullUrl": f"urn:uuid:e{number}", "resource": resource}


def condition(number, of_visit):
    return {"resource": {"resourceType": "Condition", "id": f"c{number}",
                         "meta": {"versionId": "1", "lastUpdated": MOMENT},
                         "code": {"coding": [{"system": "urn:oid:1.2.246.537.6.1",
                                              "code": "R53"}]},
                         "subject": {"reference": f"urn:uuid:p{number}"},
                         "encounter": {"reference": of_visit}}}


def bundle(kind, *entries):
    return json.dumps({"resourceType": "Bundle", "id": "b1", "type": kind, "timestamp": MOMENT,
                       "entry": list(entries)})


class Bundles(unittest.TestCase):
    def setUp(self):
        self.hub = Hub(BUILD, adapters=["lifecare"],
                       systems=["{ name: lifecare, adapter: lifecare }"])
        self.addCleanup(self.hub.close)

    def post(self, body):
        return self.hub.post("/in/lifecare/fhir", body)

    def statuses(self, body):
        status, answer = self.post(body)
        self.assertEqual((status, answer["resourceType"], answer["type"]),
                         (200, "Bundle", "batch-response"))
        return [entry["response"]["status"][:3] for entry in answer["entry"]], answer

    def quarantined(self):
        return self.hub.run("quarantine", "list").stdout.decode().splitlines()

    def test_a_bad_entry_of_a_batch_is_refused_alone(self):
        for kind in ("batch", "collection", "history"):
            first = {"batch": 1, "collection": 11, "history": 21}[kind]
            wrong = "010101-9999"
            body = bundle(kind, patient(first), visit(first), patient(first + 1, wrong),
                          visit(first + 1), patient(first + 2), visit(first + 2, status="odd"),
                          visit(first + 3, subject={"reference": "Patient/none"}),
                          condition(first, f"urn:uuid:e{first}"))
            got, answer = self.statuses(body)
            self.assertEqual(got, ["201", "201", "422", "422", "201", "422", "422", "201"])
            bad = answer["entry"][5]["response"]["outcome"]
            self.assertIn("Encounter.status", json.dumps(bad["issue"]))
            self.assertIn(bad["id"], "\n".join(self.quarantined()))
            self.assertNotIn(wrong, json.dumps(answer))
        self.assertEqual(len(self.quarantined()), 12)
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.finished.v1")), 3)
        conditions = self.hub.events(b"fi.punos.condition.recorded.v1")
        self.assertEqual(len(conditions), 3)
        for event in conditions:  # still knows its visit, which came in another message
            self.assertIn(b'"encounter"', event)

    def test_the_quarantined_entry_holds_what_it_needs_to_get_through_alone(self):
        body = bundle("batch", patient(1), visit(1), patient(2), visit(2, status="odd"))
        self.statuses(body)
        entry = self.quarantined()[0].split()[0]
        kept = json.loads(self.hub.run("quarantine", "show", entry).stdout)
        self.assertEqual([e["resource"]["id"] for e in kept["entry"]], ["p2", "e2"])

    def test_sent_again_it_is_nothing_new(self):
        body = bundle("batch", patient(1), visit(1))
        self.statuses(body)
        count = len(self.hub.events())
        self.assertEqual(self.statuses(body)[0], ["200", "200"])
        self.hub.kill()
        self.hub.start()
        self.statuses(body)
        # The same version in another Bundle, beside others: the same message.
        self.statuses(bundle("collection", patient(1), visit(1), visit(1, 1)))
        self.assertEqual(len(self.hub.events()), count)

    def test_reference_data_in_a_batch_is_left_out(self):
        unit = {"resource": {"resourceType": "Organization", "id": "o1", "name": "Yksikkö"}}
        self.assertEqual(self.statuses(bundle("batch", unit, patient(1), visit(1)))[0],
                         ["201", "201", "201"])
        self.assertEqual(self.quarantined(), [])

    def test_a_transaction_is_all_or_nothing(self):
        for kind in ("transaction", "message"):
            status, answer = self.post(bundle(kind, patient(1), visit(1), visit(1, status="odd")))
            self.assertEqual((status, answer["resourceType"]), (422, "OperationOutcome"))
        self.assertEqual(self.hub.events(b"fi.punos.visit"), [])
        self.assertEqual(len(self.quarantined()), 2)
        self.assertEqual(self.post(bundle("transaction", patient(1), visit(1)))[0], 200)

    def test_odd_bundles(self):
        self.assertEqual(self.post("{\"resourceType\":\"Bundle\",\"type\":\"batch\",")[0], 422)
        self.assertEqual(self.post(bundle("batch"))[0], 200)
        self.assertEqual(self.statuses(bundle("batch", 7, {}))[0], ["422", "422"])
        deletion = {"fullUrl": "urn:uuid:x", "request": {"method": "DELETE", "url": "Encounter/1"}}
        self.assertEqual(self.statuses(bundle("batch", deletion))[0], ["422"])

    def test_while_the_stream_is_away_the_whole_answer_is_later(self):
        self.statuses(bundle("batch", patient(1), visit(1)))
        lock = sqlite3.connect(self.hub.stream_path(), isolation_level=None, timeout=10)
        lock.execute("BEGIN IMMEDIATE")
        body = bundle("batch", patient(2), visit(2), patient(3), visit(3))
        self.assertEqual(self.post(body)[0], 503)
        lock.execute("ROLLBACK")
        lock.close()
        wait_for(lambda: self.post(body)[0] == 200, "the stream")
        self.assertEqual(len(self.hub.events(b"fi.punos.visit.finished.v1")), 3)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main()

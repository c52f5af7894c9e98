#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What happens to clients over days, on a whole hub with three systems, seen through the API:
who is who, corrections, bookings, late and doubled messages, triggers that go away again, and a plan
on its way to a system that takes it, one that refuses and one that is dead for a while.

    scenes.py     PN_TEST_BROKERS and PN_TEST_CONNINFO choose what stands behind (see tests/lib/hub.py)
"""
import base64
import collections
import datetime
import json
import random
import re
import shutil
import sys
import tempfile
import threading
import urllib.request
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/county"), str(ROOT / "tests/adapters")]
import fhir  # noqa: E402
import hl7  # noqa: E402
import kanta_samples  # noqa: E402
import people  # noqa: E402
import social  # noqa: E402
from connection_point import ConnectionPoint  # noqa: E402
from hub import Hub, Receiver, acknowledgement, equal, wait_until  # noqa: E402
from ports import held_ports  # noqa: E402

UTC = datetime.timezone.utc
NOW = datetime.datetime.now(UTC).replace(microsecond=0)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
FHIR = {"Content-Type": "application/fhir+json"}
TEMPORARY_OID = "1.2.246.10.99999999.22.2026"
REFUSAL = "asiakasta ei ole avattu"
SECONDS = 30
SCENES = []


def scene(function):
    SCENES.append(function)
    return function


class DeadReceiver:
    """An address at which nobody listens until `rise`."""

    def __init__(self, folder):
        self.folder = folder
        self.drop = folder / "drop"
        self.address = f"127.0.0.1:{held_ports(1)[0]}"
        self.receiver = None

    def rise(self):
        self.receiver = Receiver("mllp", self.folder, "--listen", self.address)

    def files(self):
        return self.receiver.files() if self.receiver else []

    def stop(self):
        if self.receiver:
            self.receiver.stop()


class World:
    def __init__(self, hub, receivers):
        self.hub = hub
        self.receivers = receivers
        self.random = random.Random(11)
        self.persons = self.controls = 0

    def person(self):
        self.persons += 1
        return people.Person(self.random, self.persons)

    def control(self):
        self.controls += 1
        return f"SC{self.controls:05d}"

    def tell(self, message, code="AA"):
        equal(acknowledgement(self.hub.send_mllp("oberon", message))[0], code, "acknowledgement")

    def adt(self, trigger, when, person, visit):
        self.tell(hl7.adt(trigger, self.control(), when, person, visit))

    def siu(self, trigger, when, person, booking):
        self.tell(hl7.siu(trigger, self.control(), when, person, booking))

    def client(self, person):
        return wait_until(lambda: self.hub.find_patient(person.code), SECONDS, "the client")

    def timeline(self, client, query=""):
        bundle = self.hub.get(f"/fhir/Patient/{client}/$timeline?_count=200{query}")
        return [e["resource"] for e in bundle.get("entry", []) if e["search"]["mode"] == "match"]

    def numbered(self, client, number, query="&withdrawn=true"):
        return [r for r in self.timeline(client, query)
                if r.get("identifier", [{}])[0].get("value") == number]

    def becomes(self, client, number, status):
        """The one resource of that business number, once it has that status."""
        def look():
            found = self.numbered(client, number)
            return found and found[0]["status"] == status and found
        found = wait_until(look, SECONDS, f"{number} to be {status}")
        equal(len(found), 1, f"resources of {number}")
        return found[0]


def visit(number, start, kind="O", **more):
    return {"class": kind, "unit": "POLI1", "service": "15", "id": number, "start": start, **more}


def search_by(hub, system, value):
    status, _, bundle = hub.call("POST", "/fhir/Patient/_search",
                                 f"identifier=urn:oid:{system}%7C{value}".encode(),
                                 {"Content-Type": "application/x-www-form-urlencoded"})
    equal(status, 200, "search by identifier")
    return bundle["entry"][0]["resource"]["id"] if bundle.get("entry") else None


# --- Who is who ------------------------------------------------------------------------------------

@scene
def three_sectors_are_one_client(world):
    person, start = world.person(), NOW - 3 * DAY
    world.adt("A03", start, person, visit("T1", start, end=start + HOUR))
    status, _, body = world.hub.send_http("lifecare", fhir.encounter("tb1", start + DAY, person, {
        "id": "t-lc-1", "class": "AMB", "contact": "R10", "service": "T11", "profession": "30",
        "profession_text": "sairaanhoitaja", "start": start + DAY, "end": start + DAY + HOUR,
        "unit": "1.2.246.10.99999999.10.7", "reason": ("A01", "Kipu, yleinen")}))
    equal(status, 200, f"lifecare: {body}")
    world.hub.drop("three.xml", social.meeting("1.2.246.10.99999999.95.2026.801", start + 2 * DAY,
                                               person, start + 2 * DAY, start + 2 * DAY + HOUR))
    client = world.client(person)
    wait_until(lambda: len(world.timeline(client)) == 4, SECONDS, "four entries")
    bundle = world.hub.get(f"/fhir/Patient/{client}/$timeline")
    parts = [{p["url"]: p.get("valueCode") for p in e["extension"][0]["extension"]}
             for e in bundle["entry"]]
    equal({p["sector"] for p in parts}, {"specialist", "primary", "social"}, "sectors")
    for sector, count in (("specialist", 1), ("primary", 2), ("social", 1)):
        equal(len(world.timeline(client, f"&sector={sector}")), count, f"entries of {sector}")


@scene
def a_temporary_identifier_becomes_the_official_code(world):
    person, start = world.person(), NOW - 2 * DAY
    temporary = "010111A998W"
    message = hl7.adt("A04", world.control(), start, person, visit("W1", start, "E"))
    official = f"{person.code}^^^^HETU".encode()
    world.tell(message.replace(official, f"{temporary}^^^&{TEMPORARY_OID}&ISO".encode()))
    unknown = wait_until(lambda: search_by(world.hub, TEMPORARY_OID, temporary), SECONDS,
                         "the client of the temporary identifier")
    equal(world.hub.find_patient(person.code), None, "the official code before the merge")
    world.tell(hl7.merge(world.control(), start + HOUR, person,
                         f"{temporary}^^^&{TEMPORARY_OID}&ISO"))
    wait_until(lambda: world.hub.find_patient(person.code), SECONDS, "the official code")
    client = wait_until(lambda: (search_by(world.hub, TEMPORARY_OID, temporary) ==
                                 world.hub.find_patient(person.code)) and
                        world.hub.find_patient(person.code), SECONDS, "the two to be one")
    equal(world.hub.get(f"/fhir/Patient/{unknown}")["id"], client, "the old id finds the client")
    equal(len(world.numbered(client, "W1")), 1, "the visit is the client's")
    both = {"resourceType": "Parameters", "parameter": [
        {"name": "kept", "valueReference": {"reference": f"Patient/{client}"}},
        {"name": "parted", "valueReference": {"reference": f"Patient/{unknown}"}}]}
    equal(world.hub.call("POST", "/fhir/Patient/$unmerge", both, FHIR)[0], 202, "the undo")
    wait_until(lambda: search_by(world.hub, TEMPORARY_OID, temporary) == unknown, SECONDS,
               "the two to be two again")
    equal(len(world.numbered(unknown, "W1")), 1, "the visit has gone back")
    equal(world.numbered(client, "W1"), [], "and is not the other's")


# --- Corrections and order -------------------------------------------------------------------------

@scene
def visits_are_corrected(world):
    person, start = world.person(), NOW - 10 * DAY
    world.adt("A01", start, person, visit("K1", start, "I"))
    client = world.client(person)
    world.becomes(client, "K1", "in-progress")
    world.adt("A08", start + HOUR, person, visit("K1", start, "E"))
    wait_until(lambda: world.numbered(client, "K1")[0]["class"]["code"] == "EMER", SECONDS,
               "another class by A08")
    world.adt("A03", start + 2 * HOUR, person, visit("K1", start, "E", end=start + 2 * HOUR))
    assert "end" in world.becomes(client, "K1", "finished")["period"], "an end by A03"
    world.adt("A13", start + 3 * HOUR, person, visit("K1", start, "E"))
    assert "end" not in world.becomes(client, "K1", "in-progress")["period"], "no end after A13"
    world.adt("A11", start + 4 * HOUR, person, visit("K1", start, "E"))
    world.becomes(client, "K1", "cancelled")
    equal(world.numbered(client, "K1", ""), [], "a cancelled visit on the plain timeline")


@scene
def late_and_doubled_messages_change_nothing(world):
    person, start = world.person(), NOW - 20 * DAY
    arrival = hl7.adt("A04", world.control(), start, person, visit("L1", start))
    done = hl7.adt("A03", world.control(), start + HOUR, person,
                   visit("L1", start, end=start + HOUR))
    world.tell(done)
    client = world.client(person)
    for message in (arrival, done, arrival, done):
        world.tell(message)
    world.adt("A08", start - HOUR, person, visit("L1", start, "I"))  # recorded before all others
    world.adt("A04", start + 2 * HOUR, person, visit("L2", start + 2 * HOUR))  # comes after them
    world.becomes(client, "L2", "in-progress")
    found = world.becomes(client, "L1", "finished")
    equal(found["class"]["code"], "AMB", "the class of the newest revision")
    again = hl7.adt("A03", world.control(), start + HOUR, person,
                    visit("L1", start, end=start + HOUR))
    world.tell(again)  # another control id, the same visit
    world.adt("A04", start + 3 * HOUR, person, visit("L3", start + 3 * HOUR))
    world.becomes(client, "L3", "in-progress")
    equal(len(world.timeline(client)), 3, "entries")


@scene
def bookings_live_until_nobody_comes(world):
    person, start = world.person(), NOW - 5 * DAY
    booking = {"id": "J1", "start": start, "end": start + HOUR, "minutes": 60,
               "service": "POLIKLINIKKA", "unit": "POLI1", "profession": "lääkäri"}
    world.siu("S12", start - 9 * DAY, person, booking)
    client = world.client(person)
    world.becomes(client, "J1", "booked")
    moved = {**booking, "start": start + DAY, "end": start + DAY + HOUR}
    world.siu("S13", start - 8 * DAY, person, moved)
    wanted = (start + DAY).astimezone(hl7.HELSINKI).strftime("%Y-%m-%dT%H:%M")
    wait_until(lambda: world.numbered(client, "J1")[0]["start"].startswith(wanted), SECONDS,
               "the new time")
    world.siu("S26", start + DAY + 2 * HOUR, person, moved)
    world.becomes(client, "J1", "noshow")
    other = {**booking, "id": "J2"}
    world.siu("S12", start - 9 * DAY, person, other)
    world.siu("S15", start - 7 * DAY, person, other)
    world.becomes(client, "J2", "cancelled")
    third = {**booking, "id": "J3"}
    world.siu("S12", start - 9 * DAY, person, third)
    world.siu("S17", start - 7 * DAY, person, third)
    world.becomes(client, "J3", "entered-in-error")
    equal([r["identifier"][0]["value"] for r in world.timeline(client)
           if r["resourceType"] == "Appointment" and r["status"] == "noshow"], ["J1"], "not kept")


# --- Triggers --------------------------------------------------------------------------------------

@scene
def a_trigger_is_taken_back_with_its_evidence(world):
    person = world.person()
    starts = [NOW - (5 + 9 * number) * DAY for number in range(10)]
    for number, start in enumerate(starts):
        world.adt("A03", start + HOUR, person, visit(f"E{number}", start, "E", end=start + HOUR))
    client = world.client(person)

    def state():
        status, _, case = world.hub.call("GET", f"/worklist/{client}")
        found = {t["rule"]: t for t in case.get("triggers", [])} if status == 200 else {}
        return found.get("emergency-visits", {}).get("state")

    def is_listed():
        return any(c["client"] == client for c in world.hub.get("/worklist?state=new")["clients"])

    wait_until(lambda: state() == "raised", SECONDS, "the trigger")
    assert is_listed(), "on the work list"
    world.adt("A11", starts[3] + 2 * HOUR, person, visit("E3", starts[3], "E"))
    wait_until(lambda: state() == "retracted", SECONDS, "the trigger to be taken back")
    wait_until(lambda: not is_listed(), SECONDS, "the client to leave the list of new ones")
    issue = world.hub.get(f"/fhir/DetectedIssue?patient={client}")["entry"][0]["resource"]
    assert issue["status"] in ("cancelled", "entered-in-error"), issue["status"]
    world.adt("A03", NOW - DAY, person, visit("E11", NOW - DAY - HOUR, "E", end=NOW - DAY))
    wait_until(lambda: state() == "raised", SECONDS, "the trigger with new evidence")


# --- The plan on its way ---------------------------------------------------------------------------

def plan_for(client):
    plan = json.loads((ROOT / "schemas/plan-example.json").read_text(encoding="utf-8"))
    for kept_by_hub in ("id", "meta", "created", "author"):
        plan.pop(kept_by_hub)
    return json.loads(json.dumps(plan).replace(plan["subject"]["reference"], f"Patient/{client}"))


def states_of(hub, plan_id):
    """{system: {version: status}}"""
    found = collections.defaultdict(dict)
    for entry in hub.get(f"/fhir/CarePlan/{plan_id}/$delivery-state").get("entry", []):
        task = entry["resource"]
        version = int(task["focus"]["reference"].rsplit("/", 1)[1])
        found[task["owner"]["display"]][version] = task["status"]
    return found


def write_versions(world, client):
    """Two editors: the second one's stale write is refused, and goes through when read again."""
    hub = world.hub
    status, first, plan = hub.call("POST", "/fhir/CarePlan", plan_for(client), FHIR)
    equal(status, 201, f"created: {plan}")
    path = f"/fhir/CarePlan/{plan['id']}"
    mine, other = {**plan, "description": "Toinen versio."}, {**plan, "description": "Kolmas versio."}
    status, _, _ = hub.call("PUT", path, mine, {**FHIR, "If-Match": first["ETag"]})
    equal(status, 200, "the first editor")
    status, _, outcome = hub.call("PUT", path, other, {**FHIR, "If-Match": first["ETag"]})
    equal((status, outcome["resourceType"]), (412, "OperationOutcome"), "the second editor")
    status, fresh, again = hub.call("GET", path)
    again["description"] = other["description"]
    status, _, _ = hub.call("PUT", path, again, {**FHIR, "If-Match": fresh["ETag"]})
    equal(status, 200, "the second editor, after reading again")
    status, _, _ = hub.call("DELETE", path, None, {"If-Match": 'W/"3"'})
    equal(status, 204, "withdrawn")
    return plan["id"]


@scene
def a_plan_reaches_each_system_in_order_once(world):
    person = world.person()
    world.adt("A03", NOW - DAY, person, visit("P1", NOW - DAY - HOUR, end=NOW - DAY))
    client = world.client(person)
    plan_id = write_versions(world, client)
    versions = (1, 2, 3, 4)
    done = dict.fromkeys(versions, "completed")
    wait_until(lambda: states_of(world.hub, plan_id)["yph-effica"] == done, SECONDS,
               "all versions in the system that takes them")
    refused = dict.fromkeys(versions, "rejected")
    wait_until(lambda: states_of(world.hub, plan_id)["lifecare"] == refused, SECONDS,
               "all versions refused by the system that refuses")
    tasks = [e["resource"] for e in
             world.hub.get(f"/fhir/CarePlan/{plan_id}/$delivery-state")["entry"]]
    words = {t["statusReason"]["text"] for t in tasks if t["status"] == "rejected"}
    assert all(REFUSAL in text for text in words), f"the system's own words: {words}"
    waiting = states_of(world.hub, plan_id)["oberon"]
    assert set(waiting.values()) <= {"requested", "in-progress"}, f"the dead system: {waiting}"
    world.receivers["oberon"].rise()
    wait_until(lambda: states_of(world.hub, plan_id)["oberon"] == done, SECONDS,
               "all versions in the system that came back")
    taken = [re.search(rb"TXA\|.*?\|([0-9a-f-]{36}\.\d+)", f.read_bytes())[1].decode()
             for f in world.receivers["oberon"].files()]
    equal(taken, [f"{plan_id}.{v}" for v in versions], "in order, each once")
    taken = [re.search(rb'versionNumber value="(\d+)"', f.read_bytes())[1].decode()
             for f in world.receivers["yph-effica"].files()]
    equal(taken, ["1", "2", "3", "4"], "in order, each once")


# --- Permits and prohibitions ----------------------------------------------------------------------

def prohibition(person, number, version=1, **lists):
    """A document of the national service of permits and prohibitions, about social care."""
    form = kanta_samples.prohibition(**lists)
    form["kieltoasiakirja"]["asiakas"] = {
        "sukunimi": "Testinen", "etunimet": "Koe", "henkilotunnus": {"value": person.code}}
    documents = kanta_samples.social
    documents.STRUCTURES["prohibition"] = kanta_samples.STRUCTURES["prohibition"]
    return documents.frame(number, "prohibition", form, version=version,
                           ids=[documents.identified("1.2.246.21", person.code)]).encode()


def withheld(world, client):
    bundle = world.hub.get(f"/fhir/Patient/{client}/$timeline?_count=200")
    return [i["diagnostics"] for e in bundle.get("entry", []) if e["search"]["mode"] == "outcome"
            for i in e["resource"]["issue"] if i["code"] == "suppressed"]


def tell_kanta(world, document):
    status, _, body = world.hub.send_http("kanta", document, "application/xml", "")
    assert status in (200, 201), f"kanta: {status} {body}"


@scene
def a_prohibition_hides_and_its_withdrawal_shows_again(world):
    person, start = world.person(), NOW - 2 * DAY
    world.adt("A03", start, person, visit("K1", start, end=start + HOUR))
    world.hub.drop("k-meeting.xml", social.meeting("1.2.246.10.99999999.95.2026.811", start + DAY,
                                                   person, start + DAY, start + DAY + HOUR))
    client = world.client(person)

    def contacts():
        return sorted(r["status"] for r in world.timeline(client) if r["resourceType"] == "Encounter")
    wait_until(lambda: len(contacts()) == 2, SECONDS, "the visit and the meeting")
    equal(withheld(world, client), [], "nothing withheld")
    tell_kanta(world, prohibition(person, 901, **kanta_samples.keeper_list()))
    wait_until(lambda: len(contacts()) == 1, SECONDS, "the meeting to be hidden")
    equal(withheld(world, client), ["1 withheld: permit, prohibition or special protection"],
          "how much is withheld")
    tell_kanta(world, prohibition(person, 901, 2))
    wait_until(lambda: len(contacts()) == 2, SECONDS, "the meeting to be shown again")
    equal(withheld(world, client), [], "nothing withheld any more")


@scene
def a_permit_within_social_care_opens_nothing_else(world):
    person, start = world.person(), NOW - 2 * DAY
    world.hub.drop("k-two.xml", social.meeting("1.2.246.10.99999999.95.2026.812", start, person,
                                               start, start + HOUR))
    client = world.client(person)
    tell_kanta(world, prohibition(person, 902, **kanta_samples.task_list()))
    wait_until(lambda: withheld(world, client), SECONDS, "the meeting to be hidden")
    form = kanta_samples.permit(True)
    form["luovutuslupa_asiakirja"]["asiakas"]["henkilotunnus"] = {"value": person.code}
    documents = kanta_samples.social
    documents.STRUCTURES["permit"] = kanta_samples.STRUCTURES["permit"]
    tell_kanta(world, documents.frame(903, "permit", form, ids=[
        documents.identified("1.2.246.21", person.code)]).encode())
    # The prohibition names substance services, so it is itself protected and does not show.
    wait_until(lambda: sum(r["resourceType"] == "Consent" for r in world.timeline(client)) == 1,
               SECONDS, "the permit on the timeline")
    assert withheld(world, client), "a permit within social care has lifted a prohibition"


# --- Places in YPH Effica --------------------------------------------------------------------------

@scene
def a_plan_goes_to_the_places_of_open_relationships(world):
    person, start = world.person(), NOW - 30 * DAY
    documents = kanta_samples.social
    form = documents.clientship("2026-01-01", tasks=[
        documents.task("20", "Vammaispalvelut", documents.unit_since("2026-01-01")),
        documents.task("24", "Lapsiperheiden palvelut", documents.unit_since("2026-01-01")),
        documents.task("10", "Lastensuojelu", documents.unit_since("2026-01-01", "2026-01-02"))])
    form["asiakkuusasiakirja"]["asiakas"] = {
        "sukunimi": "Testinen", "etunimet": "Koe", "turvakielto": False,
        "henkilotunnus": {"value": person.code}}
    world.hub.drop("places.xml", documents.frame(820, "clientship", form, ids=[
        documents.identified("1.2.246.21", person.code)]).encode())
    world.adt("A03", start, person, visit("PL1", start, end=start + HOUR))
    client = world.client(person)
    wait_until(lambda: sum(r["resourceType"] == "EpisodeOfCare" for r in world.timeline(client)) == 3,
               SECONDS, "the client relationships")
    status, _, plan = world.hub.call("POST", "/fhir/CarePlan", plan_for(client), FHIR)
    equal(status, 201, f"the plan: {plan}")
    wait_until(lambda: states_of(world.hub, plan["id"])["yph-effica"] == {1: "completed"}, SECONDS,
               "the plan in all its places")
    number = f'setId root="2.25.{uuid.UUID(plan["id"]).int}.'.encode()
    taken = [f.read_bytes() for f in world.receivers["yph-effica"].files()]
    structures = sorted(re.search(rb'SpecificationId root="[\d.]*1506\.(\d+)', text)[1]
                        for text in taken if number in text)
    equal(structures, [b"15007", b"15023"], "a document in each place, and in no other")


# --- Two registers ---------------------------------------------------------------------------------

def labelled(code):
    return [{"url": "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label",
             "valueCoding": {"system": "https://punos.fi/fhir/CodeSystem/register", "code": code}}]


def unpacked(body):
    """The document itself, also of one in a frame."""
    packed = re.search('representation="B64">([^<]+)', body)
    return base64.b64decode(packed[1]).decode() if packed else body


@scene
def each_register_gets_only_its_own(world):
    person, point = world.person(), world.receivers["kanta"]
    world.adt("A03", NOW - DAY, person, visit("R1", NOW - DAY - HOUR, end=NOW - DAY))
    client = world.client(person)
    plan = plan_for(client)
    plan["activity"][0].update(extension=labelled("social"))
    plan["activity"][0]["detail"]["description"] = "Velkaneuvonta"
    plan["activity"][1].update(extension=labelled("patient"))
    plan["activity"][1]["detail"]["description"] = "Verikokeet"
    status, headers, written = world.hub.call("POST", "/fhir/CarePlan", plan, FHIR)
    equal(status, 201, f"the plan: {written}")
    wait_until(lambda: states_of(world.hub, written["id"])["kanta"] == {1: "completed"}, SECONDS,
               "both documents acknowledged")
    # Other scenes' plans come to the archive whenever they like.
    mine = [(path, document) for path, body in point.taken
            if person.code in (document := unpacked(body.decode()))]
    equal([path for path, _ in mine], ["/patient-documents", "/social-documents"], "two documents")
    patient, inner = (document for _, document in mine)
    form = base64.b64decode(re.search(r"<hl7fi:json[^>]*>([^<]+)", inner)[1]).decode()
    assert "Verikokeet" in patient and "Velkaneuvonta" not in patient, "the patient register's document"
    assert "Velkaneuvonta" in form and "Verikokeet" not in form, "the document of social care"
    point.refusal = "AE: rekisterinpitäjä puuttuu"
    status, _, _ = world.hub.call("PUT", f"/fhir/CarePlan/{written['id']}", written,
                                  {**FHIR, "If-Match": headers["ETag"]})
    equal(status, 200, "the second version")
    wait_until(lambda: states_of(world.hub, written["id"])["kanta"].get(2) == "rejected", SECONDS,
               "the archive's no")
    point.refusal = ""


# --- The feed --------------------------------------------------------------------------------------

class Listener(threading.Thread):
    """Reads the feed until told, over connections that it cuts after every few events."""

    def __init__(self, hub, last_id, wanted):
        super().__init__(daemon=True)
        self.hub, self.last_id, self.wanted = hub, last_id, wanted
        self.ids = []

    def run(self):
        while len(self.ids) < self.wanted:
            self.read_some(min(3, self.wanted - len(self.ids)))

    def read_some(self, count):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.hub.api_port}/feed",
            headers={"Authorization": f"Bearer {self.hub.token()}", "Last-Event-ID": self.last_id})
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            for line in answer:
                if line.startswith(b"id: "):
                    self.last_id = line[4:].decode().strip()
                    self.ids.append(int(self.last_id))
                    count -= 1
                elif line == b"\n" and count <= 0:
                    return


@scene
def the_feed_goes_on_where_it_was_cut(world):
    visits = 12
    start = first_id(world)
    listener = Listener(world.hub, str(start), visits + 1)
    listener.start()
    person = world.person()
    for number in range(visits):
        world.adt("A04", NOW - number * HOUR, person, visit(f"F{number}", NOW - number * HOUR))
    listener.join(SECONDS)
    assert not listener.is_alive(), f"only {len(listener.ids)} events"
    equal(listener.ids, list(range(start + 1, start + 1 + len(listener.ids))), "no loss, no doubling")


def first_id(world):
    """The newest id on the feed: everything from the start, until one that is told now."""
    person = world.person()
    world.adt("A04", NOW, person, visit("F-first", NOW))
    client = world.client(person)
    request = urllib.request.Request(
        f"http://127.0.0.1:{world.hub.api_port}/feed?from=start&subject={client}",
        headers={"Authorization": f"Bearer {world.hub.token()}"})
    newest = 0
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        for line in answer:
            if line.startswith(b"id: "):
                newest = int(line[4:])
            if line.startswith(b"data: ") and b"fi.punos.visit.started.v1" in line:
                return newest
    return newest


def play(world):
    failed = 0
    for function in SCENES:
        try:
            function(world)
            print(f"ok      {function.__name__}", flush=True)
        except (AssertionError, KeyError, IndexError, TypeError, OSError) as error:
            failed += 1
            print(f"FAILED  {function.__name__}: {type(error).__name__} {error}", flush=True)
    print(f"{len(SCENES) - failed} held, {failed} did not")
    return failed


def main():
    folder = Path(tempfile.mkdtemp(prefix="punos-scenes-"))
    receivers = {"oberon": DeadReceiver(folder / "oberon"),
                 "lifecare": Receiver("http", folder / "lifecare", "--refuse", REFUSAL),
                 "yph-effica": Receiver("drop", folder / "effica"), "kanta": ConnectionPoint()}
    settings = ["deliver: { backoff_first_ms: 100, backoff_max_ms: 500 }"]
    try:
        with Hub(receivers=receivers, settings=settings,
                 more_systems=("  - name: kanta", "    adapter: kanta",
                               f'    deliver: "{receivers["kanta"].address}"')) as hub:
            return 1 if play(World(hub, receivers)) else 0
    finally:
        for receiver in receivers.values():
            receiver.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

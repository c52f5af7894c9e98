# SPDX-License-Identifier: Apache-2.0
"""What the work list, the monthly files and FHIR show of triggers to somebody who may not see all that was
counted, and what the access trail says of it; part of calls.py, which has the hub."""
import datetime
import json
import random

import hl7
import people
from hub import equal, wait_until

CHECKS = []
FHIR = {"Content-Type": "application/fhir+json"}
SYSTEM = "https://punos.fi/fhir/CodeSystem/"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def check(function):
    CHECKS.append(function)
    return function


def somebody(world, number, noshows):
    """A client of one visit and so many unused appointments."""
    person = people.Person(random.Random(97), number)
    world.tell(hl7.adt("A04", world.next_control(), NOW, person, world.visit(f"AC{number}", 3, "O")))
    for i in range(noshows):
        world.tell_noshow(person, f"AC{number}-{i}", 10 * i + 4)
    client = wait_until(lambda: world.hub.find_patient(person.code), 30, "the client")
    wait_until(lambda: len(world.matches(f"/fhir/Encounter?patient={client}")) == 1 and
               len(world.matches(f"/fhir/Appointment?patient={client}")) == noshows, 30, "all of it")
    return person, client


def report(world, client, about):
    status, _, answer = world.hub.call("POST", "/fhir/Flag", {
        "resourceType": "Flag", "status": "active",
        "code": {"coding": [{"system": SYSTEM + "concern", "code": about}]},
        "subject": {"reference": f"Patient/{client}"},
        "author": {"identifier": {"system": SYSTEM + "reporter", "value": "professional"}}}, FHIR)
    equal(status, 201, f"the report: {answer}")


def tell_lifecare(world, person, number, *resources, **meta):
    """What Lifecare sends of a client."""
    stamp = (NOW + datetime.timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    patient = {"resourceType": "Patient", "id": f"ac{person.code[:4]}",
               "meta": {"versionId": str(number), "lastUpdated": stamp, **meta},
               "birthDate": person.birth.isoformat(),
               "identifier": [{"use": "official", "system": "urn:oid:1.2.246.21", "value": person.code}]}
    bundle = {"resourceType": "Bundle", "type": "transaction", "meta": {"lastUpdated": stamp}, "entry": [
        {"fullUrl": f"https://lifecare.example/fhir/{r['resourceType']}/{r['id']}", "resource": r,
         "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
        for r in (patient, *resources)]}
    status, _, body = world.hub.send_http("lifecare", json.dumps(bundle).encode())
    assert status in (200, 201), f"lifecare: {status} {body}"


def consent(world, person, number, provision):
    """The client gives or takes back a permit, or prohibits."""
    stamp = (NOW + datetime.timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    tell_lifecare(world, person, number,
        {"resourceType": "Consent", "id": f"cs{number}", "status": "active",
         "meta": {"versionId": "1", "lastUpdated": stamp}, "dateTime": stamp,
         "identifier": [{"system": "https://lifecare.example/id", "value": f"CS{number}"}],
         "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope",
                               "code": "patient-privacy"}]},
         "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
         "policyRule": {"coding": [{"system": SYSTEM + "law", "code": "703/2023"}]},
         "patient": {"reference": f"Patient/ac{person.code[:4]}"}, "provision": provision})


def rules_at(world, path):
    return {t["rule"] for t in world.hub.get(path)["triggers"]}


def listed(world, query=""):
    return {c["client"]: c for c in world.hub.get(f"/worklist?_count=200&{query}")["clients"]}


@check
def a_protected_trigger_shows_nowhere(world):
    _, client = somebody(world, 61, 3)
    wait_until(lambda: "no-shows" in rules_at(world, f"/clients/{client}/triggers"), 30, "no-shows")
    report(world, client, "suspected-addiction")
    wait_until(lambda: world.hub.get(f"/worklist/{client}")["withheld"] >= 1, 30, "what is withheld")
    equal(rules_at(world, f"/worklist/{client}"), {"no-shows"}, "what is shown of the client")
    assert client in listed(world, "rule=no-shows")
    for rule in ("concern", "behaviour-or-risk"):
        assert client not in listed(world, f"rule={rule}"), f"found by the protected {rule}"
    folder = world.hub.folder / "protected"
    folder.mkdir()
    today = NOW + datetime.timedelta(hours=2)
    done = world.hub.run("worklist", "export", "--month", today.strftime("%Y-%m"), "--dir", str(folder))
    equal(done.returncode, 0, done.stderr)
    line, = [one for path in folder.glob("*.csv") for one in path.read_text(encoding="utf-8").splitlines()
             if client in one]
    assert "Toistuvasti käyttämättä jääneet ajat" in line, line
    assert "Ilmaistu huoli" not in line and "riskistä" not in line, line
    assert "suojattu" in line, line


@check
def a_prohibition_withholds_triggers_everywhere(world):
    person, client = somebody(world, 62, 3)
    path = f"/fhir/DetectedIssue?patient={client}"
    wait_until(lambda: client in listed(world, "rule=no-shows"), 30, "on the list")
    issue, = [i for i in world.matches(path) if i["code"]["coding"][0]["code"] == "no-shows"]
    consent(world, person, 1, {"type": "deny", "class": [
        {"system": SYSTEM + "sector", "code": "specialist"}]})
    wait_until(lambda: not world.hub.get(f"/clients/{client}/triggers")["triggers"], 30,
               "the prohibition")
    equal(rules_at(world, f"/worklist/{client}"), set(), "on the work list, alone")
    equal(listed(world)[client]["triggers"], [], "on the work list")
    assert client not in listed(world, "rule=no-shows"), "found by a trigger that is withheld"
    equal(world.matches(path), [], "by search")
    equal(world.hub.call("GET", f"/fhir/DetectedIssue/{issue['id']}")[0], 403, "by its id")


@check
def a_permit_for_one_class_opens_no_other(world):
    person, client = somebody(world, 63, 0)
    report(world, client, "mental-health")
    report(world, client, "suspected-addiction")
    # Two rules count the second report, which is looked at after the first.
    wait_until(lambda: world.hub.get(f"/clients/{client}/triggers")["withheld"] == 2, 30, "withheld")

    def permitted(number, *classes):
        consent(world, person, number, {"type": "permit", "securityLabel": [
            {"system": SYSTEM + "data-class", "code": one} for one in classes]})

    def concerns():
        return [t for t in world.hub.get(f"/clients/{client}/triggers")["triggers"]
                if t["rule"] == "concern"]

    permitted(2, "substance")
    wait_until(lambda: rules_at(world, f"/clients/{client}/triggers"), 30, "the permit for one")
    equal(concerns(), [], "counted over both classes")
    permitted(3, "substance", "mental-health")
    wait_until(concerns, 30, "the permit for both")
    labels = {label["code"] for label in concerns()[0]["issue"]["meta"]["security"]}
    equal(labels, {"substance", "mental-health"}, "its labels")


@check
def an_event_of_two_classes_is_shown_by_no_permit_for_one(world):
    """Emergency visits to psychiatry for alcohol: each of them is under both classes, and ten raise a rule."""
    person, client = somebody(world, 65, 0)
    for i in range(10):
        visit = {**world.visit(f"AC65-{i}", 9 * i + 4, "E"), "service": "70", "diagnoses": [("F10.2", "Alkoholi")]}
        world.tell(hl7.adt("A03", world.next_control(), visit["end"], person, visit))
    paths = {"timeline": f"/fhir/Patient/{client}/$timeline?_count=200", "search": f"/fhir/Encounter?patient={client}",
             "issues": f"/fhir/DetectedIssue?patient={client}&_include=DetectedIssue:evidence"}

    def permitted(number, kind, *classes):
        consent(world, person, number, {"type": kind, "securityLabel": [
            {"system": SYSTEM + "data-class", "code": one} for one in classes]})

    def visits(path):
        found = [e["resource"] for e in world.bundle(path).get("entry", [])]
        return [r for r in found if r["resourceType"] == "Encounter" and r["serviceType"]["coding"][0]["code"] == "70"]

    def rules():
        return rules_at(world, f"/clients/{client}/triggers")

    def rules_everywhere():
        shown = rules()
        equal(rules_at(world, f"/worklist/{client}"), shown, "on the work list, alone")
        equal({t["rule"] for t in listed(world)[client]["triggers"]}, shown, "on the work list")
        return shown

    def labels(resource):
        return {label["code"] for label in resource["meta"]["security"]}

    def hidden(name):
        for path in paths.values():
            equal(visits(path), [], f"{name}: {path}")
        assert "emergency-visits" not in rules_everywhere(), name
        codes = {i["code"]["coding"][0]["code"] for i in world.matches(paths["issues"])}
        assert "emergency-visits" not in codes, f"{name}: {codes}"

    # Every one of the visits is told of, shown or not.
    wait_until(lambda: "10 withheld" in json.dumps(world.bundle(paths["search"])), 30, "ten that are withheld")
    wait_until(lambda: client in listed(world), 30, "on the list")
    wait_until(lambda: world.hub.get(f"/clients/{client}/triggers")["withheld"] >= 1, 30, "a withheld trigger")
    hidden("without a permit")
    report(world, client, "suspected-addiction")
    permitted(2, "permit", "substance")
    wait_until(lambda: "concern" in rules(), 30, "the permit for one class")
    hidden("with a permit for substances")
    permitted(3, "deny", "substance")
    permitted(4, "permit", "psychiatry")
    wait_until(lambda: "concern" not in rules(), 30, "the permit for the other class")
    hidden("with a permit for psychiatry")
    permitted(5, "permit", "substance")
    wait_until(lambda: "emergency-visits" in rules(), 30, "the permit for both")
    for path in paths.values():
        found = visits(path)
        equal(len(found), 10, path)
        for one in found:
            assert labels(one) >= {"psychiatry", "substance"}, f"{path}: {one['meta']}"
            world.valid(one)
    assert "emergency-visits" in rules_everywhere()
    issue, = [i for i in world.matches(paths["issues"]) if i["code"]["coding"][0]["code"] == "emergency-visits"]
    assert labels(issue) >= {"psychiatry", "substance"}, issue["meta"]
    reads = (f"/fhir/DetectedIssue/{issue['id']}", "/fhir/" + issue["evidence"][0]["detail"][0]["reference"])
    for path in reads:
        assert labels(world.hub.get(path)) >= {"psychiatry", "substance"}, path
    permitted(6, "deny", "psychiatry")
    wait_until(lambda: "emergency-visits" not in rules(), 30, "the permit taken back")
    hidden("with one of the two taken back")
    for path in reads:
        equal(world.hub.call("GET", path)[0], 403, path)


@check
def a_trigger_is_withheld_by_what_the_timeline_knows_of_its_events(world):
    if "kind: postgres" in world.hub.config.read_text(encoding="utf-8"):
        return
    _, client = somebody(world, 66, 3)
    path = f"/clients/{client}/triggers"
    wait_until(lambda: any(t["rule"] == "no-shows" and len(t["counted"]) == 3
                           for t in world.hub.get(path)["triggers"]), 30, "no-shows")
    issue, = [t["issue"] for t in world.hub.get(path)["triggers"] if t["rule"] == "no-shows"]
    event = issue["evidence"][0]["detail"][0]["reference"].split("/")[1]
    # As if identify's facts were from before an event could be under two classes.
    world.hub.in_store("timeline", f"UPDATE entries SET classes = 32 WHERE data LIKE '%{event}%'")
    assert "no-shows" not in rules_at(world, path), "of the client"
    assert "no-shows" not in rules_at(world, f"/worklist/{client}"), "on the work list, alone"
    equal(world.hub.call("GET", f"/fhir/DetectedIssue/{issue['id']}")[0], 403, "by its id")


@check
def a_security_prohibition_hides_units(world):
    person, client = somebody(world, 64, 3)
    wait_until(lambda: client in listed(world), 30, "on the list")
    assert listed(world)[client]["unit"], "a unit"
    tell_lifecare(world, person, 1, security=[{
        "system": "https://hl7.fi/fhir/finnish-base-profiles/CodeSystem/fi-base-security-label-cs",
        "code": "TURVAKIELTO"}])
    wait_until(lambda: "unit" not in listed(world)[client], 30, "the list without the unit")
    shown = world.hub.get(f"/worklist/{client}")
    assert "unit" not in shown and not any("unit" in step for step in shown["history"]), shown


@check
def triggers_are_read_with_a_relationship(world):
    issue = world.matches(f"/fhir/DetectedIssue?patient={world.client}")[0]
    nurse = world.token("nurse-issues", "professional")
    encounter = world.matches(f"/fhir/Encounter?patient={world.client}")[0]["id"]
    related = {**nurse, "Punos-Relationship": f"Encounter/{encounter}"}
    for path in (f"/fhir/DetectedIssue?patient={world.client}", f"/fhir/DetectedIssue/{issue['id']}"):
        equal(world.hub.call("GET", path, None, nurse)[0], 403, "no relationship")
        equal(world.hub.call("GET", path, None, related)[0], 200, "with one")
    equal(world.hub.call("GET", f"/fhir/Flag?patient={world.client}", None, related)[0], 403,
          "who is on the list is for those who work it")


def trail(world, store):
    return world.hub.in_store(store, "SELECT * FROM audit")


@check
def who_looked_at_the_list_is_in_the_trail_of_each_client(world):
    if "kind: postgres" in world.hub.config.read_text(encoding="utf-8"):
        return
    reader = world.token("list-reader", "coordinator")
    status, _, answer = world.hub.call("GET", "/worklist?_count=3", None, reader)
    equal(status, 200, "the list")
    seen = {r["client"] for r in trail(world, "api") if r["user_name"] == "list-reader"}
    assert {c["client"] for c in answer["clients"]} <= seen, "clients whose triggers were shown"
    folder = world.hub.folder / "recorded"
    folder.mkdir()
    done = world.hub.run("worklist", "export", "--month", "2026-01", "--dir", str(folder))
    equal(done.returncode, 0, done.stderr)
    assert any("2026-01" in r["what"] for r in trail(world, "identify")), "an export without names"


@check
def the_trail_can_be_read_and_proved(world):
    done = world.hub.run("audit", "list", "--client", world.client)
    equal(done.returncode, 0, done.stderr)
    head, *rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    records = [dict(zip(head, row)) for row in rows]
    assert all(r["client"] == world.client for r in records), "another client's"
    assert {"api", "identify"} <= {r["store"] for r in records}, "every store's trail"
    assert any((r["user"], r["action"], r["allowed"]) == ("nurse-1", "timeline", "no")
               for r in records), "a refusal"
    done = world.hub.run("audit", "list", "--user", "nurse-1", "--to", "2020-01-01")
    equal(len(done.stdout.decode().splitlines()), 1, "nothing so long ago")
    equal(world.hub.run("audit", "list", "--from", "soon").returncode, 1, "no day")
    done = world.hub.run("audit", "verify")
    equal(done.returncode, 0, done.stdout)
    assert done.stdout.decode().startswith("api: "), done.stdout
    if "kind: postgres" in world.hub.config.read_text(encoding="utf-8"):
        return
    world.hub.in_store("identify", "UPDATE audit SET user_name = 'somebody else' WHERE number = 1")
    done = world.hub.run("audit", "verify")
    equal(done.returncode, 1, "a row was changed")
    assert "identify: audit row 1" in done.stdout.decode(), done.stdout

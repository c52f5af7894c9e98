# SPDX-License-Identifier: Apache-2.0
"""What somebody who reports a concern is promised; part of calls.py, which has the hub."""
import datetime
import json
import random

import hl7
import people
from hub import wait_until

CHECKS = []
FHIR = {"Content-Type": "application/fhir+json"}
SYSTEM = "https://punos.fi/fhir/CodeSystem/"


def check(function):
    CHECKS.append(function)
    return function


def equal(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


def flag(client, about="core-not-reached", by="client", **more):
    return {"resourceType": "Flag", "status": "active",
            "code": {"coding": [{"system": SYSTEM + "concern", "code": about}],
                     "text": "Vapaata tekstiä, joka ei lähde eteenpäin."},
            "subject": {"reference": f"Patient/{client}"},
            "author": {"identifier": {"system": SYSTEM + "reporter", "value": by},
                       "display": "Testinen Toini"}, **more}


def post(world, body):
    status, _, answer = world.hub.call("POST", "/fhir/Flag", body, FHIR)
    return status, answer


def rules_of(world, client):
    return {t["rule"] for t in world.hub.get(f"/clients/{client}/triggers")["triggers"]}


def somebody(world, number):
    """A client of one visit, whom no rule knows."""
    person = people.Person(random.Random(71), number)
    start = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    world.tell(hl7.adt("A04", world.next_control(), start, person, world.visit(f"C{number}", 3, "O")))
    client = wait_until(lambda: world.hub.find_patient(person.code), 30, "the client")
    wait_until(lambda: world.matches(f"/fhir/Encounter?patient={client}"), 30, "the visit")
    return client


@check
def a_concern_that_is_reported_fires_its_rules(world):
    client = somebody(world, 41)
    number = {"system": "https://app.example/huoli", "value": "1"}
    status, made = post(world, flag(client, identifier=[number]))
    equal(status, 201, f"the report: {made}")
    world.valid(made)
    equal(made["code"], {"coding": [{"system": SYSTEM + "concern", "code": "core-not-reached"}]},
          "no words")
    equal(made["author"], {"identifier": {"system": SYSTEM + "reporter", "value": "client"}}, "who")
    wait_until(lambda: {"core-not-reached", "concern"} <= rules_of(world, client), 30, "the triggers")
    equal(post(world, flag(client, identifier=[number]))[1]["id"], made["id"], "the same report")
    counted, = next(t for t in world.hub.get(f"/clients/{client}/triggers")["triggers"]
                    if t["rule"] == "core-not-reached")["counted"]
    equal((counted["kind"], counted["reportedBy"]), ("concern", "client"), "who reported")


def sector_told(world, client, number):
    """The sector of the concern on the client's timeline."""
    def found():
        bundle = world.hub.get(f"/fhir/Patient/{client}/$timeline?_count=200")
        for entry in bundle.get("entry", []):
            if entry["resource"].get("id") == number:
                return json.dumps(entry)
        return None

    entry = wait_until(found, 30, "the concern on the timeline")
    return {name for name in ("primary", "specialist", "social", "national")
            if f'"{name}"' in entry}


@check
def one_report_weighs_once(world):
    """A coded concern makes two rules hold: the client is as pressing as one with a general one."""
    plain, coded = somebody(world, 43), somebody(world, 44)
    for client, about in ((plain, "concern"), (coded, "core-not-reached")):
        equal(post(world, flag(client, about=about))[0], 201, about)
    wait_until(lambda: "concern" in rules_of(world, plain), 30, "the trigger")
    wait_until(lambda: {"core-not-reached", "concern"} <= rules_of(world, coded), 30, "the triggers")
    equal(world.hub.get(f"/worklist/{coded}")["rank"], world.hub.get(f"/worklist/{plain}")["rank"],
          "rank")


@check
def a_concern_is_of_the_sector_that_reports_it(world):
    client = somebody(world, 42)
    visit = world.matches(f"/fhir/Encounter?patient={client}")[0]["id"]
    _, made = post(world, flag(client))
    assert "category" not in made, made
    equal(sector_told(world, client, made["id"]), set(), "nobody said")
    said = [{"coding": [{"system": SYSTEM + "sector", "code": "social"}]}]
    _, made = post(world, flag(client, category=said))
    equal(made["category"], said, "as was said")
    world.valid(made)
    equal(sector_told(world, client, made["id"]), {"social"}, "as was said")
    status, _, made = world.hub.call("POST", "/fhir/Flag", flag(client), {
        **FHIR, "Punos-Relationship": f"Encounter/{visit}"})
    equal(status, 201, f"with a relationship: {made}")
    of_visit = sector_told(world, client, visit)
    equal((len(of_visit), sector_told(world, client, made["id"])), (1, of_visit), "of the contact")


@check
def a_concern_with_faults_is_refused(world):
    client = world.other
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    for body, place in (
            (flag(client, about="core-not-reeched"), "Flag.code"),
            (flag(client, by="nurse"), "Flag.author"),
            (flag(client, status="inactive"), "Flag.status"),
            (flag(client, category=[{"coding": [{"system": SYSTEM + "sector", "code": "church"}]}]),
             "Flag.category"),
            (flag(client, period={"start": tomorrow.isoformat()}), "Flag.period.start"),
            (flag(client, subject={"reference": "Group/1"}), "Flag.subject")):
        status, answer = post(world, body)
        equal(status, 422, f"{place}: {answer}")
        assert place in str(answer), (place, answer)
    equal(post(world, flag("0" * 32))[0], 404, "nobody has that key")

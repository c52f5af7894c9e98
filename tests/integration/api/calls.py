#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The API of a whole hub, call by call, over HTTP: what users of it are promised.

    calls.py          PN_TEST_KAFKA and PN_TEST_POSTGRES choose what stands behind (see tests/lib/hub.py)
"""
import datetime
import json
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/county")]
import access_calls  # noqa: E402
import concern_calls  # noqa: E402
import feedback_calls  # noqa: E402
import hl7  # noqa: E402
import people  # noqa: E402
import plan_list_calls  # noqa: E402
import trigger_calls  # noqa: E402
import worklist_calls  # noqa: E402
from hub import Hub, Receiver, acknowledgement, equal, wait_until  # noqa: E402

UTC = datetime.timezone.utc
NOW = datetime.datetime.now(UTC).replace(microsecond=0)
FHIR = {"Content-Type": "application/fhir+json"}
EMERGENCY_VISITS = 12
NO_SHOWS = 4
FEED_SECONDS = 30
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class World:
    """One busy client, one quiet one, one with an event too few, and a hub that has heard of them."""

    def __init__(self, hub, receiver):
        self.hub = hub
        self.receiver = receiver
        source = random.Random(5)
        self.busy, self.quiet, self.third = (people.Person(source, number) for number in (1, 2, 3))
        self.control = 0
        self.tell_busy()
        self.tell(hl7.adt("A04", self.next_control(), NOW, self.quiet, self.visit("Q1", 3, "O")))
        for number in range(2):
            self.tell_noshow(self.third, f"T{number}", 20 * number + 8)
        self.nearly = wait_until(lambda: hub.find_patient(self.third.code), 30, "the third client")
        self.client = wait_until(lambda: hub.find_patient(self.busy.code), 30, "the busy client")
        self.other = wait_until(lambda: hub.find_patient(self.quiet.code), 30, "the quiet client")
        wait_until(lambda: len(self.timeline()) >= EMERGENCY_VISITS + NO_SHOWS, 30, "all entries")
        raised = {"visits": EMERGENCY_VISITS, "emergency-visits": EMERGENCY_VISITS, "no-shows": NO_SHOWS}
        wait_until(lambda: self.counts("triggers", self.client) == raised, 30, "the triggers")
        wait_until(lambda: self.counts("near", self.nearly).get("no-shows") == 2, 30, "one too few")
        wait_until(lambda: self.matches(f"/fhir/Encounter?patient={self.other}"), 30, "the one visit")

    def counts(self, which, client):
        """What each rule has counted, when the timeline has all of it too."""
        found = self.hub.get(f"/clients/{client}/triggers")[which]
        return {t["rule"]: t["count"] for t in found if t["count"] == len(t["counted"])}

    def next_control(self):
        self.control += 1
        return f"API{self.control:05d}"

    def visit(self, name, days_ago, kind):
        start = NOW - datetime.timedelta(days=days_ago)
        end = start + datetime.timedelta(hours=2)
        return {"class": kind, "unit": "PAIVYSTYS", "service": "15", "id": name, "start": start, "end": end}

    def tell(self, message):
        code, _ = acknowledgement(self.hub.send_mllp("oberon", message))
        equal(code, "AA", "acknowledgement")

    def tell_busy(self):
        for number in range(EMERGENCY_VISITS):
            visit = self.visit(f"B{number}", 20 * number + 2, "E")
            self.tell(hl7.adt("A03", self.next_control(), visit["end"], self.busy, visit))
        for number in range(NO_SHOWS):
            self.tell_noshow(self.busy, f"N{number}", 30 * number + 5)

    def tell_noshow(self, person, name, days_ago):
        start = NOW - datetime.timedelta(days=days_ago)
        self.tell(hl7.siu("S26", self.next_control(), start, person, {
            "id": name, "start": start, "end": start + datetime.timedelta(minutes=30),
            "service": "15", "minutes": 30, "unit": "POLI1", "profession": "laakari"}))

    def bundle(self, path):
        found = self.hub.get(path)
        assert_valid(self.hub, found)
        return found

    def valid(self, resource):
        assert_valid(self.hub, resource)

    def matches(self, path):
        return [e["resource"] for e in self.bundle(path).get("entry", [])
                if e.get("search", {}).get("mode") == "match"]

    def timeline(self, query="_count=200"):
        bundle = self.hub.get(f"/fhir/Patient/{self.client}/$timeline?{query}")
        return [e for e in bundle.get("entry", []) if e["search"]["mode"] == "match"]

    def pages(self, path):
        """All matches over all pages, and how many pages there were."""
        found, pages = [], 0
        while path:
            bundle = self.hub.get(path)
            pages += 1
            found += [e["resource"] for e in bundle.get("entry", [])
                      if e["search"]["mode"] == "match"]
            links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
            path = "/" + links["next"].split("/", 3)[3] if "next" in links else None
        return found, pages

    def token(self, name, roles):
        done = subprocess.run([self.hub.binary, "token", "add", "--data", str(self.hub.data),
                               "--role", roles, name], check=True, capture_output=True, text=True)
        return {"Authorization": f"Bearer {done.stdout.split()[-1]}"}

    def plan_body(self, client):
        plan = json.loads((ROOT / "schemas/plan-example.json").read_text(encoding="utf-8"))
        for kept_by_hub in ("id", "meta", "created", "author"):
            plan.pop(kept_by_hub)
        text = json.dumps(plan).replace(plan["subject"]["reference"], f"Patient/{client}")
        return json.loads(text)


def assert_valid(hub, resource):
    path = hub.folder / "check.json"
    path.write_text(json.dumps(resource), encoding="utf-8")
    done = subprocess.run([hub.binary, "fhir", "validate", str(path)], capture_output=True, text=True)
    equal(done.returncode, 0, f"{resource['resourceType']} is valid FHIR: {done.stdout[:400]}")


def is_outcome(body):
    return isinstance(body, dict) and body.get("resourceType") == "OperationOutcome"


# --- Who may -------------------------------------------------------------------------------------

@check
def nothing_without_a_token(world):
    for path in ("/fhir/metadata", f"/fhir/Patient/{world.client}", "/worklist", "/feed", "/metrics",
                 "/me", f"/fhir/Patient/{world.client}/$timeline"):
        status, headers, body = world.hub.call("GET", path, None, {"Authorization": ""})
        equal(status, 401, path)
        assert is_outcome(body) and "Bearer" in headers["WWW-Authenticate"]
        status, _, _ = world.hub.call("GET", path, None, {"Authorization": "Bearer wrong"})
        equal(status, 401, f"{path} with a wrong token")
    for path in ("/healthz", "/readyz", "/", "/web/app.js"):
        status, _, _ = world.hub.call("GET", path, None, {"Authorization": ""})
        equal(status, 200, path)


@check
def roles_bound_what_is_shown(world):
    path = f"/fhir/Patient/{world.client}/$timeline"
    dpo = world.token("dpo-1", "dpo")
    nurse = world.token("nurse-1", "professional")
    equal(world.hub.call("GET", path, None, dpo)[0], 403, "a data protection officer's timeline")
    equal(world.hub.call("GET", path, None, nurse)[0], 403, "a timeline without relationship")
    equal(world.hub.call("GET", "/worklist", None, nurse)[0], 403, "a work list for a professional")
    encounter = world.matches(f"/fhir/Encounter?patient={world.client}")[0]
    related = {**nurse, "Punos-Relationship": f"Encounter/{encounter['id']}"}
    equal(world.hub.call("GET", path, None, related)[0], 200, "a timeline with a relationship")
    elsewhere = f"/fhir/Patient/{world.other}/$timeline"
    equal(world.hub.call("GET", elsewhere, None, related)[0], 403, "somebody else's timeline")


@check
def identity_is_a_call_of_its_own(world):
    plain = world.bundle(f"/fhir/Patient/{world.client}")
    assert "name" not in plain and len(plain["birthDate"]) == 4, "no identity in a plain read"
    full = world.hub.get(f"/fhir/Patient/{world.client}/$identity")
    equal(full["name"][0]["family"], world.busy.family, "family name")
    equal(full["id"], world.client, "id")


# --- FHIR ----------------------------------------------------------------------------------------

@check
def the_capability_statement_says_what_there_is(world):
    statement = world.bundle("/fhir/metadata")
    types = {r["type"]: r for r in statement["rest"][0]["resource"]}
    for name in ("Patient", "Encounter", "Appointment", "EpisodeOfCare", "Condition",
                 "DetectedIssue", "Flag", "CarePlan", "CareTeam"):
        assert name in types, f"{name} is missing"
    codes = {i["code"] for i in types["CarePlan"]["interaction"]}
    assert {"read", "search-type", "create", "update", "history-instance", "vread"} <= codes
    # What is declared works: every parameter is accepted under strict handling.
    for name, resource in types.items():
        for param in resource.get("searchParam", []):
            if name == "Patient" or param["name"].startswith("_") or param["name"] in (
                    "patient", "subject"):
                continue
            value = "2020" if param["type"] == "date" else "x"
            status, _, body = world.hub.call(
                "GET", f"/fhir/{name}?patient={world.client}&{param['name']}={value}", None,
                {"Prefer": "handling=strict"})
            equal(status, 200, f"{name}?{param['name']}: {body}")


@check
def identifiers_never_stand_in_a_url(world):
    code = world.busy.code
    for method, path in (("GET", f"/fhir/Patient?identifier=urn:oid:1.2.246.21%7C{code}"),
                         ("GET", f"/fhir/Encounter?patient={world.client}&x={code}"),
                         ("POST", f"/fhir/Patient/_search?identifier=urn:oid:1.2.246.21%7C{code}")):
        body = b"" if method == "POST" else None
        status, _, answer = world.hub.call(method, path, body,
                                           {"Content-Type": "application/x-www-form-urlencoded"})
        equal(status, 400, path.replace(code, "…"))
        assert is_outcome(answer) and code not in json.dumps(answer)
    equal(world.hub.find_patient("010181-900C"), None, "a code that nobody has")
    both = f"identifier=urn:punos:client-key%7C{world.client}".encode()
    status, _, bundle = world.hub.call("POST", "/fhir/Patient/_search", both,
                                       {"Content-Type": "application/x-www-form-urlencoded"})
    equal((status, bundle["entry"][0]["resource"]["id"]), (200, world.client), "search by key")


@check
def searches_filter_and_page(world):
    base = f"/fhir/Encounter?patient={world.client}"
    everything = world.matches(base + "&_count=100")
    equal(len(everything), EMERGENCY_VISITS, "encounters")
    starts = [e["period"]["start"] for e in everything]
    equal(starts, sorted(starts, reverse=True), "newest first")
    paged, pages = world.pages(base + "&_count=5")
    equal([e["id"] for e in paged], [e["id"] for e in everything], "the same over pages")
    equal(pages, 3, "pages of 5")
    equal(len(world.matches(base + "&class=EMER")), EMERGENCY_VISITS, "class")
    equal(len(world.matches(base + "&class=AMB")), 0, "another class")
    equal(len(world.matches(base + "&status=finished,planned")), EMERGENCY_VISITS, "status")
    day = (NOW - datetime.timedelta(days=31)).date().isoformat()
    recent = [e for e in everything if e["period"]["start"] >= day]
    equal(len(world.matches(f"{base}&date=ge{day}")), len(recent), "date from")
    equal(len(world.matches(f"{base}&date=lt{day}")), EMERGENCY_VISITS - len(recent), "date before")
    equal(len(world.matches(f"{base}&_lastUpdated=gt2100")), 0, "_lastUpdated")
    equal(len(world.matches(f"{base}&_id={everything[0]['id']}")), 1, "_id")
    equal(len(world.matches(f"/fhir/Appointment?patient={world.client}&status=noshow")), NO_SHOWS,
          "appointments not kept")
    status, _, posted = world.hub.call("POST", "/fhir/Encounter/_search",
                                       f"patient={world.client}&_count=100".encode(),
                                       {"Content-Type": "application/x-www-form-urlencoded"})
    equal((status, len(posted["entry"])), (200, EMERGENCY_VISITS), "the same by POST")


@check
def searches_refuse_what_they_do_not_know(world):
    base = f"/fhir/Encounter?patient={world.client}"
    lenient = world.bundle(base + "&shoe-size=44&_count=1")
    outcome = [e["resource"] for e in lenient["entry"] if e["search"]["mode"] == "outcome"]
    equal(outcome[0]["issue"][0]["severity"], "warning", "left out with a warning")
    for query, headers in (("&shoe-size=44", {"Prefer": "handling=strict"}),
                           ("&status:not=finished", {}), ("&date=soon", {}), ("&_count=0", {}),
                           ("&_sort=status", {}), ("&_cursor=%00", {}), ("&_cursor=1.2.3", {})):
        status, _, body = world.hub.call("GET", base + query, None, headers)
        equal(status, 400, query)
        assert is_outcome(body)
        assert_valid(world.hub, body)
    equal(world.hub.call("GET", "/fhir/Encounter")[0], 400, "a search of nobody")
    equal(world.hub.call("GET", base + "&_format=xml")[0], 415, "XML")
    equal(world.hub.call("GET", f"/fhir/Encounter?patient={'0' * 32}")[0], 404, "nobody's key")


@check
def reads_have_etags(world):
    encounter = world.matches(f"/fhir/Encounter?patient={world.client}&_count=1")[0]
    path = f"/fhir/Encounter/{encounter['id']}"
    status, headers, body = world.hub.call("GET", path)
    equal((status, body["id"]), (200, encounter["id"]), "read")
    equal(headers["ETag"], f'W/"{body["meta"]["versionId"]}"', "ETag")
    assert headers["Cache-Control"] == "no-store"
    equal(world.hub.call("GET", path, None, {"If-None-Match": headers["ETag"]})[0], 304, "unchanged")
    equal(world.hub.call("GET", path, None, {"If-None-Match": 'W/"1"'})[0], 200, "changed")
    equal(world.hub.call("GET", "/fhir/Encounter/nothing-there")[0], 404, "no such id")
    status, headers, body = world.hub.call("DELETE", path)
    equal(status, 405, "a method that is not there")
    assert "GET" in headers["Allow"] and is_outcome(body)
    equal(world.hub.call("GET", "/fhir/Observation?patient=x")[0], 404, "a type that is not there")


@check
def triggers_and_flags_are_fhir(world):
    issues = world.matches(f"/fhir/DetectedIssue?patient={world.client}")
    codes = {i["code"]["coding"][0]["code"] for i in issues}
    assert {"emergency-visits", "no-shows"} <= codes, codes
    evidence = issues[0]["evidence"][0]["detail"][0]["reference"]
    equal(world.hub.get("/fhir/" + evidence)["resourceType"], evidence.split("/")[0], "evidence")
    equal(world.hub.get(f"/fhir/DetectedIssue/{issues[0]['id']}")["id"], issues[0]["id"], "read")
    flag = world.matches(f"/fhir/Flag?patient={world.client}&status=active")[0]
    equal(world.hub.get(f"/fhir/Flag/{flag['id']}")["id"], flag["id"], "the flag by its id")
    equal(world.matches(f"/fhir/Flag?patient={world.other}"), [], "the quiet client's flags")


# --- The timeline and the work list ----------------------------------------------------------------

@check
def the_timeline_is_one_call(world):
    bundle = world.bundle(f"/fhir/Patient/{world.client}/$timeline?_count=200")
    parts = [{p["url"]: [v for k, v in p.items() if k != "url"][0]
              for p in e["extension"][0]["extension"]}
             for e in bundle["entry"] if e["search"]["mode"] == "match"]
    starts = [p["start"] for p in parts]
    equal(starts, sorted(starts, reverse=True), "newest first")
    equal({p["sector"] for p in parts}, {"specialist"}, "sectors")
    stamps = [e for e in bundle["meta"]["extension"] if e["url"].endswith("/completeness")]
    assert stamps and "oberon" in json.dumps(stamps), "a completeness stamp per source"
    equal(len(world.timeline("kind=appointment&_count=200")), NO_SHOWS, "one kind")
    equal(len(world.timeline("sector=social")), 0, "another sector")
    paged, _ = world.pages(f"/fhir/Patient/{world.client}/$timeline?_count=3")
    ids = [r["id"] for r in paged]
    equal((len(ids), len(set(ids))), (len(parts), len(parts)), "each entry once over the pages")
    half = (NOW - datetime.timedelta(days=100)).date().isoformat()
    equal(len(world.timeline(f"from={half}&_count=200")) + len(world.timeline(
        f"until={half}&_count=200")), len(parts), "from and until part it")
    for query in ("sector=moon", "kind=dance", "from=soon", "_count=x", "_cursor=zz"):
        equal(world.hub.call("GET", f"/fhir/Patient/{world.client}/$timeline?{query}")[0], 400, query)


@check
def the_work_list_and_its_states(world):
    listed = world.hub.get("/worklist")
    item = next(c for c in listed["clients"] if c["client"] == world.client)
    assert "name" not in item and item["triggers"][0]["title"]["sv"]
    named = world.hub.get("/worklist?names=true")["clients"]
    assert world.busy.family in next(c for c in named if c["client"] == world.client)["name"]
    path = f"/worklist/{world.client}"
    status, headers, one = world.hub.call("GET", path)
    equal(status, 200, path)
    assert one["triggers"][0]["issue"]["evidence"], "the events counted"
    change = {"state": "in-discussion"}
    equal(world.hub.call("PUT", path, change, FHIR)[0], 428, "no If-Match")
    right = {**FHIR, "If-Match": headers["ETag"]}
    status, changed, _ = world.hub.call("PUT", path, change, right)
    equal(status, 200, "the state set")
    assert changed["ETag"] != headers["ETag"]
    equal(world.hub.call("PUT", path, change, right)[0], 412, "a stale state")
    equal(world.hub.call("PUT", path, {"state": "lapsed"}, right)[0], 400, "the service's own state")
    assert not any(c["client"] == world.client for c in world.hub.get("/worklist?state=new")["clients"])
    assert world.hub.get("/worklist?state=in-discussion")["clients"]


# --- The plan ----------------------------------------------------------------------------------------

@check
def a_plan_with_faults_is_refused_place_by_place(world):
    body = world.plan_body(world.client)
    del body["description"]
    body["activity"][0]["detail"]["description"] = f"soita, tunnus {world.busy.code}"
    status, _, outcome = world.hub.call("POST", "/fhir/CarePlan", body, FHIR)
    equal(status, 422, "a faulty plan")
    places = {i["expression"][0] for i in outcome["issue"]}
    equal(places, {"CarePlan.description", "CarePlan.activity[0].detail.description"}, "places")
    assert world.busy.code not in json.dumps(outcome)
    equal(world.hub.call("POST", "/fhir/CarePlan", b"{", FHIR)[0], 400, "no JSON")
    equal(world.hub.call("POST", "/fhir/CarePlan", body, {"Content-Type": "text/xml"})[0], 415, "XML")


SOCIAL_ONLY = {
    "url": "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label",
    "valueCoding": {"system": "https://punos.fi/fhir/CodeSystem/register", "code": "social"}}


def losses_of(parameters, system):
    for parameter in parameters.get("parameter", []):
        parts = parameter["part"]
        if parts[0]["valueString"] == system:
            return [{p["name"]: next(v for k, v in p.items() if k.startswith("value"))
                     for p in part["part"]} for part in parts if part["name"] == "loss"]
    raise AssertionError(f"no {system} in the report")


@check
def what_a_form_cannot_hold_is_said_before_sending(world):
    hub, path = world.hub, "/fhir/CarePlan/$loss-report"
    body = world.plan_body(world.client)
    body["activity"][0]["extension"] = [SOCIAL_ONLY]
    status, _, report = hub.call("POST", path, body, FHIR)
    equal((status, report["resourceType"]), (200, "Parameters"), "a report of a plan not written")
    assert_valid(hub, report)
    found = {loss["item"]["code"]: loss for loss in losses_of(report, "oberon")}
    assert "next-step" in found and "situation" not in found, sorted(found)
    equal(found["next-step"]["kind"], "social-only", "why")
    equal(found["next-step"]["expression"], "CarePlan.activity[0].detail.description", "its place")
    assert found["next-step"]["fi"].startswith("Mitä seuraavaksi: merkitty"), found["next-step"]
    text = json.dumps(report, ensure_ascii=False)
    assert "Uniohjaus" not in text and "Mallikas" not in text, "no words of the plan"
    equal(hub.call("POST", path + "?system=nowhere", world.plan_body(world.client), FHIR)[0], 404,
          "a system that is not there")
    faulty = world.plan_body(world.client)
    del faulty["description"]
    equal(hub.call("POST", path, faulty, FHIR)[0], 422, "a faulty plan")
    equal(len(world.matches(f"/fhir/CarePlan?patient={world.client}&status=active")), 0,
          "nothing is written")


@check
def a_plan_has_versions_and_reaches_its_system(world):
    hub = world.hub
    status, headers, plan = hub.call("POST", "/fhir/CarePlan", world.plan_body(world.client), FHIR)
    equal(status, 201, f"created: {plan}")
    assert_valid(hub, plan)
    world.plan = plan["id"]
    path = f"/fhir/CarePlan/{plan['id']}"
    assert headers["Location"].endswith(path + "/_history/1"), headers["Location"]
    equal(hub.call("POST", "/fhir/CarePlan", world.plan_body(world.client), FHIR)[0], 409, "a second")
    equal(hub.call("PUT", path, plan, FHIR)[0], 428, "no If-Match")
    plan["description"] = "Uusi tilanne."
    status, changed, stored = hub.call("PUT", path, plan, {**FHIR, "If-Match": headers["ETag"]})
    equal((status, stored["meta"]["versionId"], changed["ETag"]), (200, "2", 'W/"2"'), "version 2")
    status, _, outcome = hub.call("PUT", path, plan, {**FHIR, "If-Match": headers["ETag"]})
    equal((status, is_outcome(outcome)), (412, True), "a stale version")
    history = world.bundle(path + "/_history")
    equal([e["resource"]["meta"]["versionId"] for e in history["entry"]], ["2", "1"], "history")
    assert hub.get(path + "/_history/1")["description"] != "Uusi tilanne."
    equal(hub.call("GET", path + "/_history/9")[0], 404, "a version that is not there")
    report = hub.get(path + "/$loss-report?system=oberon")
    equal(losses_of(report, "oberon"), [], "without labels the form holds all of it")
    equal(len(world.matches(f"/fhir/CarePlan?patient={world.client}&status=active")), 1, "search")
    equal(len(world.matches(f"/fhir/CareTeam?patient={world.client}")), 1, "its team")
    equal(hub.get(f"/fhir/CareTeam/{plan['id']}")["resourceType"], "CareTeam", "the team by id")

    def arrived():
        state = world.bundle(path + "/$delivery-state")
        done = [e["resource"] for e in state.get("entry", [])
                if e["resource"]["status"] == "completed"]
        return len(done) == 2

    wait_until(arrived, 60, "both versions in the system")
    assert len(world.receiver.files()) >= 2, "the system has them"


@check
def a_plan_can_be_withdrawn_and_another_written(world):
    path = f"/fhir/CarePlan/{world.plan}"
    equal(world.hub.call("DELETE", path)[0], 428, "no If-Match")
    status, headers, _ = world.hub.call("DELETE", path, None, {"If-Match": 'W/"2"'})
    equal((status, headers["ETag"]), (204, 'W/"3"'), "withdrawn")
    equal(world.hub.get(path)["status"], "revoked", "status")
    status, _, plan = world.hub.call("POST", "/fhir/CarePlan", world.plan_body(world.client), FHIR)
    equal(status, 201, "another plan")
    world.plan = plan["id"]


# --- The feed ------------------------------------------------------------------------------------------

def read_feed(world, query, last_id, enough, once_open=None):
    """Events as (id, type, data) until `enough` says so; `once_open` is called when the feed is there."""
    connection = socket.create_connection(("127.0.0.1", world.hub.api_port), 10)
    header = f"Last-Event-ID: {last_id}\r\n" if last_id is not None else ""
    connection.sendall((f"GET /feed?{query} HTTP/1.1\r\nHost: hub\r\n{header}"
                        f"Authorization: Bearer {world.hub.token()}\r\n\r\n").encode())
    connection.settimeout(1)
    text, events, deadline = "", [], time.monotonic() + FEED_SECONDS
    while not enough(events):
        assert time.monotonic() < deadline, f"{len(events)} events within {FEED_SECONDS} s"
        try:
            chunk = connection.recv(65536)
        except TimeoutError:
            continue
        assert chunk, "the feed ended"
        text += chunk.decode()
        if once_open is not None and "retry" in text:
            once_open()
            once_open = None
        events = parse_events(text)
    connection.close()
    return events


def parse_events(text):
    events, fields = [], {}
    for line in text.replace("\r", "").split("\n"):
        name, found, value = line.partition(": ")
        if found and name in ("id", "event", "data"):
            fields[name] = value
        elif line == "" and "data" in fields and "id" in fields:
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
            fields = {}
    return events


@check
def the_feed_filters_resumes_and_shows_no_identity(world):
    everything = read_feed(world, "from=start", None, lambda e: len(e) >= 20)
    numbers = [number for number, _, _ in everything]
    equal(numbers, sorted(set(numbers)), "ids grow")
    assert world.busy.family not in json.dumps(everything, ensure_ascii=False)
    assert "sealed" not in json.dumps(everything), "no seals"
    middle = numbers[len(numbers) // 2]
    rest = read_feed(world, "", middle, lambda e: len(e) >= 5)
    equal(rest[0][0], middle + 1, "resumes behind the last id")
    triggers = read_feed(world, "types=fi.punos.trigger.*&from=start", None, lambda e: len(e) >= 2)
    assert all(kind.startswith("fi.punos.trigger.") for _, kind, _ in triggers)
    flags = read_feed(world, "types=fi.punos.flag.*&from=start", None, lambda e: len(e) >= 1)
    assert all(data["data"]["resourceType"] == "Flag" for _, _, data in flags)
    own = read_feed(world, f"subject={world.other}&from=start", None, lambda e: len(e) >= 1)
    assert all(data["subject"] == world.other for _, _, data in own)
    equal(world.hub.call("GET", "/feed", None, {"Last-Event-ID": "x"})[0], 400, "a wrong id")


@check
def protected_events_are_not_on_the_feed(world):
    def about(codes):
        person = people.Person(random.Random(98), 70 + len(codes))
        world.tell_noshow(person, f"F{len(codes)}", 3)
        client = wait_until(lambda: world.hub.find_patient(person.code), 30, "the client")
        for code in codes:
            access_calls.report(world, client, code)
        return client

    def shown():
        found = read_feed(world, f"subject={client}&types=fi.punos.concern.*&from=start", None,
                          lambda e: len(e) >= 2)
        return [data["data"]["code"]["coding"][0]["code"] for _, _, data in found]

    client = about(["concern", "suspected-addiction", "money", "mental-health"])
    equal(shown(), ["concern", "money"], "the ordinary ones")
    if "kind: postgres" in world.hub.config.read_text(encoding="utf-8"):
        return
    # Rows that an earlier version wrote may lack a class: they are judged by what is in them.
    world.hub.in_store("api", f"UPDATE feed SET classes = -1 WHERE subject = '{client}'")
    equal(shown(), ["concern", "money"], "the same of an earlier version's rows")


@check
def what_is_new_is_on_the_feed_at_once(world):
    visit = world.visit("LIVE", 1, "O")
    message = hl7.adt("A03", world.next_control(), visit["end"], world.quiet, visit)
    # The feed is a reader of its own: what the timeline has long had may come to it only now.
    read_feed(world, "types=fi.punos.visit.*", None,
              lambda events: any("LIVE" in json.dumps(event) for event in events),
              lambda: world.tell(message))


# --- Merged identities, figures, the trail ------------------------------------------------------------

@check
def a_merge_is_followed_and_can_be_undone(world):
    hub = world.hub
    world.tell(hl7.merge(world.next_control(), NOW, world.busy, f"{world.quiet.code}^^^^HETU"))
    wait_until(lambda: hub.find_patient(world.quiet.code) == world.client, 30, "the merge")
    equal(hub.get(f"/fhir/Patient/{world.other}")["id"], world.client, "an old key finds the client")
    subjects = {r["subject"]["reference"] for r in
                world.matches(f"/fhir/Encounter?patient={world.client}&_count=100")}
    equal(subjects, {f"Patient/{world.client}"}, "subjects after the merge")

    def parameters(kept, parted):
        return {"resourceType": "Parameters", "parameter": [
            {"name": "kept", "valueReference": {"reference": f"Patient/{kept}"}},
            {"name": "parted", "valueReference": {"reference": f"Patient/{parted}"}}]}

    equal(hub.call("POST", "/fhir/Patient/$unmerge", {"resourceType": "Parameters"}, FHIR)[0], 400,
          "no parameters")
    status, _, body = hub.call("POST", "/fhir/Patient/$unmerge",
                               parameters(world.client, world.other), FHIR)
    equal(status, 202, f"the undo: {body}")
    wait_until(lambda: hub.find_patient(world.quiet.code) == world.other, 30, "the undo")
    status, _, _ = hub.call("POST", "/fhir/Patient/$unmerge",
                            parameters(world.client, world.other), FHIR)
    equal(status, 409, "nothing left to undo")


@check
def figures_are_prometheus(world):
    status, headers, text = world.hub.call("GET", "/metrics")
    equal(status, 200, "/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = [line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE")]
    equal(len(families), len(set(families)), "each family once")
    assert b'punos_ready{service="timeline"' in text


@check
def every_read_is_in_the_access_trail(world):
    if world.hub.config.read_text(encoding="utf-8").find("kind: postgres") >= 0:
        return
    query = "SELECT user_name, action, client, allowed FROM audit"
    rows = [tuple(row.values()) for row in world.hub.in_store("api", query)]
    assert ("nurse-1", "timeline", world.client, 0) in rows, "a refusal"
    assert ("nurse-1", "timeline", world.client, 1) in rows, "a read with a relationship"
    assert ("first", "identity", world.client, 1) in rows, "an opened identity"
    assert any(r[1] == "plan-write" for r in rows)


@check
def no_identity_in_the_log(world):
    log = world.hub.log.read_text(encoding="utf-8")
    for person in (world.busy, world.quiet):
        assert person.code not in log and person.family not in log


def main():
    folder = Path(__import__("tempfile").mkdtemp(prefix="punos-receiver-"))
    receiver = Receiver("mllp", folder)
    failed = 0
    checks = (CHECKS + trigger_calls.CHECKS + feedback_calls.CHECKS + concern_calls.CHECKS +
              worklist_calls.CHECKS + plan_list_calls.CHECKS + access_calls.CHECKS)
    try:
        with Hub(systems=("oberon", "lifecare"), receivers={"oberon": receiver}) as hub:
            world = World(hub, receiver)
            for function in checks:
                try:
                    function(world)
                    print(f"ok      {function.__name__}")
                except (AssertionError, KeyError, OSError) as error:
                    failed += 1
                    print(f"FAILED  {function.__name__}: {type(error).__name__} {error}")
    finally:
        receiver.stop()
        __import__("shutil").rmtree(folder, ignore_errors=True)
    print(f"{len(checks) - failed} held, {failed} did not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

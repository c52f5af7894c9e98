# SPDX-License-Identifier: Apache-2.0
"""What apps are promised of triggers; part of calls.py, which has the hub and the clients."""
from hub import equal, wait_until

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def part(extension, name):
    """A part of an extension of extensions, whatever its type."""
    for item in extension.get("extension", []):
        if item["url"] == name:
            return next(value for key, value in item.items() if key != "url")
    return None


def extensions(resource, name):
    return [e for e in resource.get("extension", []) if e["url"].endswith("/" + name)]


@check
def a_trigger_is_explained(world):
    def explained():
        answer = world.hub.get(f"/clients/{world.client}/triggers")
        equal(answer["withheld"], 0, "withheld")
        return next(t for t in answer["triggers"] if t["rule"] == "emergency-visits")

    # Identify may have heard of an event before the timeline has.
    wait_until(lambda: len(explained()["counted"]) == explained()["count"], 30, "the events counted")
    trigger = explained()
    issue = trigger["issue"]
    world.valid(issue)
    equal(len(trigger["counted"]), trigger["count"], "the events counted")
    starts = [event["start"] for event in trigger["counted"]]
    equal(starts, sorted(starts, reverse=True), "newest first")
    equal({(e["kind"], e["sector"]) for e in trigger["counted"]}, {("visit", "specialist")}, "what")
    equal(trigger["countedWithheld"], 0, "withheld events")
    assert any(e["unit"] for e in trigger["counted"]), "units"
    condition = extensions(issue, "trigger-condition")[0]
    # The rule that rose with ten holds until there are seven.
    equal((trigger["threshold"], part(condition, "threshold")), (10, 8), "what it takes and what keeps it")
    equal(part(condition, "not-with"), 7, "what would end it")
    assert "jos määrä olisi 7" in issue["detail"], issue["detail"]
    stamp = extensions(issue, "completeness")
    equal([(part(s, "source"), part(s, "silent")) for s in stamp],
          [("/adapter/oberon", False)], "the systems that feed what the rule counts")


@check
def what_nearly_holds_is_told_of_one_client(world):
    nearly = world.nearly  # never flagged: one event too few
    answer = world.hub.get(f"/clients/{nearly}/triggers")
    equal(answer["triggers"], [], "triggers")
    near = next(n for n in answer["near"] if n["rule"] == "no-shows")
    world.valid(near["issue"])
    equal((near["count"], near["threshold"], len(near["counted"])), (2, 3, 2), "how near")
    assert "Yksi lisää täyttäisi ehdon." in near["issue"]["detail"], near["issue"]["detail"]
    equal(near["issue"]["status"], "preliminary", "status")
    equal(world.matches(f"/fhir/DetectedIssue?patient={nearly}"), [], "no trigger of it")


@check
def triggers_are_for_those_who_may_see_the_events(world):
    path = f"/clients/{world.client}/triggers"
    nurse = world.token("nurse-triggers", "professional")
    equal(world.hub.call("GET", path, None, nurse)[0], 403, "no relationship")
    encounter = world.matches(f"/fhir/Encounter?patient={world.client}")[0]
    related = {**nurse, "Punos-Relationship": f"Encounter/{encounter['id']}"}
    equal(world.hub.call("GET", path, None, related)[0], 200, "with one")
    equal(world.hub.call("GET", path, None, world.token("boss", "admin"))[0], 403, "an admin")
    equal(world.hub.call("GET", "/clients/" + "0" * 32 + "/triggers")[0], 404, "nobody")


@check
def triggers_are_searched_page_by_page(world):
    path = f"/fhir/DetectedIssue?patient={world.client}"
    whole = world.matches(path)
    raised = [issue["identifiedDateTime"] for issue in whole]
    equal(raised, sorted(raised, reverse=True), "newest first")
    paged, pages = world.pages(f"{path}&_count=1")
    equal([i["id"] for i in paged], [i["id"] for i in whole], "all of them")
    equal(pages, len(whole), "pages")
    code = "https://punos.fi/fhir/CodeSystem/rule|no-shows"
    equal(len(world.matches(f"{path}&code={code}&status=final,amended")), 1, "one rule")
    equal(world.matches(f"{path}&identified=lt2001"), [], "by its time")
    equal(len(world.matches(f"{path}&_lastUpdated=gt2001")), len(whole), "when it changed")
    bundle = world.bundle(f"{path}&code={code}&_include=DetectedIssue:evidence")
    modes = [entry["search"]["mode"] for entry in bundle["entry"]]
    issue = bundle["entry"][0]["resource"]
    counted = {d["reference"] for e in issue["evidence"] for d in e["detail"]}
    included = {"/".join(e["fullUrl"].split("/")[-2:]) for e in bundle["entry"]
                if e["search"]["mode"] == "include"}
    equal(included, counted, "the events counted come along")
    equal(modes.count("match"), 1, "matches")
    equal(world.hub.call("GET", f"{path}&_include=DetectedIssue:patient")[0], 400, "another include")
    equal(world.hub.call("GET", f"{path}&_cursor=x")[0], 400, "no cursor")
    types = {t["type"]: t for t in world.hub.get("/fhir/metadata")["rest"][0]["resource"]}
    equal(types["DetectedIssue"]["searchInclude"], ["DetectedIssue:evidence"], "it is said")


@check
def triggers_have_figures(world):
    def figures():
        _, _, text = world.hub.call("GET", "/metrics")
        text = text if isinstance(text, str) else text.decode()
        return [line for line in text.splitlines() if 'service="identify"' in line]

    def value(name, labels=""):
        found = [line for line in figures() if line.startswith(name + "{") and labels in line]
        return int(found[0].rsplit(" ", 1)[1]) if found else 0

    wait_until(lambda: value("punos_triggers_total", ',rule="no-shows",happening="raised"}'), 30,
               "a rule's figure")
    wait_until(lambda: value("punos_rules_number") == 1, 30, "the rule set in use")
    assert value("punos_rules_fingerprint") > 0 and value("punos_evaluations_total") > 0
    assert value("punos_evaluation_microseconds_total") > 0
    wait_until(lambda: any(line.startswith("punos_flags{") and 'state="new"' in line
                           for line in figures()), 30, "the flags' figure")


@check
def the_list_and_its_flags_are_fhir(world):
    accept = {"Accept": "application/fhir+json"}
    status, headers, shown = world.hub.call("GET", "/worklist", None, accept)
    equal((status, headers["Content-Type"].split(";")[0]), (200, "application/fhir+json"), "a List")
    world.valid(shown)
    wanted = [(f"Flag/{c['client']}", c["state"]) for c in world.hub.get("/worklist")["clients"]]
    equal([(e["item"]["reference"], e["flag"]["coding"][0]["code"]) for e in shown["entry"]], wanted,
          "the same in the same order")
    status, _, flag = world.hub.call("GET", "/fhir/" + shown["entry"][0]["item"]["reference"])
    equal(status, 200, "its Flag")
    world.valid(flag)
    equal(flag["code"]["coding"][0]["code"], "possible-shared-client", "what it is")
    assert "Möjlig gemensam klient" in str(flag["code"]) and "Possible shared client" in str(flag)
    _, _, one = world.hub.call("GET", "/worklist?_count=1", None, accept)
    cursor = [e["valueString"] for e in one["extension"] if e["url"].endswith("/next-cursor")]
    equal(len(cursor), 1 if len(wanted) > 1 else 0, "the next page")
    _, _, none = world.hub.call("GET", "/worklist?rule=no-such", None, accept)
    world.valid(none)
    assert "entry" not in none and none["emptyReason"], "an empty list"


# --- CDS Hooks 2.0 -------------------------------------------------------------------------------

SERVICE = "/cds-services/punos-shared-client"
HETU = "urn:oid:1.2.246.21"


def hook(patient_id, person=None, **more):
    body = {"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/example", "patientId": patient_id, **more}}
    if person is not None:
        body["prefetch"] = {"patient": {"resourceType": "Patient", "id": patient_id, "identifier": [
            {"system": "http://local.example/id", "value": "7"}, {"system": HETU, "value": person.code}]}}
    return body


def call(world, path, body, headers=None):
    status, _, answer = world.hub.call("POST", path, body,
                                       {"Content-Type": "application/json", **(headers or {})})
    return status, answer


def cards(world, body, headers=None):
    status, answer = call(world, SERVICE, body, headers)
    equal(status, 200, f"a card: {answer}")
    return answer["cards"]


@check
def a_card_says_that_a_rule_holds(world):
    services = world.hub.get("/cds-services")["services"]
    equal([(s["id"], s["hook"]) for s in services], [("punos-shared-client", "patient-view")],
          "the services")
    assert services[0]["description"] and services[0]["prefetch"]["patient"]
    equal(cards(world, hook("77", world.quiet)), [], "a client with no trigger")
    equal(cards(world, hook("77", world.third)), [], "one with an event too few")
    world.tell_noshow(world.third, "T9", 3)
    wait_until(lambda: cards(world, hook("77", world.third)), 30, "the card")
    card, = cards(world, hook("77", world.third), {"Accept-Language": "sv-FI, en;q=0.5"})
    assert len(card["summary"]) < 140 and card["indicator"] == "info" and card["source"]["label"]
    assert "gränsen är 3" in card["detail"] and "Källan" not in card["detail"], card["detail"]
    equal(card["links"][0]["type"], "absolute", "the link")
    assert card["links"][0]["url"].endswith(f"/#/client/{world.nearly}"), card["links"]
    for private in (world.third.code, world.third.family):
        assert private not in str(card), "who it is"
    equal(cards(world, hook(world.nearly))[0]["uuid"], card["uuid"], "by the hub's own id")


@check
def a_card_is_for_those_who_may_see_the_events(world):
    nurse = world.token("nurse-cds", "professional")
    equal(call(world, SERVICE, hook("77", world.third), nurse)[0], 403, "no relationship")
    unknown = hook("77", world.third)
    unknown["prefetch"]["patient"]["identifier"] = [{"system": HETU, "value": "nobody"}]
    equal(call(world, SERVICE, unknown, nurse)[0], 403, "nor whether the hub knows somebody")
    equal(cards(world, unknown), [], "nobody that the hub knows")
    encounter = world.matches(f"/fhir/Encounter?patient={world.client}")[0]["id"]
    related = hook("77", world.busy, encounterId=encounter)
    equal(call(world, SERVICE, related, nurse)[0], 200, "with a contact of the client")
    equal(world.hub.call("POST", SERVICE, hook("77"), {"Authorization": ""})[0], 401, "no token")


@check
def a_hook_with_faults_is_refused(world):
    equal(call(world, SERVICE, hook("77"))[0], 412, "nobody can know the patient")
    equal(call(world, "/cds-services/other", hook("77"))[0], 404, "no such service")
    for name in ("hook", "hookInstance", "context"):
        body = hook("77", world.third)
        del body[name]
        equal(call(world, SERVICE, body)[0], 400, f"without {name}")


@check
def what_becomes_of_a_card_is_on_the_work_list(world):
    def state():
        return world.hub.get(f"/worklist/{world.nearly}")["state"]

    card, = cards(world, hook("77", world.third))
    suggestion = card["suggestions"][0]["uuid"]
    reasons = {r["code"]: r["display"] for r in card["overrideReasons"]}
    assert "other" in reasons and all(reasons.values()), reasons
    equal(card["selectionBehavior"], "at-most-one", "how many")

    def feedback(outcome, **more):
        return call(world, f"{SERVICE}/feedback", {"feedback": [
            {"card": card["uuid"], "outcome": outcome,
             "outcomeTimestamp": "2026-01-01T00:00:00Z", **more}]})[0]

    equal(feedback("ignored"), 400, "no such outcome")
    equal(feedback("accepted"), 400, "nothing accepted")
    equal(feedback("overridden", overrideReason={"reason": {"code": "no-such"}}), 400, "a reason")
    equal(feedback("overridden"), 200, "dismissed")
    equal(state(), "seen", "somebody has seen it")
    equal(feedback("overridden"), 200, "the same again")
    equal(feedback("accepted", acceptedSuggestions=[{"id": suggestion}]), 200, "accepted")
    equal(state(), "in-discussion", "taken up")
    equal(feedback("overridden"), 200, "dismissed elsewhere")
    equal(state(), "in-discussion", "what a person has set stays")
    assert "suggestions" not in cards(world, hook("77", world.third))[0], "nothing left to suggest"

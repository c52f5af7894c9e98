# SPDX-License-Identifier: Apache-2.0
"""What apps are promised of triggers; part of calls.py, which has the hub and the clients."""
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def equal(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


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
    answer = world.hub.get(f"/clients/{world.client}/triggers")
    equal(answer["withheld"], 0, "withheld")
    trigger = next(t for t in answer["triggers"] if t["rule"] == "emergency-visits")
    issue = trigger["issue"]
    world.valid(issue)
    equal(len(trigger["counted"]), trigger["count"], "the events counted")
    starts = [event["start"] for event in trigger["counted"]]
    equal(starts, sorted(starts, reverse=True), "newest first")
    equal({(e["kind"], e["sector"]) for e in trigger["counted"]}, {("visit", "specialist")}, "what")
    equal(trigger["countedWithheld"], 0, "withheld events")
    assert any(e["unit"] for e in trigger["counted"]), "units"
    condition = extensions(issue, "trigger-condition")[0]
    equal(part(condition, "not-with"), trigger["threshold"] - 1, "what would end it")
    assert f"jos määrä olisi {trigger['threshold'] - 1}" in issue["detail"], issue["detail"]
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

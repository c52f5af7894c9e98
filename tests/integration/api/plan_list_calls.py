# SPDX-License-Identifier: Apache-2.0
"""What a shared plan and the work list say to each other; part of calls.py, which has the hub."""
import concern_calls
from hub import equal, wait_until

CHECKS = []
FHIR = {"Content-Type": "application/fhir+json"}


def check(function):
    CHECKS.append(function)
    return function


def flagged(world, number):
    client = concern_calls.somebody(world, number)
    equal(concern_calls.post(world, concern_calls.flag(client))[0], 201, "a report")
    wait_until(lambda: world.hub.call("GET", f"/worklist/{client}")[0] == 200, 30, "on the list")
    return client


def put(world, client, state):
    path = f"/worklist/{client}"
    _, headers, _ = world.hub.call("GET", path)
    status, _, answer = world.hub.call("PUT", path, {"state": state}, {
        "Content-Type": "application/json", "If-Match": headers["ETag"]})
    equal(status, 200, f"{state}: {answer}")


def write(world, client):
    return world.hub.call("POST", "/fhir/CarePlan", world.plan_body(client), FHIR)


@check
def a_plan_makes_the_name_no_new_one(world):
    client = flagged(world, 61)
    before = world.hub.get(f"/worklist/{client}")
    equal((before["state"], before.get("plan")), ("new", None), "before the plan")
    status, headers, plan = write(world, client)
    equal(status, 201, f"a plan: {plan}")
    shown = world.hub.get(f"/worklist/{client}")
    equal((shown["state"], shown["plan"]), ("has-worker", True), "with the plan")
    equal(shown["setBy"], plan["author"]["display"], "who wrote it")
    listed = [row for row in world.hub.get("/worklist")["clients"] if row["client"] == client]
    equal([row["plan"] for row in listed], [True], "in the list")
    put(world, client, "seen")
    path = f"/fhir/CarePlan/{plan['id']}"
    status, headers, plan = world.hub.call("PUT", path, plan, {**FHIR, "If-Match": headers["ETag"]})
    equal(status, 200, f"the plan again: {plan}")
    equal(world.hub.get(f"/worklist/{client}")["state"], "has-worker", "after another version")
    put(world, client, "refuses")
    status, headers, plan = world.hub.call("PUT", path, plan, {**FHIR, "If-Match": headers["ETag"]})
    equal(status, 200, f"the plan of a client who refuses since: {plan}")
    equal(world.hub.get(f"/worklist/{client}")["state"], "refuses", "the client's own answer stays")
    equal(world.hub.call("DELETE", path, None, {"If-Match": headers["ETag"]})[0], 204, "withdrawn")
    assert "plan" not in world.hub.get(f"/worklist/{client}"), "no plan any more"


@check
def who_refuses_gets_no_plan(world):
    client = flagged(world, 62)
    put(world, client, "seen")
    put(world, client, "refuses")
    status, _, outcome = write(world, client)
    equal(status, 409, "refused")
    assert "the client refuses" in outcome["issue"][0]["diagnostics"], outcome
    equal(world.matches(f"/fhir/CarePlan?patient={client}"), [], "nothing is written")
    equal(world.hub.get(f"/worklist/{client}")["state"], "refuses", "the state")
    put(world, client, "consents")
    equal(write(world, client)[0], 201, "with another answer")


@check
def whoever_comes_on_the_list_later_has_the_plan_there(world):
    client = concern_calls.somebody(world, 63)
    equal(write(world, client)[0], 201, "a plan of a client whom no rule knows")
    equal(concern_calls.post(world, concern_calls.flag(client))[0], 201, "a report")
    wait_until(lambda: world.hub.call("GET", f"/worklist/{client}")[0] == 200, 30, "on the list")
    shown = world.hub.get(f"/worklist/{client}")
    equal((shown["state"], shown["plan"]), ("new", True), "new, and with a plan")

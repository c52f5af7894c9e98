# SPDX-License-Identifier: Apache-2.0
"""What came of each rule's triggers: the same figures on the API, as CSV and on the command line."""
import csv
import io
import re
import socket
from concurrent.futures import ThreadPoolExecutor

from hub import wait_until

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def equal(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


@check
def verdicts_come_back_by_rule_and_unit(world):
    feedback = world.hub.get("/rules/feedback")
    equal([team["id"] for team in feedback["teams"]], ["all"], "the teams to choose from")
    rules = {rule["rule"]: rule for rule in feedback["rules"]}
    noshows = rules["no-shows"]
    assert noshows["title"]["sv"] and noshows["version"] >= 1
    assert noshows["fired"] >= 1 and noshows["lookedAt"] >= 1 and noshows["accepted"] >= 1
    equal(sum(unit["fired"] for unit in noshows["units"]), noshows["fired"], "fired by unit")
    assert "POLI1" in {unit["unit"] for unit in noshows["units"]}, "the unit of what was counted"
    value = noshows["value"]
    judged = noshows["accepted"] + noshows["refused"] + noshows["notRelevant"]
    equal(value["of"], judged, "judged")
    assert 0 <= value["low"] <= value["share"] <= value["high"] <= 1
    if judged == noshows["accepted"]:
        # Wilson's lower end when all of n are right: n / (n + z²).
        assert abs(value["low"] - judged / (judged + 1.959964 ** 2)) < 0.0001, "Wilson"


@check
def a_verdict_moves_the_figures(world):
    def figures():
        return next(rule for rule in world.hub.get("/rules/feedback")["rules"]
                    if rule["rule"] == "no-shows")

    path = f"/worklist/{world.client}"
    before = figures()
    for state in ("refuses", "in-discussion"):
        _, headers, _ = world.hub.call("GET", path)
        body = {"state": state, "reason": "other"} if state == "refuses" else {"state": state}
        status, _, answer = world.hub.call("PUT", path, body, {
            "Content-Type": "application/json", "If-Match": headers["ETag"]})
        equal(status, 200, f"{state}: {answer}")
        now = figures()
        refused = 1 if state == "refuses" else 0
        if refused:
            reason = next(item for item in now["reasons"] if item["state"] == "refuses")
            equal("name" in reason, reason["reason"] == "other", "a reason has its name")
        equal(now["refused"], before["refused"] + refused, "refused")
        equal(now["accepted"], before["accepted"] - refused, "accepted")
        equal(now["value"]["share"], before["value"]["share"], "a refusal is no false alarm")


@check
def csv_and_the_command_line_tell_the_same(world):
    _, headers, body = world.hub.call("GET", "/rules/feedback.csv?from=2020-01-01")
    assert headers["Content-Type"].startswith("text/csv")
    assert "attachment" in headers["Content-Disposition"]
    text = body.decode()
    accepted = world.hub.call("GET", "/rules/feedback?from=2020-01-01", None, {"Accept": "text/csv"})
    equal(rows_of(accepted[2].decode()), rows_of(text), "by Accept")
    done = world.hub.run("rules", "feedback", "--from", "2020-01-01", "--csv")
    equal(done.returncode, 0, done.stderr)
    equal(rows_of(done.stdout.decode()), rows_of(text), "on the command line")
    shown = world.hub.get("/rules/feedback?from=2020-01-01")["rules"]
    equal([(row["rule"], int(row["fired"])) for row in rows_of(text) if row["scope"] == "all"],
          [(rule["rule"], rule["fired"]) for rule in shown], "as JSON")


@check
def many_who_ask_at_once_get_the_same(world):
    path = "/rules/feedback?from=2020-01-01&to=2030-01-01"
    wanted = world.hub.get(path)
    for _ in range(3):  # who hangs up while waiting does nobody harm
        with socket.create_connection(("127.0.0.1", world.hub.api_port)) as impatient:
            impatient.sendall(f"GET {path} HTTP/1.1\r\nHost: hub\r\n"
                              f"Authorization: Bearer {world.hub.token()}\r\n\r\n".encode())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world.hub.get(path)["rules"], range(12)))
    for answer in answers:
        equal(answer, wanted["rules"], "at once")
    equal(world.hub.call("GET", "/readyz")[0], 200, "afterwards")


@check
def small_groups_are_not_shown(world):
    feedback = world.hub.get("/rules/feedback")
    groups = [group for skew in feedback["skew"] for group in skew["groups"]]
    assert groups and all(group["hidden"] for group in groups), "three clients"
    assert not any("flagged" in group or "ratio" in group for group in groups)
    _, _, body = world.hub.call("GET", "/rules/feedback.csv?part=skew")
    for row in rows_of(body.decode()):
        equal((row["known"], row["flagged"], row["hidden"]), ("", "", "yes"), row["group"])
    one = world.hub.get("/rules/feedback?unit=POLI1")
    assert "skew" not in one, "whose clients a unit's are is not known"
    assert one["rules"] and all(unit["unit"] == "POLI1" for rule in one["rules"]
                                for unit in rule["units"])
    equal(world.hub.get("/rules/feedback?unit=NOWHERE")["rules"], [], "another unit")


@check
def feedback_is_for_those_who_lead(world):
    nurse = world.token("nurse-2", "professional")
    officer = world.token("dpo-2", "dpo")
    equal(world.hub.call("GET", "/rules/feedback", None, nurse)[0], 403, "a professional")
    equal(world.hub.call("GET", "/rules/feedback", None, officer)[0], 200, "a protection officer")
    equal(world.hub.call("GET", "/rules/feedback", None, {"Authorization": ""})[0], 401, "nobody")
    for query in ("from=yesterday", "from=2026-02-01&to=2026-01-01", "to=x"):
        equal(world.hub.call("GET", f"/rules/feedback?{query}")[0], 400, query)
    equal(world.hub.call("GET", "/rules/feedback.csv?part=names")[0], 400, "no such part")


@check
def triggers_are_counted_by_rule(world):
    pattern = (rb'punos_triggers_total\{service="identify",process="\d+",'
               rb'rule="no-shows",happening="raised"\} [1-9]')
    wait_until(lambda: re.search(pattern, world.hub.call("GET", "/metrics")[2]), 30,
               "the metric of a rule")

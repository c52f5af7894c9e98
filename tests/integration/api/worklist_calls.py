# SPDX-License-Identifier: Apache-2.0
"""The work list's reasons, dates, teams and monthly files."""
import datetime
import stat

from hub import equal

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def put(world, body, token=None):
    path = f"/worklist/{world.client}"
    _, headers, _ = world.hub.call("GET", path)
    return world.hub.call("PUT", path, body, {"Content-Type": "application/json",
                                              "If-Match": headers["ETag"], **(token or {})})


def is_listed(world, query):
    listed = world.hub.get(f"/worklist?{query}")["clients"]
    return world.client in {client["client"] for client in listed}


@check
def reasons_and_dates_are_of_a_list(world):
    equal(put(world, {"state": "not-relevant"})[0], 400, "no reason")
    equal(put(world, {"state": "not-relevant", "reason": "made-up"})[0], 400, "no such reason")
    equal(put(world, {"state": "seen", "again": "2099-01-15"})[0], 400, "a date of no use")
    equal(put(world, {"state": "thinking", "again": "soon"})[0], 400, "no date")
    equal(put(world, {"state": "thinking", "again": "2099-01-15"})[0], 200, "thinking")
    shown = world.hub.get(f"/worklist/{world.client}")
    equal(shown["again"][:10], "2099-01-14", "the day begins in Finland")
    assert "consents" in shown["next"] and "new" not in shown["next"], shown["next"]
    assert any(reason["id"] == "single-episode" and reason["name"]["sv"]
               for reason in shown["reasons"])
    steps = [step["state"] for step in shown["history"]]
    equal((steps[0], steps[-1]), ("thinking", "new"), "history, newest first")
    assert not is_listed(world, ""), "before its date"
    assert is_listed(world, "state=thinking")
    equal(put(world, {"state": "in-discussion"})[0], 200, "taken up again")
    assert is_listed(world, "")


@check
def lists_are_by_team_and_unit(world):
    assert is_listed(world, "team=all") and is_listed(world, "role=coordinator")
    unit = world.hub.get(f"/worklist/{world.client}")["unit"]
    assert unit and is_listed(world, f"unit={unit}")
    assert not is_listed(world, "team=other") and not is_listed(world, "unit=other")
    assert not is_listed(world, "held=true"), "no budget"
    equal(world.hub.call("GET", "/worklist?role=boss")[0], 400, "no such role")
    listed = world.hub.get("/worklist")
    equal([team["id"] for team in listed["teams"]], ["all"], "teams")
    equal(listed["teams"][0]["states"], listed["states"], "states")
    assert "withoutTeam" not in listed and not is_listed(world, "team=-"), "every unit has a team"
    assert "teams" not in world.hub.get("/readyz"), "nothing to say of them"
    done = world.hub.run("token", "add", "other-team", "--role", "coordinator", "--team", "other")
    equal(done.returncode, 0, done.stderr)
    other = {"Authorization": f"Bearer {done.stdout.decode().split()[-1]}"}
    status, _, body = world.hub.call("GET", "/worklist", None, other)
    equal((status, body["clients"], body["held"]), (200, [], 0), "another team's list")
    equal(put(world, {"state": "has-worker"}, other)[0], 403, "another team's client")
    equal(world.hub.call("GET", f"/worklist/{world.client}", None, other)[0], 403,
          "another team's client, looked at")
    equal(world.hub.call("GET", "/me", None, other)[2]["teams"], ["other"], "its teams")


def export(world, folder, *more, month=None):
    folder.mkdir(exist_ok=True)
    today = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)
    return world.hub.run("worklist", "export", "--month", month or today.strftime("%Y-%m"),
                         "--dir", str(folder), *more)


def texts(folder):
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()))


@check
def the_monthly_list_is_a_file_of_each_unit(world):
    folder = world.hub.folder / "lists"
    done = export(world, folder)
    equal(done.returncode, 0, done.stderr)
    endings = {path.suffix for path in folder.iterdir()}
    equal(endings, {".csv", ".html"}, "files")
    for path in folder.iterdir():
        equal(stat.S_IMODE(path.stat().st_mode), 0o600, path.name)
        if path.suffix == ".csv":
            assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "byte order mark"
    assert world.client in texts(folder) and world.busy.family not in texts(folder)
    figures, = folder.glob("*-figures.csv")
    assert len(figures.read_text(encoding="utf-8").splitlines()) >= 2, "a line of each unit"
    equal(export(world, folder, month="soon").returncode, 1, "no month")


@check
def names_on_files_are_recorded(world):
    folder = world.hub.folder / "named"
    token = world.hub.folder / "token"
    equal(export(world, folder, "--names").returncode, 1, "nobody's names")
    token.write_text(world.token("dpo-lists", "dpo")["Authorization"].split()[1], encoding="utf-8")
    equal(export(world, folder, "--names", "--token-file", str(token)).returncode, 1, "no role")
    token.write_text(world.hub.token() + "\n", encoding="utf-8")
    done = export(world, folder, "--names", "--token-file", str(token))
    equal(done.returncode, 0, done.stderr)
    assert world.busy.family in texts(folder)
    if "kind: postgres" in world.hub.config.read_text(encoding="utf-8"):
        return
    records = [str(record) for record in world.hub.in_store("identify", "SELECT * FROM audit")]
    assert any(world.client in record and "monthly list" in record for record in records)

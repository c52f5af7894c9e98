#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hub with a made-up county's events in it, for the browser: prints its address, the file that
holds the token, the file of teams and the folder of its backtests, and stops when its standard input
ends."""
import datetime
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/lib"))
from hub import Hub, Receiver, acknowledgement, wait_until  # noqa: E402

SYSTEMS = [name for name in ("oberon", "lifecare", "yph-effica")
           if (ROOT / "adapters" / name / "adapter.yaml").exists()]
FLAGGED_AT_LEAST = 3 if len(SYSTEMS) == 3 else 2
TEAMS = """teams:
  - {{ id: all, name: {{ fi: Muut, sv: Övriga, en: Others }}, units: ["*"], new_names_a_week: {budget} }}
  - {{ id: nowhere, name: {{ fi: Kylä, sv: Byn, en: Village }}, units: ["no-such-unit"] }}
"""


def fill(hub):
    county = hub.folder / "county"
    subprocess.run([sys.executable, str(ROOT / "tests/county/county.py"), "--out", str(county),
                    "--seed", "7"], check=True, stdout=sys.stderr)
    for path in sorted((county / "oberon").glob("*.hl7")):
        code, _ = acknowledgement(hub.send_mllp("oberon", path.read_bytes().replace(b"\n", b"\r")))
        assert code == "AA", f"{path.name}: {code}"
    for path in sorted((county / "lifecare").glob("*.json")) if "lifecare" in SYSTEMS else ():
        status, _, body = hub.send_http("lifecare", path.read_bytes())
        assert status < 300, f"{path.name}: {status} {body}"
    for path in sorted((county / "yph-effica").glob("*.xml")) if "yph-effica" in SYSTEMS else ():
        hub.drop(path.name, path.read_bytes())
    wait_until(lambda: hub.get("/worklist")["held"] >= FLAGGED_AT_LEAST, 60, "names held back")


def put_teams(path, budget):
    """The teams of the page's tests, with the reasons that Punos comes with."""
    shipped = (ROOT / "config/teams.yaml").read_text(encoding="utf-8")
    path.write_text(TEAMS.format(budget=budget) + shipped[shipped.index("back_months:"):],
                    encoding="utf-8")


def show_all_but_one(hub, teams):
    """Room for all but one, with the hub running."""
    shown = hub.get("/worklist")["held"] - 1
    put_teams(teams, shown)
    wait_until(lambda: len(hub.get("/worklist")["clients"]) == shown, 60, "room on the list")


def backtest(hub):
    """Reports of a backtest in each language, of rules with a lower threshold, in a folder each."""
    rules = hub.folder / "new.yaml"
    text = (ROOT / "config/rules/start.yaml").read_text(encoding="utf-8")
    before = "where: emergency, in_months: 12, at_least: 10, lapse_below: 8"
    assert before in text
    rules.write_text(text.replace(before, before.replace("10", "4").replace("8", "3")), encoding="utf-8")
    today = datetime.date.today()
    for language in ("fi", "sv", "en"):
        answer = hub.run("rules", "backtest", str(rules), "--language", language, "--from",
                         str(today - datetime.timedelta(days=150)), "--to",
                         str(today + datetime.timedelta(days=1)), "--out",
                         str(hub.folder / f"report-{language}"))
        assert answer.returncode == 0, answer.stderr
        assert answer.stderr == b"", f"progress in a pipe: {answer.stderr!r}"


def serve(hub, teams):
    print(f"http://127.0.0.1:{hub.api_port} {hub.data / 'secrets' / 'api-token'} {teams} {hub.folder}",
          flush=True)
    sys.stdin.read()


def main():
    with tempfile.TemporaryDirectory(prefix="punos-receiver-") as folder, \
            Receiver("mllp", Path(folder)) as receiver:
        teams = Path(folder) / "teams.yaml"
        put_teams(teams, 0)
        with Hub(systems=SYSTEMS, receivers={"oberon": receiver},
                 settings=[f'teams: "{teams}"']) as hub:
            fill(hub)
            show_all_but_one(hub, teams)
            backtest(hub)
            serve(hub, teams)


if __name__ == "__main__":
    main()

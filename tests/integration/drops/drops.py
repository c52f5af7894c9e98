#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Effica and Pro Consona in a running hub, over real folders: files in to the timeline, each record by
itself; the plan out, its receipt file, the ledger; the quarantine after a code table was corrected."""
import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests/lib"))
from hub import Hub, equal, wait_until  # noqa: E402

CODE = "010181-900C"
SECONDS = 30
ROWS = 1000
FHIR = {"Content-Type": "application/fhir+json"}
HEADER = "Tietue;Tunniste;Henkilötunnus;Palvelualue;Tila;Yhteystapa;Alkoi;Yksikkö;Muutettu\n"


def visit(number, area="TK", code=CODE, changed="2.11.2026 10:05"):
    return (f"KAYNTI;{number};{code};{area};TOTEUTUNUT;R10;{1 + number % 28}.10.2026 klo 9.30;"
            f"TK1;{changed}\n")


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.adapters = folder / "adapters"
        self.adapters.mkdir()
        for known in (ROOT / "adapters").iterdir():
            (self.adapters / known.name).symlink_to(known)
        (self.adapters / "effica").unlink()
        shutil.copytree(ROOT / "adapters/effica", self.adapters / "effica")
        self.systems = []
        for name in ("effica", "pro-consona"):
            self.out(name).mkdir(parents=True)
            self.systems += [f"  - name: {name}", f'    drop_folder: "{folder / name / "in"}"',
                             f'    deliver: "{self.out(name)}"']

    def out(self, name):
        return self.folder / name / "out"

    def drop(self, system, name, content):
        """The receipt, once the file is taken."""
        into = self.folder / system / "in"
        (into / f".{name}.part").write_bytes(content)
        (into / f".{name}.part").rename(into / name)

        def receipt():
            for end in ("done", "rejected"):
                path = into / end / f"{name}.receipt.json"
                if path.exists() and not (into / name).exists():
                    return {**json.loads(path.read_text(encoding="utf-8")), "folder": end}
            return None

        return wait_until(receipt, 2 * SECONDS, f"the receipt of {name}")


def timeline(hub, client, kind):
    """All entries of that kind, page after page."""
    path, found = f"/fhir/Patient/{client}/$timeline?kind={kind}", []
    while path:
        bundle = hub.get(path)
        found += bundle.get("entry", [])
        links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
        path = links.get("next", "")
        path = path[path.find("/fhir/"):] if path else ""
    return found


def one_bad_row(site, hub):
    rows = [visit(number) for number in range(ROWS)]
    rows[515] = visit(515, code="010181-900D")
    content = (HEADER + "".join(rows)).encode("cp1252")
    receipt = site.drop("effica", "kaynnit.csv", content)
    counts = {key: receipt[key] for key in ("outcome", "folder", "accepted", "refused")}
    equal(counts, {"outcome": "partly", "folder": "done", "accepted": ROWS - 1, "refused": 1},
          "a thousand rows with a bad one")
    refusal = receipt["refusals"][0]
    equal((refusal["line"], refusal["place"]), (517, "line 517 henkilotunnus"), "the bad row")
    shown = hub.run("quarantine", "show", refusal["quarantine"]).stdout.decode()
    assert "KAYNTI;515;" in shown and "KAYNTI;514;" not in shown, "quarantine holds that row alone"
    client = wait_until(lambda: hub.find_patient(CODE), SECONDS, "the client")

    def visits():
        return len(timeline(hub, client, "visit"))

    wait_until(lambda: visits() == ROWS - 1, SECONDS, "the visits on the timeline")
    again = site.drop("effica", "kaynnit-uudelleen.csv", content)
    # What intake does not remember any more goes out again, as the events that it was.
    equal((again["accepted"] + again["repeated"], again["refused"]), (ROWS - 1, 1), "dropped twice")
    assert again["repeated"] > ROWS / 2, "most rows are remembered"
    corrected = rows[:515] + [visit(515)] + rows[516:]
    last = site.drop("effica", "kaynnit-korjattu.csv", (HEADER + "".join(corrected)).encode())
    equal((last["outcome"], last["accepted"] + last["repeated"]), ("accepted", ROWS),
          "the corrected file")
    wait_until(lambda: visits() == ROWS, SECONDS, "the corrected visit")
    return client, visits


def half_is_bad(site, hub, visits):
    """Rows of a service area that the site did not tell of; then the table is corrected."""
    rows = [visit(number, area="HYTE" if number % 2 else "SO") for number in range(5000, 5020)]
    receipt = site.drop("effica", "puolet.csv", (HEADER + "".join(rows)).encode())
    equal((receipt["outcome"], receipt["accepted"], receipt["refused"]), ("partly", 10, 10), "half")
    lines = [refusal["line"] for refusal in receipt["refusals"]]
    equal(lines, list(range(3, 22, 2)), "the refused lines")
    wait_until(lambda: visits() == ROWS + 10, SECONDS, "the good half")
    entry = receipt["refusals"][0]["quarantine"]
    equal(hub.run("replay", entry).returncode, 1, "before the table is corrected")
    listed = hub.run("quarantine", "list").stdout.decode()
    assert "line 3 /row/palvelualue" in listed, f"the line is kept: {listed}"
    table = site.adapters / "effica/codes/service-area.csv"
    table.write_text(table.read_text(encoding="utf-8") + "HYTE,social,\n", encoding="utf-8")
    done = hub.run("replay", *[refusal["quarantine"] for refusal in receipt["refusals"]])
    equal(done.returncode, 0, f"after it: {done.stdout} {done.stderr}")
    wait_until(lambda: visits() == ROWS + 20, SECONDS, "the replayed visits")


def none_is_good(site):
    receipt = site.drop("effica", "ilman-otsikkoa.csv", visit(1).encode())
    equal((receipt["outcome"], receipt["folder"]), ("rejected", "rejected"), "no header row")
    assert receipt["quarantine"], "as a whole"
    receipt = site.drop("pro-consona", "katkennut.xml",
                        (ROOT / "adapters/pro-consona/samples/refused-cut-off.xml").read_bytes())
    equal(receipt["outcome"], "rejected", "a file that is cut off")


def two_sectors(hub, client):
    text = json.dumps(timeline(hub, client, "visit"))
    assert '"primary"' in text and '"social"' in text, "both sectors of one system"


def pro_consona_comes_in(site, hub):
    samples = ROOT / "adapters/pro-consona/samples"
    for name in ("clientships.xml", "contacts.xml", "cancellations.xml"):
        receipt = site.drop("pro-consona", name, (samples / name).read_bytes())
        equal(receipt["outcome"], "accepted", name)
    client = wait_until(lambda: hub.find_patient("010185-901E"), SECONDS, "Pro Consona's client")
    wait_until(lambda: len(timeline(hub, client, "appointment&withdrawn=true")) == 3, SECONDS,
               "the cancellations")


def receipts_of(site, name, is_good):
    """The system's own receipt beside each document that lies there."""
    for path in site.out(name).glob("*.xml"):
        if path.name.endswith(".kuittaus.xml"):
            continue
        if name == "effica":
            text = f"tiedosto;tila;selite\n{path.name};{'OK' if is_good else 'VIRHE'};Ei löydy äitiä\n"
            receipt = path.with_name(path.name + ".kuittaus.csv")
            content = text.encode("cp1252")
        else:
            state = "hyvaksytty" if is_good else "hylatty"
            content = (f'<Kuittaus tiedosto="{path.name}" tila="{state}"><Selite>Ei lomaketta</Selite>'
                       "</Kuittaus>").encode()
            receipt = path.with_name(path.name + ".kuittaus.xml")
        path.unlink()
        part = receipt.with_name("." + receipt.name)
        part.write_bytes(content)
        part.rename(receipt)
        return True
    return False


def the_plan_goes_out(site, hub, client):
    plan = json.loads((ROOT / "schemas/plan-example.json").read_text(encoding="utf-8"))
    for kept_by_hub in ("id", "meta", "created", "author"):
        plan.pop(kept_by_hub)
    text = json.dumps(plan).replace(plan["subject"]["reference"], f"Patient/{client}")
    status, _, stored = hub.call("POST", "/fhir/CarePlan", text.encode(), FHIR)
    equal(status, 201, f"a plan: {stored}")
    sheet = wait_until(lambda: list(site.out("pro-consona").glob("lomake-*.xml")), SECONDS, "a sheet")
    content = sheet[0].read_text(encoding="utf-8")
    assert content.index("<Fraasi>") < content.index("<Asiakas") and CODE in content, "the phrase first"

    def states():
        bundle = hub.get(f"/fhir/CarePlan/{stored['id']}/$delivery-state")
        return sorted(e["resource"]["status"] for e in bundle.get("entry", []))

    wait_until(lambda: receipts_of(site, "effica", True), SECONDS, "Effica's document")
    wait_until(lambda: receipts_of(site, "pro-consona", False), SECONDS, "Pro Consona's document")
    wait_until(lambda: states() == ["completed", "rejected"], SECONDS, "a yes and a no in the ledger")
    told = json.dumps(hub.get(f"/fhir/CarePlan/{stored['id']}/$delivery-state"), ensure_ascii=False)
    assert "Ei lomaketta" in told, "the system's own words"


def nothing_in_the_log(hub):
    log = hub.log.read_text(encoding="utf-8", errors="replace")
    for secret in (CODE, "900D", "Testinen", "Mallikas"):
        assert secret not in log, "a person's data in the log"


def main():
    folder = Path(tempfile.mkdtemp(prefix="punos-drops-"))
    try:
        site = Site(folder)
        with Hub(systems=(), settings=[f'adapters: "{site.adapters}"'],
                 more_systems=site.systems) as hub:
            client, visits = one_bad_row(site, hub)
            half_is_bad(site, hub, visits)
            none_is_good(site)
            two_sectors(hub, client)
            pro_consona_comes_in(site, hub)
            the_plan_goes_out(site, hub, client)
            nothing_in_the_log(hub)
        print("lists in, one bad row alone, replayed; plans out and their receipts read")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

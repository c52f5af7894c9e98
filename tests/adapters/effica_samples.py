#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the documents of adapters/yph-effica/samples: their content is Base64, so this is where to read
and change them. Afterwards: `punos adapter check yph-effica --update`. Nobody in them exists.

Usage: tests/adapters/effica_samples.py adapters/yph-effica/samples"""
import base64
import json
import sys
from pathlib import Path

KEEPER = "1.2.246.10.99999999.10.0"
UNIT = "1.2.246.10.99999999.10.9"
TEMPORARY = "1.2.246.10.99999999.22.2026"
STRUCTURES = {"clientship": "1505.1.2023.6.1", "meeting": "1506.19005.2022.1.10",
              "negotiation": "1506.19004.2022.1.10", "cancellation": "1506.19006.2022.9.28",
              "need": "1506.4006.2023.5.31", "families": "1506.15007.2024.11.28",
              "working-age": "1506.15020.2024.11.28", "therapy": "1506.19014.2022.1.10"}
TUULIA = {"sukunimi": "Testinen", "etunimet": "Tuulia Anneli",
          "henkilotunnus": {"system": "urn:oid:1.2.246.21", "value": "010181-900C"}}
TAPIO = {"sukunimi": "Testinen", "etunimet": "Tapio",
         "henkilotunnus": {"system": "1.2.246.21", "value": "200111A904P"}}
VISITOR = {"sukunimi": "Väliaikainen", "etunimet": "Veli", "tilapainen_yksilointitunnus": {
    "system": "urn:oid:" + TEMPORARY, "value": "010111A998W"}}


def code(system, value, display):
    return {"system": "urn:oid:1.2.246.537." + system, "code": value, "display": display}


def author(title="sosiaalityöntekijä", **more):
    return {"sukunimi": "Laatija", "etunimet": "Koe", "tehtavanimike": title,
            "palveluyksikko": code("6.202.2008", UNIT, "Esimerkkilän sosiaalipalvelut"), **more}


def b64(text):
    return base64.b64encode(text.encode()).decode()


def identified(root, extension):
    return f'<id root="{root}" extension="{extension}"/>'


def task_element(task):
    return f'<ep2:functionCode code="{task}" codeSystem="1.2.246.537.6.1221.201601"/>' if task else ""


def frame(number, structure, content, **more):
    """more: version, ids (of recordTarget), person (XML inside patient), header, set_id, version_xml"""
    oid = f"1.2.246.10.99999999.95.2026.{number}"
    version = more.get("version", 1)
    ids = more.get("ids", [identified("1.2.246.21", "010181-900C")])
    targets = "".join(f"<recordTarget><patientRole>{one}<patient>{more.get('person', '')}</patient>"
                      "</patientRole></recordTarget>\n  " for one in ids)
    header = more.get("header", f"""<ep2:localSocialHeader>
    <ep2:creationTime value="20261120121500+0200"/>
    {task_element(more.get('task', '24'))}
    <ep2:contentSpecificationId root="1.2.246.537.6.{STRUCTURES[structure]}"/>
    <ep2:encompassingClientRelationship root="{oid}.1001"/>
  </ep2:localSocialHeader>""")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:ep2="urn:hl7finland">
  <id root="{oid}.{version}"/>
  <code {more.get('code', 'nullFlavor="NA"')}/>
  <effectiveTime value="20261120121000+0200"/>
  {more.get('set_id', f'<setId root="{oid}"/>')}
  <versionNumber value="{version}"/>
  {targets}<author><assignedAuthor><representedOrganization><id root="{KEEPER}"/>
    <name>Esimerkkilän hyvinvointialue</name></representedOrganization></assignedAuthor></author>
  <component><nonXMLBody ID="OID{oid}.{version}">
    <text mediaType="application/xhtml+xml" representation="B64">{b64('<div class="soc-document"/>')}</text>
    <ep2:json representation="B64">{b64(text)}</ep2:json>
  </nonXMLBody></component>
  {header}
</ClinicalDocument>
"""


def unit_since(start, end=None):
    since = {"palveluyksikon_nimi": code("6.202.2008", UNIT, "Esimerkkilän perhepalvelut"),
             "asiakkuuden_alkamispvm": start}
    return {**since, "asiakkuuden_paattymispvm": end} if end else since


def language(value, display):
    return {"system": "urn:oid:1.2.246.537.5.40175", "code": value, "display": display}


def clientship(start, end=None, tasks=None, client=None, **more):
    whole = {"asiakkuuden_alkamispvm": start}
    if end:
        whole["asiakkuuden_paattymispvm"] = end
    client = {**TUULIA, **(client or {}), "turvakielto": True, "syntymaaika": "1981-01-01",
              "sukupuoli": code("5.1.1997", "2", "Nainen"), "yhteystiedot": {
                  "osoite": [{"lahiosoite": "Esimerkkikatu 1", "postinumero": "00100",
                              "postitoimipaikka": "Esimerkkilä"}],
                  "puhelinnumero": "0405550100",
                  "sahkopostiosoite": "tuulia.testinen@example.invalid"}}
    form = {"asiakkuuden_yksilointitunnus": {"value": "urn:oid:1.2.246.10.99999999.95.2026.9001"},
            "asiakas": client, "sosiaalihuollon_asiakkuus": whole, **more}
    if tasks:
        form["sosiaalihuollon_palvelutehtava"] = tasks
    return {"asiakkuusasiakirja": form}


def task(value, display, *units, producers=()):
    told = {"palvelutehtava": code("6.1221.201601", value, display),
            "palvelunjarjestajan_palveluyksikko": list(units)}
    return {**told, "palveluntuottaja": list(producers)} if producers else told


def producer(service, start, end=None):
    return {"sosiaalipalvelu": [code("6.1222.201601", *service)], **unit_since(start, end)}


def meeting(way, clients=(TUULIA,), name="merkinta_tapaamisesta_tai_yhteydenotosta", **more):
    event = {"ajanjakso": {"alkamishetki": "2026-11-20T10:00:00+02:00",
                           "paattymishetki": "2026-11-20T11:00:00+02:00"},
             "kuvaus": "Vapaata tekstiä, joka ei lähde eteenpäin."}
    if way:
        event["asiointitapa"] = [code("6.1250", *way)]
    return {name: {"asiakas": list(clients), "asiakaskertomusmerkinta": {
        "palvelutehtava": code("6.1221.201601", "24", "Lapsiperheiden palvelut"),
        "sosiaalipalvelu": [code("6.1222.201601", "46", "Sosiaalityö")], "tapahtuma": event},
        "paivamaara": "2026-11-20", "laatija": more.get("author", author())}}


def cancellation(reason, words, moment="2026-11-20T10:00:00+02:00"):
    event = {"peruuntumisen_syy": code("6.126", *reason), "lisatiedot_peruuntumisesta": words}
    if moment:
        event["paivamaara_ja_kellonaika"] = moment
    return {"merkinta_neuvottelun_tapaamisen_tai_yhteydenoton_peruuntumisesta": {
        "asiakas": [TUULIA], "asiakaskertomusmerkinta": {
            "palvelutehtava": code("6.1221.201601", "24", "Lapsiperheiden palvelut"),
            "sosiaalipalvelu": [code("6.1222.201601", "45", "Sosiaaliohjaus")], "tapahtuma": event},
        "paivamaara": "2026-11-20", "laatija": author()}}


def need(*reporters, about=(("8", "Päihteet"), ("2", "Asuminen"))):
    return {"ilmoitus_sosiaalihuollon_tarpeesta": {
        "asiakas": [TUULIA], "ilmoittaja": [{"taho": code("6.1243", *one)} for one in reporters],
        "ilmoittamispaivamaara": "2026-11-19",
        "asiasisalto": [code("6.1282", *one) for one in about],
        "kuvaus_tilanteesta_ja_huolesta": "Vapaata tekstiä, joka ei lähde eteenpäin.",
        "laatija": author()}}


def families_plan():
    return {"lapsiperheiden_palvelujen_asiakassuunnitelma": {
        "asiakas": [TAPIO, TUULIA], "suunnitelma": {
            "kuvaus_asiakkaan_tilanteesta": "Vapaata tekstiä.", "suunnitelman_tarkistaminen": {
                "paivamaara_ja_kellonaika": "2027-05-20T10:00:00+03:00"}},
        "paivamaara": "2026-11-20", "laatija": [author("perhetyöntekijä")]}}


def working_age_plan(check="2027-02-19"):
    return {"tyoikaisten_palvelujen_asiakassuunnitelma": {
        "asiakas": [TUULIA], "asiakassuunnitelman_tarkastaminen": {
            "paivamaara_ja_kellonaika": check},
        "paivamaara": "2026-11-20", "laatija": [author("sosiaaliohjaaja")]}}


def wrapped(document, is_base64):
    inner = document.split("?>", 1)[1].strip()
    text = (f'<text mediaType="text/xml" representation="B64">{b64(document)}</text>' if is_base64
            else f"<text>{inner}</text>")
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<RCMR_IN200002FI01 xmlns="urn:hl7-org:v3"><id '
            'root="1.2.246.10.99999999.18.1"/><controlActProcess><subject><clinicalDocument><id '
            f'root="1.2.246.10.99999999.95.2026.1"/>{text}</clinicalDocument></subject>'
            "</controlActProcess></RCMR_IN200002FI01>\n")


Y30, Y32 = ("Y30", "Asiakkaasta johtuva syy"), ("Y32", "Organisaatiosta johtuva syy")
FAMILY = task("24", "Lapsiperheiden palvelut", unit_since("2026-10-01"))
SUBSTANCE = task("15", "Päihdehuolto", unit_since("2026-10-05", "2026-11-15"))
CHILD = task("10", "Lastensuojelu", unit_since("2026-09-01"), producers=[
    producer(("31", "Perhehoito"), "2026-09-15"),
    producer(("45", "Sosiaaliohjaus"), "2026-09-01", "2026-09-14")])
BARE = {"sukunimi": "Testinen", "etunimet": "Tuulia"}
WOMAN = '<administrativeGenderCode code="2"/><birthTime value="19810101"/>'
FINNISH, SAMI, FARSI = language("FI", "suomi"), language("SE", "pohjoissaame"), language("FA", "farsi, persia")
SWEDISH = '<languageCommunication><languageCode code="sv"/><preferenceInd value="true"/></languageCommunication>'
HOME, CALL = ("3", "Käynti asiakkaan luona"), ("98", "Puhelu")


def plain_samples():
    yield "clientship-opened", frame(1, "clientship", clientship("2026-10-01", tasks=[FAMILY]))
    yield "clientship-changed", frame(
        1, "clientship", clientship("2026-10-01", tasks=[FAMILY, SUBSTANCE]), version=2)
    yield "clientship-closed", frame(
        1, "clientship", clientship("2026-10-01", "2026-11-18", [FAMILY]), version=3)
    yield "clientship-languages", frame(1, "clientship", clientship(
        "2026-10-01", tasks=[FAMILY], client={"aidinkieli": [SAMI], "asiointikieli": FINNISH}))
    yield "clientship-interpreter", frame(1, "clientship", clientship(
        "2026-10-01", tasks=[FAMILY], client={"aidinkieli": [FARSI], "asiointikieli": FINNISH, "tulkkaustiedot": {
            "tulkkauksen_tarve": True, "tulkkauskieli": [FARSI]}}))
    yield "meeting-language-of-header", frame(9, "meeting", meeting(HOME, (BARE,)), person=WOMAN + SWEDISH)
    yield "clientship-whole", frame(2, "clientship", clientship(
        "2026-10-01", palvelunjarjestajan_palveluyksikko=[unit_since("2026-10-01")]))
    yield "clientship-whole-closed", frame(2, "clientship", clientship("2026-10-01", "2026-11-18"),
                                           version=2)
    yield "clientship-of-child-protection", frame(
        24, "clientship", clientship("2026-09-01", tasks=[CHILD]), task="10")
    yield "meeting-at-home", frame(3, "meeting", meeting(HOME))
    yield "meeting-at-home-by-name", frame(3, "meeting", meeting(("97", "Kotikäynti")))
    yield "meeting-by-phone", frame(4, "meeting", meeting(CALL, author=author("Koe Laatija")))
    yield "meeting-at-office", frame(5, "meeting", meeting(None, author=author("Sosiaaliohjaaja")))
    yield "meeting-author-without-unit", frame(
        6, "meeting", meeting(None, author={"sukunimi": "Laatija", "etunimet": "Koe"}))
    yield "negotiation-of-two-clients", frame(
        7, "negotiation", meeting(None, (TUULIA, TAPIO), "merkinta_neuvottelusta"))
    yield "meeting-temporary-id", frame(8, "meeting", meeting(HOME, (VISITOR,)),
                                        ids=[identified(TEMPORARY, "010111A998W")])
    yield "meeting-identity-of-header", frame(9, "meeting", meeting(HOME, (BARE,)), person=WOMAN)
    yield "meeting-temporary-id-of-header", frame(
        10, "meeting", meeting(HOME, (BARE,)), person=WOMAN,
        ids=[identified(TEMPORARY, "010111A998W")])
    yield "meeting-temporary-id-without-owner", frame(
        11, "meeting", meeting(HOME, ({**BARE, "tilapainen_yksilointitunnus": {"value": "T1"}},)),
        ids=[])
    yield "noshow", frame(12, "cancellation", cancellation(Y30, "Asiakas EI SAAPUNUT sovitusti."))
    yield "noshow-swedish", frame(13, "cancellation", cancellation(Y30, "Klienten kom inte."))
    yield "cancelled-by-client", frame(14, "cancellation", cancellation(Y30, "Asiakas sairastui."))
    yield "cancelled-in-time", frame(15, "cancellation", cancellation(
        Y30, "Asiakas perui ajan, ei ollut paikalla kun soitin takaisin."))
    yield "cancelled-by-organisation", frame(
        16, "cancellation", cancellation(Y32, "Työntekijä sairaana, asiakas ei saapunut.", None))
    yield "need-by-professional", frame(17, "need", need(
        ("3", "Muu läheinen"), ("7", "Terveydenhuollon ammattihenkilö")))
    yield "need-by-professional-first", frame(17, "need", need(("6", "Sosiaalihuolto")))
    yield "need-by-relative", frame(18, "need", need(("3", "Muu läheinen")))
    yield "need-by-client", frame(41, "need", need(("1", "Asiakas itse"), about=(
        ("2", "Asuminen"), ("10", "Toimintakyky"), ("9", "Mielenterveys"))))
    yield "need-of-unknown-content", frame(43, "need", need(("1", "Asiakas itse"), about=(
        ("10", "Toimintakyky"),)))
    yield "need-by-school", frame(42, "need", need(("99", "Muu"), ("15", "Opetus"), about=(
        ("2", "Asuminen"), ("5", "Väkivalta"))))
    yield "plan-of-family", frame(19, "families", families_plan())
    yield "plan-of-working-age", frame(20, "working-age", working_age_plan(), task="15")
    yield "plan-without-service-task", frame(22, "working-age", working_age_plan(), task=None)
    yield "plan-check-before-it", frame(23, "working-age", working_age_plan("2026-11-01"))
    yield "wrapped", wrapped(frame(21, "meeting", meeting(HOME)), False)
    yield "wrapped-base64", wrapped(frame(21, "meeting", meeting(HOME)), True)


def refused_samples():
    yield "refused-other-structure", frame(30, "therapy", {"x": {"asiakas": [TUULIA]}})
    yield "refused-no-set-id", frame(31, "meeting", meeting(HOME), set_id="")
    yield "refused-version", frame(32, "meeting", meeting(HOME), version="x")
    yield "refused-no-client", frame(33, "meeting", {"merkinta": {}})
    yield "refused-other-client", frame(34, "meeting", meeting(HOME, (TAPIO,)))
    yield "refused-no-identifier", frame(35, "meeting", meeting(HOME, (BARE,)), ids=[])
    yield "refused-wrong-hetu", frame(36, "meeting", meeting(
        HOME, ({**BARE, "henkilotunnus": {"value": "010181-900D"}},)), ids=[])
    yield "refused-no-json", frame(37, "meeting", "")
    yield "refused-broken-json", frame(38, "meeting", '{"merkinta')
    yield "refused-health-document", frame(39, "meeting", meeting(HOME), header="")
    yield "refused-prescription", frame(
        40, "meeting", meeting(HOME), header="", code='code="1" codeSystem="1.2.246.537.5.40105.2006"')
    yield "refused-no-document", '<?xml version="1.0"?>\n<Jotain xmlns="urn:muuta"/>\n'


def main():
    folder = Path(sys.argv[1])
    for samples in (plain_samples, refused_samples):
        for name, document in samples():
            (folder / f"{name}.xml").write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()

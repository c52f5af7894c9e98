#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the documents of adapters/kanta/samples. Those of social care are made as effica_samples.py makes them.
Afterwards: `punos adapter check kanta --update`. Nobody in them exists.

Usage: tests/adapters/kanta_samples.py adapters/kanta/samples"""
import sys
from pathlib import Path

import effica_samples as social

KEEPER, HOSPITAL = "1.2.246.10.99999999.10.40", "1.2.246.10.99999999.10.50"
TUULIA = '<id root="1.2.246.21" extension="010181-900C"/>'
VISITOR = '<id root="1.2.246.10.99999999.22.2026" extension="010111A998W"/>'
WOMAN = ('<name><given qualifier="CL">Tuulia</given><given>Tuulia</given><given>Anneli</given>'
         "<family>Testinen</family></name>"
         '<administrativeGenderCode code="2" codeSystem="1.2.246.537.5.1.1997"/>'
         '<birthTime value="19810101"/>')
ICD, ICPC = "1.2.246.537.6.1.1999", "1.2.246.537.6.31.2007"
KERTOMUS = ("61", "Perusterveydenhuolto")


def record_status(word):
    return f'<hl7fi:recordStatus code="3" displayName="{word}" codeSystem="1.2.246.537.5.40154.2008"/>'


def visit(number, low=None, high=None, code="", unit=True):
    times = "".join(f'<{k} value="{v}"/>' for k, v in (("low", low), ("high", high)) if v)
    period = f"<effectiveTime>{times}</effectiveTime>" if times else '<effectiveTime nullFlavor="NA"/>'
    where = ('<responsibleParty><assignedEntity><id nullFlavor="NA"/><representedOrganization>'
             '<id root="1.2.246.10.99999999.10.7"/><name>Esimerkkilän terveysasema</name>'
             "</representedOrganization></assignedEntity></responsibleParty>") if unit else ""
    return (f'<componentOf><encompassingEncounter><id root="1.2.246.10.99999999.14.2026.{number}"/>'
            f"{code}{period}{where}</encompassingEncounter></componentOf>")


def diagnosis(code, system, name):
    return ('<entry><observation classCode="COND" moodCode="EVN"><code nullFlavor="NA"/>'
            f'<effectiveTime value="20261119"/><value xsi:type="CV" code="{code}" codeSystem="{system}" '
            f'displayName="{name}"/></observation></entry>')


def body(entries):
    return ('<component><structuredBody><component><section><title>Näkymä</title><component><section>'
            "<title>Hoidon toteutus</title><component><section><title>Diagnoosit</title>"
            f"<text>Vapaata tekstiä, joka ei lähde eteenpäin.</text>{entries}"
            "</section></component></section></component></section></component></structuredBody></component>")


def author_code(*qualifiers):
    """As the archive's documents have it: the title of office (1.2), the right to practise (151)."""
    return "<code nullFlavor=\"NI\"><translation>" + "".join(
        f'<qualifier><name code="{name}"/>{value}</qualifier>' for name, value in qualifiers) + "</translation></code>"


def document(number, **more):
    """more: version, register, view, ids, person, author, keeper, encounter, status, entries, extra, set_id"""
    oid = f"1.2.246.10.99999999.11.2026.{number}"
    version = more.get("version", 1)
    view, name = more.get("view", KERTOMUS)
    previous = (f'<relatedDocument typeCode="RPLC"><parentDocument><id root="{oid}.{version - 1}"/>'
                f'<setId root="{oid}"/></parentDocument></relatedDocument>') if version > 1 else ""
    targets = "".join(f"<recordTarget><patientRole>{one}<patient>{more.get('person', WOMAN)}</patient>"
                      "</patientRole></recordTarget>" for one in more.get("ids", [TUULIA]))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:hl7fi="urn:hl7finland">
  <id root="{oid}.{version}"/>
  <code code="2" codeSystem="{more.get('register', '1.2.246.537.5.40150.2009')}"/>
  <title>Asiakirja</title>
  <effectiveTime value="{more.get('time', '20261120121000+0200')}"/>
  <confidentialityCode code="5" codeSystem="1.2.246.777.5.99902.2006"/>
  {more.get('set_id', f'<setId root="{oid}"/>')}
  <versionNumber value="{more.get('version_text', version)}"/>
  {targets}
  <author><time nullFlavor="NA"/><assignedAuthor><id nullFlavor="NA"/>{more.get('author', '')}<representedOrganization><id
    root="1.2.246.10.99999999.10.8"/><name>Esimerkkilän vastaanotto</name></representedOrganization></assignedAuthor></author>
  <custodian><assignedCustodian><representedCustodianOrganization><id root="{more.get('keeper', KEEPER)}"/>
    <name>Esimerkkilän hyvinvointialue</name></representedCustodianOrganization></assignedCustodian></custodian>
  {previous}{more.get('encounter', '')}
  <hl7fi:localHeader><hl7fi:tableOfContents><hl7fi:contentsCode code="{view}" codeSystem="1.2.246.537.6.12.2002"
    displayName="{name}"/></hl7fi:tableOfContents>{record_status(more.get('status', 'Arkistointivalmis'))}
    {more.get('extra', '')}</hl7fi:localHeader>
  {body(more.get('entries', ''))}
</ClinicalDocument>
"""


def entry(value):
    return ('<entry><observation classCode="COND" moodCode="EVN"><code nullFlavor="NA"/>'
            f"{value}</observation></entry>")


def frame(text):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<RCMR_IN200002FI01 xmlns="urn:hl7-org:v3"><id '
            'root="1.2.246.10.99999999.18.1"/><controlActProcess><reasonCode code="SP17" '
            'codeSystem="1.2.246.537.6.1503.201601"/><subject><clinicalDocument><text mediaType="text/xml" '
            f'representation="B64">{social.b64(text)}</text></clinicalDocument></subject></controlActProcess>'
            "</RCMR_IN200002FI01>\n")


STRUCTURES = {"permit": "1505.8.2023.6.1", "prohibition": "1505.9.2023.6.5", "therapy": "1506.19014.2022.1.10",
              "decision": "1506.9001.2023.1.1", "disability": "1506.15023.2024.11.4"}
PERSON = {"sukunimi": "Testinen", "etunimet": "Tuulia Anneli", "henkilotunnus": {
    "system": "urn:oid:1.2.246.21", "value": "010181-900C"}}
INFO = "Sosmeta-rakenteen vakioteksti."


def permit(given):
    return {"luovutuslupa_asiakirja": {
        "asiakas": PERSON, "infoteksti": INFO, "voimassa_oleva_luovutuslupa": {
            "luovutuslupa": given, "luovutusluvan_antamisen_ajankohta": "2026-11-20"},
        "laatimispaivamaara": "2026-11-20"}}


def prohibition(**lists):
    return {"kieltoasiakirja": {"asiakas": PERSON, "infoteksti": INFO, **lists,
                                "laatimispaivamaara": "2026-11-20"}}


def keeper_list():
    return {"rekisterinpitajaa_koskevat_luovutuskiellot": {"rekisterinpitajaa_koskeva_luovutuskielto": [{
        "rekisterinpitaja_jonka_tietojen_luovutus_kielletaan": [
            social.code("6.202.2008", social.KEEPER, "Esimerkkilän hyvinvointialue")],
        "kiellon_asettamisen_ajankohta": "2026-11-20"}]}}


def task_list():
    return {"palvelutehtavaa_koskevat_luovutuskiellot": {"palvelutehtavaa_koskeva_luovutuskielto": [{
        "palvelutehtava_jonka_tietojen_luovutus_kielletaan": [
            social.code("6.1221.201601", "15", "Päihdehuolto")],
        "kiellon_asettamisen_ajankohta": "2026-11-20"}]}}


def document_list():
    return {"asiakirjoja_koskevat_luovutuskiellot": {"asiakirjaa_koskeva_luovutuskielto": [{
        "asiakirja_jonka_luovutus_kielletaan": [{"oid_tunnus": {
            "value": "1.2.246.10.99999999.95.2026.3"}}], "kiellon_asettamisen_ajankohta": "2026-11-20"}]}}


def social_samples():
    for name, structure in STRUCTURES.items():
        social.STRUCTURES[name] = structure
    yield "sp1-clientship", social.wrapped(social.frame(1, "clientship", social.clientship(
        "2026-10-01", tasks=[social.FAMILY])), True)
    yield "sp17-meeting", frame(social.frame(3, "meeting", social.meeting(social.HOME)))
    yield "sp17-noshow", social.wrapped(social.frame(12, "cancellation", social.cancellation(
        social.Y30, "Asiakas ei saapunut.")), False)
    yield "sp17-need", social.frame(17, "need", social.need(("7", "Terveydenhuolto")))
    yield "sp17-plan", social.frame(20, "disability", {"vammaispalvelujen_asiakassuunnitelma": {
        "asiakas": PERSON, "suunnitelman_tarkistaminen": {"paivamaara_ja_kellonaika": "2027-02-19"},
        "paivamaara": "2026-11-20", "laatija": [social.author()]}}, task="20")
    person = "<name><given>Tuulia</given><family>Testinen</family></name>"
    yield "sp17-decision", social.frame(40, "decision", {"paatos": {}}, person=person, task="20")
    yield "sp17-decision-retracted", social.frame(
        40, "decision", {"paatos": {}}, version=2, person=person, header=(
            '<ep2:localSocialHeader><ep2:functionCode code="20"/>'
            f'{record_status("Mitätöity").replace("hl7fi:", "ep2:")}'
            '<ep2:contentSpecificationId root="1.2.246.537.6.1506.9001.2023.1.1"/></ep2:localSocialHeader>'))
    yield "sp17-therapy", social.frame(41, "therapy", {"x": {}})
    yield "permit-social", social.frame(50, "permit", permit(True))
    yield "permit-social-withdrawn", social.frame(50, "permit", permit(False), version=2)
    yield "prohibition-keeper", social.frame(51, "prohibition", prohibition(**keeper_list()))
    yield "prohibition-all-kinds", social.frame(52, "prohibition", prohibition(
        **keeper_list(), **task_list(), **document_list()))
    yield "prohibition-withdrawn", social.frame(51, "prohibition", prohibition(), version=2)
    yield "refused-social-no-set-id", social.frame(42, "decision", {}, set_id="")
    yield "refused-social-several", social.frame(43, "decision", {}, ids=[TUULIA, TUULIA])
    yield "refused-social-no-structure", social.frame(44, "decision", {}, header="<ep2:localSocialHeader/>")


def patient_samples():
    whole = visit(1, "20261119100000+0200", "20261119104500+0200", '<code code="15"/>')
    swedish = ('<languageCommunication><languageCode code="sv"/><preferenceInd value="true"/>'
               "</languageCommunication>")
    yield "patient-visit", document(1, encounter=whole, person=WOMAN + swedish, entries=diagnosis("F10.2", ICD, "Alkoholiriippuvuus")
                                    + diagnosis("Z63", "1.2.3.4", "Muu luokitus"))
    yield "patient-visit-of-physician", document(5, encounter=visit(
        5, "20261119100000+0200", "20261119104500+0200"), author=author_code(
            ("1.2", "<value nullFlavor=\"NI\"><originalText>Erikoislääkäri</originalText></value>"),
            ("151", '<value code="034" codeSystem="1.2.246.537.6.140.2008"/>')))
    yield "patient-visit-of-title", document(6, encounter=visit(
        6, "20261119100000+0200", "20261119104500+0200"), author=author_code(
            ("1.2", "<value nullFlavor=\"NI\"><originalText>Psykologi</originalText></value>")))
    yield "patient-visit-corrected", document(
        1, version=2, time="20261121090000+0200", encounter=whole, entries=diagnosis("P15", ICPC, "Alkoholi"))
    yield "patient-visit-retracted", document(
        1, version=3, time="20261122090000+0200", status="Mitätöity", encounter=whole,
        entries=diagnosis("F10.2", ICD, "Alkoholiriippuvuus"))
    yield "patient-stay-begun", document(
        2, keeper=HOSPITAL, encounter=visit(2, "20261118080000+0200"),
        extra='<hl7fi:encompassingEncounterCode code="IMP"/>')
    yield "patient-without-visit", document(3, ids=[VISITOR], person="")
    yield "patient-visit-of-author", document(
        4, encounter=visit(4, unit=False).replace("<effectiveTime", "<effectiveTime"))
    yield "prohibition-patient", document(60, register="1.2.246.537.5.40150", view=("9901", "Potilaan kielto"))
    yield "prohibition-patient-withdrawn", document(
        60, version=2, view=("9901", "Potilaan kielto"), entries=entry('<value xsi:type="BL" value="false"/>'))
    yield "prohibition-patient-ended", document(
        61, view=("9901", "Kiellon peruminen"), entries=entry(
            '<value xsi:type="IVL_TS"><low value="20250101"/><high value="20260101"/></value>'))
    yield "permit-patient", document(62, view=("9902", "Luovutuslupa"))
    yield "permit-patient-to-social", document(63, view=("9903", "Luovutuslupa sosiaalihuollolle"))
    yield "permit-patient-retracted", document(62, version=2, view=("9902", "Luovutuslupa"), status="Mitätöity")
    yield "ignored-authorisation", document(70, view=("362", "Ostopalvelun valtuutus asiakirja"))
    yield "ignored-prescription", document(71, register="1.2.246.537.5.40105.2006")
    yield "refused-no-set-id", document(80, set_id="")
    yield "refused-consent-no-set-id", document(81, set_id="", view=("9901", "Potilaan kielto"))
    yield "refused-version", document(82, version_text="x")
    yield "refused-two-patients", document(83, ids=[TUULIA, VISITOR])
    yield "refused-no-identifier", document(84, ids=['<id nullFlavor="NA"/>'])
    yield "refused-unknown-document", document(85, register="1.2.3")
    yield "refused-no-document", '<?xml version="1.0"?>\n<Jotain xmlns="urn:muuta"/>\n'


def main():
    folder = Path(sys.argv[1])
    for samples in (social_samples, patient_samples):
        for name, text in samples():
            (folder / f"{name}.xml").write_text(text)


if __name__ == "__main__":
    main()

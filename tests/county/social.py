# SPDX-License-Identifier: Apache-2.0
"""What YPH Effica sends: social-care documents, a CDA frame around XHTML and the national JSON."""
import base64
import json
from xml.sax.saxutils import escape

HETU = "1.2.246.21"
KEEPER = "1.2.246.10.99999999.10.0"
CODES = "urn:oid:1.2.246.537.6."


def _client(person, as_list=True):
    client = {"sukunimi": person.family, "etunimet": person.given,
              "henkilotunnus": {"system": "urn:oid:" + HETU, "value": person.code}}
    return [client] if as_list else client


def _code(system, code, display):
    return {"system": CODES + system, "code": code, "display": display}


def _author(title="sosiaalityöntekijä"):
    return {"sukunimi": "Laatija", "etunimet": "Koe", "tehtavanimike": title,
            "palveluyksikko": _code("202", KEEPER, "Sosiaalipalvelut")}


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _document(person, moment, document, content):
    """document: oid, version, structure (schema OID), task (palvelutehtävä), title, type_code"""
    oid, version = document["oid"], document["version"]
    when = moment.strftime("%Y%m%d%H%M%S+0000")
    xhtml = (f'<div class="soc-document" id="OID{oid}"><h1>{escape(document["title"])}</h1></div>')
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:ep2="urn:hl7finland">
  <realmCode code="FI"/>
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <id root="{oid}.{version}"/>
  <code nullFlavor="NA" codeSystem="1.2.246.537.6.1506.201701"/>
  <title>{escape(document["title"])}</title>
  <effectiveTime value="{when}"/>
  <confidentialityCode code="6" codeSystem="1.2.246.777.5.99902.2006"/>
  <languageCode code="fi"/>
  <setId root="{oid}"/>
  <versionNumber value="{version}"/>
  <recordTarget>
    <patientRole>
      <id root="{HETU}" extension="{person.code}"/>
      <patient>
        <name><given>{escape(person.given)}</given><family>{escape(person.family)}</family></name>
        <administrativeGenderCode code="{1 if person.sex == 'M' else 2}" codeSystem="1.2.246.537.5.1.1997"/>
        <birthTime value="{person.birth:%Y%m%d}"/>
      </patient>
    </patientRole>
  </recordTarget>
  <author>
    <time value="{when}"/>
    <assignedAuthor>
      <id nullFlavor="NA"/>
      <representedOrganization><id root="{KEEPER}"/><name>Sosiaalipalvelut</name></representedOrganization>
    </assignedAuthor>
  </author>
  <custodian>
    <assignedCustodian>
      <representedCustodianOrganization><id root="{KEEPER}"/></representedCustodianOrganization>
    </assignedCustodian>
  </custodian>
  <componentOf>
    <encompassingEncounter>
      <id root="{document['matter']}"/>
      <effectiveTime><low value="{when}"/></effectiveTime>
    </encompassingEncounter>
  </componentOf>
  <component>
    <nonXMLBody ID="OID{oid}.{version}">
      <text mediaType="application/xhtml+xml" representation="B64">{_b64(xhtml)}</text>
      <ep2:json representation="B64">{_b64(json.dumps(content, ensure_ascii=False))}</ep2:json>
    </nonXMLBody>
  </component>
  <ep2:localSocialHeader>
    <ep2:specificDocumentType code="{document['type_code']}" codeSystem="1.2.246.537.6.1506.201701"/>
    <ep2:creationTime value="{when}"/>
    <ep2:documentGroup code="{document['group']}" codeSystem="1.2.246.537.6.1505.201601"/>
    <ep2:fileFormat code="2" codeSystem="1.2.246.537.6.1502"/>
    <ep2:structuredFileFormat code="5" codeSystem="1.2.246.537.5.40179.2008"/>
    <ep2:functionCode code="{document['task']}" codeSystem="1.2.246.537.6.1221.201601"/>
    <ep2:recordStatus code="3" codeSystem="1.2.246.537.5.40154.2008"/>
    <ep2:registryType code="1" codeSystem="1.2.246.537.6.1264.201701"/>
    <ep2:contentSpecificationId root="{document['structure']}"/>
    <ep2:encompassingClientRelationship root="{document['clientship']}"/>
  </ep2:localSocialHeader>
</ClinicalDocument>
""".encode()


def _describe(oid, structure, type_code, title, **more):
    base = {"oid": oid, "version": 1, "structure": structure, "type_code": type_code, "title": title,
            "group": "5", "task": "24", "matter": oid + ".1000", "clientship": oid + ".1001"}
    return {**base, **more}


def _languages(person):
    """As the structure has them: the language of contact is Finnish or Swedish."""
    tongue = getattr(person, "language", "").upper()
    if not tongue:
        return {}
    system, contact = "urn:oid:1.2.246.537.5.40175", tongue if tongue in ("FI", "SV") else "FI"
    return {"aidinkieli": [{"system": system, "code": tongue, "display": tongue}],
            "asiointikieli": {"system": system, "code": contact, "display": contact}}


def clientship(oid, moment, person, opened, unit, closed=None, version=1):
    content = {"asiakkuusasiakirja": {
        "asiakkuuden_yksilointitunnus": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:" + oid},
        "asiakas": {**_client(person, as_list=False), **_languages(person), "turvakielto": False},
        "sosiaalihuollon_asiakkuus": {"asiakkuuden_alkamispvm": opened.isoformat()},
        "sosiaalihuollon_palvelutehtava": [{
            "palvelutehtava": _code("1221.201601", "24", "Lapsiperheiden palvelut"),
            "palvelunjarjestajan_palveluyksikko": [{
                "palveluyksikon_nimi": _code("202", unit, "Sosiaalipalvelut"),
                "asiakkuuden_alkamispvm": opened.isoformat()}]}]}}
    if closed:
        content["asiakkuusasiakirja"]["sosiaalihuollon_asiakkuus"][
            "asiakkuuden_paattymispvm"] = closed.isoformat()
    head = _describe(oid, "1.2.246.537.6.1505.1.2023.6.1", "1", "Asiakkuusasiakirja", group="1",
                     clientship=oid, version=version)
    return _document(person, moment, head, content)


def meeting(oid, moment, person, start, end, title="sosiaalityöntekijä"):
    content = {"merkinta_tapaamisesta_tai_yhteydenotosta": {
        "asiakas": _client(person),
        "asiakaskertomusmerkinta": {
            "palvelutehtava": _code("1221.201601", "24", "Lapsiperheiden palvelut"),
            "sosiaalipalvelu": [_code("1222.201601", "46", "Sosiaalityö")],
            "tapahtuma": {
                "ajanjakso": {"alkamishetki": start.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
                              "paattymishetki": end.strftime("%Y-%m-%dT%H:%M:%S+00:00")},
                "asiointitapa": [_code("1250", "3", "Käynti asiakkaan luona")]}},
        "paivamaara": start.date().isoformat(), "laatija": _author(title)}}
    head = _describe(oid, "1.2.246.537.6.1506.19005.2022.1.10", "19",
                     "Merkintä tapaamisesta tai yhteydenotosta")
    return _document(person, moment, head, content)


def cancellation(oid, moment, person, agreed, text):
    name = "merkinta_neuvottelun_tapaamisen_tai_yhteydenoton_peruuntumisesta"
    content = {name: {
        "asiakas": _client(person),
        "asiakaskertomusmerkinta": {
            "palvelutehtava": _code("1221.201601", "24", "Lapsiperheiden palvelut"),
            "sosiaalipalvelu": [_code("1222.201601", "45", "Sosiaaliohjaus")],
            "tapahtuma": {
                "paivamaara_ja_kellonaika": agreed.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
                "peruuntumisen_syy": _code("126", "Y30", "Asiakkaasta johtuva syy"),
                "lisatiedot_peruuntumisesta": text}},
        "paivamaara": agreed.date().isoformat(), "laatija": _author()}}
    head = _describe(oid, "1.2.246.537.6.1506.19006.2022.9.28", "19",
                     "Merkintä peruuntumisesta")
    return _document(person, moment, head, content)


def need(oid, moment, person, text):
    content = {"ilmoitus_sosiaalihuollon_tarpeesta": {
        "asiakas": _client(person),
        "ilmoittaja": [{"taho": _code("1243", "7", "Terveydenhuollon ammattihenkilö")}],
        "ilmoittamispaivamaara": moment.date().isoformat(),
        "asiasisalto": [_code("1282", "8", "Päihteiden ongelmakäyttö")],
        "kuvaus_tilanteesta_ja_huolesta": text, "laatija": _author()}}
    head = _describe(oid, "1.2.246.537.6.1506.4006.2023.5.31", "4",
                     "Ilmoitus sosiaalihuollon tarpeesta")
    return _document(person, moment, head, content)

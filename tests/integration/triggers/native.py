# SPDX-License-Identifier: Apache-2.0
"""What each records system sends of one thing that happened: a visit, an unused appointment, a client
relationship, a reported concern. Everybody is made up: identity codes with 900-999 only."""
import base64
import datetime
import json
import zoneinfo

HELSINKI = zoneinfo.ZoneInfo("Europe/Helsinki")
CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"
CODES = "urn:oid:1.2.246.537.6."
KEEPER = "1.2.246.10.99999999.10.0"
MINUTES = datetime.timedelta(minutes=20)


class Person:
    def __init__(self, index, birth_year=None):
        self.index = index
        self.birth = datetime.date(birth_year or 1965 + index // 336 % 30, index // 28 % 12 + 1,
                                   index % 28 + 1)
        digits = f"{self.birth:%d%m%y}{900 + index // 10080 % 100:03d}"
        self.code = f"{digits[:6]}-{digits[6:]}{CHECK[int(digits) % 31]}"
        self.sex = "MF"[(900 + index // 10080) % 2 == 0]


class Happening:
    """One thing of one person: what, when, and of which kind; `number` is unique. A reason is a code, or
    several."""

    def __init__(self, what, **kind):
        self.what = what
        self.kind = kind
        self.person = self.time = self.number = None

    def same_as(self, other):
        return self.what == other.what and self.kind == other.kind


def _codes(reason):
    return reason if isinstance(reason, list) else [reason]


def _is_icpc2(code):
    return len(code) == 3 and "." not in code


# --- Oberon: HL7 v2.3 over MLLP ------------------------------------------------------------------

def _stamp(moment):
    return moment.astimezone(HELSINKI).strftime("%Y%m%d%H%M%S")


def _hl7_head(kind, one):
    person = one.person
    return [f"MSH|^~\\&|OBERON|KESKUSSAIRAALA|PUNOS|HVA|{_stamp(one.time)}||{kind}|T{one.number}|P|"
            "2.3||||||8859/1",
            f"PID|1||{person.code}^^^^HETU||Testinen^Tuulia||{person.birth:%Y%m%d}|{person.sex}"]


def oberon(one):
    end = one.time + MINUTES
    if one.what in ("noshow", "cancelled"):
        trigger, state = {"noshow": ("S26", "Noshow"), "cancelled": ("S15", "Cancelled")}[one.what]
        head, pid = _hl7_head(f"SIU^{trigger}", one)
        lines = [head, f"SCH|A{one.number}|A{one.number}||||ROUTINE|||||^^^{_stamp(one.time)}^"
                 f"{_stamp(end)}" + "|" * 14 + state, pid, "RGS|1",
                 f"AIS|1||POLI|{_stamp(one.time)}|||20|min||{state}", "AIL|1||POLI1"]
    else:
        head, pid = _hl7_head("ADT^A03", one)
        visit = ["PV1", "1", "E" if one.what == "emergency" else "O", "POLI1"] + [""] * 42
        visit[10] = one.kind.get("service", "15" if one.what == "emergency" else "10")
        visit[19] = f"V{one.number}"
        visit[44], visit[45] = _stamp(one.time), _stamp(end)
        lines = [head, f"EVN|A03|{_stamp(end)}", pid, "|".join(visit)]
        # One code is a diagnosis; before several stands what the client came for.
        codes = _codes(one.kind.get("reason", []))
        lines += [f"PV2|||{code}^^ICPC2" for code in codes[:-1]]
        lines += [f"DG1|1||{code}^^ICD10||{_stamp(one.time)}|A" for code in codes[-1:]]
    return ("\r".join(lines) + "\r").encode("iso-8859-1")


# --- Lifecare: FHIR over HTTP --------------------------------------------------------------------

def _iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _coded(system, code):
    return {"coding": [{"system": system, "code": code}]}


def _reason(codes):
    """One concept, in as many code systems as there are codes."""
    return {"coding": [{"system": CODES + ("31.2007" if _is_icpc2(code) else "1.1999"), "code": code}
                       for code in _codes(codes)]}


def _fhir_visit(one):
    kind = one.kind
    contact = "R50" if one.what == "contact" else "R10"
    code = {"emergency": "EMER", "contact": "VR"}.get(one.what, "AMB")
    body = {"resourceType": "Encounter", "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code},
            "type": [_coded(CODES + "127.201801", contact)],
            "serviceType": _coded(CODES + "125.2008", kind.get("service", "T11")),
            "period": {"start": _iso(one.time), "end": _iso(one.time + MINUTES)}}
    if "profession" in kind:
        body["participant"] = [{"type": [_coded(CODES + "74.2001", kind["profession"])]}]
    if "reason" in kind:
        body["reasonCode"] = [_reason(code) for code in _codes(kind["reason"])]
    return body


def _fhir_appointment(one):
    return {"resourceType": "Appointment", "status": one.what, "start": _iso(one.time),
            "end": _iso(one.time + MINUTES), "serviceType": [_coded(CODES + "49", "100")],
            "participant": [{"actor": {"reference": f"Patient/p{one.person.index}"},
                             "status": "accepted"}]}


def _fhir_condition(one):
    return {"resourceType": "Condition", "code": _reason(one.kind["code"]),
            "clinicalStatus": _coded("http://terminology.hl7.org/CodeSystem/condition-clinical",
                                     "active"), "recordedDate": _iso(one.time)}


def _fhir_concern(one):
    return {"resourceType": "Flag", "status": "active", "period": {"start": _iso(one.time)},
            "code": _coded("https://punos.fi/fhir/CodeSystem/concern", one.kind["about"]),
            "author": {"identifier": {"system": "https://punos.fi/fhir/CodeSystem/reporter",
                                      "value": one.kind["by"]}}}


def _fhir_clientship(one):
    return {"resourceType": "EpisodeOfCare", "status": "active", "period": {"start": _iso(one.time)},
            "type": [_coded(CODES + "1221.201601", "15")]}


_FHIR = {"clientship": _fhir_clientship, "emergency": _fhir_visit, "visit": _fhir_visit, "contact": _fhir_visit,
         "noshow": _fhir_appointment, "cancelled": _fhir_appointment,
         "condition": _fhir_condition, "concern": _fhir_concern}


def lifecare(happenings):
    """All that happened to one person, as one Bundle."""
    person = happenings[0].person
    resources = [{"resourceType": "Patient", "id": f"p{person.index}",
                  "identifier": [{"use": "official", "system": "urn:oid:1.2.246.21",
                                  "value": person.code}], "birthDate": person.birth.isoformat()}]
    for one in happenings:
        body = {**_FHIR[one.what](one), "id": f"lc{one.number}",
                "meta": {"versionId": "1", "lastUpdated": _iso(one.time + MINUTES)},
                "identifier": [{"system": "https://lifecare.example/id", "value": f"L{one.number}"}]}
        if body["resourceType"] == "EpisodeOfCare":
            body["patient"] = {"reference": f"Patient/p{person.index}"}
        elif body["resourceType"] != "Appointment":
            body["subject"] = {"reference": f"Patient/p{person.index}"}
        resources.append(body)
    entries = [{"fullUrl": f"https://lifecare.example/fhir/{r['resourceType']}/{r['id']}",
                "resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
               for r in resources]
    return json.dumps({"resourceType": "Bundle", "id": f"b{happenings[0].number}",
                       "type": "transaction", "entry": entries,
                       "meta": {"lastUpdated": _iso(happenings[-1].time + MINUTES)}}).encode()


# --- Forms: FHIR QuestionnaireResponse over HTTP -------------------------------------------------

def forms(one):
    def item(link, code, system):
        return {"linkId": link, "answer": [{"valueCoding": {
            "system": f"https://punos.fi/fhir/CodeSystem/{system}", "code": code}}]}
    return json.dumps({
        "resourceType": "QuestionnaireResponse", "status": "completed", "authored": _iso(one.time),
        "questionnaire": "https://punos.fi/fhir/Questionnaire/concern",
        "identifier": {"system": "https://lomake.example/huoli", "value": f"H{one.number}"},
        "subject": {"identifier": {"system": "urn:oid:1.2.246.21", "value": one.person.code}},
        "item": [item("reporter", one.kind["by"], "reporter"),
                 item("concern", one.kind["about"], "concern")]}).encode()


# --- YPH Effica: documents of social care, as files ----------------------------------------------

REPORTERS = {"client": "1", "relative": "3", "professional": "7", "other-sector": "15"}
ABOUT = {"money": "3", "suspected-risk": "5", "life-situation": "6", "suspected-addiction": "8",
         "mental-health": "9", "concern": "10"}


def _national(system, code, display):
    return {"system": CODES + system, "code": code, "display": display}


def _social_client(person):
    return {"sukunimi": "Testinen", "etunimet": "Tuulia",
            "henkilotunnus": {"system": "urn:oid:1.2.246.21", "value": person.code}}


def _social_content(one, oid):
    day = one.time.date().isoformat()
    author = {"tehtavanimike": "sosiaalityöntekijä"}
    if one.what == "clientship":
        unit = {"palveluyksikon_nimi": _national("202", KEEPER, "Sosiaalipalvelut"),
                "asiakkuuden_alkamispvm": day}
        return "1505.1.2023.6.1", {"asiakkuusasiakirja": {
            "asiakkuuden_yksilointitunnus": {"system": "urn:ietf:rfc:3986",
                                             "value": "urn:oid:" + oid},
            "asiakas": {**_social_client(one.person), "turvakielto": False},
            "sosiaalihuollon_asiakkuus": {"asiakkuuden_alkamispvm": day},
            "sosiaalihuollon_palvelutehtava": [{
                "palvelutehtava": _national("1221.201601", "15", "Päihdehuolto"),
                "palvelunjarjestajan_palveluyksikko": [unit]}]}}
    if one.what == "contact":
        return "1506.19005.2022.1.10", {"merkinta_tapaamisesta_tai_yhteydenotosta": {
            "asiakas": [_social_client(one.person)], "asiakaskertomusmerkinta": {
                "palvelutehtava": _national("1221.201601", "24", "Lapsiperheiden palvelut"),
                "sosiaalipalvelu": [_national("1222.201601", one.kind.get("service", "46"), "Palvelu")],
                "tapahtuma": {"ajanjakso": {"alkamishetki": _iso(one.time),
                                            "paattymishetki": _iso(one.time + MINUTES)}}},
            "paivamaara": day, "laatija": {"tehtavanimike": one.kind.get("profession", "sosiaaliohjaaja")}}}
    if one.what == "noshow":
        return "1506.19006.2022.9.28", {
            "merkinta_neuvottelun_tapaamisen_tai_yhteydenoton_peruuntumisesta": {
                "asiakas": [_social_client(one.person)], "asiakaskertomusmerkinta": {
                    "palvelutehtava": _national("1221.201601", "24", "Lapsiperheiden palvelut"),
                    "tapahtuma": {"paivamaara_ja_kellonaika": _iso(one.time),
                                  "peruuntumisen_syy": _national("126", "Y30", "Asiakas"),
                                  "lisatiedot_peruuntumisesta": "Asiakas ei saapunut"}},
                "paivamaara": day, "laatija": author}}
    return "1506.4006.2023.5.31", {"ilmoitus_sosiaalihuollon_tarpeesta": {
        "asiakas": [_social_client(one.person)], "ilmoittamispaivamaara": day,
        "ilmoittaja": [{"taho": _national("1243", REPORTERS[one.kind["by"]], "Ilmoittaja")}],
        "asiasisalto": [_national("1282", ABOUT[one.kind["about"]], "Sisältö")],
        "laatija": author}}


def yph_effica(one):
    oid = f"1.2.246.10.99999999.95.2026.{one.number}"
    structure, content = _social_content(one, oid)
    when = one.time.strftime("%Y%m%d%H%M%S+0000")
    packed = base64.b64encode(json.dumps(content, ensure_ascii=False).encode()).decode()
    xhtml = base64.b64encode(f'<div class="soc-document" id="OID{oid}"/>'.encode()).decode()
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:ep2="urn:hl7finland">
  <realmCode code="FI"/>
  <id root="{oid}.1"/>
  <effectiveTime value="{when}"/>
  <setId root="{oid}"/>
  <versionNumber value="1"/>
  <recordTarget><patientRole>
    <id root="1.2.246.21" extension="{one.person.code}"/>
    <patient><birthTime value="{one.person.birth:%Y%m%d}"/></patient>
  </patientRole></recordTarget>
  <custodian><assignedCustodian><representedCustodianOrganization>
    <id root="{KEEPER}"/>
  </representedCustodianOrganization></assignedCustodian></custodian>
  <component><nonXMLBody ID="OID{oid}.1">
    <text mediaType="application/xhtml+xml" representation="B64">{xhtml}</text>
    <ep2:json representation="B64">{packed}</ep2:json>
  </nonXMLBody></component>
  <ep2:localSocialHeader>
    <ep2:creationTime value="{when}"/>
    <ep2:contentSpecificationId root="1.2.246.537.6.{structure}"/>
    <ep2:encompassingClientRelationship root="{oid}"/>
  </ep2:localSocialHeader>
</ClinicalDocument>
""".encode()


# --- Effica: a CSV file, Pro Consona: an XML file ------------------------------------------------

def _finnish(moment):
    return moment.astimezone(HELSINKI).strftime("%d.%m.%Y klo %H.%M")


def effica(happenings):
    rows = ["tietue;tunniste;henkilotunnus;palvelualue;palvelu;tila;yhteystapa;alkoi;paattyi;"
            "ammattinimike;paivystys;kayntisyy;kayntisyyn_koodisto;muutettu"]
    for one in happenings:
        state = "SAAPUMATTA" if one.what == "noshow" else "TOTEUTUNUT"
        rows.append(";".join([
            "KAYNTI", f"K{one.number}", one.person.code, one.kind.get("area", "TK"),
            one.kind.get("service", "Vastaanotto"), state, "R10", _finnish(one.time),
            _finnish(one.time + MINUTES), one.kind.get("profession", "sairaanhoitaja"),
            "K" if one.what == "emergency" else "", one.kind.get("reason", ""),
            "ICPC2" if "reason" in one.kind else "",
            _finnish(one.time + MINUTES)]))
    return ("\n".join(rows) + "\n").encode("utf-8")


def _consona_record(one):
    name = {"contact": "Tapaaminen", "visit": "Tapaaminen", "clientship": "Asiakkuus",
            "noshow": "Peruutus"}[one.what]
    local = one.time.astimezone(HELSINKI).strftime("%Y-%m-%dT%H:%M:%S")
    missed = ' saapumatta="true"' if one.what == "noshow" else ""
    lines = [f'  <{name} tunnus="C{one.number}" versio="1"{missed} muutettu="{local}">',
             f'    <Asiakas hetu="{one.person.code}"/>', '    <Yksikko koodi="AS1">Yksikkö</Yksikko>']
    task = f"<Palvelutehtava>{one.kind.get('task', 'työikäisten palvelut')}</Palvelutehtava>"
    service = f"<Palvelu>{one.kind.get('service', 'sosiaalityö')}</Palvelu>"
    if one.what == "clientship":
        lines += [task, f"<Alkoi>{local[:10]}</Alkoi>"]
    elif one.what == "noshow":
        lines += [task, service, f"<Aika>{local}</Aika>", "<Syy>Y30</Syy>"]
    else:
        title = one.kind.get("profession", "sosiaalityöntekijä")
        lines += ["<Tapa>vastaanotto</Tapa>", task, service,
                  f"<Ammattinimike>{title}</Ammattinimike>", f"<Alkoi>{local}</Alkoi>",
                  "<KestoMin>20</KestoMin>"]
    return "\n".join(lines + [f"  </{name}>"])


def pro_consona(happenings):
    made = happenings[-1].time.astimezone(HELSINKI).strftime("%Y-%m-%dT%H:%M:%S")
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>',
                      f'<ConsonaAineisto versio="1" laadittu="{made}">',
                      "  <Lahettaja>Sosiaalipalvelut</Lahettaja>",
                      *(_consona_record(one) for one in happenings),
                      "</ConsonaAineisto>", ""]).encode()

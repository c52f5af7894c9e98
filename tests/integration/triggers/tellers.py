# SPDX-License-Identifier: Apache-2.0
"""What the systems beside native.py's say of the same happenings: Pegasos, Mediatri's server, Kanta; and what of
them each system's messages have a place for."""
import json

import native

REASONS = {"oberon": ("R53", "Z59.0"), "kanta": ("R53", "Z59.0")}  # vague, behind: ICD-10; else ICPC-2
ICPC2 = ("A04", "Z03")
EVERY_CONCERN = ("concern", "core-not-reached", "odd-behaviour", "suspected-addiction",
                 "unclear-work-ability", "cannot-use-services", "homelessness")
VISIT = ("service", "profession", "reason")
# system: {what: of which kind it can be}. by_system.py runs what is here, and holds of what is not that no sample
# of the system's adapter gives it either.
TELLS = {
    "oberon": {"visit": VISIT, "emergency": VISIT, "noshow": (), "concern": EVERY_CONCERN},
    "pegasos": {"visit": VISIT, "emergency": VISIT, "contact": VISIT, "noshow": (),
                "concern": EVERY_CONCERN},
    "lifecare": {"visit": VISIT, "emergency": VISIT, "contact": VISIT, "noshow": (),
                 "clientship": (), "concern": EVERY_CONCERN},
    "mediatri": {"visit": VISIT, "emergency": VISIT, "contact": VISIT, "noshow": (),
                 "concern": EVERY_CONCERN},
    "effica": {"visit": VISIT, "emergency": VISIT, "noshow": ()},
    "yph-effica": {"contact": ("service", "profession"), "noshow": (), "clientship": (),
                   "concern": ("concern", "suspected-addiction", "suspected-risk")},
    "pro-consona": {"contact": ("service", "profession"), "noshow": (), "clientship": ()},
    "kanta": {"visit": ("reason", "profession"), "emergency": ("reason", "profession"), "contact": ("service", "profession"),
              "noshow": (), "clientship": (), "concern": ("concern", "suspected-addiction", "suspected-risk")},
    "forms": {"concern": EVERY_CONCERN},
}
WORDS = {"professions": ["lääkäri", "sairaanhoitaja", "terveydenhoitaja", "fysioterapeutti", "psykologi",
                         "sosiaalityöntekijä"],
         "oberon": ["10", "15", "20", "30"], "pegasos": ["98", "FYS", "SUU", "NEUV"],
         "lifecare": ["T11", "T21", "T40", "T58"], "mediatri": ["T11", "T21", "T40", "T58"],
         "effica": ["Sosiaalityö", "Sosiaaliohjaus", "Toimeentulotuki", "Päihdehuolto"],
         "yph-effica": ["46", "45", "15", "31"], "kanta": ["46", "45", "15", "31"],
         "pro-consona": ["sosiaalityö", "sosiaaliohjaus", "15", "31"]}


def _concern(one):
    return f"OBX|1|CE|concern^Huoli^99PUNOS||{one.kind['about']}||||||F\r" if one.what == "concern" else ""


def pegasos(one):
    """As Oberon's, with who received the client in PV1-7, the contact type in PV1-18 and reasons in ICPC-2."""
    text = native.oberon(one).decode("iso-8859-1").replace("|OBERON|KESKUSSAIRAALA|", "|PEGASOS|TERVEYSASEMAT|")
    lines = text.rstrip("\r").split("\r")
    for place, line in enumerate(lines):
        fields = line.split("|")
        if fields[0] == "PV1":
            fields[2], fields[18] = "O", "R50" if one.what == "contact" else "R10"
            fields[3] = "PTHPAIV" if one.what == "emergency" else "VASTAANOTTO"
            if one.what == "emergency":
                fields[2] = "E"
            if "profession" in one.kind:
                fields[7] = f"1^Mallikas^Matti^^^^{one.kind['profession']}"
        if fields[0] == "DG1":
            fields[3] = fields[3].replace("ICD10", "ICPC2")
        lines[place] = "|".join(fields)
    return ("\r".join(lines) + "\r" + _concern(one)).encode("iso-8859-1")


def oberon(one):
    text = native.oberon(one) + _concern(one).encode()
    if "profession" in one.kind:
        text += f"ROL|1|AD|AT^^HL70443|1^Mallikas^Matti|||||X^{one.kind['profession']}\r".encode("iso-8859-1")
    return text


def mediatri(happenings):
    """The resources that its FHIR server shows."""
    bundle = json.loads(native.lifecare(happenings))
    resources = [entry["resource"] for entry in bundle["entry"]]
    resources[0]["meta"] = {"versionId": "1", "lastUpdated": bundle["meta"]["lastUpdated"]}
    for resource in resources:
        if resource["resourceType"] != "Patient":
            resource["id"] = resource["id"].replace("lc", "me")
    return resources


def kanta(one):
    """A patient document of a visit, or a document of social care as YPH Effica archives it."""
    if one.what not in ("visit", "emergency"):
        return native.yph_effica(one)
    person, oid = one.person, f"1.2.246.10.99999999.11.2026.{one.number}"
    moment = one.time.strftime("%Y%m%d%H%M%S+0000")
    code = "EMER" if one.what == "emergency" else "AMB"
    reason, title = one.kind.get("reason"), one.kind.get("profession", "lääkäri")
    who = ('<code nullFlavor="NI"><translation><qualifier><name code="1.2"/><value nullFlavor="NI"><originalText>'
           f"{title}</originalText></value></qualifier></translation></code>")
    entry = (f'<component><structuredBody><component><section><title>Diagnoosit</title><entry>'
             f'<observation classCode="COND" moodCode="EVN"><code nullFlavor="NA"/>'
             f'<effectiveTime value="{moment[:8]}"/><value xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
             f'xsi:type="CV" code="{reason}" codeSystem="1.2.246.537.6.1.1999"/></observation></entry></section>'
             f"</component></structuredBody></component>") if reason else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:hl7fi="urn:hl7finland"><id root="{oid}.1"/>
<code code="2" codeSystem="1.2.246.537.5.40150.2009"/><title>Asiakirja</title><effectiveTime value="{moment}"/>
<confidentialityCode code="5" codeSystem="1.2.246.777.5.99902.2006"/><setId root="{oid}"/><versionNumber value="1"/>
<recordTarget><patientRole><id root="1.2.246.21" extension="{person.code}"/><patient>
<birthTime value="{person.birth:%Y%m%d}"/></patient></patientRole></recordTarget>
<author><time nullFlavor="NA"/><assignedAuthor><id nullFlavor="NA"/>{who}<representedOrganization>
<id root="1.2.246.10.99999999.10.61"/><name>Vastaanotto</name></representedOrganization></assignedAuthor></author>
<custodian><assignedCustodian><representedCustodianOrganization><id root="1.2.246.10.99999999.10.60"/><name>Muu</name>
</representedCustodianOrganization></assignedCustodian></custodian>
<componentOf><encompassingEncounter><id root="1.2.246.10.99999999.14.2026.{one.number}"/><effectiveTime>
<low value="{moment}"/><high value="{moment}"/></effectiveTime><responsibleParty><assignedEntity>
<id nullFlavor="NA"/><representedOrganization><id root="1.2.246.10.99999999.10.61"/><name>Vastaanotto</name>
</representedOrganization></assignedEntity></responsibleParty></encompassingEncounter></componentOf>
<hl7fi:localHeader><hl7fi:tableOfContents><hl7fi:contentsCode code="61" codeSystem="1.2.246.537.6.12.2002"/>
</hl7fi:tableOfContents><hl7fi:recordStatus code="3" codeSystem="1.2.246.537.5.40154.2008"/>
<hl7fi:encompassingEncounterCode code="{code}"/></hl7fi:localHeader>{entry}</ClinicalDocument>""".encode()

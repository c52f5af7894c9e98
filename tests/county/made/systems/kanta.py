# SPDX-License-Identifier: Apache-2.0
"""Kanta's patient documents: visits in other counties."""
KEEPER, UNIT = "1.2.246.10.99999999.10.60", "1.2.246.10.99999999.10.61"
CHANNEL = ("kanta", "http", "xml")


def _zoned(days, moment):
    return days.stamp(moment) + days.instant(moment)[-6:].replace(":", "")


def visit(teller, happening):
    client, days = teller.client, teller.days
    sent = teller.moment(happening.end + 1440)
    number = f"{client.index + 1}.{happening.number}"
    low, high = _zoned(days, happening.start), _zoned(days, happening.end)
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xmlns:hl7fi="urn:hl7finland"><id root="1.2.246.10.99999999.11.2026.{number}.1"/>\
<code code="2" codeSystem="1.2.246.537.5.40150.2009"/><title>Asiakirja</title>\
<effectiveTime value="{_zoned(days, sent)}"/>\
<confidentialityCode code="5" codeSystem="1.2.246.777.5.99902.2006"/>\
<setId root="1.2.246.10.99999999.11.2026.{number}"/><versionNumber value="1"/>\
<recordTarget><patientRole><id root="1.2.246.21" extension="{client.code}"/><patient><name>\
<given>{client.given}</given><family>{client.family}</family></name><administrativeGenderCode \
code="{1 if client.sex == 'M' else 2}" codeSystem="1.2.246.537.5.1.1997"/>\
<birthTime value="{client.birth:%Y%m%d}"/></patient></patientRole></recordTarget>\
<author><time nullFlavor="NA"/><assignedAuthor><id nullFlavor="NA"/><representedOrganization>\
<id root="{UNIT}"/><name>Muun alueen vastaanotto</name></representedOrganization></assignedAuthor></author>\
<custodian><assignedCustodian><representedCustodianOrganization><id root="{KEEPER}"/>\
<name>Muu hyvinvointialue</name></representedCustodianOrganization></assignedCustodian></custodian>\
<componentOf><encompassingEncounter><id root="1.2.246.10.99999999.14.2026.{number}"/>\
<effectiveTime><low value="{low}"/><high value="{high}"/></effectiveTime><responsibleParty>\
<assignedEntity><id nullFlavor="NA"/><representedOrganization><id root="{UNIT}"/>\
<name>Muun alueen vastaanotto</name></representedOrganization></assignedEntity></responsibleParty>\
</encompassingEncounter></componentOf><hl7fi:localHeader><hl7fi:tableOfContents><hl7fi:contentsCode \
code="61" codeSystem="1.2.246.537.6.12.2002" displayName="Perusterveydenhuolto"/>\
</hl7fi:tableOfContents><hl7fi:recordStatus code="3" displayName="Arkistointivalmis" \
codeSystem="1.2.246.537.5.40154.2008"/><hl7fi:encompassingEncounterCode code="AMB"/></hl7fi:localHeader>\
<component><structuredBody><component><section><title>Diagnoosit</title><entry><observation \
classCode="COND" moodCode="EVN"><code nullFlavor="NA"/><effectiveTime \
value="{days.stamp(happening.start)[:8]}"/><value xsi:type="CV" code="{happening.reason[2]}" \
codeSystem="1.2.246.537.6.1.1999" displayName="{happening.reason[3]}"/></observation></entry></section>\
</component></structuredBody></component></ClinicalDocument>"""
    teller.send(sent, CHANNEL, text.replace("\n", " ").encode())

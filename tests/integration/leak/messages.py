# SPDX-License-Identifier: Apache-2.0
"""Good and bad messages of three systems about one made-up person, whose identity stands also where
it does not belong."""
import datetime
import json

import fhir
import hl7
import people
import social

UTC = datetime.timezone.utc
START = datetime.datetime(2026, 10, 5, 9, 30, tzinfo=UTC)
HOUR = datetime.timedelta(hours=1)
OVERSIZED_BYTES = 9 * 1024 * 1024


class Victim:
    """Words that stand nowhere else in the tree, so that finding one is finding this person."""
    index = 7
    sex = "F"
    birth = datetime.date(1971, 3, 9)
    code = people.identity_code(datetime.date(1971, 3, 9), 996)
    other_code = people.identity_code(datetime.date(1944, 7, 21), 993)
    given = "Salavuotta"
    family = "Vuotomäkelä"
    street = "Vuotajankuja 77"
    phone = "0409917733"
    municipality = "167"

    def secrets(self):
        return [self.code, self.other_code, self.code.lower(), self.given, self.family, self.street,
                self.phone]


def visit(number, **changes):
    return {"class": "E", "unit": "PAIVYSTYS", "service": "15", "id": f"V{number}", "start": START,
            **changes}


def admission(person, number, trigger="A04", **changes):
    message = hl7.adt(trigger, f"C{number}", START + number * HOUR, person, visit(number, **changes))
    # An address and a telephone number in PID-11 and PID-13.
    return message.replace(f"||||{person.municipality}\r".encode(),
                           f"|||{person.street}^^{person.municipality}^^00100||"
                           f"{person.phone}^PRN^PH\r".encode("iso-8859-1"))


def field(message, segment, number, text):
    """The message with another text in one field."""
    number -= segment == "MSH"  # MSH-1 is the separator itself
    lines = message.split(b"\r")
    for place, line in enumerate(lines):
        fields = line.split(b"|")
        if fields[0] == segment.encode():
            fields += [b""] * (number + 1 - len(fields))
            fields[number] = text if isinstance(text, bytes) else text.encode("iso-8859-1")
            lines[place] = b"|".join(fields)
    return b"\r".join(lines)


def mllp_messages(person):
    """(what, message, must be refused)"""
    code = person.code
    make = (admission(person, number) for number in range(100, 1000))
    cut = next(make)
    yield "cut within PID", cut[:cut.index(b"PID|") + 40], True
    yield "cut within MSH", next(make)[:30], True
    yield "no segment", code.encode() + b" " + person.family.encode("iso-8859-1"), True
    yield "no PID", next(make).replace(b"\rPID|", b"\rZZZ|"), True
    yield "no identifier", field(next(make), "PID", 3, ""), True
    yield "wrong check character", field(next(make), "PID", 3, code[:-1] + "?" + "^^^^HETU"), True
    yield "charset that is a lie", field(next(make), "MSH", 18, "UNICODE UTF-8"), None
    yield "charset that is a code", field(next(make), "MSH", 18, code), None
    yield "version that is a code", field(next(make), "MSH", 12, code), None
    yield "kind that is a code", field(next(make), "MSH", 9, f"ADT^{code}"), True
    yield "unknown kind", field(next(make), "MSH", 9, "ZZZ^Z99"), True
    yield "code as a unit", field(next(make), "PV1", 3, f"{code}^^^KESKUSSAIRAALA"), True
    yield "code within a unit", field(next(make), "PV1", 3, f"osasto/{code}/2"), True
    yield "code in small letters as a unit", field(next(make), "PV1", 3, code.lower()), True
    yield "code in escapes as a unit", field(next(make), "PV1", 3, f"\\X{code.encode().hex()}\\"), True
    yield "code among letters as a unit", field(next(make), "PV1", 3, f"OS{code}X"), True
    yield "code as the visit's number", field(next(make), "PV1", 19, code), True
    yield "another's code as a service", field(next(make), "PV1", 10, person.other_code), True
    yield "code as the sender", field(next(make), "MSH", 4, code), True
    yield "code as the control id", field(next(make), "MSH", 10, code), None
    yield "code in a diagnosis", next(make) + f"DG1|1||R52.9^Kipu {code}^ICD10|||A\r".encode(), True
    yield "name of a physician", field(next(make), "PV1", 7, f"123^{person.family}^{person.given}"), \
        False
    yield "next of kin", next(make) + (
        f"NK1|1|{person.family}^{person.given}|MTH|{person.street}|{person.phone}\r"
    ).encode("iso-8859-1"), False
    yield "segment of its own", next(make) + f"ZPI|{code}|{person.family}\r".encode("iso-8859-1"), False
    yield "unknown class", field(field(next(make), "PV1", 3, "OSASTO3"), "PV1", 2, "Q"), True
    yield "wrong date", field(next(make), "PV1", 44, "20261399"), True
    yield "code as a date", field(next(make), "PV1", 44, code), True
    booking = {"id": "AJ1", "start": START, "end": START + HOUR, "minutes": 60, "unit": "POLI1",
               "service": "POLIKLINIKKA", "profession": "lääkäri"}
    for number, key in enumerate(("id", "service", "unit", "profession")):
        message = hl7.siu("S12", f"S{number}", START, person, {**booking, key: code})
        yield f"code as a booking's {key}", message, True
    yield "oversized", field(next(make), "PV1", 3, b"X" * OVERSIZED_BYTES), True


def http_messages(person):
    """(what, body, content type, path after /in/lifecare, must be refused)"""
    code, kind = person.code, "application/fhir+json"
    contact = {"id": "lc-1", "class": "AMB", "contact": "R10", "service": "T11", "profession": "30",
               "profession_text": "sairaanhoitaja", "start": START, "end": START + HOUR,
               "unit": "1.2.246.10.99999999.10.7"}

    def bundle(number, change=None):
        body = json.loads(fhir.encounter(f"b-{number}", START + number * HOUR, person,
                                         {**contact, "id": f"lc-{number}"}))
        patient, encounter = (entry["resource"] for entry in body["entry"][:2])
        patient["address"] = [{"line": [person.street]}]
        patient["telecom"] = [{"system": "phone", "value": person.phone}]
        if change:
            change(encounter)
        return json.dumps(body, ensure_ascii=False).encode()

    def set_member(name, value):
        return lambda encounter: encounter.__setitem__(name, value)

    yield "broken JSON", bundle(1)[:-40], kind, "/fhir", True
    yield "no JSON", f"{code} {person.family}".encode(), kind, "/fhir", True
    yield "Latin-1 bytes", bundle(2).decode().encode("iso-8859-1"), kind, "/fhir", True
    yield "code as the type", json.dumps({"resourceType": code}).encode(), kind, "/fhir", True
    yield "code as a member", json.dumps({"resourceType": "Encounter", code: code}).encode(), kind, \
        "/fhir", True
    yield "code as the id", bundle(3, set_member("id", code)), kind, "/fhir", None
    yield "code as the number", bundle(4, set_member("identifier", [
        {"system": "https://lifecare.example/visit", "value": code}])), kind, "/fhir", True
    yield "code in a type", bundle(5, set_member("type", [{"coding": [{
        "system": fhir.CONTACT, "code": "R10", "display": f"käynti {code}"}]}])), kind, "/fhir", True
    yield "code in escapes", bundle(14).replace(
        b'"R10"', b'"R10", "display": "' + "".join(f"\\u{ord(c):04x}" for c in code).encode() +
        b'"'), kind, "/fhir", True
    yield "name in free text", bundle(6, set_member("text", {
        "status": "generated", "div": f"<div>{person.family} {code}</div>"})), kind, "/fhir", False
    yield "wrong status", bundle(7, set_member("status", code)), kind, "/fhir", True
    yield "wrong time", bundle(8, set_member("period", {"start": code})), kind, "/fhir", True
    yield "code as the unit", bundle(9, set_member("serviceProvider", {"identifier": {
        "system": "urn:oid:1.2.246.537.6.202", "value": code}})), kind, "/fhir", True
    yield "subject nobody has", bundle(10, set_member("subject", {
        "reference": f"Patient/{code}"})), kind, "/fhir", True
    yield "another content type", bundle(11), f"text/{code}", "/fhir", None
    yield "code in the path", bundle(12), kind, f"/fhir/Patient/{code}", None
    yield "code in the query", bundle(13), kind, f"/fhir?identifier={code}", None
    yield "deep", b'{"resourceType":' + b"[" * 100000, kind, "/fhir", True
    yield "oversized", b'{"resourceType":"' + b"x" * OVERSIZED_BYTES, kind, "/fhir", None


def drop_messages(person):
    """(file name, content, must be refused)"""
    code = person.code

    def meeting(number):
        moment = START + number * HOUR
        return social.meeting(f"1.2.246.10.99999999.95.2026.77{number}", moment, person, moment,
                              moment + HOUR)

    yield f"{code} {person.family}.xml", meeting(1), False
    yield f"; rm -rf ~ {code}\n.xml", meeting(2)[:-200], True
    yield "7/../../outside.xml".replace("/", "\u2215"), meeting(3)[:300], True
    yield "broken.xml", meeting(4).replace(b"</ClinicalDocument>", f"<{code}/>".encode()), True
    yield "charset.xml", meeting(5).replace(b'encoding="UTF-8"', b'encoding="UTF-8" ').decode() \
        .encode("iso-8859-1"), True
    yield "base64.xml", meeting(6).replace(b'<ep2:json representation="B64">',
                                           f'<ep2:json representation="B64">*{code}*'.encode()), True
    yield "entity.xml", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' \
        b"<ClinicalDocument>&e;</ClinicalDocument>", True
    yield "nobody.xml", meeting(7).replace(code.encode(), b""), None
    yield "document-number.xml", meeting(8).replace(b"1.2.246.10.99999999.95.2026.778",
                                                    code.encode()), True
    yield "title.xml", meeting(9).replace(b"<title>", f"<title>{code} ".encode()), None
    yield "structure.xml", meeting(10).replace(b'contentSpecificationId root="',
                                               f'contentSpecificationId root="{code}'.encode()), True

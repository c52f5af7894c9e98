# SPDX-License-Identifier: Apache-2.0
"""What Lifecare sends: FHIR R4 Bundles over HTTP, coded as the Finnish base profiles say."""
import json

HETU = "urn:oid:1.2.246.21"
CONTACT = "urn:oid:1.2.246.537.6.127.201801"
PROFESSION = "urn:oid:1.2.246.537.6.74.2001"
ICPC2 = "urn:oid:1.2.246.537.6.31.2007"


def _iso(moment) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _patient(person):
    return {"resourceType": "Patient", "id": f"p{person.index}",
            "identifier": [{"use": "official", "system": HETU, "value": person.code}],
            "name": [{"family": person.family, "given": [person.given]}],
            "gender": "female" if person.sex == "F" else "male",
            "birthDate": person.birth.isoformat()}


def _bundle(bundle_id, moment, resources):
    entries = [{"fullUrl": f"https://lifecare.example/fhir/{r['resourceType']}/{r['id']}",
                "resource": r,
                "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
               for r in resources]
    bundle = {"resourceType": "Bundle", "id": bundle_id, "type": "transaction",
              "meta": {"lastUpdated": _iso(moment)}, "entry": entries}
    return json.dumps(bundle, ensure_ascii=False, indent=1).encode()


def _subject(person):
    return {"reference": f"Patient/p{person.index}"}


def encounter(bundle_id, moment, person, visit):
    body = {"resourceType": "Encounter", "id": visit["id"], "status": visit.get("status", "finished"),
            "meta": {"lastUpdated": _iso(moment)},
            "identifier": [{"system": "https://lifecare.example/visit", "value": visit["id"]}],
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                      "code": visit["class"]},
            "type": [{"coding": [{"system": CONTACT, "code": visit["contact"]}]}],
            "serviceType": {"coding": [{"system": "urn:oid:1.2.246.537.6.125.2008",
                                        "code": visit["service"]}]},
            "subject": _subject(person),
            "participant": [{"type": [{"coding": [{"system": PROFESSION, "code": visit["profession"],
                                                   "display": visit["profession_text"]}]}]}],
            "period": {"start": _iso(visit["start"]), "end": _iso(visit["end"])},
            "serviceProvider": {"identifier": {"system": "urn:oid:1.2.246.537.6.202",
                                               "value": visit["unit"]}}}
    resources = [_patient(person), body]
    if visit.get("reason"):
        code, text = visit["reason"]
        resources.append({
            "resourceType": "Condition", "id": visit["id"] + "-c",
            "meta": {"lastUpdated": _iso(moment)},
            "clinicalStatus": {"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                "code": "active"}]},
            "code": {"coding": [{"system": ICPC2, "code": code, "display": text}]},
            "subject": _subject(person), "encounter": {"reference": f"Encounter/{visit['id']}"},
            "recordedDate": _iso(moment)})
    return _bundle(bundle_id, moment, resources)


def appointment(bundle_id, moment, person, booking, status):
    body = {"resourceType": "Appointment", "id": booking["id"], "status": status,
            "meta": {"lastUpdated": _iso(moment)},
            "identifier": [{"system": "https://lifecare.example/booking", "value": booking["id"]}],
            "serviceType": [{"coding": [{"system": "urn:oid:1.2.246.537.6.49",
                                         "code": booking["service"]}]}],
            "start": _iso(booking["start"]), "end": _iso(booking["end"]),
            "participant": [{"actor": _subject(person), "status": "accepted"}]}
    return _bundle(bundle_id, moment, [_patient(person), body])

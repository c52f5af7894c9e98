# SPDX-License-Identifier: Apache-2.0
"""FHIR R4: Lifecare's bundles over HTTP, the forms of clients, and what Mediatri's server shows when it
is asked."""
import json

CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PROFESSION = "https://punos.fi/fhir/CodeSystem/profession"
CONTACT = "urn:oid:1.2.246.537.6.127.201801"
SERVICE = "urn:oid:1.2.246.537.6.125.2008"
ICPC2 = "urn:oid:1.2.246.537.6.31.2007"
# Service forms of primary care (FINLAND.md 4.2) by who gives them.
FORMS = {"dentist": "T60", "dental-hygienist": "T60", "physiotherapist": "T51", "podiatrist": "T59",
         "psychologist": "T71", "practical-nurse": "T40", "public-health-nurse": "T21"}
EVENT_FORM = "https://punos.fi/fhir/mediatri/Questionnaire/tapahtumalomake"


def patient(client):
    return {"resourceType": "Patient", "id": f"p{client.index}",
            "identifier": [{"use": "official", "system": "urn:oid:1.2.246.21", "value": client.code}],
            "name": [{"family": client.family, "given": [client.given]}],
            "gender": "female" if client.sex == "F" else "male", "birthDate": client.birth.isoformat(),
            "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47",
                                                        "code": client.language}]}}]}


class Fhir:
    """Resources of one client, as a system of that name writes them."""

    def __init__(self, teller, system):
        self.teller, self.system = teller, system
        self.base = f"https://{system}.example"
        self.patient = patient(teller.client)
        self.subject = {"reference": f"Patient/p{teller.client.index}"}
        self.count = 0

    def encounter(self, happening, status="finished", more=""):
        days = self.teller.days
        kind = {"emergency": "EMER", "stay": "IMP"}.get(happening.kind, "AMB")
        number = self.teller.number(happening, more)
        body = {"resourceType": "Encounter", "id": "e" + number, "status": status,
                "identifier": [{"system": f"{self.base}/visit", "value": number}],
                "class": {"system": CLASS, "code": "VR" if happening.kind == "phone" and
                          self.system == "mediatri" else kind},
                "type": [{"coding": [{"system": CONTACT,
                                      "code": "R50" if happening.kind == "phone" else "R10"}]}],
                "serviceType": {"coding": [{"system": SERVICE,
                                            "code": FORMS.get(happening.profession, "T11")}]},
                "subject": self.subject,
                "participant": [{"type": [{"coding": [{"system": PROFESSION,
                                                       "code": happening.profession}]}]}],
                "period": {"start": days.instant(happening.start), "end": days.instant(happening.end)},
                "serviceProvider": {"identifier": {"system": f"{self.base}/unit",
                                                   "value": self.unit(happening)},
                                    "display": self.unit(happening)}}
        if self.system == "mediatri":
            body["serviceType"] = [body["serviceType"]][0]
        if happening.reason is not None:
            body["reasonCode"] = [{"coding": [{"system": ICPC2, "code": happening.reason[1],
                                               "display": happening.reason[3]}]}]
        return body

    def unit(self, happening):
        station = self.teller.client.station["unit"]
        return "PAIVYSTYS" if happening.kind == "emergency" else station

    def appointment(self, happening, status):
        days = self.teller.days
        number = self.teller.number(happening)
        return {"resourceType": "Appointment", "id": "a" + number, "status": status,
                "identifier": [{"system": f"{self.base}/booking", "value": number}],
                "serviceType": [{"coding": [{"system": "urn:oid:1.2.246.537.6.49", "code": "100"}]}],
                "start": days.instant(happening.start), "end": days.instant(happening.end),
                "participant": [{"actor": self.subject, "status": "accepted"},
                                {"actor": {"reference": f"Location/{self.teller.client.station['unit']}"},
                                 "status": "accepted"}]}

    def concern(self, happening):
        return {"resourceType": "Flag", "id": "f" + self.teller.number(happening), "status": "active",
                "code": {"coding": [{"system": f"{self.base}/flag", "code": "HUOLI"}]},
                "subject": self.subject, "period": {"start": self.teller.days.instant(happening.start)}}

    # --- Visits and bookings, with what goes wrong -----------------------------------------------

    def visit(self, happening):
        teller = self.teller
        sent = teller.moment(happening.end + 10)
        self.send(sent, self.encounter(happening))
        if teller.is_corrected():
            other = self.encounter(happening)
            other["period"]["end"] = teller.days.instant(happening.end + 15)
            self.send(teller.later(sent), other)
        if teller.is_mistake():
            self.send(sent, self.encounter(happening, more="W"))
            self.send(teller.later(sent), self.encounter(happening, "entered-in-error", "W"))

    def booking(self, happening):
        teller = self.teller
        booked = max(happening.start - teller.draw.randrange(2 * 1440, 30 * 1440), -59 * 1440)
        self.send(booked, self.appointment(happening, "booked"))
        if happening.state == "cancelled":
            self.send(max(happening.start - 600, booked + 5), self.appointment(happening, "cancelled"))
        elif happening.state == "noshow":
            self.send(teller.moment(happening.start + 40), self.appointment(happening, "noshow"))


class Lifecare(Fhir):
    CHANNEL = ("lifecare", "http", "json")

    def __init__(self, teller):
        super().__init__(teller, "lifecare")

    def send(self, moment, body):
        """A transaction that holds the client and what is new."""
        self.count += 1
        when = self.teller.days.instant(moment)
        body["meta"] = {"lastUpdated": when}
        entries = [{"fullUrl": f"{self.base}/fhir/{r['resourceType']}/{r['id']}", "resource": r,
                    "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
                   for r in (self.patient, body)]
        bundle = {"resourceType": "Bundle", "id": f"{self.teller.client.index}b{self.count}",
                  "type": "transaction", "meta": {"lastUpdated": when}, "entry": entries}
        self.teller.send(moment, self.CHANNEL, json.dumps(bundle, ensure_ascii=False).encode())


class Mediatri(Fhir):
    """Lines of [moment, resource]: the server shows them from that moment on."""
    CHANNEL = ("mediatri", "poll", "json")

    def __init__(self, teller):
        super().__init__(teller, "mediatri")
        self.is_known = False

    def send(self, moment, body):
        bodies = [body] if self.is_known else [self.patient, body]
        self.is_known = True
        for resource in bodies:
            stamped = {**resource, "meta": {"lastUpdated": self.teller.days.instant(moment)}}
            line = json.dumps(stamped, ensure_ascii=False).encode()
            self.teller.messages.append((moment, self.CHANNEL, line))

    def concern(self, happening):
        body = super().concern(happening)
        body["code"]["coding"][0] = {"system": f"{self.base}/huoli", "code": "huoli"}
        return body

    def event_form(self, happening):
        """Yhteisasiakkaan tapahtumalomake (000:1493-1505)."""
        day = self.teller.days.date(happening.start)
        answers = {"identified-on": {"valueDate": day}, "contacted-on": {"valueDate": day},
                   "satisfaction": {"valueInteger": self.teller.draw.randint(3, 5)}}
        return {"resourceType": "QuestionnaireResponse", "id": "q" + self.teller.number(happening),
                "subject": self.subject, "questionnaire": EVENT_FORM, "status": "completed",
                "authored": self.teller.days.instant(happening.start),
                "item": [{"linkId": name, "answer": [value]} for name, value in answers.items()]}


class Forms:
    """Answers of clients, by the form program."""
    CHANNEL = ("forms", "http", "json")

    def __init__(self, teller):
        self.teller = teller

    def answer(self, happening):
        draw = self.teller.draw
        if happening.state == "nps":
            items = [{"linkId": "nps", "answer": [{"valueInteger": draw.randint(6, 10)}]}]
        else:
            items = [{"linkId": str(number), "answer": [{"valueInteger": draw.randint(1, 5)}]}
                     for number in range(1, 27)]
        body = {"resourceType": "QuestionnaireResponse",
                "identifier": {"system": "https://lomake.example/vastaus",
                               "value": self.teller.number(happening)},
                "questionnaire": "https://punos.fi/fhir/Questionnaire/" +
                                 ("nps" if happening.state == "nps" else "whoqol-bref"),
                "status": "completed", "authored": self.teller.days.instant(happening.start),
                "subject": {"identifier": {"system": "urn:oid:1.2.246.21",
                                           "value": self.teller.client.code}},
                "item": items}
        if happening.state != "nps":
            body["extension"] = [{"url": "https://punos.fi/fhir/StructureDefinition/item-answers",
                                  "valueCode": "raw"}]
        self.teller.send(self.teller.moment(happening.start + 5), self.CHANNEL,
                         json.dumps(body, ensure_ascii=False).encode())

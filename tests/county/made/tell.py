# SPDX-License-Identifier: Apache-2.0
"""Who tells what: a client's happenings as messages of the systems of the client's health station, of the
hospital and of social care."""
import random

from made.systems import kanta
from made.systems.fhir import Forms, Lifecare, Mediatri
from made.systems.hl7v2 import Hl7
from made.systems.social import Effica, ProConsona, YphEffica
from made.systems.teller import Teller

SOCIAL = {"effica": Effica, "pro-consona": ProConsona, "yph-effica": YphEffica}
# Specialties (Hilmo 24) of the hospital's visits by reason; else internal medicine.
SPECIALTIES = {"mental": "70", "substance": "75", "joints": "20", "injury": "20", "child": "40"}
HL7_BOOKINGS = ("LANSI", "RANTA", "HARJU")  # stations whose bookings come by HL7 v2, visits by FHIR


class Telling:
    def __init__(self, world, client):
        self.client = client
        self.teller = Teller(world, client, random.Random(f"{world.seed}/tell/{client.index}"))
        self.hospital = Hl7(self.teller, "oberon")
        self.primary_name = client.station["primary"]
        self.primary_hl7 = Hl7(self.teller, self.primary_name) if self.primary_name != "effica" else None
        self.primary = {"lifecare": Lifecare, "mediatri": Mediatri,
                        "effica": Effica}.get(self.primary_name, lambda teller: None)(self.teller)
        self.social_care = SOCIAL[client.station["social"]](self.teller)

    def tell(self, happenings):
        self.meet(happenings)
        for happening in happenings:
            getattr(self, happening.kind.replace("-", "_"))(happening)
        self.hospital.finish()
        if self.primary_hl7:
            self.primary_hl7.finish()
        return self.teller.messages

    def meet(self, happenings):
        """When a temporary number becomes an identity code: some days after the first visit."""
        client = self.client
        first = next((h for h in happenings if h.kind in ("emergency", "stay") and h.start >= 0
                      and h.where == "hospital"), None)
        if first is None:
            client.temporary = False
        elif client.temporary:
            low, high = self.teller.rates["temporary_days"]
            client.official_from = min(first.end + self.teller.draw.randrange(low * 1440, high * 1440),
                                       self.teller.days.end - 4)

    # --- Each kind of happening ------------------------------------------------------------------

    def emergency(self, happening):
        if happening.where == "hospital" or self.primary_name == "effica":
            self.hospital.visit(happening, {"class": "E", "unit": "PAIVYSTYS", "service": "15"})
        elif self.primary_name == "pegasos":
            self.primary_hl7.visit(happening, {"class": "O", "unit": "PTHPAIV", "service": "98"})
        else:
            self.primary.visit(happening)

    def visit(self, happening):
        if self.primary_name == "pegasos":
            contact = "R50" if happening.kind == "phone" else "R10"
            self.primary_hl7.visit(happening, {"class": "O", "unit": self.client.station["unit"],
                                               "service": "98", "contact": contact})
        else:
            self.primary.visit(happening)

    phone = visit

    def outpatient(self, happening):
        service = SPECIALTIES.get(happening.reason[0], "10")
        self.hospital.visit(happening, {"class": "O", "unit": f"PKL{service}", "service": service})

    def stay(self, happening):
        service = SPECIALTIES.get(happening.reason[0], "10")
        self.hospital.visit(happening, {"class": "I", "unit": f"OSASTO{service}", "service": service})

    def booking(self, happening):
        if happening.where == "hospital":
            self.hospital.booking(happening, "PKL10", "10")
        elif self.primary_name == "pegasos" or self.client.station["unit"] in HL7_BOOKINGS:
            self.primary_hl7.booking(happening, self.client.station["unit"], "98")
        else:
            self.primary.booking(happening)

    def social(self, happening):
        getattr(self.social_care, happening.kind.replace("-", "_"))(happening)

    social_off = clientship = decision = need = social

    def concern(self, happening):
        """Where there is a way to tell it: Lifecare and Mediatri have one, others have not."""
        if self.primary_name in ("lifecare", "mediatri"):
            self.primary.send(self.teller.moment(happening.start), self.primary.concern(happening))

    def form(self, happening):
        if happening.state == "event" and self.primary_name == "mediatri":
            self.primary.send(self.teller.moment(happening.start + 5),
                              self.primary.event_form(happening))
        else:
            happening.state = "whoqol" if happening.state == "event" else happening.state
            Forms(self.teller).answer(happening)

    def elsewhere(self, happening):
        kanta.visit(self.teller, happening)

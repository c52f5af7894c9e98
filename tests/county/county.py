#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A made-up county's recent weeks, as the native messages of three records systems.

    county.py --out DIR [--people 60] [--weeks 12] [--seed 1] [--now 2026-11-21T12:00:00]

writes DIR/oberon/*.hl7, DIR/lifecare/*.json, DIR/yph-effica/*.xml in the order in which they happen
(the number in the name), and DIR/truth.json: which people a coordinator should hear about, and why.
The same seed and moment give the same bytes.
"""
import argparse
import datetime
import json
import random
from pathlib import Path

import fhir
import hl7
import social
from people import Person

UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)
PROFESSIONS = [("30", "sairaanhoitaja"), ("11", "lääkäri"), ("41", "fysioterapeutti"),
               ("42", "psykologi"), ("35", "terveydenhoitaja"), ("21", "hammaslääkäri"),
               ("51", "sosiaalityöntekijä")]
VAGUE = [("A01", "Kipu, yleinen"), ("A04", "Heikkous/väsymys"), ("N17", "Huimaus"), ("D01", "Vatsakipu")]


class County:
    def __init__(self, seed, now, weeks, people):
        self.random = random.Random(seed)
        self.now = now
        self.first = now - datetime.timedelta(weeks=weeks)
        self.people = [Person(self.random, i) for i in range(people)]
        self.messages = []  # (moment, system, bytes)
        self.next_id = 1
        self.truth = {}

    def number(self):
        self.next_id += 1
        return self.next_id

    def oid(self):
        return f"1.2.246.10.99999999.95.2026.{self.number()}"

    def moment(self):
        span = int((self.now - self.first).total_seconds()) - 86400
        return self.first + datetime.timedelta(seconds=self.random.randrange(max(span, 3600)))

    def add(self, moment, system, payload):
        self.messages.append((moment, system, payload))

    def emergency(self, person, start):
        visit = {"class": "E", "unit": "PAIVYSTYS", "service": "15", "id": f"OB{self.number()}",
                 "start": start}
        self.add(start, "oberon", hl7.adt("A04", f"M{self.number()}", start, person, visit))
        done = start + self.random.randint(30, 400) * MINUTE
        ended = {**visit, "end": done, "diagnoses": [("R52.9", "Kipu")]}
        self.add(done, "oberon", hl7.adt("A03", f"M{self.number()}", done, person, ended))

    def ward(self, person, start):
        visit = {"class": "I", "unit": "OSASTO3", "service": "10", "id": f"OB{self.number()}",
                 "start": start}
        self.add(start, "oberon", hl7.adt("A01", f"M{self.number()}", start, person, visit))
        done = start + datetime.timedelta(days=self.random.randint(1, 4))
        if done < self.now:
            ended = {**visit, "end": done}
            self.add(done, "oberon", hl7.adt("A03", f"M{self.number()}", done, person, ended))

    def hospital_time(self, person, start, trigger):
        booking = {"id": f"AJ{self.number()}", "start": start, "end": start + 30 * MINUTE,
                   "minutes": 30, "service": "POLIKLINIKKA", "unit": "POLI1", "profession": "lääkäri"}
        booked = start - datetime.timedelta(days=10)
        self.add(booked, "oberon", hl7.siu("S12", f"M{self.number()}", booked, person, booking))
        if trigger:
            later = start + 40 * MINUTE if trigger == "S26" else start - datetime.timedelta(days=2)
            self.add(later, "oberon", hl7.siu(trigger, f"M{self.number()}", later, person, booking))

    def clinic(self, person, start, profession=None):
        code, text = profession or self.random.choice(PROFESSIONS)
        visit = {"id": f"lc-{self.number()}", "class": "AMB", "contact": self.random.choice(["R10", "R50"]),
                 "service": "T11", "profession": code, "profession_text": text, "start": start,
                 "end": start + 20 * MINUTE, "unit": "1.2.246.10.99999999.10.7",
                 "reason": self.random.choice(VAGUE)}
        moment = start + 25 * MINUTE
        self.add(moment, "lifecare", fhir.encounter(f"b{self.number()}", moment, person, visit))

    def clinic_time(self, person, start, status):
        booking = {"id": f"lc-a{self.number()}", "start": start, "end": start + 20 * MINUTE,
                   "service": "100"}
        moment = start + 30 * MINUTE
        self.add(moment, "lifecare",
                 fhir.appointment(f"b{self.number()}", moment, person, booking, status))

    def social_case(self, person, start):
        self.add(start, "yph-effica", social.clientship(self.oid(), start, person, start.date(),
                                                        "1.2.246.10.99999999.10.9"))

    def social_meeting(self, person, start):
        moment = start + 90 * MINUTE
        self.add(moment, "yph-effica",
                 social.meeting(self.oid(), moment, person, start, start + 60 * MINUTE))

    def social_noshow(self, person, start):
        moment = start + 60 * MINUTE
        self.add(moment, "yph-effica",
                 social.cancellation(self.oid(), moment, person, start, "Asiakas ei saapunut"))

    def social_need(self, person, start):
        self.add(start, "yph-effica",
                 social.need(self.oid(), start, person, "Huoli pärjäämisestä, ohjattu tueksi"))

    def shared_clients(self):
        """Three people whom professionals would call shared, each for another reason."""
        often, absent, many = self.people[0], self.people[1], self.people[2]
        for _ in range(11):
            self.emergency(often, self.moment())
        for _ in range(3):
            self.clinic(often, self.moment())
        self.social_meeting(often, self.moment())
        self.truth[often.code] = "emergency visits"
        for _ in range(2):
            self.hospital_time(absent, self.moment(), "S26")
            self.clinic_time(absent, self.moment(), "noshow")
        self.social_noshow(absent, self.moment())
        self.truth[absent.code] = "no-shows"
        for profession in PROFESSIONS:
            self.clinic(many, self.moment(), profession)
        for _ in range(6):
            self.clinic(many, self.moment())
        self.social_case(many, self.moment())
        self.social_need(many, self.moment())
        self.ward(many, self.moment())
        self.truth[many.code] = "many services and a reported concern"

    def everybody_else(self):
        for person in self.people[3:]:
            for _ in range(self.random.choice([0, 1, 1, 2, 3])):
                self.clinic(person, self.moment())
            draw = self.random.random()
            if draw < 0.15:
                self.emergency(person, self.moment())
            elif draw < 0.25:
                self.ward(person, self.moment())
            elif draw < 0.40:
                self.hospital_time(person, self.moment(), self.random.choice(["", "S15", "S26"]))
            elif draw < 0.50:
                self.social_case(person, self.moment())
                self.social_meeting(person, self.moment())

    def write(self, folder: Path):
        self.messages.sort(key=lambda message: message[0])
        endings = {"oberon": "hl7", "lifecare": "json", "yph-effica": "xml"}
        for number, (_, system, payload) in enumerate(self.messages, 1):
            target = folder / system
            target.mkdir(parents=True, exist_ok=True)
            (target / f"{number:06d}.{endings[system]}").write_bytes(payload)
        (folder / "truth.json").write_text(json.dumps(self.truth, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--weeks", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--now", type=datetime.datetime.fromisoformat)
    arguments = parser.parse_args()
    now = arguments.now or datetime.datetime.now()
    county = County(arguments.seed, now.replace(tzinfo=UTC), arguments.weeks, arguments.people)
    county.shared_clients()
    county.everybody_else()
    county.write(arguments.out)
    print(f"{len(county.messages)} messages of {len(county.people)} people in {arguments.out}")


if __name__ == "__main__":
    main()

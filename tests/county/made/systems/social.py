# SPDX-License-Identifier: Apache-2.0
"""Social care's systems: Effica's lists (also of primary care), Pro Consona's files, YPH Effica's documents."""
import datetime

import social as documents
from made.days import BEFORE
from made.titles import TITLES

OID = "1.2.246.10.99999999.95.2026."
UTC = datetime.timezone.utc


class Effica:
    """Primary care's visits as rows of a list, social care's as elements of a file."""
    COLUMNS = ("Tietue", "Tunniste", "Henkilötunnus", "Sukunimi", "Etunimet", "Äidinkieli", "Turvakielto",
               "Palvelualue", "Palvelu", "Tila", "Yhteystapa", "Alkoi", "Päättyi", "Yksikkö",
               "Yksikön nimi", "Ammattinimike", "Asia", "Päivätty", "Voimassa alkaen", "Voimassa asti",
               "Muutettu")
    ROWS = ("effica", "drop", "csv")
    ELEMENTS = ("effica", "drop", "xml")

    def __init__(self, teller):
        self.teller = teller
        self.mark = "K" if teller.client.protected else ""

    def row(self, moment, happening, state, more=""):
        client, days = self.teller.client, self.teller.days
        values = ("KAYNTI", "K" + self.teller.number(happening, more), client.code, client.family,
                  client.given, client.language, self.mark, "TK", "Vastaanotto", state,
                  "R50" if happening.kind == "phone" else "R10", days.words(happening.start),
                  days.words(happening.end), client.station["unit"], client.station["name"],
                  TITLES.get(happening.profession, ""), "", "", "", "", days.words(moment))
        self.teller.send(moment, self.ROWS, ";".join(values).encode("cp1252"))

    def visit(self, happening):
        teller = self.teller
        sent = teller.moment(happening.end + 10)
        self.row(sent, happening, "TOTEUTUNUT")
        if teller.is_corrected():
            self.row(teller.later(sent), happening, "TOTEUTUNUT")
        if teller.is_mistake():
            self.row(sent, happening, "TOTEUTUNUT", "W")
            self.row(teller.later(sent), happening, "PERUTTU", "W")

    def booking(self, happening):
        if happening.state == "noshow":
            self.row(self.teller.moment(happening.start + 40), happening, "SAAPUMATTA")

    def element(self, moment, name, fields):
        client, days = self.teller.client, self.teller.days
        both = {"henkilotunnus": client.code, "sukunimi": client.family, "etunimet": client.given,
                "aidinkieli": client.language, "turvakielto": self.mark, **fields, "muutettu": days.local(moment)}
        inner = "".join(f"<{key}>{value}</{key}>" for key, value in both.items() if value)
        self.teller.send(moment, self.ELEMENTS, f"<{name}>{inner}</{name}>".encode())

    def social_visit(self, happening, state):
        days = self.teller.days
        self.element(self.teller.moment(happening.end + 30), "Kaynti", {
            "tunniste": "S" + self.teller.number(happening), "palvelualue": "SO",
            "palvelu": "Sosiaalityö" if happening.profession == "social-worker" else "Sosiaaliohjaus",
            "tila": state, "yhteystapa": "R10", "alkoi": days.local(happening.start),
            "yksikko": "SO1", "yksikon_nimi": "Aikuissosiaalityö",
            "ammattinimike": TITLES.get(happening.profession, "")})

    def social(self, happening):
        self.social_visit(happening, "TOTEUTUNUT")

    def social_off(self, happening):
        self.social_visit(happening, "SAAPUMATTA" if happening.state == "noshow" else "PERUTTU")

    def clientship(self, happening):
        """Effica's lists have no client relationship: the plan of it tells that there is one."""
        days = self.teller.days
        until = happening.end if happening.end > happening.start else days.end + 80 * 1440
        self.element(max(happening.start + 60, 0), "Suunnitelma", {
            "tunniste": "P" + self.teller.number(happening), "palvelualue": "SO",
            "palvelu": "Sosiaaliohjaus", "tila": "VOIMASSA", "yksikko": "SO1",
            "yksikon_nimi": "Aikuissosiaalityö", "paivatty": days.date(happening.start),
            "voimassa_alkaen": days.date(happening.start), "voimassa_asti": days.date(until)})

    def decision(self, happening):
        days = self.teller.days
        self.element(self.teller.moment(happening.start), "Paatos", {
            "tunniste": "D" + self.teller.number(happening), "palvelualue": "SO",
            "palvelu": "Toimeentulotuki", "tila": "VOIMASSA", "yksikko": "SO1",
            "yksikon_nimi": "Aikuissosiaalityö", "asia": "TOIMEENTULOTUKI",
            "paivatty": days.date(happening.start), "voimassa_alkaen": days.date(happening.start),
            "voimassa_asti": days.date(min(happening.start + 60 * 1440, days.end + 80 * 1440))})

    def need(self, happening):
        """Effica's lists have no notification of need."""


class ProConsona:
    CHANNEL = ("pro-consona", "drop", "xml")

    def __init__(self, teller):
        self.teller = teller

    def record(self, moment, name, happening, inner, **more):
        """more: version, attributes (of the record itself)"""
        client, days = self.teller.client, self.teller.days
        mark = ' turvakielto="true"' if client.protected else ""
        text = (f'<{name} tunnus="{name[0]}{self.teller.number(happening)}" '
                f'versio="{more.get("version", 1)}"{more.get("attributes", "")} '
                f'muutettu="{days.local(moment)}">'
                f'<Asiakas hetu="{client.code}"{mark}><Sukunimi>{client.family}</Sukunimi>'
                f'<Etunimet>{client.given}</Etunimet><Aidinkieli>{client.language}</Aidinkieli></Asiakas>'
                f'<Yksikko koodi="AS1">Aikuissosiaalityö</Yksikko>{inner}</{name}>')
        self.teller.send(moment, self.CHANNEL, text.encode())

    @staticmethod
    def service(happening):
        word = "sosiaalityö" if happening.profession == "social-worker" else "sosiaaliohjaus"
        return f"<Palvelutehtava>työikäisten palvelut</Palvelutehtava><Palvelu>{word}</Palvelu>"

    def social(self, happening):
        teller = self.teller
        sent = teller.moment(happening.end + 30)
        inner = ("<Tapa>vastaanotto</Tapa>" + self.service(happening) +
                 f"<Ammattinimike>{TITLES.get(happening.profession, '')}</Ammattinimike>"
                 f"<Alkoi>{teller.days.local(happening.start)}</Alkoi><KestoMin>60</KestoMin>")
        self.record(sent, "Tapaaminen", happening, inner)
        if teller.is_corrected():
            self.record(teller.later(sent), "Tapaaminen", happening, inner.replace(">60<", ">45<"),
                        version=2)

    def social_off(self, happening):
        noshow = happening.state == "noshow"
        self.record(self.teller.moment(happening.start + 60), "Peruutus", happening,
                    self.service(happening) +
                    f"<Aika>{self.teller.days.local(happening.start)}</Aika><Syy>Y30</Syy>",
                    attributes=f' saapumatta="{"true" if noshow else "false"}"')

    def clientship(self, happening):
        days = self.teller.days
        inner = ("<Palvelutehtava>työikäisten palvelut</Palvelutehtava>"
                 f"<Alkoi>{days.date(happening.start)}</Alkoi>")
        self.record(max(happening.start + 60, 0), "Asiakkuus", happening, inner)
        if happening.end > happening.start:
            self.record(happening.end + 60, "Asiakkuus", happening,
                        inner + f"<Paattyi>{days.date(happening.end)}</Paattyi>", version=2)

    def decision(self, happening):
        day = self.teller.days.date(happening.start)
        self.record(self.teller.moment(happening.start), "Paatos", happening,
                    self.service(happening) + "<Laji>palvelu</Laji><Tila>voimassa</Tila>"
                    f"<Paivatty>{day}</Paivatty><Voimassa alkaen=\"{day}\"/>")

    def need(self, happening):
        """Pro Consona's files have no notification of need."""


class YphEffica:
    """National documents of social care, one message each."""
    CHANNEL = ("yph-effica", "http", "xml")

    def __init__(self, teller):
        self.teller = teller

    def oid(self, happening):
        return f"{OID}{self.teller.client.index + 1}.{happening.number}"

    def at(self, moment):
        return self.teller.days.aware(moment).astimezone(UTC)

    def send(self, moment, document):
        self.teller.send(moment, self.CHANNEL, b" ".join(document.split(b"\n")))

    def social(self, happening):
        sent = self.teller.moment(happening.end + 30)
        self.send(sent, documents.meeting(self.oid(happening), self.at(sent), self.teller.client,
                                          self.at(happening.start), self.at(happening.end),
                                          TITLES.get(happening.profession, "")))

    def social_off(self, happening):
        sent = self.teller.moment(happening.start + 60)
        words = "Asiakas ei saapunut" if happening.state == "noshow" else "Asiakas perui ajan"
        self.send(sent, documents.cancellation(self.oid(happening), self.at(sent), self.teller.client,
                                               self.at(happening.start), words))

    def clientship(self, happening):
        dates = self.teller.days.dates
        opened = dates[happening.start // 1440 + BEFORE]
        unit = "1.2.246.10.99999999.10.9"
        self.send(max(happening.start + 60, 0), documents.clientship(
            self.oid(happening), self.at(max(happening.start + 60, 0)), self.teller.client, opened, unit))
        if happening.end > happening.start:
            self.send(happening.end + 60, documents.clientship(
                self.oid(happening), self.at(happening.end + 60), self.teller.client, opened, unit,
                dates[happening.end // 1440 + BEFORE], 2))

    def need(self, happening):
        sent = self.teller.moment(happening.start)
        self.send(sent, documents.need(self.oid(happening), self.at(sent), self.teller.client,
                                       "Huoli pärjäämisestä"))

    def decision(self, happening):
        """YPH Effica's decisions are documents that the hub does not read."""

# SPDX-License-Identifier: Apache-2.0
"""HL7 v2 over MLLP: Oberon (2.4, who met the client in ROL), Pegasos (2.3, in PV1-7 with the profession in the
degree's component), Lifecare's and Mediatri's bookings."""
from made.titles import TITLES

FACILITY = {"OBERON": "KESKUSSAIRAALA", "PEGASOS": "TERVEYSASEMAT", "LIFECARE": "TERVEYSKESKUS",
            "MEDIATRI": "TERVEYSKESKUS"}
CHARSET = {"OBERON": ("8859/1", "iso-8859-1"), "PEGASOS": ("8859/1", "iso-8859-1"),
           "LIFECARE": ("UNICODE UTF-8", "utf-8"), "MEDIATRI": ("8859/1", "iso-8859-1")}
STATES = {"S12": "Booked", "S15": "Cancelled", "S26": "Noshow"}
TEMPORARY = "1.2.246.10.99999999.22.2026"
VERSION = {"OBERON": "2.4"}
# As they stand in PV1-7.7; the others by their title.
DEGREES = {"physician": "LK", "nurse": "SH"}
# In ROL-9: a right to practise (Ammattioikeudet 2008) where it is known here, else the hospital's own code.
RIGHTS = {"physician": "001^laillistettu lääkäri^1.2.246.537.6.140.2008",
          "nurse": "100^laillistettu sairaanhoitaja^1.2.246.537.6.140.2008"}


class Hl7:
    """One client's messages from one system."""

    def __init__(self, teller, system):
        self.teller, self.system = teller, system
        self.application = system.upper()
        self.facility = FACILITY[self.application]
        self.charset, self.encoding = CHARSET[self.application]
        self.channel = (system, "mllp", "hl7")
        self.count = 0
        self.was_temporary = False

    def head(self, kind, trigger, moment):
        self.count += 1
        stamp = self.teller.days.stamp(moment)
        number = f"{self.teller.client.index}m{self.count}"
        return (f"MSH|^~\\&|{self.application}|{self.facility}|PUNOS|HVA|{stamp}||{kind}^{trigger}|"
                f"{number}|P|{VERSION.get(self.application, '2.3')}||||||{self.charset}\r")

    def pid(self, moment):
        client = self.teller.client
        if client.temporary and moment < client.official_from:
            self.was_temporary = True
            identity = f"T{client.index}^^^&{TEMPORARY}&ISO"
        else:
            identity = f"{client.code}^^^^HETU"
        return (f"PID|1||{identity}||{client.family}^{client.given}||{client.birth:%Y%m%d}|"
                f"{client.sex}||||{self.teller.world.parameters['county']['municipality']}|||"
                f"{client.language}\r")

    def send(self, moment, text):
        self.teller.send(moment, self.channel, text.encode(self.encoding))

    # --- Visits ----------------------------------------------------------------------------------

    def adt(self, trigger, moment, visit, end=None):
        days = self.teller.days
        evn = f"EVN|{trigger}|{days.stamp(moment)}\r"
        stop = "|" + days.stamp(end) if end is not None else ""
        pv1 = (f"PV1|1|{visit['class']}|{visit['unit']}^^^{self.facility}||||{self.attending(visit)}|||"
               f"{visit['service']}||||||||{visit['contact']}|{visit['number']}"
               f"|||||||||||||||||||||||||{days.stamp(visit['start'])}{stop}\r")
        text = self.head("ADT", trigger, moment) + evn + self.pid(moment) + pv1 + self.role(visit)
        reason = visit["reason"]
        if reason is not None and trigger != "A11" and end is not None:
            code, system = (reason[2], "ICD10") if self.system == "oberon" else (reason[1], "ICPC2")
            text += f"DG1|1||{code}^{reason[3]}^{system}||{days.stamp(end)}|F\r"
        self.send(moment, text)

    def attending(self, visit):
        """Pegasos: whoever received the client. Oberon: the physician, as the field's name says."""
        profession = visit["profession"]
        if self.application == "OBERON":
            return "1^Mallikas^Matti" if profession == "physician" else ""
        return f"1^Mallikas^Matti^^^^{DEGREES.get(profession, TITLES.get(profession, ''))}"

    def role(self, visit):
        profession = visit["profession"]
        if self.application != "OBERON" or profession not in TITLES:
            return ""
        told = RIGHTS.get(profession, f"{profession[:6].upper()}^{TITLES[profession]}")
        return f"ROL|1|AD|AT^Attending Provider^HL70443|1^Mallikas^Matti|||||{told}\r"

    def visit(self, happening, visit):
        """Begun and ended where it takes long, else told once when it is over."""
        teller = self.teller
        visit = {"number": self.system[:2].upper() + teller.number(happening),
                 "start": happening.start, "reason": happening.reason,
                 "profession": happening.profession, "contact": "R10", **visit}
        sent = teller.moment(happening.end + 5)
        is_long = happening.end - happening.start > 120
        if is_long:
            self.adt("A04" if visit["class"] != "I" else "A01", happening.start, visit)
        self.adt("A03" if is_long else "A04", sent, visit, happening.end)
        if teller.is_corrected():
            other = {**visit, "reason": teller.draw.choice(teller.world.reasons["infection"])}
            other["reason"] = ("infection", *other["reason"])
            self.adt("A08", teller.later(sent), other, happening.end)
        if teller.is_mistake():
            wrong = {**visit, "number": visit["number"] + "W"}
            self.adt("A04", sent, wrong, happening.end)
            self.adt("A11", teller.later(sent), wrong)

    # --- Bookings --------------------------------------------------------------------------------

    def siu(self, trigger, moment, booking):
        days = self.teller.days
        start, end = days.stamp(booking["start"]), days.stamp(booking["start"] + 30)
        state = STATES[trigger]
        number = booking["number"]
        text = (self.head("SIU", trigger, moment) +
                f"SCH|{number}|{number}|||||VASTAANOTTO||30|min|^^30^{start}^{end}||||||||||||||{state}\r" +
                self.pid(moment) + "RGS|1\r" +
                f"AIS|1||{booking['service']}|{start}|||30|min||{state}\r"
                f"AIL|1||{booking['unit']}^^^{self.facility}\r"
                f"AIP|1||1^Mallikas^Matti|{self.booked(booking['profession'])}\r")
        self.send(moment, text)

    @staticmethod
    def booked(profession):
        return f"{profession[:6].upper()}^{TITLES[profession]}" if profession in TITLES else "MUU^muu"

    def booking(self, happening, unit, service):
        teller = self.teller
        booking = {"number": "AJ" + teller.number(happening), "start": happening.start, "unit": unit,
                   "service": service, "profession": happening.profession}
        booked = happening.start - teller.draw.randrange(2 * 1440, 30 * 1440)
        self.siu("S12", max(booked, -59 * 1440), booking)
        if happening.state == "cancelled":
            self.siu("S15", max(happening.start - teller.draw.randrange(60, 3000), booked + 5), booking)
        elif happening.state == "noshow":
            self.siu("S26", teller.moment(happening.start + 40), booking)

    # --- Who it is -------------------------------------------------------------------------------

    def finish(self):
        """A client who was first known by a temporary number is merged with the official one."""
        client = self.teller.client
        if self.was_temporary:
            moment = client.official_from
            self.send(moment, self.head("ADT", "A40", moment) +
                      f"EVN|A40|{self.teller.days.stamp(moment)}\r" + self.pid(moment) +
                      f"MRG|T{client.index}^^^&{TEMPORARY}&ISO\r")

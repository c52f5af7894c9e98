# SPDX-License-Identifier: Apache-2.0
"""What a client does in the county's time: happenings, each of which one system tells."""
import math
import random
from itertools import accumulate
from bisect import bisect

MINUTES = {"emergency": 180, "visit": 30, "phone": 10, "outpatient": 45, "social": 60}


class Happening:
    """kind: emergency, visit, phone, outpatient, stay, booking, social, social-off, clientship, need, concern,
    decision, form, elsewhere. `state` of a booking: kept, cancelled, noshow, coming."""
    __slots__ = ("kind", "start", "end", "where", "profession", "reason", "state", "number", "service")

    def __init__(self, kind, start, minutes, where, **more):
        self.kind, self.start, self.end, self.where = kind, start, start + minutes, where
        self.profession = more.get("profession", "")
        self.reason = more.get("reason")
        self.state = more.get("state", "")
        self.service = more.get("service", "")
        self.number = 0


class Chooser:
    """One of weighted things, fast."""

    def __init__(self, weights):
        self.things = list(weights)
        self.sums = list(accumulate(weights.values()))

    def draw(self, draw):
        return self.things[bisect(self.sums, draw.random() * self.sums[-1])]


def poisson(draw, mean):
    """Knuth's, for the small means of a year."""
    if mean <= 0:
        return 0
    limit, count, product = math.exp(-mean), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return count


def uneven(draw, mean, shape=2.5):
    """A count around `mean` that differs between people more than chance alone."""
    return poisson(draw, draw.gammavariate(shape, mean / shape)) if mean > 0 else 0


class World:
    """What is the same for all clients."""

    def __init__(self, parameters, kinds, days, seed):
        self.parameters, self.kinds, self.days, self.seed = parameters, kinds, days, seed
        self.years = days.count / 365.25
        self.reasons = parameters["reasons"]
        self.places = {name: place for name, (place, _) in parameters["professions"].items()}
        self.reason_of = {key: Chooser(kind["reasons"]) for key, kind in kinds.items()}
        self.groups_of = {key: Chooser(dict(enumerate(kind["professions"], 1)))
                          for key, kind in kinds.items()}
        self.weights = {name: weight for name, (_, weight) in parameters["professions"].items()}


class Life:
    def __init__(self, world, client):
        self.world, self.client, self.days = world, client, world.days
        self.key = (client.kind, client.why)
        self.kind = world.kinds[self.key]
        self.draw = random.Random(f"{world.seed}/{client.index}")
        self.happenings = []
        self.has_social = self.draw.random() < self.kind["social"]
        window = self.kind.get("window_days")
        self.window = (self.draw.random() * self.days.count, window) if window else None

    def add(self, kind, start, where, **more):
        minutes = more.pop("minutes", MINUTES.get(kind, 0))
        happening = Happening(kind, start, minutes, where, **more)
        self.happenings.append(happening)
        return happening

    def reason(self):
        group = self.world.reason_of[self.key].draw(self.draw)
        return (group, *self.draw.choice(self.world.reasons[group]))

    def planned(self):
        if self.window and self.draw.random() < 0.8:
            return self.days.draw_near(self.draw, *self.window)
        return self.days.draw_planned(self.draw)

    # --- The parts of a year ---------------------------------------------------------------------

    def live(self):
        self.emergencies()
        self.contacts()
        self.bookings()
        self.stays()
        if self.has_social:
            self.social()
        self.notices()
        self.rare()
        self.happenings.sort(key=lambda happening: (happening.start, happening.kind))
        for number, happening in enumerate(self.happenings, 1):
            happening.number = number
        return self.happenings

    def emergencies(self):
        emergency = self.world.parameters["emergency"]
        for _ in range(self.client.emergency):
            hospital = self.draw.random() < emergency["at_hospital"]
            self.add("emergency", self.days.draw_emergency(self.draw),
                     "hospital" if hospital else "primary", profession="physician",
                     reason=self.reason(), minutes=self.draw.randrange(40, 420, 5))

    def groups(self):
        """The profession groups that this client meets in the year."""
        weights = self.world.weights
        wanted = self.world.groups_of[self.key].draw(self.draw)
        chosen = ["physician"] if self.client.emergency else []
        if self.has_social and self.kind["social_contacts"] >= 1:
            chosen.append(self.draw.choice(["social-worker", "social-counsellor"]))
        left = {name: weight for name, weight in weights.items()
                if name not in chosen and (self.has_social or self.world.places[name] != "social")}
        if self.client.kind in ("home-care", "housing"):
            left["practical-nurse"] = 20
        if self.client.kind in ("mental", "shared"):
            left.update({"psychiatric-nurse": 8, "psychologist": 3})
        while len(chosen) < wanted and left:
            name = Chooser(left).draw(self.draw)
            chosen.append(name)
            del left[name]
        return chosen

    def contacts(self):
        groups = self.groups()
        count = round(uneven(self.draw, self.kind["contacts"] * self.world.years))
        met = [name for name in groups if not (name == "physician" and self.client.emergency)]
        plain = [name for name in groups if self.world.places[name] != "social"] or ["nurse"]
        pick = Chooser({name: self.world.weights[name] for name in plain})
        for name in met:
            self.contact(name)
        for _ in range(count - len(met)):
            self.contact(pick.draw(self.draw))
        if "physician" in groups:
            for _ in range(uneven(self.draw, self.kind["outpatient"] * self.world.years)):
                self.add("outpatient", self.planned(), "hospital", profession="physician",
                         reason=self.reason())

    def contact(self, profession):
        place = self.world.places[profession]
        if place == "social":
            self.add("social", self.planned(), "social", profession=profession)
        elif place == "hospital":
            self.add("outpatient", self.planned(), "hospital", profession=profession,
                     reason=self.reason())
        else:
            by_phone = profession in ("nurse", "physician") and self.draw.random() < 0.35
            self.add("phone" if by_phone else "visit", self.planned(), "primary",
                     profession=profession, reason=self.reason())

    def bookings(self):
        messages = self.world.parameters["messages"]
        for happening in [h for h in self.happenings if h.kind in ("visit", "outpatient")]:
            at = self.draw.random()
            if at < messages["booked"]:
                self.add("booking", happening.start, happening.where, state="kept", minutes=30,
                         profession=happening.profession)
            elif at < messages["booked"] + messages["cancelled"]:
                self.add("booking", self.planned(), happening.where, state="cancelled", minutes=30,
                         profession=happening.profession)
        for _ in range(uneven(self.draw, self.kind["noshows"] * self.world.years, 1.5)):
            social = self.has_social and self.draw.random() < 0.25
            self.add("social-off" if social else "booking", self.planned(),
                     "social" if social else self.draw.choice(["primary", "primary", "hospital"]),
                     state="noshow", minutes=30, profession="social-counsellor" if social else "nurse")

    def stays(self):
        chance, days = self.kind["stay"]
        if self.draw.random() < chance:
            length = 1 + poisson(self.draw, self.draw.expovariate(1 / days))
            start = self.planned() // 1440
            start = max(min(start, self.days.count - length - 1), 0)
            self.add("stay", start * 1440 + 600, "hospital", reason=self.reason(),
                     minutes=min(length, self.days.count - start - 1) * 1440 + 120)

    def social(self):
        """A clientship, mostly from before the year's end on; its meetings; its decisions."""
        opened = -self.draw.randrange(1, 59) if self.draw.random() < 0.6 else \
            self.planned() // 1440
        opened = max(opened, -59)
        ends = self.draw.random() < 0.15 and opened < self.days.count - 120
        closed = opened + self.draw.randrange(90, self.days.count - opened) if ends else 0
        service = next((name for name, chance, _ in self.kind["services"]
                        if self.draw.random() < chance), "social-work")
        clientship = self.add("clientship", opened * 1440 + 600, "social", service=service)
        if ends:
            clientship.end = closed * 1440 + 600
        for _ in range(uneven(self.draw, self.kind["social_contacts"] * self.world.years)):
            self.add("social", self.planned(), "social", profession=self.draw.choice(
                ["social-worker", "social-counsellor"]) if self.client.is_shared else "social-counsellor")
        if self.draw.random() < 0.4:
            self.add("decision", self.planned(), "social", service=service)
        if self.draw.random() < 0.1:
            self.add("social-off", self.planned(), "social", state="cancelled", minutes=30)

    def notices(self):
        for kind in ("need", "concern"):
            for _ in range(poisson(self.draw, self.kind[kind + "s"] * self.world.years)):
                self.add(kind, self.planned(), "social" if kind == "need" else "primary")

    def rare(self):
        messages = self.world.parameters["messages"]
        if self.draw.random() < messages["elsewhere"]:
            self.add("elsewhere", self.planned(), "elsewhere", reason=self.reason(), minutes=30)
        if self.draw.random() < messages["form_shared" if self.client.is_shared else "form_others"]:
            self.add("form", self.planned(), "form", state=self.draw.choice(["whoqol", "nps", "event"]))

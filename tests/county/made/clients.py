# SPDX-License-Identifier: Apache-2.0
"""Who the clients are. What the county is held against is dealt out by quota and not by chance: how many
are shared, how many emergency visits each has. So a small county has the same proportions as a large one."""
import datetime
import random

from made.parameters import kind_of

CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"
GIVEN = {"F": ["Malla", "Esimerkki-Elli", "Koe-Kaisa", "Harjoitus-Helmi", "Testi-Tuuli", "Näyte-Äiti"],
         "M": ["Malli", "Esimerkki-Eero", "Koe-Kalle", "Harjoitus-Heimo", "Testi-Tauno", "Näyte-Ärni"]}
FAMILY = ["Mallinen", "Esimerkkilä", "Koepää", "Harjoitusmäki", "Testiharju", "Näytöslampi", "Åmalli",
          "Demolä"]
# In the order in which they are used (decree 690/2022); the first is everybody's.
SEPARATORS = {1900: "-YXWVU", 2000: "ABCDEF"}
FIRST_NUMBER, NUMBERS = 900, 100  # individual numbers of made-up people: 50 of each sex
REST_VISITS_MAX = 3               # who has four or more emergency visits is so by quota


class Client:
    __slots__ = ("index", "kind", "why", "age", "sex", "birth", "code", "given", "family", "language",
                 "station", "emergency", "protected", "temporary", "official_from", "figures")

    @property
    def is_shared(self):
        return self.kind == "shared"

    @property
    def is_adult(self):
        return self.age >= 18


class Codes:
    """Identity codes: each date has 50 numbers of a sex for each separator."""

    def __init__(self, new_share):
        self.used = {}
        self.new_share = new_share

    def make(self, draw, birth, sex):
        separators = SEPARATORS[birth.year // 100 * 100]
        place = 1 + int(draw.random() * 5) if draw.random() < self.new_share else 0
        for turn in range(len(separators)):
            separator = separators[(place + turn) % len(separators)]
            used = self.used.setdefault((birth, sex, separator), 0)
            if used < NUMBERS // 2:
                self.used[birth, sex, separator] = used + 1
                return identity_code(birth, separator, _number(birth, used, sex))
        return None


def _number(birth, used, sex):
    """Odd for men, even for women; spread over the range, another order on each date."""
    spread = (birth.toordinal() * 7 + used * 17) % (NUMBERS // 2)
    return FIRST_NUMBER + spread * 2 + (1 if sex == "M" else 0)


def identity_code(birth, separator, number):
    """FINLAND.md 1.1: the check character is of the nine digits, without the separator."""
    digits = f"{birth:%d%m%y}{number:03d}"
    return f"{digits[:6]}{separator}{digits[6:]}{CHECK[int(digits) % 31]}"


def shares(total, weights):
    """`total` dealt out by weights, to whole numbers that add up to it (largest remainders)."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    dealt = [int(value) for value in exact]
    order = sorted(range(len(weights)), key=lambda i: (dealt[i] - exact[i], i))
    for place in order[:total - sum(dealt)]:
        dealt[place] += 1
    return dealt


def _kinds(parameters, count):
    """How many clients of each kind, and for the shared of each why."""
    emergency = parameters["emergency"]
    kinds = parameters["kinds"]
    adults = count * _adult_share(parameters)
    shared = round(adults * emergency["adults_shared"])
    ten = round(shared * emergency["shared_ten"])
    four = round((shared - ten) * emergency["shared_four"])
    frequent = max(round(adults * emergency["adults_frequent"]) - ten - four, 0)
    found = {"shared": shared, "frequent": frequent}
    for name, kind in kinds.items():
        if name not in ("shared", "frequent", "ordinary"):
            found[name] = round(count * kind["share"])
    found["ordinary"] = count - sum(found.values())
    whys = list(kinds["shared"]["why"])
    dealt = shares(shared, [kinds["shared"]["why"][why]["share"] for why in whys])
    return found, dict(zip(whys, dealt)), {"ten": ten, "four": four}


def _adult_share(parameters):
    """Of all clients, by the ages of the kinds."""
    grown = 0.0
    rest = 1.0
    for name, kind in parameters["kinds"].items():
        if name == "ordinary":
            continue
        whole = sum(weight for _, _, weight in kind["ages"])
        grown += kind["share"] * sum(w for low, _, w in kind["ages"] if low >= 18) / whole
        rest -= kind["share"]
    ages = parameters["kinds"]["ordinary"]["ages"]
    whole = sum(weight for _, _, weight in ages)
    return grown + rest * sum(w for low, _, w in ages if low >= 18) / whole


def _age(draw, ages):
    at = draw.random() * sum(weight for _, _, weight in ages)
    for low, high, weight in ages:
        at -= weight
        if at < 0:
            break
    return low + int(draw.random() * (high - low + 1))


def _dress(client, draw, parameters, today, codes):
    """A person around a kind: age, sex, language, name, identity code."""
    kind = parameters["kinds"][client.kind]
    county = parameters["county"]
    client.sex = "F" if draw.random() < 0.52 else "M"
    while True:
        client.age = _age(draw, kind["ages"])
        days = int(draw.random() * 365)
        client.birth = today - datetime.timedelta(days=int(client.age * 365.25) + 1 + days)
        client.age = today.year - client.birth.year - (
            (today.month, today.day) < (client.birth.month, client.birth.day))
        client.code = codes.make(draw, client.birth, client.sex)
        if client.code and (client.age >= 18 or kind["ages"][0][0] < 18):
            break
    client.given, client.family = draw.choice(GIVEN[client.sex]), draw.choice(FAMILY)
    at = draw.random()
    client.language = ("sv" if at < client.station["swedish"] else
                       "ru" if at > 1 - county["other_language"] else "fi")
    client.protected = draw.random() < county["protected"]
    client.temporary = draw.random() < parameters["messages"]["temporary"]
    client.official_from = 0


def _above_ten(draw, tail):
    visits = 10
    while draw.random() > tail:
        visits += 1
    return visits


def _deal_emergency(clients, parameters, quota, draw):
    """Emergency visits of everybody: the frequent by quota, the rest so that it fits together."""
    emergency = parameters["emergency"]
    frequent = [client for client in clients if client.kind == "frequent"]
    others_ten = round(len(frequent) * emergency["others_ten"])
    for place, client in enumerate(frequent):
        client.emergency = (_above_ten(draw, emergency["tail"]) if place < others_ten else
                            draw.choice([4, 4, 4, 5, 5, 6, 7]))
    low = [client for client in clients if client.is_shared and client.why != "emergency"]
    ten = [client for client in clients if client.is_shared and client.why == "emergency"]
    draw.shuffle(low)
    low.sort(key=lambda client: client.why == "cannot-use")  # who hardly uses anything has the few
    # Which of the shared have ten visits is a quota of its own: near to those of that why, not the same.
    ten, low = (ten + low)[:quota["ten"]], (ten + low)[quota["ten"]:]
    for client in ten:
        client.emergency = _above_ten(draw, emergency["tail"])
    for place, client in enumerate(low):
        client.emergency = draw.choice([4, 5, 6, 7, 8, 9]) if place < quota["four"] else place % 4
    often = sum(client.emergency for client in clients if client.emergency >= 4)
    few = sum(client.emergency for client in low if client.emergency < 4)
    rest = [client for client in clients if client.kind not in ("shared", "frequent")]
    wanted = round(often * (1 / emergency["share_of_visits"] - 1)) - few
    _deal_rest([client for client in rest if client.is_adult], wanted, parameters, draw)
    children = [client for client in rest if not client.is_adult]
    adults = max(sum(1 for client in rest if client.is_adult), 1)
    _deal_rest(children, round(wanted * len(children) / adults), parameters, draw)


def _deal_rest(clients, visits, parameters, draw):
    weights = [parameters["kinds"][client.kind]["emergency"] for client in clients]
    visits = max(min(visits, len(clients) * REST_VISITS_MAX), 0)
    while visits > 0:
        for client in draw.choices(clients, weights, k=visits):
            if client.emergency < REST_VISITS_MAX:
                client.emergency += 1
                visits -= 1


def make(parameters, count, seed, today):
    """All clients; the same for the same arguments."""
    draw = random.Random(f"county {seed}")
    kinds, whys, quota = _kinds(parameters, count)
    stations = parameters["stations"]
    where = [station for station, number in zip(
        stations, shares(count, [station["share"] for station in stations])) for _ in range(number)]
    draw.shuffle(where)
    codes = Codes(parameters["county"]["new_separator"])
    dealt = [("shared", why) for why, number in whys.items() for _ in range(number)]
    dealt += [(name, "") for name, number in kinds.items() if name != "shared" for _ in range(number)]
    draw.shuffle(dealt)
    clients = []
    for index, ((kind, why), station) in enumerate(zip(dealt, where)):
        client = Client()
        client.index, client.kind, client.why, client.station = index, kind, why, station
        client.emergency = 0
        _dress(client, draw, parameters, today, codes)
        clients.append(client)
    _deal_emergency(clients, parameters, quota, draw)
    return clients


def kind_parameters(parameters):
    """(kind, why) to what such clients do."""
    found = {(name, ""): kind_of(parameters, name) for name in parameters["kinds"]}
    for why in parameters["kinds"]["shared"]["why"]:
        found["shared", why] = kind_of(parameters, "shared", why)
    return found

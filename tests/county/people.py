# SPDX-License-Identifier: Apache-2.0
"""Made-up people: identity codes with individual numbers 900-999 only, names that nobody bears."""
import datetime

CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"
GIVEN = {"F": ["Malla", "Esimerkki-Elli", "Koe-Kaisa", "Harjoitus-Helmi", "Testi-Tuuli", "Näyte-Äiti"],
         "M": ["Malli", "Esimerkki-Eero", "Koe-Kalle", "Harjoitus-Heimo", "Testi-Tauno", "Näyte-Ärni"]}
FAMILY = ["Mallinen", "Esimerkkilä", "Koepää", "Harjoitusmäki", "Testiharju", "Näytöslampi", "Åmalli",
          "Demolä"]


def identity_code(birth: datetime.date, number: int) -> str:
    """The code of that birth date and individual number (decree 128/2010 2 section)."""
    separator = "A" if birth.year >= 2000 else "-"
    digits = f"{birth:%d%m%y}{number:03d}"
    return f"{birth:%d%m%y}{separator}{number:03d}{CHECK[int(digits) % 31]}"


class Person:
    def __init__(self, random, index: int):
        self.index = index
        self.sex = random.choice("FM")
        age = random.randint(19, 88)
        self.birth = datetime.date(2026 - age, random.randint(1, 12), random.randint(1, 28))
        # Odd numbers are male, even ones female; 900-999 is the range of made-up people.
        number = 900 + (index * 2 + (1 if self.sex == "M" else 0)) % 100
        self.code = identity_code(self.birth, number)
        self.given = random.choice(GIVEN[self.sex])
        self.family = random.choice(FAMILY)
        self.municipality = random.choice(["167", "276", "422", "707", "045"])

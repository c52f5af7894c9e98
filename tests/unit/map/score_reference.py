# SPDX-License-Identifier: Apache-2.0
"""Scores of WHOQOL-BREF on fractions, apart from the C code: reads one case per line from standard
input, writes one score per line ("-" for none).

Case: MODE LIMIT DIRECTION DOMAIN a1,a2,…,a26 with MODE exact4 | exact100 | table4 | table100,
DIRECTION raw | reversed, and a blank between the commas for a missing answer.
"""
import sys
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

DOMAINS = {
    "physical": [3, 4, 10, 15, 16, 17, 18],
    "psychological": [5, 6, 7, 11, 19, 26],
    "social": [20, 21, 22],
    "environment": [8, 9, 12, 13, 14, 23, 24, 25],
}
REVERSED = {3, 4, 26}


def half_up(number):
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)


def score(mode, limit, direction, domain, answers):
    if sum(answer is None for answer in answers) >= 6:
        return None
    given = []
    for item in DOMAINS[domain]:
        answer = answers[item - 1]
        if answer is not None:
            given.append(6 - answer if direction == "raw" and item in REVERSED else answer)
    if len(DOMAINS[domain]) - len(given) > limit or not given:
        return None
    raw = Fraction(sum(given), len(given)) * 4
    if mode.startswith("table"):
        raw = Fraction(half_up(raw))
    value = (raw - 4) * Fraction(100, 16) if mode.endswith("100") else raw
    if mode.startswith("table"):
        return str(half_up(value))
    text = Decimal(value.numerator) / Decimal(value.denominator)
    text = text.quantize(Decimal("0.01"), ROUND_HALF_UP).normalize()
    return f"{text:f}"


for line in sys.stdin:
    mode, limit, direction, domain, answers = line.rstrip("\n").split(" ", 4)
    numbers = [int(a) if a.strip() else None for a in answers.split(",")]
    print(score(mode, int(limit), direction, domain, numbers) or "-")

# SPDX-License-Identifier: Apache-2.0
"""What a client's year comes to, counted from the happenings themselves and never from messages."""
CONTACTS = ("emergency", "visit", "phone", "outpatient", "social")
MET = (*CONTACTS, "stay", "elsewhere")  # what a hub has as a visit or a contact
COLUMNS = ("emergency", "contacts", "met", "professions", "noshows", "vague", "clientship", "ward_days", "cost")


def count(happenings, kind, prices, days):
    """Only what is over when the county ends. A clientship costs for its days within the county."""
    figures = dict.fromkeys(COLUMNS, 0)
    professions = set()
    daily = {name: price for name, _, price in kind["services"]}
    for h in happenings:
        figures["met"] += h.kind in MET
        if h.kind in CONTACTS:
            figures["contacts"] += 1
            professions.add(h.profession)
            figures["cost"] += _price(h, prices)
            figures["emergency"] += h.kind == "emergency"
            figures["vague"] += h.reason is not None and h.reason[0] == "vague"
        elif h.kind == "stay":
            nights = (h.end - h.start) // 1440 + 1
            figures["ward_days"] += nights
            figures["cost"] += nights * prices["ward_day"]
        elif h.kind in ("booking", "social-off"):
            figures["noshows"] += h.state == "noshow"
        elif h.kind == "clientship":
            figures["clientship"] = 1
            until = h.end if h.end > h.start else days.end
            figures["cost"] += daily.get(h.service, 0) * max(until - max(h.start, 0), 0) // 1440
    figures["professions"] = len(professions)
    figures["cost"] = int(figures["cost"])
    return figures


def _price(h, prices):
    if h.kind in ("emergency", "outpatient", "phone", "social"):
        return prices[h.kind]
    if h.profession == "practical-nurse":
        return prices["home_visit"]
    return prices["physician"] if h.profession in ("physician", "dentist") else prices["nurse"]

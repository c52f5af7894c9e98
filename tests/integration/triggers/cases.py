# SPDX-License-Identifier: Apache-2.0
"""What fires each rule of config/rules: for every rule, in the messages of at least two systems, the
happenings that are just enough. Without any one of them the rule must not fire."""
from native import Happening

CARE = Happening("clientship", task="päihdehuolto")  # of a service whose clients rules treat apart
PROFESSIONS = ["lääkäri", "sairaanhoitaja", "terveydenhoitaja", "fysioterapeutti", "psykologi",
               "sosiaalityöntekijä", "sosiaaliohjaaja"]
NATIONAL_PROFESSIONS = ["30", "11", "41", "42", "35", "51"]
SERVICES = ["T11", "T21", "T40", "T58"]
SPECIALTIES = ["10", "15", "20", "30"]


class Case:
    """`parts`: (system, happening) in order; `born`: a year; `kept_out`: also not with CARE open."""

    def __init__(self, *parts, born=None, kept_out=False):
        self.parts = parts
        self.born = born
        self.kept_out = kept_out

    def systems(self):
        names = []
        for system, _ in self.parts:
            if system not in names:
                names.append(system)
        return "+".join(names)


def times(count, system, what, **kind):
    return [(system, Happening(what, **kind))] * count


def each(system, what, name, values, **kind):
    return [(system, Happening(what, **{name: value}, **kind)) for value in values]


def reported(about, *ways, by="professional", **options):
    """One report about something, in each of the ways: forms, lifecare, yph-effica."""
    return [Case((way, Happening("concern", about=about, by=by)), **options) for way in ways]


def in_both(count, what, icpc2, icd10, **options):
    """So many visits with a reason: ICPC-2 from Lifecare, ICD-10 from Oberon."""
    return [Case(*times(count, "lifecare", what, reason=icpc2), **options),
            Case(*times(count, "oberon", what, reason=icd10), **options)]


def visits(count, **options):
    return [Case(*times(count, name, "visit"), **options) for name in ("lifecare", "effica", "oberon")]


def acute(count, **options):
    return [Case(*times(count, name, "emergency"), **options) for name in ("oberon", "lifecare")]


def acute_and(about, reason):
    """Four emergency visits, and one report, or one reason for a visit."""
    return [Case(*times(4, "oberon", "emergency"),
                 ("forms", Happening("concern", about=about, by="client"))),
            Case(*times(4, "lifecare", "emergency"),
                 ("lifecare", Happening("concern", about=about, by="professional"))),
            Case(*times(3, "oberon", "emergency"),
                 ("oberon", Happening("emergency", reason=reason)))]


def in_care(parts):
    """The same with a client relationship, from either system of social care."""
    return [Case(*parts, (system, CARE)) for system in ("yph-effica", "pro-consona")]


UNUSED = [Case(*times(3, name, "noshow"))
          for name in ("oberon", "lifecare", "yph-effica", "effica", "pro-consona")]
MANY_SERVICES = [Case(*each("lifecare", "visit", "service", SERVICES)),
                 Case(*each("oberon", "visit", "service", SPECIALTIES)),
                 Case(*each("effica", "visit", "service",
                            ["Sosiaalityö", "Sosiaaliohjaus", "Toimeentulotuki", "Päihdehuolto"],
                            area="SO"))]
MANY_PROFESSIONS = [Case(*each("lifecare", "visit", "profession", NATIONAL_PROFESSIONS)),
                    Case(*each("effica", "visit", "profession", PROFESSIONS[:6])),
                    Case(*each("pro-consona", "contact", "profession", PROFESSIONS[:6]))]
VAGUE = in_both(3, "visit", "A04", "R53")
# A reason in ICPC-2 and a diagnosis in ICD-10: the same visits fire a rule that asks for either.
BOTH_CODES = [Case(*times(3, name, "emergency", reason=["A04", "S52.5"]))
              for name in ("lifecare", "oberon")]
COSTLY = acute(23)  # at 350 euros


def mind(system):
    return Case((system, Happening("emergency", reason={"lifecare": "P76", "oberon": "F32.9"}[system])),
                *times(2, system, "emergency"), *times(2, system, "noshow"), kept_out=True)


def mind_in_care(system, social):
    return Case(*mind(system).parts, (social, CARE))


CONCERN = reported("concern", "forms", "lifecare", "yph-effica")
CORE = reported("core-not-reached", "forms", "lifecare")
WORK = reported("unclear-work-ability", "forms", "lifecare")
USE = reported("cannot-use-services", "forms", "lifecare")

CASES = {
    "etela-pohjanmaa": {
        "ep-concern": CONCERN,
        "ep-core-not-reached": CORE,
        "ep-vague-visits": VAGUE + BOTH_CODES,
        "ep-vague-unplanned": in_both(2, "emergency", "A04", "R53"),
        "ep-unused-appointments": UNUSED,
        "ep-suspected-addiction": reported("suspected-addiction", "forms", "lifecare", "yph-effica",
                                           kept_out=True),
        "ep-many-matters": [Case(*each("lifecare", "visit", "reason", ["A04", "D01", "L03", "K86"])),
                            Case(*each("oberon", "visit", "reason", ["R53", "M54.5", "J06.9", "I10"]))],
        "ep-same-matter": in_both(4, "visit", "D01", "M54.5"),
        "ep-cannot-solve-alone": reported("cannot-solve-alone", "forms", "lifecare"),
    },
    "varsinais-suomi": {
        "vs-concern": CONCERN,
        "vs-many-services": MANY_SERVICES,
        "vs-unused-appointments": UNUSED,
        "vs-behaviour-or-risk": [*reported("odd-behaviour", "forms", "lifecare"),
                                 *reported("suspected-risk", "yph-effica", by="relative")],
        "vs-risk-reasons": in_both(2, "visit", "P20", "R41.3"),
        "vs-accidents": [Case(*times(3, name, "emergency", reason="S52.5"))
                         for name in ("oberon", "lifecare")] + BOTH_CODES,
        "vs-unclear-work-ability": WORK,
        "vs-cannot-use-services": USE,
        "vs-visits": visits(11),
        "vs-many-illnesses": [
            Case(*each("lifecare", "condition", "code", ["E11.9", "I48.9", "J45.9"])),
            # Each told in both systems: two illnesses are no four.
            Case(*each("lifecare", "condition", "code",
                       [["T90", "E11.9"], ["K86", "I10"], ["R96", "J45.9"]])),
            Case(*each("oberon", "visit", "reason", ["E11.9", "I48.9", "J45.9"]))],
        "vs-single-problem": in_both(5, "visit", "T90", "E11.9"),
        "vs-unclear-employment": [*reported("unemployment", "forms"), *in_both(1, "visit", "Z06", "Z56.0")],
        "vs-money": [*reported("money", "forms", "yph-effica"), *in_both(1, "visit", "Z08", "Z59.6")],
        "vs-life-situation": reported("life-situation", "forms", "yph-effica", by="client"),
        "vs-loneliness-family": [*reported("loneliness", "forms"), *in_both(1, "visit", "Z12", "Z63.0")],
        "vs-mind-substance-pain": in_both(4, "visit", "P76", "F32.9", kept_out=True),
    },
    "oma-hame": {
        "oh-continuity": [
            Case(*times(6, "lifecare", "visit"),
                 *each("lifecare", "condition", "code", ["E11.9", "I48.9"])),
            Case(*times(4, "oberon", "visit"), *each("oberon", "visit", "reason", ["E11.9", "I48.9"]))],
        "oh-many-services": [
            Case(*each("lifecare", "visit", "service", SERVICES[:3]),
                 ("oberon", Happening("visit", service="10"))),
            Case(*each("oberon", "visit", "service", SPECIALTIES[:3]),
                 ("pro-consona", Happening("contact", service="sosiaaliohjaus")))],
        "oh-mind-or-substance": [mind("lifecare"), mind("oberon")],
        "oh-mind-or-substance-in-care": [mind_in_care("lifecare", "yph-effica"),
                                         mind_in_care("oberon", "pro-consona")],
        "oh-concern": [*reported("concern", "forms", by="client"),
                       *reported("concern", "lifecare", "yph-effica")],
    },
    "siun-sote": {
        "ss-emergency-visits": acute(10),
        "ss-visits": visits(11, kept_out=True),
        "ss-visits-in-care": in_care(times(22, "lifecare", "visit")),
        "ss-professions": MANY_PROFESSIONS,
        "ss-costliest-tenth": COSTLY,
        "ss-contacts": [Case(*times(100, name, "visit")) for name in ("lifecare", "oberon")],
        "ss-found-by-anyone": reported("concern", "forms", "yph-effica", by="other-sector",
                                       kept_out=True),
        "ss-found-by-anyone-in-care": [
            Case(*times(2, "forms", "concern", about="concern", by="relative"), ("yph-effica", CARE)),
            Case(*times(2, "yph-effica", "concern", about="concern", by="other-sector"),
                 ("pro-consona", CARE))],
    },
    "oi2": {
        "oi-loneliness": acute_and("loneliness", "Z60.2"),
        "oi-insecurity": acute_and("insecurity", "T74.1"),
        "oi-homelessness": acute_and("homelessness", "Z59.0"),
        "oi-unemployment": acute_and("unemployment", "Z56.0"),
        "oi-frequent-acute": acute(6),
        "oi-older": acute(4, born=1940),
        "oi-pain": in_both(6, "visit", "L18", "M54.5"),
    },
    "start": {
        "emergency-visits": acute(10),
        "visits": visits(11, kept_out=True),
        "visits-in-care": in_care(times(22, "oberon", "visit")),
        "no-shows": UNUSED,
        "many-professions": MANY_PROFESSIONS,
        "many-services": MANY_SERVICES,
        "concern": CONCERN,
        "core-not-reached": CORE,
        "vague-reasons": in_both(4, "visit", "A04", "R53"),
        "behaviour-or-risk": [*reported("odd-behaviour", "forms", "lifecare", kept_out=True),
                              *reported("suspected-addiction", "yph-effica", kept_out=True)],
        "unclear-work-ability": WORK,
        "cannot-use-services": USE,
        "acute-with-life-reasons": [
            case for about, reason in (("loneliness", "Z60.2"), ("insecurity", "T74.1"),
                                       ("homelessness", "Z59.0"), ("unemployment", "Z56.0"))
            for case in acute_and(about, reason)],
        "costliest-tenth": COSTLY,
    },
}

# SPDX-License-Identifier: Apache-2.0
"""What Oberon sends: HL7 v2.3 over MLLP, ISO 8859-1, Finnish time without a zone."""
import zoneinfo

HELSINKI = zoneinfo.ZoneInfo("Europe/Helsinki")


def stamp(moment) -> str:
    return moment.astimezone(HELSINKI).strftime("%Y%m%d%H%M%S")


def _head(kind, control_id, moment):
    message_type, trigger = kind
    return (f"MSH|^~\\&|OBERON|KESKUSSAIRAALA|PUNOS|HVA|{stamp(moment)}||{message_type}^{trigger}|"
            f"{control_id}|P|2.3||||||8859/1")


def _pid(person):
    return (f"PID|1||{person.code}^^^^HETU||{person.family}^{person.given}||{person.birth:%Y%m%d}|"
            f"{person.sex}||||{person.municipality}")


def _pv1(visit):
    fields = [""] * 46
    fields[0] = "PV1"
    fields[1] = "1"
    fields[2] = visit["class"]
    fields[3] = f"{visit['unit']}^^^KESKUSSAIRAALA"
    fields[10] = visit["service"]
    fields[19] = visit["id"]
    fields[44] = stamp(visit["start"])
    fields[45] = stamp(visit["end"]) if visit.get("end") else ""
    return "|".join(fields).rstrip("|")


def adt(trigger, control_id, moment, person, visit):
    lines = [_head(("ADT", trigger), control_id, moment), f"EVN|{trigger}|{stamp(moment)}",
             _pid(person), _pv1(visit)]
    for number, (code, text) in enumerate(visit.get("diagnoses", []), 1):
        lines.append(f"DG1|{number}||{code}^{text}^ICD10||{stamp(moment)}|A")
    return ("\r".join(lines) + "\r").encode("iso-8859-1")


def siu(trigger, control_id, moment, person, appointment):
    state = {"S12": "Booked", "S13": "Booked", "S14": "Booked", "S15": "Cancelled",
             "S16": "Cancelled", "S17": "Deleted", "S26": "Noshow"}[trigger]
    start, end = stamp(appointment["start"]), stamp(appointment["end"])
    lines = [
        _head(("SIU", trigger), control_id, moment),
        f"SCH|{appointment['id']}|{appointment['id']}||||ROUTINE|||||^^^{start}^{end}"
        + "|" * 14 + state,
        _pid(person),
        "RGS|1",
        f"AIS|1||{appointment['service']}|{start}|||{appointment['minutes']}|min||{state}",
        f"AIL|1||{appointment['unit']}^^^KESKUSSAIRAALA",
        f"AIP|1|||{appointment['profession']}",
    ]
    return ("\r".join(lines) + "\r").encode("iso-8859-1")


def merge(control_id, moment, person, old_identifier):
    lines = [_head(("ADT", "A40"), control_id, moment), f"EVN|A40|{stamp(moment)}", _pid(person),
             f"MRG|{old_identifier}"]
    return ("\r".join(lines) + "\r").encode("iso-8859-1")

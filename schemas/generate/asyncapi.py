#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes schemas/asyncapi.yaml from schemas/event-types.yaml: the topics and what goes over them.

    asyncapi.py [--check]      --check: exit 1 when the file is not what it would be made now
"""
import re
import sys
from pathlib import Path

SCHEMAS = Path(__file__).resolve().parents[1]

TOPICS = {
    "punos.event.v1": "What the records systems told, as FHIR resources without identity.",
    "punos.trigger.v1": "What the identification rules say about a client.",
    "punos.plan.v1": "The shared plans; their content is sealed (schemas/plan.md).",
    "punos.delivery.v1": "Where each version of a plan stands in each records system.",
    "punos.quarantine.v1": "What could not be understood, and why.",
}

HEAD = """# SPDX-License-Identifier: Apache-2.0
# Made by schemas/generate/asyncapi.py out of schemas/event-types.yaml.
asyncapi: 3.0.0
info:
  title: Punos, the hub's topics
  version: "1"
  license: { name: Apache-2.0 }
  description: >-
    Every message is a CloudEvent 1.0 in the Kafka binding's binary mode: the attributes are headers
    with the prefix ce_, the value is the data, one FHIR R4 resource as JSON. The key is the subject, a
    client key, so that one client's events are in one partition and in order (of
    fi.punos.delivery.answered.v1: the name of the system that answers). No identity code, name,
    address or phone number stands in any of them.
defaultContentType: application/fhir+json
"""

TRAIT = """  messageTraits:
    cloudEvent:
      headers:
        type: object
        required: [ce_specversion, ce_id, ce_source, ce_type, ce_subject, ce_time, ce_recordedtime]
        properties:
          ce_specversion: { type: string, const: "1.0" }
          ce_id: { type: string, format: uuid, description: Derived from the cause (UUIDv5). }
          ce_source: { type: string, description: "/adapter/<system>/<unit> or /service/<station>" }
          ce_type: { type: string }
          ce_subject: { type: string, description: "The client key, 32 hexadecimal digits." }
          ce_time: { type: string, format: date-time, description: When it happened. }
          ce_recordedtime:
            type: string
            format: date-time
            description: When the source recorded it; of the same resource the later one holds.
          ce_sector: { type: string, enum: [primary, specialist, social, national] }
          ce_causationid: { type: string, description: The event or message that caused this one. }
          ce_traceparent: { type: string, description: W3C Trace Context. }
      bindings:
        kafka:
          key: { type: string, description: The subject. }
"""


def read_types():
    text = (SCHEMAS / "event-types.yaml").read_text(encoding="utf-8")
    found = []
    for block in re.split(r"\n  - name: ", text)[1:]:
        row = {"name": block.split("\n", 1)[0].strip()}
        for key in ("topic", "resource", "text"):
            row[key] = re.search(rf"^    {key}: (.*)$", block, re.M).group(1).strip().strip('"')
        found.append(row)
    return found


def key_of(name):
    """fi.punos.visit.started.v1 → visitStarted"""
    words = name.removeprefix("fi.punos.").split(".")[:-1]
    words = [part for word in words for part in word.split("-")]
    return words[0] + "".join(word.capitalize() for word in words[1:])


def topic_key(topic):
    return topic.split(".")[1]


def make():
    types = read_types()
    lines = [HEAD.rstrip(), "channels:"]
    for topic, text in TOPICS.items():
        lines += [f"  {topic_key(topic)}:", f"    address: {topic}", f'    description: "{text}"',
                  "    messages:"]
        lines += [f"      {key_of(t['name'])}: {{ $ref: '#/components/messages/{key_of(t['name'])}' }}"
                  for t in types if t["topic"] == topic]
    lines.append("operations:")
    for topic in TOPICS:
        key = topic_key(topic)
        lines += [f"  read{key.capitalize()}s:", "    action: receive",
                  f"    channel: {{ $ref: '#/channels/{key}' }}"]
    lines += ["components:", "  messages:"]
    for t in types:
        text = t["text"].replace('"', "'")
        lines += [f"    {key_of(t['name'])}:", f"      name: {t['name']}",
                  f'      summary: "{text}"',
                  "      traits: [{ $ref: '#/components/messageTraits/cloudEvent' }]",
                  "      payload:", "        schemaFormat: application/schema+json;version=draft-07",
                  "        schema:", f"          $ref: https://hl7.org/fhir/R4/"
                  f"{t['resource'].lower()}.schema.json"]
    lines.append(TRAIT.rstrip())
    return "\n".join(lines) + "\n"


def main():
    target = SCHEMAS / "asyncapi.yaml"
    text = make()
    if "--check" in sys.argv:
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            sys.exit(f"{target.name} is stale: run schemas/generate/asyncapi.py")
        return
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

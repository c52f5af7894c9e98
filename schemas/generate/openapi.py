#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes schemas/openapi.yaml: the operations below, expanded over the resource types and search
parameters of services/api/api_types.c. Refuses when services/api/routes.c has other paths.

    openapi.py [--check]      --check: exit 1 when the file is not what it would be made now
"""
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
API = ROOT / "services/api"

ID = ("id", "path", "string", "Logical id", True)
COUNT = ("_count", "query", "integer", "Items on a page", False)
CURSOR = ("_cursor", "query", "string", "Where a page begins; only from a next link", False)
IF_MATCH = ("If-Match", "header", "string", 'The ETag that was read, W/"n"', True)
SERVICE = ("service", "path", "string", "punos-shared-client", True)
PURPOSE = ("Punos-Purpose", "header", "string", "Why the data is used, for the access record", False)
RELATION = ("Punos-Relationship", "header", "string",
            "A contact that shows the care relationship: Encounter/<id>", False)
FEEDBACK = [
    ("from", "query", "string", "Triggers that rose from this day in Finland or this moment on; otherwise a year ago", False),
    ("to", "query", "string", "and before this one; otherwise now", False),
    ("unit", "query", "string", "Only those of this unit", False),
    ("team", "query", "string", "Only those of this team", False)]
FHIR, JSON = "application/fhir+json", "application/json"

# method, path, summary, parameters, request type, {status: (content type, text)}
OPERATIONS = [
    ("get", "/fhir/metadata", "The CapabilityStatement", [], None, {200: (FHIR, "CapabilityStatement")}),
    ("post", "/fhir/Patient/_search", "Find a client by identifier, which stands in the body only", [],
     "application/x-www-form-urlencoded", {200: (FHIR, "Bundle with at most one Patient")}),
    ("get", "/fhir/Patient", "Always refused: identifiers never stand in a URL", [], None,
     {400: (FHIR, "OperationOutcome")}),
    ("get", "/fhir/Patient/{id}", "A client without identity", [ID], None, {200: (FHIR, "Patient")}),
    ("get", "/fhir/Patient/{id}/$timeline", "A client's events over all sectors, newest first",
     [ID, ("from", "query", "string", "First day or moment", False),
      ("until", "query", "string", "Day or moment after the last", False),
      ("sector", "query", "string", "primary, specialist, social, national; commas between", False),
      ("kind", "query", "string", "visit, contact, appointment …; commas between", False),
      ("withdrawn", "query", "boolean", "Also what was cancelled or mistaken", False),
      COUNT, CURSOR, PURPOSE, RELATION], None,
     {200: (FHIR, "searchset Bundle, with a completeness stamp per source in its meta")}),
    ("get", "/fhir/Patient/{id}/$identity", "The name and identifiers, for those who may",
     [ID, PURPOSE, RELATION], None, {200: (FHIR, "Patient")}),
    ("post", "/fhir/Patient/$unmerge", "Undo an identity merge: parameters kept and parted", [], FHIR,
     {202: (FHIR, "OperationOutcome: the undo is on its way")}),
    ("post", "/fhir/CarePlan", "Write a shared plan (schemas/plan.md)", [PURPOSE, RELATION], FHIR,
     {201: (FHIR, "The plan as stored"), 409: (FHIR, "The client has an active plan, or refuses (docs/API.md)"),
      422: (FHIR, "What is wrong, place by place")}),
    ("put", "/fhir/CarePlan/{id}", "A new version of a shared plan", [ID, IF_MATCH, PURPOSE, RELATION],
     FHIR, {200: (FHIR, "The plan as stored"), 412: (FHIR, "Somebody wrote first: read again"),
            422: (FHIR, "What is wrong, place by place"), 428: (FHIR, "If-Match is missing")}),
    ("delete", "/fhir/CarePlan/{id}", "Withdraw a plan; its versions stay", [ID, IF_MATCH], None,
     {204: (None, "Withdrawn"), 412: (FHIR, "Somebody wrote first"), 428: (FHIR, "If-Match is missing")}),
    ("get", "/fhir/CarePlan/{id}/_history", "All versions, newest first", [ID], None,
     {200: (FHIR, "history Bundle")}),
    ("get", "/fhir/CarePlan/{id}/_history/{version}", "One version",
     [ID, ("version", "path", "integer", "Version number", True)], None, {200: (FHIR, "CarePlan")}),
    ("get", "/fhir/CarePlan/{id}/$delivery-state", "Where each version stands in each system", [ID],
     None, {200: (FHIR, "collection Bundle of Tasks")}),
    ("post", "/fhir/Flag", "Accept a client, who consents, as a shared client (code shared-client), or "
     "report a concern (a code of CodeSystem/concern, author.identifier of CodeSystem/reporter)",
     [PURPOSE, RELATION], FHIR,
     {200: (FHIR, "The one that is open already"), 201: (FHIR, "The Flag"),
      409: (FHIR, "The work list does not say that the client consents"),
      422: (FHIR, "Not such a Flag")}),
    ("put", "/fhir/Flag/{id}", "End it: status inactive", [ID, IF_MATCH, PURPOSE, RELATION], FHIR,
     {200: (FHIR, "The Flag"), 409: (FHIR, "The client has an active plan"),
      412: (FHIR, "Somebody wrote first: read again"), 428: (FHIR, "If-Match is missing")}),
    ("get", "/deliveries", "What went to the systems, newest first, without identities",
     [("state", "query", "string", "queued, sent, committed, accepted, rejected, acknowledged, "
       "needless; commas between", False),
      ("system", "query", "string", "One system's", False), COUNT, CURSOR], None,
     {200: (JSON, "deliveries, oddAnswers, next")}),
    ("get", "/fhir/CarePlan/{id}/$loss-report", "What of a stored plan the systems' forms cannot hold",
     [ID, ("system", "query", "string", "Only this system; otherwise all that take plans", False),
      PURPOSE, RELATION], None, {200: (FHIR, "Parameters: a part per system, in it a part per loss")}),
    ("post", "/fhir/CarePlan/$loss-report", "The same of a plan that is not written yet",
     [("system", "query", "string", "Only this system; otherwise all that take plans", False),
      PURPOSE, RELATION], FHIR,
     {200: (FHIR, "Parameters: a part per system, in it a part per loss"),
      422: (FHIR, "What is wrong, place by place")}),
    ("get", "/worklist", "The clients who may be shared",
     [("state", "query", "string", "States with commas between; otherwise all that are open", False),
      ("team", "query", "string",
       "Lists of these teams, ids with commas between; otherwise of all that the token sees", False),
      ("role", "query", "string", "Lists of teams that this role of tokens sees", False),
      ("unit", "query", "string", "Only clients of this unit, its code as the events have it", False),
      ("held", "query", "boolean",
       "What the teams' budgets of new names hold back, and nothing else", False),
      ("rule", "query", "string", "Only clients whom this rule names", False),
      ("names", "query", "boolean", "With names, for those who may; each is recorded", False),
      COUNT, CURSOR], None, {200: (JSON, "clients, states, held, teams, reasons, withheld, next")}),
    ("get", "/worklist/{id}", "One client with all triggers and their evidence", [ID], None,
     {200: (JSON, "client, state, reason, again, next, triggers, history")}),
    ("put", "/worklist/{id}", "Set where the work stands: state, reason (of the list; not-relevant needs "
     "one), again (a day; thinking and refuses)", [ID, IF_MATCH], JSON,
     {200: (JSON, "client, state"), 412: (FHIR, "Somebody set it first")}),
    ("get", "/clients/{id}/triggers", "What the rules say of one client: why, the events counted, what "
     "nearly holds", [ID, PURPOSE, RELATION], None,
     {200: (JSON, "triggers and near, each with its DetectedIssue (schemas/trigger.md) and the events "
            "that were counted; withheld")}),
    ("get", "/cds-services", "CDS Hooks 2.0: the services there are", [], None,
     {200: (JSON, "services")}),
    ("post", "/cds-services/{service}", "CDS Hooks 2.0, hook patient-view: a card when a rule holds",
     [SERVICE, ("Accept-Language", "header", "string", "The card's language: fi, sv, en", False),
      PURPOSE, RELATION], JSON,
     {200: (JSON, "cards; none when there is nothing to say"), 400: (FHIR, "Not such a request"),
      404: (FHIR, "No such service"),
      412: (FHIR, "The patient cannot be known: prefetch, or a Patient id of this hub, is needed")}),
    ("post", "/cds-services/{service}/feedback", "CDS Hooks 2.0: what became of cards",
     [SERVICE], JSON, {200: (JSON, "Noted in the work list"), 400: (FHIR, "Not such feedback"),
                       404: (FHIR, "No such service or card")}),
    ("get", "/rules/feedback", "What came of each rule's triggers, by version and unit, and skew by "
     "age, sex and language", FEEDBACK, None,
     {200: (JSON, "rules: fired, lookedAt, accepted, refused, notRelevant, reasons, value (the positive "
            "predictive value and its 95 % Wilson interval), lookMedianHours, lookP90Hours, units; skew "
            "(not with unit or team): groups with known, flagged, ratio, low, high, hidden, watch. "
            "docs/FEEDBACK.md; text/csv when Accept asks for it")}),
    ("get", "/rules/feedback.csv", "The same as comma-separated values",
     [*FEEDBACK, ("part", "query", "string", "figures (when not said) or skew", False)], None,
     {200: ("text/csv", "A header row, then a row per rule, version and unit, or per rule and group")}),
    ("get", "/feed", "The live event feed (server-sent events)",
     [("types", "query", "string", "Event types with commas between; * ends a stem", False),
      ("subject", "query", "string", "One client key", False),
      ("from", "query", "string", "start: from the oldest event that is kept", False),
      ("Last-Event-ID", "header", "string", "Resume after this event", False)], None,
     {200: ("text/event-stream", "id, event (the type), data (a CloudEvent as structured JSON)")}),
    ("get", "/me", "The caller's roles and what they allow", [], None, {200: (JSON, "name, roles, may")}),
    ("get", "/metrics", "The figures of all services (Prometheus)", [], None,
     {200: ("text/plain", "Prometheus text format 0.0.4")}),
    ("get", "/healthz", "The process runs", [], None, {200: ("text/plain", "ok")}),
    ("get", "/readyz", "What the API needs is there", [], None,
     {200: (JSON, "ready"), 503: (JSON, "what is away")}),
    ("get", "/", "The web page", [], None, {200: ("text/html", "index.html")}),
    ("get", "/web/{file}", "The page's files", [("file", "path", "string", "File name", True)], None,
     {200: ("text/javascript", "A file of the page")}),
]
OPEN_PATHS = ("/healthz", "/readyz", "/", "/web/{file}")


def c_tables():
    """Types, and the search parameters of each, out of api_types.c."""
    text = (API / "api_types.c").read_text(encoding="utf-8")
    rows = {}
    shared = {name: re.search(rf"#define {name} .*?\{{\"([\w-]+)\".*?\}},\s*\"([^\"]*)\"\}}", text, re.S)
              .groups() for name in ("PATIENT_PARAM", "SUBJECT_PARAM")}
    pattern = r"pn_search_param (\w+)\[\] = \{(.*?)\n\};"
    for table, body in re.findall(pattern, text, re.S):
        rows[table] = []
        item = r'(PATIENT_PARAM|SUBJECT_PARAM)|\{"([\w-]+)",\s*PN_SEARCH_\w+,\s*\{[^}]*\},\s*"([^"]*)"\}'
        for macro, name, words in re.findall(item, body, re.S):
            rows[table].append(shared[macro] if macro else (name, words))
    types = re.findall(r'\{"(\w+)", PN_FROM_\w+, PARAMS\((\w+)\)', text)
    return [(name, rows[table]) for name, table in types], rows["pn_search_common"]


def expand():
    types, common = c_tables()
    operations = list(OPERATIONS)
    for name, params in types:
        search = [(p, "query", "string", words, p == "patient") for p, words in params + common]
        operations += [
            ("get", f"/fhir/{name}", f"One client's {name} resources", search + [PURPOSE, RELATION],
             None, {200: (FHIR, "searchset Bundle")}),
            ("post", f"/fhir/{name}/_search", f"The same, parameters in the body", [PURPOSE, RELATION],
             "application/x-www-form-urlencoded", {200: (FHIR, "searchset Bundle")}),
            ("get", f"/fhir/{name}/{{id}}", f"One {name}",
             [ID, ("If-None-Match", "header", "string", "The ETag that is known", False), PURPOSE,
              RELATION], None, {200: (FHIR, name), 304: (None, "Unchanged")}),
        ]
    return operations


def routes():
    text = (API / "routes.c").read_text(encoding="utf-8")
    found = {(m.lower(), p) for m, p in re.findall(r'\{PN_HTTP_(\w+), "(/[^"]*)", pn_', text)}
    found -= {(m, p) for m, p in found if p.endswith("/fhir/")}
    for name in re.findall(r'READ_AND_SEARCH\("(\w+)"\)', text):
        found |= {("get", f"/fhir/{name}"), ("post", f"/fhir/{name}/_search"),
                  ("get", f"/fhir/{name}/{{id}}")}
    return found


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def write_operation(lines, operation):
    method, path, summary, parameters, body, answers = operation
    lines += [f"    {method}:", f"      summary: {quoted(summary)}"]
    if path in OPEN_PATHS:
        lines.append("      security: []")
    if parameters:
        lines.append("      parameters:")
    for name, place, kind, text, required in parameters:
        need = ", required: true" if required else ""
        lines.append(f"        - {{ name: {quoted(name)}, in: {place}{need}, "
                     f"schema: {{ type: {kind} }}, description: {quoted(text)} }}")
    if body:
        lines += ["      requestBody:", "        required: true",
                  f"        content: {{ {body}: {{ schema: {{ type: object }} }} }}"]
    lines.append("      responses:")
    for status, (content, text) in answers.items():
        inner = f", content: {{ {content}: {{}} }}" if content else ""
        lines.append(f'        "{status}": {{ description: {quoted(text)}{inner} }}')
    lines.append("        default: { $ref: '#/components/responses/Error' }")


HEAD = """# SPDX-License-Identifier: Apache-2.0
# Made by schemas/generate/openapi.py out of services/api/routes.c, api_types.c and its own table.
openapi: 3.1.0
info:
  title: Punos
  version: "1"
  license: { name: Apache-2.0, identifier: Apache-2.0 }
  description: >-
    FHIR R4 of shared clients, the work list, the shared plan and its deliveries, the live event feed.
    Every read of a client's data is decided on and recorded. Errors are FHIR OperationOutcomes.
security: [{ bearer: [] }]
components:
  securitySchemes:
    bearer: { type: http, scheme: bearer }
  responses:
    Error:
      description: "What is wrong: 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 503"
      content: { application/fhir+json: {} }
paths:"""


def make():
    operations = expand()
    documented = {(o[0], o[1]) for o in operations}
    if documented != routes():
        sys.exit(f"routes.c and openapi.py differ: {sorted(documented ^ routes())}")
    lines = [HEAD]
    for path in sorted({o[1] for o in operations}):
        lines.append(f"  {quoted(path)}:")
        for operation in operations:
            if operation[1] == path:
                write_operation(lines, operation)
    return "\n".join(lines) + "\n"


def main():
    target = ROOT / "schemas/openapi.yaml"
    text = make()
    if "--check" in sys.argv:
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            sys.exit(f"{target.name} is stale: run schemas/generate/openapi.py")
        return
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

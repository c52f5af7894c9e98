# SPDX-License-Identifier: Apache-2.0
"""A records system's FHIR R4 server over real sockets, to be polled: search by _lastUpdated, _sort,
_count, _include and _id, paging by links, and faults on demand.

    with FhirServer() as server:
        server.put({"resourceType": "Patient", "id": "p1"})
        server.faults["status"] = lambda request: 503

As a program: fhir_server.py FILE.json... serves the resources and Bundles of these files and prints
its base URL.
"""
import json
import sys
import threading
import time
from datetime import datetime, timezone
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit


def instant(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


def seconds_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Request:
    def __init__(self, path, headers):
        parts = urlsplit(path)
        self.path = parts.path
        self.type = parts.path.split("/")[2] if parts.path.count("/") > 1 else ""
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.token = headers.get("Authorization", "")


class FhirServer:
    """Faults, each a function of the Request (None: no fault) or a plain value:
    status, headers, body, delay (seconds), unsorted, unfiltered, no_self, next (the link), no_include,
    future_date."""

    def __init__(self, resources=()):
        self.lock = threading.Lock()
        self.resources = {}  # (type, id): resource
        self.requests = []
        self.faults = {}
        self.clock = time.time() - 3600  # of the server; each change takes a moment
        self.step = 1.0
        for resource in resources:
            self.put(resource)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server.answer(self)

            def date_time_string(self, timestamp=None):
                return formatdate(server.fault("date", None) or time.time(), usegmt=True)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # a hub was killed meanwhile
        self.base = f"http://127.0.0.1:{self.http.server_port}/fhir"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def put(self, resource, moment=None):
        """A new version. Its time is the server's next moment, or the one given (seconds)."""
        with self.lock:
            key = (resource["resourceType"], resource["id"])
            version = int(self.resources.get(key, {}).get("meta", {}).get("versionId", "0")) + 1
            self.clock += self.step
            meta = {"versionId": str(version), "lastUpdated": instant(moment or self.clock)}
            self.resources[key] = {**resource, "meta": {**resource.get("meta", {}), **meta}}

    def fault(self, name, request):
        fault = self.faults.get(name)
        return fault(request) if callable(fault) else fault

    # --- Answers ---------------------------------------------------------------------------------

    def answer(self, handler):
        request = Request(handler.path, handler.headers)
        with self.lock:
            self.requests.append(request)
        time.sleep(self.fault("delay", request) or 0)
        status = self.fault("status", request) or 200
        body = self.fault("body", request)
        if body is None:
            found = self.search(request) if status == 200 else {
                "resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "x"}]}
            body = json.dumps(found, ensure_ascii=False).encode()
        try:
            handler.send_response(status)
            for name, value in (self.fault("headers", request) or {}).items():
                handler.send_header(name, value)
            handler.send_header("Content-Type", "application/fhir+json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass  # whoever asked is gone

    def matches(self, request):
        found = [r for (kind, _), r in self.resources.items() if kind == request.type]
        if "_id" in request.query:
            wanted = request.query["_id"].split(",")
            return [r for r in found if r["id"] in wanted]
        moment = request.query.get("_lastUpdated", "")
        if moment.startswith("ge") and not self.fault("unfiltered", request):
            found = [r for r in found if seconds_of(r["meta"]["lastUpdated"]) >=
                     seconds_of(moment[2:])]
        if request.query.get("_sort") == "_lastUpdated" and not self.fault("unsorted", request):
            found.sort(key=lambda r: (seconds_of(r["meta"]["lastUpdated"]), r["id"]))
        return found

    def search(self, request):
        with self.lock:
            found = self.matches(request)
            at, count = int(request.query.get("at", 0)), int(request.query.get("_count", 50))
            page = found[at:at + count]
            entries = [self.entry(r, "match") for r in page]
            include = request.query.get("_include")
            if include and not self.fault("no_include", request):
                entries += [self.entry(p, "include") for p in self.patients_of(page)]
        applied = dict(request.query)
        if self.fault("unsorted", request):
            applied.pop("_sort", None)
        links = [] if self.fault("no_self", request) else [
            {"relation": "self", "url": f"{self.base}/{request.type}?{urlencode(applied, safe=':,')}"}]
        following = self.fault("next", request)
        if following is None and at + count < len(found):
            query = {**request.query, "at": at + count}
            following = f"{self.base}/{request.type}?{urlencode(query, safe=':,')}"
        if following is not None:
            links.append({"relation": "next", "url": following})
        return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links,
                "entry": entries}

    def entry(self, resource, mode):
        return {"fullUrl": f"{self.base}/{resource['resourceType']}/{resource['id']}",
                "resource": resource, "search": {"mode": mode}}

    def patients_of(self, page):
        wanted = []
        for resource in page:
            actors = [p.get("actor", {}) for p in resource.get("participant", [])]
            for reference in [resource.get("subject", {}), resource.get("patient", {}), *actors]:
                key = tuple(reference.get("reference", "").split("/"))
                if key in self.resources and key[0] == "Patient" and key not in wanted:
                    wanted.append(key)
        return [self.resources[key] for key in wanted]


def main():
    server = FhirServer()
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            read = json.load(file)
        for resource in [e["resource"] for e in read.get("entry", [])] or [read]:
            server.put(resource)
    print(server.base, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays a records system that takes shared plans, on a real socket or folder.

    receiver.py mllp --listen 127.0.0.1:2600 --out DIR     HL7 v2 over MLLP, answers ACK
    receiver.py http --listen 127.0.0.1:2601 --out DIR     any POST or PUT, answers 201 and Location
    receiver.py drop --folder DIR --out DIR2               takes files, leaves NAME.receipt.json

Each document that it takes is kept as DIR/<number>-<kind>. A port of 0 takes any free one; the first
line on standard output tells it: `listening 127.0.0.1:41234`. Behaviours, for fault tests:
    --delay SECONDS      answers late         --refuse TEXT       says no, with these words
    --fail-first N       the first N tries get no answer at all (the connection is cut)
    --tls FOLDER NAME    speaks TLS with FOLDER/NAME.pem and .key, asks for a certificate that
                         FOLDER/ca.pem has signed, and keeps the peer's name as FOLDER/seen-by-NAME
"""
import argparse
import http.server
import json
import os
import re
import socketserver
import ssl
import sys
import threading
import time
from pathlib import Path

START, END = b"\x0b", b"\x1c\r"


class Shelf:
    """What came, in order, and how to answer the next one."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.lock = threading.Lock()
        self.count = 0
        self.tries = 0
        arguments.out.mkdir(parents=True, exist_ok=True)

    def should_fail(self):
        with self.lock:
            self.tries += 1
            return self.tries <= self.arguments.fail_first

    def keep(self, kind, payload):
        with self.lock:
            self.count += 1
            number = self.count
        target = self.arguments.out / f"{number:04d}-{kind}"
        part = target.with_suffix(".part")
        part.write_bytes(payload)
        part.rename(target)
        time.sleep(self.arguments.delay)
        return number


def acknowledgement(message, refusal):
    fields = message.split(b"\r")[0].split(b"|")
    control_id, version = fields[9], fields[11] if len(fields) > 11 else b"2.3"
    code = b"AE" if refusal else b"AA"
    head = [b"MSH", fields[1], fields[4], fields[5], fields[2], fields[3], fields[6], b"", b"ACK",
            b"A" + control_id, b"P", version]
    text = refusal.encode("iso-8859-1", "replace") if refusal else b""
    return START + b"|".join(head) + b"\rMSA|" + code + b"|" + control_id + b"|" + text + b"\r" + END


class MllpHandler(socketserver.StreamRequestHandler):
    def handle(self):
        pending = b""
        while chunk := self.connection.recv(65536):
            pending += chunk
            while END in pending:
                frame, pending = pending.split(END, 1)
                if not self.answer(frame[frame.find(START) + 1:]):
                    return

    def answer(self, message):
        shelf = self.server.shelf
        if shelf.should_fail():
            return False
        shelf.keep("mllp.hl7", message)
        self.connection.sendall(acknowledgement(message, shelf.arguments.refuse))
        return True


class HttpHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def take(self):
        shelf = self.server.shelf
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if shelf.should_fail():
            self.connection.close()
            return
        number = shelf.keep("http.json", body)
        refusal = shelf.arguments.refuse
        answer = json.dumps({"resourceType": "OperationOutcome", "issue": [{
            "severity": "error" if refusal else "information",
            "code": "processing" if refusal else "informational",
            "diagnostics": refusal or "taken"}]}).encode()
        self.send_response(422 if refusal else 201)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(answer)))
        if not refusal:
            self.send_header("Location", f"{self.path.rstrip('/')}/{number}/_history/1")
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = take


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    tls = None

    def finish_request(self, request, client_address):
        if self.tls:
            folder, name = self.tls
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=f"{folder}/ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
            request = context.wrap_socket(request, server_side=True)
            subject = dict(pair[0] for pair in request.getpeercert()["subject"])
            Path(folder, f"seen-by-{name}").write_text(subject["commonName"], encoding="utf-8")
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        if not self.tls:
            super().handle_error(request, client_address)


def listen(arguments, handler):
    host, port = arguments.listen.rsplit(":", 1)
    server = Server((host, int(port)), handler)
    server.shelf = Shelf(arguments)
    server.tls = arguments.tls
    print(f"listening {host}:{server.server_address[1]}", flush=True)
    server.serve_forever()


def watch(arguments):
    shelf = Shelf(arguments)
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    print(f"watching {folder}", flush=True)
    ignored = re.compile(r"^\.|\.(part|tmp|receipt\.json)$")
    while True:
        for name in sorted(os.listdir(folder)):
            if ignored.search(name) or not (folder / name).is_file() or shelf.should_fail():
                continue
            shelf.keep("drop.xml", (folder / name).read_bytes())
            receipt = {"file": name, "status": "rejected" if arguments.refuse else "accepted",
                       "reason": arguments.refuse}
            part = folder / f".{name}.receipt.part"
            part.write_text(json.dumps(receipt), encoding="utf-8")
            part.rename(folder / f"{name}.receipt.json")
            (folder / name).unlink()
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=["mllp", "http", "drop"])
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--refuse", default="")
    parser.add_argument("--fail-first", type=int, default=0)
    parser.add_argument("--tls", nargs=2)
    arguments = parser.parse_args()
    try:
        if arguments.kind == "drop":
            watch(arguments)
        listen(arguments, MllpHandler if arguments.kind == "mllp" else HttpHandler)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()

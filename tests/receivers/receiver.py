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
    --silent-first N     the first N tries are taken and not answered; the connection stays
    --late-first N SEC   the first N answers come after SEC seconds, whatever has come meanwhile
    --wrong-first N      the first N answers name another message (MSA-2)
    --enhanced           answers CA at once (HL7 v2 enhanced mode)
    --later SECONDS      with --enhanced: the application's answer so long after, same connection
    --status CODE        HTTP: answers with this status, as 202
    --receipts HOW       drop: whole (as usual), none
    --system NAME        answers in that system's own form: kanta (MCCI acknowledgement), effica (CSV
                         receipt), pro-consona (XML receipt); otherwise ACK, OperationOutcome, JSON
    --mood FILE          a JSON object that is read before each document, so that a test can change it
                         while this runs: {"busy": true} (what has come waits until
                         this ends), {"unwell": true} (take it again later)
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
        self.answers = 0
        arguments.out.mkdir(parents=True, exist_ok=True)

    def should_fail(self):
        with self.lock:
            self.tries += 1
            return self.tries <= self.arguments.fail_first

    def next_answer(self):
        """The number of the answer that is given now, from 1."""
        with self.lock:
            self.answers += 1
            return self.answers

    def mood(self):
        """How the system is now; well when nothing is said."""
        path = self.arguments.mood
        return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}

    def keep(self, kind, payload):
        while self.mood().get("busy"):
            time.sleep(0.05)
        with self.lock:
            self.count += 1
            number = self.count
        target = self.arguments.out / f"{number:04d}-{kind}"
        part = target.with_suffix(".part")
        part.write_bytes(payload)
        part.rename(target)
        time.sleep(self.arguments.delay)
        return number


def acknowledgement(message, refusal, code=None, answers_to=None):
    fields = message.split(b"\r")[0].split(b"|")
    control_id, version = fields[9], fields[11] if len(fields) > 11 else b"2.3"
    code = code or (b"AE" if refusal else b"AA")
    head = [b"MSH", fields[1], fields[4], fields[5], fields[2], fields[3], fields[6], b"", b"ACK",
            b"A" + control_id, b"P", version]
    text = refusal.encode("iso-8859-1", "replace") if refusal else b""
    return START + b"|".join(head) + b"\rMSA|" + code + b"|" + (answers_to or control_id) + b"|" + text + b"\r" + END


class MllpHandler(socketserver.StreamRequestHandler):
    def handle(self):
        pending = b""
        while chunk := self.more():
            pending += chunk
            while END in pending:
                frame, pending = pending.split(END, 1)
                if not self.answer(frame[frame.find(START) + 1:]):
                    return

    def more(self):
        try:
            return self.connection.recv(65536)
        except ConnectionResetError:  # the hub was killed
            return b""

    def answer(self, message):
        shelf = self.server.shelf
        if shelf.should_fail():
            return False
        arguments = shelf.arguments
        shelf.keep("mllp.hl7", message)
        number = shelf.next_answer()
        if number <= arguments.silent_first:
            return True
        if arguments.enhanced:
            self.say(0, acknowledgement(message, "", b"CA"))
            if arguments.later is not None:
                self.say(arguments.later, acknowledgement(message, arguments.refuse))
            return True
        late, seconds = arguments.late_first
        wrong = b"NOT-THIS-ONE" if number <= arguments.wrong_first else None
        self.say(seconds if number <= late else 0,
                 acknowledgement(message, arguments.refuse, None, wrong))
        return True

    def say(self, seconds, answer):
        """Now, or after so many seconds if the connection is still there."""
        def send():
            try:
                self.connection.sendall(answer)
            except OSError:
                pass
        if seconds == 0:
            send()
        else:
            threading.Timer(seconds, send).start()


def outcome(refusal):
    """A FHIR server's answer: (content type, body)."""
    return "application/fhir+json", json.dumps({"resourceType": "OperationOutcome", "issue": [{
        "severity": "error" if refusal else "information",
        "code": "processing" if refusal else "informational",
        "diagnostics": refusal or "taken"}]}).encode()


def mcci(refusal):
    """Kanta's acknowledgement, HL7 V3: (content type, body)."""
    code = "AE" if refusal else "AA"
    detail = f"<acknowledgementDetail><text>{refusal}</text></acknowledgementDetail>" if refusal else ""
    return "application/xml", (f'<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3"><acknowledgement><typeCode code="{code}"/>'
                               f"{detail}</acknowledgement></MCCI_IN000002UV01>").encode()


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
        refusal = shelf.arguments.refuse
        if shelf.mood().get("unwell"):
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        number = shelf.keep("http.json", body)
        content_type, answer = (mcci if shelf.arguments.system == "kanta" else outcome)(refusal)
        self.send_response(422 if refusal else shelf.arguments.status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(answer)))
        if not refusal:
            place = self.path.rstrip("/") + (f"/{number}" if self.command == "POST" else "")
            self.send_header("Location", f"{place}/_history/{number}")
            self.send_header("ETag", f'W/"{number}"')
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


def receipt_file(arguments, name):
    """(name, content) of what the system leaves beside a file that it has taken."""
    refusal = arguments.refuse
    if arguments.system == "effica":
        state = "HYLATTY" if refusal else "OK"
        return f"{name}.kuittaus.csv", f"tiedosto;tila;selite\n{name};{state};{refusal}\n"
    if arguments.system == "pro-consona":
        state = "hylatty" if refusal else "hyvaksytty"
        return f"{name}.kuittaus.xml", (f'<Kuittaus tiedosto="{name}" tila="{state}">'
                                        f"<Selite>{refusal}</Selite></Kuittaus>")
    return f"{name}.receipt.json", json.dumps({"file": name, "reason": refusal,
                                               "status": "rejected" if refusal else "accepted"})


def watch(arguments):
    shelf = Shelf(arguments)
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    print(f"watching {folder}", flush=True)
    ignored = re.compile(r"^\.|\.(part|tmp|receipt\.json|kuittaus\.csv|kuittaus\.xml)$")
    while True:
        for name in sorted(os.listdir(folder)):
            if shelf.mood().get("unwell") or ignored.search(name) or not (folder / name).is_file() or shelf.should_fail():
                continue
            shelf.keep("drop.xml", (folder / name).read_bytes())
            if arguments.receipts == "none":
                (folder / name).unlink()
                continue
            receipt, content = receipt_file(arguments, name)
            part = folder / f".{receipt}.part"
            part.write_text(content, encoding="utf-8")
            part.rename(folder / receipt)
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
    parser.add_argument("--silent-first", type=int, default=0)
    parser.add_argument("--late-first", type=float, nargs=2, default=(0, 0))
    parser.add_argument("--wrong-first", type=int, default=0)
    parser.add_argument("--enhanced", action="store_true")
    parser.add_argument("--later", type=float)
    parser.add_argument("--status", type=int, default=201)
    parser.add_argument("--receipts", choices=["whole", "none"], default="whole")
    parser.add_argument("--system", choices=["kanta", "effica", "pro-consona"])
    parser.add_argument("--mood", type=Path)
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

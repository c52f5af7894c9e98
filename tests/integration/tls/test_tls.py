# SPDX-License-Identifier: Apache-2.0
"""A whole hub under TLS: senders and receivers are Python's ssl, `openssl s_client` and curl.

Oberon sends by MLLP with a certificate named sender.example.fi and takes plans by MLLP; Lifecare sends
by HTTP with the URI urn:example:oberon in its certificate and takes plans by HTTPS.
"""
import datetime
import json
import random
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT / "tests/lib"), str(ROOT / "tests/county")]
import fhir  # noqa: E402
import hl7  # noqa: E402
import people  # noqa: E402
from hub import Hub, Receiver, acknowledgement, exchange, wait_until  # noqa: E402
from ports import held_ports  # noqa: E402

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
HOUR = datetime.timedelta(hours=1)
SECONDS = 30


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="punos-tls-hub-"))
        cls.ca = cls.folder / "ca"
        subprocess.run([ROOT / "tests/lib/make_ca.sh", cls.ca], check=True)
        cls.receivers = {name: Receiver(kind, cls.folder / name, "--tls", str(cls.ca), "hub")
                         for name, kind in (("oberon", "mllp"), ("lifecare", "http"))}
        port_of = {name: r.address.rsplit(":", 1)[1] for name, r in cls.receivers.items()}
        cls.mllp_port = held_ports(1)[0]
        # Towards its partners the hub shows the certificate `uri`, whose common name is Integration.
        own = f"certificate: {cls.ca}/hub.pem, key: {cls.ca}/hub.key, ca: {cls.ca}/ca.pem"
        out = f"certificate: {cls.ca}/uri.pem, key: {cls.ca}/uri.key, ca: {cls.ca}/ca.pem"
        systems = [
            "  - name: oberon",
            f'    listen: "127.0.0.1:{cls.mllp_port}"',
            f'    deliver: "localhost:{port_of["oberon"]}"',
            f"    tls: {{ {own}, peer: [nobody.example.fi, sender.example.fi] }}",
            "  - name: lifecare",
            f'    deliver: "https://localhost:{port_of["lifecare"]}/fhir"',
            f'    tls: {{ {out}, peer: "urn:example:oberon" }}']
        cls.hub = Hub(systems=(), more_systems=systems, tls=cls.ca)
        cls.hub.start()
        cls.random = random.Random(5)
        cls.count = 0

    @classmethod
    def tearDownClass(cls):
        cls.hub.__exit__(None)
        for receiver in cls.receivers.values():
            receiver.stop()
        shutil.rmtree(cls.folder)

    # --- Helps -----------------------------------------------------------------------------------

    def message(self):
        cls = type(self)
        cls.count += 1
        self.person = people.Person(self.random, cls.count)
        start = NOW - HOUR
        return hl7.adt("A04", f"T{cls.count}", start, self.person,
                       {"class": "E", "unit": "POLI1", "service": "15", "id": f"V{cls.count}",
                        "start": start})

    def context(self, who, version=ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=f"{self.ca}/ca.pem")
        context.minimum_version = context.maximum_version = version
        if version < ssl.TLSVersion.TLSv1_2:  # what OpenSSL itself hardly does any more
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        if who:
            context.load_cert_chain(f"{self.ca}/{who}.pem", f"{self.ca}/{who}.key")
        return context

    def connect(self, who, port=None, **more):
        plain = socket.create_connection(("127.0.0.1", port or self.mllp_port), SECONDS)
        return self.context(who, **more).wrap_socket(plain, server_hostname="localhost")

    def ask(self, connection, message=None):
        return acknowledgement(exchange(connection, message or self.message()))[0]

    def metric(self, name, use):
        for line in self.hub.get("/metrics").decode().splitlines():
            if line.startswith(name + "{") and f'use="{use}"' in line:
                return int(float(line.rsplit(" ", 1)[1]))
        return 0

    def grows(self, name, use, before):
        wait_until(lambda: self.metric(name, use) > before, SECONDS, f"{name} of {use} to grow")

    # --- MLLP ------------------------------------------------------------------------------------

    def test_a_named_sender_is_acknowledged(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.connect("sender", version=version) as connection:
                self.assertEqual(self.ask(connection), "AA")
                self.assertEqual(self.ask(connection), "AA")

    def test_others_are_refused_and_it_shows(self):
        for who, metric in (("other", "punos_tls_refused_total"), (None, "punos_tls_failed_total"),
                            ("expired", "punos_tls_failed_total"),
                            ("stranger", "punos_tls_failed_total"),
                            ("person", "punos_tls_refused_total")):
            with self.subTest(who):
                before = self.metric(metric, "oberon-in")
                with self.assertRaises(OSError):
                    with self.connect(who) as connection:
                        self.ask(connection)
                self.grows(metric, "oberon-in", before)
        log = self.hub.log.read_text(encoding="utf-8")
        self.assertIn("certificate=other.example.fi", log)
        self.assertNotIn("Mallikas", log)

    def test_old_protocols_and_plain_peers_are_refused(self):
        with self.assertRaises(OSError):
            self.connect("sender", version=ssl.TLSVersion.TLSv1_1)
        with socket.create_connection(("127.0.0.1", self.mllp_port), SECONDS) as plain:
            with self.assertRaises(OSError):
                self.ask(plain)

    def test_openssl_s_client_is_acknowledged(self):
        frame = b"\x0b" + self.message() + b"\x1c\r"
        client = subprocess.Popen(
            ["openssl", "s_client", "-quiet", "-connect", f"localhost:{self.mllp_port}",
             "-CAfile", f"{self.ca}/ca.pem", "-verify_return_error", "-verify_hostname", "localhost",
             "-cert", f"{self.ca}/sender.pem", "-key", f"{self.ca}/sender.key"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            client.stdin.write(frame)
            client.stdin.flush()
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                piece = client.stdout.read1()
                self.assertTrue(piece, "no answer")
                answer += piece
            self.assertEqual(acknowledgement(answer[1:])[0], "AA")
        finally:
            client.kill()
            client.communicate()

    # One thread both sends and listens: OpenSSL allows a connection no second one.
    def pipeline(self, connection, frames, count):
        answers, left = b"", memoryview(frames)
        connection.settimeout(0)
        while answers.count(b"\x1c\r") < count:
            ready = select.select([connection], [connection] if left else [], [], SECONDS)
            self.assertTrue(any(ready), "no answer")
            try:
                left = left[connection.send(left[:16384]):] if left else left
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                piece = connection.recv(65536)
                self.assertTrue(piece, "cut off")
                answers += piece
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
        connection.settimeout(SECONDS)
        return answers

    def test_pipelined_frames_and_a_big_one(self):
        messages = [self.message() for _ in range(200)]
        big = self.message().rstrip(b"\r") + b"\rNTE|1||" + b"x" * 2000000 + b"\r"
        with self.connect("sender") as connection:
            answers = self.pipeline(connection, b"".join(b"\x0b" + m + b"\x1c\r" for m in messages),
                                    len(messages))
            codes = [acknowledgement(a[1:])[0] for a in answers.split(b"\x1c\r")[:-1]]
            self.assertEqual(codes, ["AA"] * len(messages))
            self.assertEqual(self.ask(connection, big), "AA")

    def test_many_connections(self):
        connections = [self.connect("sender") for _ in range(60)]
        for connection in connections:
            self.assertEqual(self.ask(connection), "AA")
        for connection in connections:
            connection.close()

    # --- HTTP in ---------------------------------------------------------------------------------

    def post(self, who):
        self.message()
        start = NOW - HOUR
        bundle = fhir.encounter(f"tls{self.count}", start, self.person, {
            "id": f"tls-{self.count}", "class": "AMB", "contact": "R10", "service": "T11",
            "profession": "30", "profession_text": "sairaanhoitaja", "start": start, "end": NOW,
            "unit": "1.2.246.10.99999999.10.7", "reason": ("A01", "Kipu, yleinen")})
        old, self.hub.context = self.hub.context, self.context(who)
        try:
            return self.hub.send_http("lifecare", bundle)
        finally:
            self.hub.context = old

    def test_http_takes_the_systems_own_certificate_only(self):
        self.assertEqual(self.post("uri")[0], 200)
        before = self.metric("punos_tls_refused_total", "ingest")
        status, _, outcome = self.post("other")
        self.assertEqual((status, outcome["resourceType"]), (403, "OperationOutcome"))
        self.grows("punos_tls_refused_total", "ingest", before)
        before = self.metric("punos_tls_failed_total", "ingest")
        with self.assertRaises(OSError):
            self.post(None)
        self.grows("punos_tls_failed_total", "ingest", before)

    def test_curl_reads_the_api(self):
        def curl(*arguments):
            return subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *arguments],
                                  capture_output=True, text=True, check=False)
        url = f"https://localhost:{self.hub.api_port}/healthz"
        self.assertEqual(curl("--cacert", f"{self.ca}/ca.pem", url).stdout, "200")
        self.assertEqual(curl(url).returncode, 60, "the machine's own authorities do not know it")
        self.assertNotEqual(curl(url.replace("https", "http")).stdout, "200")
        self.assertNotEqual(curl("-k", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0",
                                 url).stdout, "200")
        statement = self.hub.get("/fhir/metadata")
        self.assertTrue(statement["implementation"]["url"].startswith("https://"))

    # --- Out -------------------------------------------------------------------------------------

    def test_a_plan_is_delivered_to_receivers_that_ask_for_a_certificate(self):
        with self.connect("sender") as connection:
            self.assertEqual(self.ask(connection), "AA")
        client = wait_until(lambda: self.hub.find_patient(self.person.code), SECONDS, "the client")
        plan = json.loads((ROOT / "schemas/plan-example.json").read_text(encoding="utf-8"))
        for kept_by_the_hub in ("id", "meta", "created", "author"):
            plan.pop(kept_by_the_hub, None)
        plan = json.loads(json.dumps(plan).replace(plan["subject"]["reference"],
                                                   f"Patient/{client}"))
        status, _, plan = self.hub.call("POST", "/fhir/CarePlan", plan,
                                        {"Content-Type": "application/fhir+json"})
        self.assertEqual(status, 201, plan)

        def are_done():
            state = self.hub.get(f"/fhir/CarePlan/{plan['id']}/$delivery-state")
            tasks = [e["resource"] for e in state.get("entry", [])]
            return len(tasks) == 2 and all(t["status"] == "completed" for t in tasks)
        wait_until(are_done, SECONDS, "both systems to have it")
        self.assertTrue(all(r.files() for r in self.receivers.values()))

    # --- Files -----------------------------------------------------------------------------------

    def test_the_certificates_end_is_a_metric_and_renewal_needs_no_restart(self):
        name = "punos_tls_certificate_not_after_seconds"
        for use in ("api", "ingest", "oberon-in", "oberon-out", "lifecare-out"):
            self.grows(name, use, NOW.timestamp() + 29 * 86400)
        before = self.metric(name, "api")
        renewed = subprocess.run(
            ["openssl", "x509", "-req", "-in", "hub.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
             "-days", "90", "-extfile", "hub.ext"], cwd=self.ca, capture_output=True, check=True)
        (self.ca / "hub.new").write_bytes(renewed.stdout)
        (self.ca / "hub.new").rename(self.ca / "hub.pem")
        for use in ("api", "ingest", "oberon-in"):
            self.grows(name, use, before + 50 * 86400)
        with self.connect("sender") as connection:
            self.assertEqual(self.ask(connection), "AA")

    def check(self, text):
        path = self.folder / "check.yaml"
        path.write_text(text, encoding="utf-8")
        return subprocess.run([self.hub.binary, "config", "check", path], capture_output=True,
                              text=True, check=False)

    def test_config_check_warns_and_refuses(self):
        open_to_all = self.check('api: { listen: "0.0.0.0:8443" }\n')
        self.assertEqual(open_to_all.returncode, 0)
        self.assertIn("warning: api.listen: other machines reach it", open_to_all.stderr)
        files = f"tls: {{ certificate: {self.ca}/%s.pem, key: {self.ca}/%s.key }}"
        good = self.check(f'api: {{ listen: "0.0.0.0:8443", {files % ("other", "other")} }}\n')
        self.assertEqual((good.returncode, good.stderr.count("api.listen")), (0, 0), good.stderr)
        old = self.check(f"api: {{ {files % ('hub-expired', 'hub-expired')} }}\n")
        self.assertIn("warning: api: the certificate has expired", old.stderr)
        mixed = self.check(f"api: {{ {files % ('other', 'sender')} }}\n")
        self.assertEqual(mixed.returncode, 1)
        self.assertIn("another certificate's key", mixed.stderr)
        key = self.ca / "open.key"
        shutil.copy(self.ca / "other.key", key)
        key.chmod(0o644)
        readable = self.check(f"api: {{ {files % ('other', 'open')} }}\n")
        self.assertEqual(readable.returncode, 1)
        self.assertIn("chmod 600", readable.stderr)


if __name__ == "__main__":
    unittest.main()

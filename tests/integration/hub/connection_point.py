# SPDX-License-Identifier: Apache-2.0
"""A connection point to the national archives, played: takes what is posted and answers with an MCCI
acknowledgement, AA, or AE with the archive's words while `refusal` is set."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        point = self.server.point
        point.taken.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        code = "AE" if point.refusal else "AA"
        answer = ('<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3"><acknowledgement>'
                  f'<typeCode code="{code}"/><acknowledgementDetail><text>{point.refusal}</text>'
                  "</acknowledgementDetail></acknowledgement></MCCI_IN000002UV01>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class ConnectionPoint:
    def __init__(self):
        self.taken, self.refusal = [], ""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.point = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

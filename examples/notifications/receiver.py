"""Prints what it is told, once it has verified who told it. Needs nothing but Python.

RETRAIN_WEBHOOK_SECRET=whsec_… python receiver.py 8123
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = base64.b64decode(os.environ["RETRAIN_WEBHOOK_SECRET"].removeprefix("whsec_"))
OLDEST = 300  # seconds; an older message may be somebody's copy


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204 if self._genuine(body) else 401)
        self.end_headers()
        if self._genuine(body):
            told = json.loads(body)
            run = told["data"]
            print(told["type"], run["name"], run["display_name"], flush=True)

    def _genuine(self, body: bytes) -> bool:
        name, stamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = f"{name}.{stamp}.".encode() + body
        mine = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        fresh = abs(time.time() - int(stamp)) < OLDEST
        return fresh and hmac.compare_digest(f"v1,{mine}", self.headers["webhook-signature"])

    def log_message(self, *_: object) -> None:
        """Only what was told."""


HTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()

#!/usr/bin/env bash
# stripe 16.1.0 (Python): two settings of retries that do not reach where one would think.
#
# 1. The global stripe.max_network_retries (2 by default, for the older module-level calls) does not reach a
#    StripeClient: without max_network_retries of its own a client never retries.
# 2. A 429 without Stripe-Should-Retry is never retried, however many retries are allowed; a 503 is.
#
# The script fails if any of that changes. It talks to a server of its own on loopback.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check stripe==16.1.0 requests==2.32.3
"$dir/venv/bin/python" - <<'PYTHON'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import stripe

asked: list[int] = []
status = 503


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked.append(status)
        body = b'{"error":{"message":"later"}}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = {"api": f"http://127.0.0.1:{server.server_port}"}


def requests_for(answer: int, **options: int) -> int:
    global status
    status = answer
    asked.clear()
    client = stripe.StripeClient("sk_test_finding", base_addresses=base, **options)
    try:
        client.v1.charges.retrieve("ch_1")
    except stripe.StripeError:
        pass
    return len(asked)


print("the global default:", stripe.max_network_retries)
assert stripe.max_network_retries == 2
stripe.max_network_retries = 3
found = {
    "503, the global setting says 3": requests_for(503),
    "503, the client says 0": requests_for(503, max_network_retries=0),
    "503, the client says 1": requests_for(503, max_network_retries=1),
    "429, the client says 3": requests_for(429, max_network_retries=3),
}
for name, number in found.items():
    print(f"{name}: {number} requests")
assert found["503, the client says 0"] == 1
assert found["503, the client says 1"] == 2
assert found["503, the global setting says 3"] == 1, "the client does not read the global setting"
assert found["429, the client says 3"] == 1, "a 429 is not retried"
PYTHON

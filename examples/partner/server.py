"""A partner's own site, whole: one page, and a server that asks Craftkit for sessions.

    make dev                              # in one terminal
    python3 examples/partner/server.py    # in another, then open http://localhost:8080

The API key stays here, on the server. The browser is given a session's address and nothing else;
when the session runs out, its page asks this server for a fresh token.

Elsewhere, set CRAFTKIT_API_URL and CRAFTKIT_API_KEY, and allow this site's origin:
`craftkit embed origins --project ID --origin https://…`.
"""

import argparse
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urljoin

HERE = Path(__file__).parent
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/partner.js": ("partner.js", "text/javascript; charset=utf-8"),
    "/partner.css": ("partner.css", "text/css; charset=utf-8"),
}
CUSTOMERS = {
    "delacroix": {
        "name": "Marguerite Delacroix",
        "company": "Atelier Nord SARL",
        "address": "48 rue des Archives\n75004 Paris\nFrance",
    },
    "lovelace": {"name": "Ada Lovelace", "company": "Analytical Engines Ltd"},
}


@dataclass
class Craftkit:
    """The few calls of the API that a partner's server makes.

    `renew_tokens` belongs in the partner's own session store; here it is a dictionary. Each is good
    once: the lock keeps two windows of the same person from spending one twice.
    """

    api_url: str
    api_key: str = field(repr=False)
    renew_tokens: dict[str, str] = field(default_factory=dict, repr=False)
    lock: Lock = field(default_factory=Lock, repr=False)

    def open_invoice(self, visitor: str, customer: str) -> dict[str, str]:
        """A session in which this visitor fills the invoice form for a customer."""
        known = CUSTOMERS[customer]
        opened = self._post(
            "/v1/embed/sessions",
            {
                "tenant": {
                    "externalId": "northwind",
                    "displayName": "Northwind Books",
                    "branding": {"primaryColor": "#7a3ef0"},
                },
                "actor": {"externalId": visitor, "displayName": "Robin Berg"},
                "scope": {"mode": "fill", "templateExternalId": "invoice"},
                "appearance": {"theme": "auto", "borderRadius": 10},
                "form": {
                    "title": f"Invoice for {known['name']}",
                    "submitLabel": "Create invoice",
                    "data": {"customer": known},
                    "filename": "invoice.pdf",
                    "metadata": {"customer": customer},
                },
            },
        )
        self.renew_tokens[visitor] = opened["renew_token"]
        return {
            "iframeUrl": opened["iframe_url"],
            "scriptUrl": urljoin(opened["iframe_url"], "embed/embed.js"),
        }

    def refresh(self, visitor: str) -> dict[str, str]:
        with self.lock:
            renewed = self._post(
                "/v1/embed/sessions/refresh", {"renewToken": self.renew_tokens[visitor]}
            )
            self.renew_tokens[visitor] = renewed["renew_token"]
        return {"sessionToken": renewed["session_token"]}

    def _post(self, path: str, body: object) -> dict[str, Any]:
        request = urllib.request.Request(
            self.api_url + path,
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.api_key}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))


class Handler(BaseHTTPRequestHandler):
    craftkit: Craftkit
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = FILES.get(self.path)
        if found is None:
            self._answer(404, b"Not found", "text/plain")
            return
        name, media_type = found
        cookie = f"visitor={self._visitor or secrets.token_urlsafe(16)}"
        self._answer(
            200,
            (HERE / name).read_bytes(),
            media_type,
            {"Set-Cookie": f"{cookie}; HttpOnly; SameSite=Strict; Path=/"},
        )

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        visitor = self._visitor
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
            if visitor is None:
                raise KeyError("visitor")
            if self.path == "/session":
                answer = self.craftkit.open_invoice(visitor, body["customer"])
            elif self.path == "/refresh":
                answer = self.craftkit.refresh(visitor)
            else:
                self._json(404, {"message": "There is no such route."})
                return
        except urllib.error.HTTPError as error:
            # The page gets only a general message; the reason is written to the log.
            print(error.read().decode(errors="replace"), file=sys.stderr)
            self._json(502, {"message": "The documents are not available just now."})
        except (KeyError, TypeError, ValueError):
            self._json(400, {"message": "This request does not fit."})
        else:
            self._json(200, answer)

    @property
    def _visitor(self) -> str | None:
        """Who this is: a real partner reads it from its own sign-in."""
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("visitor")
        return cookie.value if cookie else None

    def _json(self, status: int, body: object) -> None:
        self._answer(status, json.dumps(body).encode(), "application/json")

    def _answer(
        self, status: int, content: bytes, media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": media_type,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def stack_file() -> Path:
    """What `make dev` wrote about the stack that it runs."""
    return HERE.parents[1] / ".local" / "stack.json"


def connect(stack: Path) -> Craftkit:
    url, key = os.environ.get("CRAFTKIT_API_URL"), os.environ.get("CRAFTKIT_API_KEY")
    if url and key:
        return Craftkit(url.rstrip("/"), key)
    if not stack.exists():
        raise SystemExit(
            "Start the local stack first (make dev), or set CRAFTKIT_API_URL and CRAFTKIT_API_KEY."
        )
    running = json.loads(stack.read_text(encoding="utf-8"))
    return Craftkit(running["apiUrl"], running["keys"]["test"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--stack", type=Path, default=stack_file(), metavar="stack.json")
    arguments = parser.parse_args()
    Handler.craftkit = connect(arguments.stack)
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    print(f"A partner's site is at http://localhost:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()

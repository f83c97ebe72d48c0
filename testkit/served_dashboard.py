"""Serves the dashboard's function at a local URL, on moto's tables, for fast browser tests."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from playwright.sync_api import Page as BrowserPage

from craftkit.projects.models import User
from testkit.cloud import Cloud, LambdaContext, variables
from testkit.events import event
from testkit.visitor import dashboard_event


class ServedDashboard:
    """`url` is its URL. `requests` has method and path of each request, in order."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = Lock()
        self.requests: list[tuple[str, str]] = []
        self.is_down = False
        """Whether every response is the gateway's error of a failed function."""
        dashboard = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                dashboard._answer(self)

            def do_POST(self) -> None:
                dashboard._answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def sign_in(self, page: BrowserPage, person: User) -> None:
        """Give the browser a signed-in session."""
        from dashboard import session
        from dashboard.web import Request

        line = session.begin(Request(event("dashboard")), person)
        name, _, value = line.split("; ")[0].partition("=")
        page.context.add_cookies([{"name": name, "value": value, "url": self.url}])

    def _answer(self, call: BaseHTTPRequestHandler) -> None:
        length = int(call.headers.get("Content-Length") or 0)
        body = call.rfile.read(length)
        self.requests.append((call.command, call.path))
        if self.is_down:
            self._send(call, 502, {"Content-Type": "application/json"}, b"{}")
            return
        headers = {name.lower(): value for name, value in call.headers.items()}
        with self._lock:
            answer = self._cloud.module("dashboard").handler(
                dashboard_event(call.command, call.path, headers, body),
                LambdaContext("DashboardFunction"),
            )
        content = answer["body"].encode()
        if answer["isBase64Encoded"]:
            content = base64.b64decode(content)
        cookies = answer["multiValueHeaders"].get("Set-Cookie", [])
        self._send(call, answer["statusCode"], answer["headers"], content, cookies)

    @staticmethod
    def _send(
        call: BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        content: bytes,
        cookies: list[str] | tuple[()] = (),
    ) -> None:
        call.send_response(status)
        for name, value in headers.items():
            call.send_header(name, value)
        for cookie in cookies:
            call.send_header("Set-Cookie", cookie)
        call.send_header("Content-Length", str(len(content)))
        call.end_headers()
        call.wfile.write(content)


@contextmanager
def served_dashboard(cloud: Cloud) -> Iterator[ServedDashboard]:
    made = ServedDashboard(cloud)
    known = {**cloud.environment("DashboardFunction"), "PAGES_ORIGIN": made.url}
    thread = Thread(target=made.server.serve_forever, daemon=True)
    with variables(known):
        thread.start()
        try:
            yield made
        finally:
            made.server.shutdown()
            made.server.server_close()
            thread.join()

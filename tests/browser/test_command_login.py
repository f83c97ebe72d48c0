"""`craftkit login` in Chromium: the browser follows the redirect to the command."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import expect

from craftkit.keys import service as keys
from craftkit.projects.models import Project
from testkit.browser import grave_faults
from testkit.served_dashboard import ServedDashboard
from tests.browser.conftest import ADA, OpenPage

VERIFIER = "v" * 64
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def test_the_user_connects_a_project_and_the_command_gets_the_code(
    dashboard: ServedDashboard, project: Project, open_page: OpenPage
) -> None:
    received: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            received.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Done</title><h1>Logged in</h1>")

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    request = {
        "port": server.server_port, "state": "s" * 32, "challenge": CHALLENGE, "machine": "laptop",
    }  # fmt: skip
    page = open_page()
    dashboard.sign_in(page, ADA)
    page.goto(f"{dashboard.url}/dashboard/connect?{urlencode(request)}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Connect the craftkit command")
    assert grave_faults(page) == []
    page.get_by_role("button", name="Connect with a test key").click()
    expect(page.get_by_role("heading", name="Logged in")).to_be_visible()
    server.shutdown()
    server.server_close()
    sent = parse_qs(urlsplit(next(path for path in received if "code=" in path)).query)
    assert sent["state"] == ["s" * 32]
    assert len(keys.list_keys(project.id)[0]) == 1

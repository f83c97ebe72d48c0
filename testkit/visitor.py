"""A client of the dashboard for tests: it keeps cookies, follows no redirects, and posts forms."""

import base64
import gzip
import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from craftkit.projects.models import User
from testkit.cloud import Cloud
from testkit.events import event

API_ORIGIN = "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com"
"""The API's default endpoint in the event, for a stage without a domain."""


def dashboard_event(
    method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> dict[str, Any]:
    """A browser's request as the dashboard's REST API passes it: bodies in Base64.

    Args:
        path: below the API's host, with its query, such as `/dashboard/sign-in?to=/dashboard`.
        headers: by lower-case name, added to those of `events/dashboard.json`.
    """
    parts = urlsplit(path)
    query = parse_qs(parts.query, keep_blank_values=True)
    sent: dict[str, Any] = event("dashboard")
    below = parts.path.removeprefix("/dashboard") or "/"
    sent |= {
        "httpMethod": method,
        "path": below,
        "resource": "/{proxy+}",
        "pathParameters": {"proxy": below.removeprefix("/")},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
    }
    sent["requestContext"] |= {
        "httpMethod": method,
        "path": parts.path,
        "resourcePath": "/{proxy+}",
    }
    sent["headers"] |= headers
    sent["multiValueHeaders"] |= {name: [value] for name, value in headers.items()}
    if body:
        sent |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return sent


@dataclass(frozen=True)
class Page:
    """A response of the dashboard with its decompressed body."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def words(self) -> str:
        """The approximate visible text of the page."""
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.text)))

    @property
    def location(self) -> str:
        return self.headers["Location"]


def older(page: Page) -> str:
    """The address of the next page of a list; empty on its last one."""
    return _link(page, "next")


def newer(page: Page) -> str:
    """The address of the page before; empty on the newest one."""
    return _link(page, "prev")


def _link(page: Page, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]*)"', page.text)
    return unescape(found[1]) if found else ""


class Visitor:
    """A user of the dashboard, signed in after `signs_in`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.jar: dict[str, str] = {}
        self.csrf = ""
        variables = cloud.environment("DashboardFunction")
        self.origin = variables.get("PAGES_ORIGIN") or API_ORIGIN

    def signs_in(self, person: User) -> "Visitor":
        """Create a session without the hosted page, which has its own tests."""
        from dashboard import session
        from dashboard.web import Request

        with self._cloud.as_function("DashboardFunction"):
            self._keep([session.begin(Request(event("dashboard")), person)])
            self.csrf = self._session().csrf
        return self

    def get(self, path: str, **headers: str) -> Page:
        return self._ask("GET", path, None, headers)

    def post(
        self, path: str, form: dict[str, Any] | None = None, *, csrf: str | None = None,
        **headers: str,
    ) -> Page:  # fmt: skip
        """Post a form of a page. Header names have underscores instead of hyphens."""
        fields = {"csrf": self.csrf if csrf is None else csrf, **(form or {})}
        return self._ask("POST", path, urlencode(fields, doseq=True), headers)

    def follow(self, page: Page) -> Page:
        assert page.status == 303, (page.status, page.words)
        return self.get(page.location)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Page:
        given = {"cookie": cookie} if (cookie := self._cookie()) else {}
        if body is not None:
            given |= {"origin": self.origin, "sec-fetch-site": "same-origin"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = dashboard_event(method, path, given, body.encode() if body is not None else b"")
        answer = self._cloud.invoke("dashboard", sent)
        cookies = answer["multiValueHeaders"].get("Set-Cookie", [])
        self._keep(cookies)
        content = answer["body"].encode()
        if answer["isBase64Encoded"]:
            content = base64.b64decode(content)
        if answer["headers"].get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return Page(answer["statusCode"], answer["headers"], cookies, content)

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            pair, *attributes = line.split("; ")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.jar.items())

    def _session(self) -> Any:
        from dashboard import session
        from dashboard.web import Request

        sent = dashboard_event("GET", "/dashboard", {"cookie": self._cookie()})
        current = session.current(Request(sent))
        assert current
        return current

"""A browser without a window: it keeps cookies, follows no redirect, and posts forms."""

import base64
import gzip
import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

from craftkit.projects.models import User
from testkit.cloud import Cloud
from testkit.events import event

API_ORIGIN = "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com"
"""Where the event's own API is, for a stage without a domain."""


@dataclass(frozen=True)
class Page:
    """What the dashboard answered, its body unpacked."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def words(self) -> str:
        """The text that a reader sees, more or less."""
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.text)))

    @property
    def location(self) -> str:
        return self.headers["Location"]


class Visitor:
    """Somebody at the dashboard; nobody until `signs_in`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.jar: dict[str, str] = {}
        self.csrf = ""
        variables = cloud.environment("DashboardFunction")
        self.origin = variables.get("PAGES_ORIGIN") or API_ORIGIN

    def signs_in(self, person: User) -> "Visitor":
        """Skip the hosted page: what it would have led to is tested on its own."""
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
        """Post a form as one of our pages would. Header names with underscores for hyphens."""
        fields = {"csrf": self.csrf if csrf is None else csrf, **(form or {})}
        return self._ask("POST", path, urlencode(fields, doseq=True), headers)

    def follow(self, page: Page) -> Page:
        assert page.status == 303, (page.status, page.words)
        return self.get(page.location)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Page:
        parts = urlsplit(path)
        sent: dict[str, Any] = event("dashboard")
        sent["rawPath"] = sent["requestContext"]["http"]["path"] = parts.path
        sent["rawQueryString"] = parts.query
        sent["requestContext"]["http"]["method"] = method
        sent["cookies"] = [f"{name}={value}" for name, value in self.jar.items()]
        if body is not None:
            # As the gateway hands a form over.
            sent |= {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}
            sent["headers"] |= {"origin": self.origin, "sec-fetch-site": "same-origin"}
        sent["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._cloud.invoke("dashboard", sent)
        self._keep(answer["cookies"])
        content = answer["body"].encode()
        if answer["isBase64Encoded"]:
            content = base64.b64decode(content)
        if answer["headers"].get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return Page(answer["statusCode"], answer["headers"], answer["cookies"], content)

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            pair, *attributes = line.split("; ")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    def _session(self) -> Any:
        from dashboard import session
        from dashboard.web import Request

        sent = event("dashboard")
        sent["cookies"] = [f"{name}={value}" for name, value in self.jar.items()]
        current = session.current(Request(sent))
        assert current
        return current

"""Embed: creating a session without AWS calls, a preview after a key press, the page's weight."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from statistics import median
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from moto import mock_aws
from playwright.sync_api import Page

from benchmarks.measurement import Result, milliseconds
from benchmarks.stack import running_stack
from craftkit.embed.page import html
from testkit.browser import chromium
from testkit.cloud import Cloud, forget, variables
from testkit.embed import partnership, session_body
from testkit.events import event
from testkit.project import make_project
from testkit.template import REGION, template

_MINTS = 200
_KEYSTROKES = 25
_SHOWN = ".pages:not([data-shown='0'])"
_UNTIL_SHOWN = """(text) => new Promise((resolve) => {
  const pages = document.querySelector(".pages");
  const input = [...document.querySelectorAll("input")].find((one) => one.type === "text");
  const started = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - started));
  }).observe(pages, { attributes: true, attributeFilter: ["data-shown"] });
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def measure() -> Iterable[Result]:
    yield _mint()
    yield from _weight()
    yield from _preview()


def _mint() -> Result:
    """The handler's own time, warm, without the AWS client and the network."""
    silent = StringIO()
    credentials = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
    }
    with (
        patch.dict(os.environ, {**credentials, "AWS_DEFAULT_REGION": REGION}),
        mock_aws(),
        redirect_stderr(silent),
        redirect_stdout(silent),
    ):
        cloud = Cloud(template())
        forget()
        with variables(cloud.environment()):
            project = make_project()
            partnership(project)
            asked = event("create_embed_session", principal=project.principal, body=session_body())
            handler = cloud.module("create_embed_session").handler
            function = "CreateEmbedSessionFunction"
            with (
                variables(cloud.environment(function)),
                _replayed(lambda: handler(asked, _Context())),
            ):
                own = [milliseconds(lambda: handler(asked, _Context())) for _ in range(_MINTS)]
                assert handler(asked, _Context())["statusCode"] == 201
        forget()
    return Result(
        "embed.mint.warm",
        median(own[20:]),
        "ms",
        target="value <= 3",
        note="with an AWS client that answers at once",
    )


@contextmanager
def _replayed(work: Callable[[], object]) -> Iterator[None]:
    """Replay recorded responses to the AWS client's calls without delay, by operation and item."""
    make_call = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001
    recorded: dict[str, Any] = {}

    def noted(client: Any, operation: str, parameters: Any) -> Any:
        answer = make_call(client, operation, parameters)
        recorded[_item(operation, parameters)] = answer
        return answer

    def replayed(_client: Any, operation: str, parameters: Any) -> Any:
        return dict(recorded[_item(operation, parameters)])

    with patch.object(BaseClient, "_make_api_call", noted):
        work()
    with patch.object(BaseClient, "_make_api_call", replayed):
        yield


def _item(operation: str, parameters: dict[str, Any]) -> str:
    return f"{operation} {parameters.get('TableName')} {parameters.get('Key')}"


class _Context:
    """The context object that Lambda passes to a handler."""

    function_name = "CreateEmbedSessionFunction"
    function_version = "1"
    memory_limit_in_mb = 512
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"


def _weight() -> Iterable[Result]:
    """The compressed bytes that the page loads before it shows a form."""
    files = [len(html.asset(name).compressed) for name in ("page.js", "page.css")]
    yield Result("embed.page.weight", sum(files) / 1000, "kB", target="value <= 60")


def _preview() -> Iterable[Result]:
    stack = running_stack()
    form = {"data": {"customer": {"name": "Ada Lovelace"}, "total": "42.00"}}
    opened = stack.call("POST", "/v1/embed/sessions", json=session_body(form=form)).json()
    with chromium() as browser:
        shown = browser.new_page(viewport={"width": 1280, "height": 900})
        shown.goto(opened["iframe_url"])
        shown.wait_for_selector(_SHOWN, timeout=60_000)
        times = sorted(_keystroke(shown, number) for number in range(_KEYSTROKES + 5))
    note = "from a keystroke to its preview, while no other preview is running"
    yield Result(
        "embed.preview.p50", times[len(times) // 2], "ms", target="value <= 120", note=note
    )
    yield Result("embed.preview.p90", times[len(times) * 9 // 10], "ms")


def _keystroke(shown: Page, number: int) -> float:
    taken: float = shown.evaluate(_UNTIL_SHOWN, f"2026-{number:03}")
    return taken

"""The dashboard: page weight, server time, first paint and layout shift."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from statistics import median
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from moto import mock_aws
from playwright.sync_api import Page

from benchmarks.measurement import Result
from benchmarks.stack import running_stack
from testkit.browser import chromium
from testkit.cloud import Cloud, forget, variables
from testkit.dashboard import PAGES, project_url, settle, sign_in
from testkit.template import REGION, template

_ROUNDS = 20
_AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
_CALL = "_make_api_call"
# In a browser, compressed. Images of documents are content and not counted.
_COUNTED = ("Document", "Stylesheet", "Script", "Image")
_OBSERVE = """() => {
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""
_SEEN = """() => [
  performance.getEntriesByName("first-contentful-paint")[0].startTime -
    performance.getEntriesByType("navigation")[0].responseStart,
  window.shift,
]"""


def measure() -> Iterator[Result]:
    slowest, own = max(_own_times().items(), key=lambda item: item[1])
    yield Result(
        "dashboard.own_time.p50",
        own,
        "ms",
        target="value <= 30",
        note=f"The slowest page, {slowest}, warm, without the time of AWS calls.",
    )
    weights, paints, shifts = _in_browser()
    heaviest = max(weights, key=lambda name: weights[name])
    yield Result(
        "dashboard.page_weight",
        weights[heaviest] / 1000,
        "kB",
        target="value <= 50",
        note=f"The heaviest page, {heaviest}, with nothing cached, compressed, without images "
        "of documents.",
    )
    yield Result(
        "dashboard.first_paint.p50",
        median(paints.values()),
        "ms",
        note="First contentful paint after the first byte, nothing cached, median of all pages.",
    )
    jumpiest = max(shifts, key=lambda name: shifts[name])
    yield Result(
        "dashboard.layout_shift",
        shifts[jumpiest],
        "",
        target="value <= 0.1",
        note=f"Cumulative, of the page that moves most, {jumpiest}.",
    )


def _own_times() -> dict[str, float]:
    """Milliseconds of own time for each page, in this process, with moto."""
    from craftkit.projects import members
    from craftkit.projects.models import User
    from testkit.project import make_project
    from testkit.visitor import Visitor

    ada = User(sub="ada", email="ada@example.com")
    # The handler's logs and metrics are not part of the report.
    silent = StringIO()
    with (
        patch.dict(os.environ, _AWS),
        mock_aws(),
        redirect_stdout(silent),
        redirect_stderr(silent),
    ):
        cloud = Cloud(template())
        forget()
        with variables(cloud.environment()):
            project = make_project()
            members.add_member(project.id, ada, "owner", by="benchmark")
            visitor = Visitor(cloud).signs_in(ada)
            base = f"/dashboard/projects/{project.id}"
            return {
                name: _own_time(visitor, base + path)
                for name, path in PAGES.items()
                if name != "gallery"  # its images are requested one by one
            }


def _own_time(visitor: Any, path: str) -> float:
    visitor.get(path)
    taken = []
    for _ in range(_ROUNDS):
        with _aws_time() as waited:
            started = time.perf_counter()
            visitor.get(path)
            taken.append(time.perf_counter() - started - sum(waited))
    return median(taken) * 1000


@contextmanager
def _aws_time() -> Iterator[list[float]]:
    """The seconds that each call of an AWS client took."""
    waited: list[float] = []
    call = getattr(BaseClient, _CALL)

    def timed(*arguments: Any, **how: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*arguments, **how)
        finally:
            waited.append(time.perf_counter() - started)

    with patch.object(BaseClient, _CALL, timed):
        yield waited


def _in_browser() -> tuple[dict[str, int], dict[str, float], dict[str, float]]:
    """Bytes, milliseconds to the first paint and layout shift of each page, by its name."""
    stack = running_stack()
    weights, paints, shifts = {}, {}, {}
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        sign_in(page, stack)
        page.add_init_script(f"({_OBSERVE})()")
        for name, path in PAGES.items():
            weights[name] = _weigh(page, project_url(stack) + path)
            paints[name], shifts[name] = page.evaluate(_SEEN)
    return weights, paints, shifts


def _weigh(page: Page, url: str) -> int:
    """Open a page with an empty cache. Returns the compressed bytes."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    kinds: dict[str, bool] = {}
    sizes: dict[str, float] = {}

    def received(event: dict[str, Any]) -> None:
        is_document_image = event["response"]["mimeType"] == "image/png"
        kinds[event["requestId"]] = event["type"] in _COUNTED and not is_document_image

    session.on("Network.responseReceived", received)
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
    )
    page.goto(url)
    settle(page)
    session.detach()
    return round(sum(size for request, size in sizes.items() if kinds.get(request)))

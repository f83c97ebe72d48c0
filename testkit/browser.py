"""A real Chromium for the tests, and the findings of axe-core on a page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Frame, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
# The browser makes no requests of its own; other host names resolve to this machine.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP *.example 127.0.0.1",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless. Skips the test if there is none."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def grave_faults(frame: Page | Frame) -> list[str]:
    """The serious and critical findings of axe-core, one line each: rule and element."""
    frame.evaluate(_AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = frame.evaluate("() => axe.run(document)")
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]

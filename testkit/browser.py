"""A real Chromium for the tests, and what axe-core says of the pages that it shows."""

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
# Nothing of the browser's own leaves this machine; names of other sites lead back to it.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP *.example 127.0.0.1",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless. Skips where there is none."""
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
    """What axe-core calls serious or critical, one line each: rule, and where."""
    frame.evaluate(_AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = frame.evaluate("() => axe.run(document)")
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]

"""Measures other programs and Craftkit alternately with the same invoice."""

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import zxingcpp

from benchmarks import invoice
from benchmarks.measurement import Result, medians, milliseconds
from benchmarks.rivals.page import html
from deployment.workspace import TOOLS
from local import prepare
from typesetting.sandbox import font_folders

_HERE = Path(__file__).parent
_ROUNDS = 15
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_BROWSER_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-pdf-header-footer",
)  # fmt: skip

_numbers = itertools.count(10_000)

Measure = Callable[[], float]


def contest(ours: Measure) -> Iterable[Result]:
    """A line for each rival. One that cannot be had is left out, and said."""
    with TemporaryDirectory() as folder:
        code = Path(folder) / "code.svg"
        url = invoice.data(0)["payment"]["url"]
        code.write_text(zxingcpp.create_barcode(url, zxingcpp.BarcodeFormat.QRCode).to_svg())
        for name, target, program in (
            ("weasyprint", "ratio <= 0.167", "with_weasyprint.py"),
            ("reportlab", None, "with_reportlab.py"),
        ):
            try:
                with _program(program, code) as rival:
                    yield _against(name, target, ours, rival)
            except (OSError, SystemExit, ValueError) as reason:
                print(f"    {name} could not be had: {reason}", file=sys.stderr)
        browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
        if browser is None:
            print("    chromium could not be had: it is not installed", file=sys.stderr)
            return
        yield _against("chromium", "ratio <= 0.025", ours, lambda: _printed(browser, folder))
        with _living_browser(browser) as living:
            yield _against("chromium_kept_open", None, ours, living)


def _against(name: str, target: str | None, ours: Measure, theirs: Measure) -> Result:
    mine, rivals = medians(ours, theirs, rounds=_ROUNDS, warm_up=2)
    return Result(f"typesetting.against_{name}", mine, "ms", baseline=(name, rivals), target=target)


@contextmanager
def _program(name: str, code: Path) -> Iterator[Measure]:
    """A rival's process, which says itself how long a document took it."""
    prepare.prepare_tool(TOOLS / "uv" / "bin" / "uv", _python(), "rivals")
    python = TOOLS / "rivals" / "bin" / "python"
    process = subprocess.Popen(
        [str(python), str(_HERE / name), _fonts(), str(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_HERE,
    )

    def measure() -> float:
        assert process.stdin
        assert process.stdout
        print(json.dumps(_next()), file=process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return float(answer["milliseconds"])

    try:
        yield measure
    finally:
        process.kill()
        process.communicate()


def _printed(browser: str, folder: str) -> float:
    """A browser that is started for the document, as a command line does it."""
    page, pdf = Path(folder) / "page.html", Path(folder) / "page.pdf"
    page.write_text(html(_next(), _fonts(), "<svg/>"), encoding="utf-8")
    command = [browser, *_BROWSER_FLAGS, f"--print-to-pdf={pdf}", page.as_uri()]
    taken = milliseconds(lambda: subprocess.run(command, check=True, capture_output=True))
    pdf.unlink()
    return taken


@contextmanager
def _living_browser(browser: str) -> Iterator[Measure]:
    """A browser that stays open, and prints one page after the other."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page()

        def measure() -> float:
            content = html(_next(), _fonts(), "<svg/>")

            def made() -> None:
                page.set_content(content)
                page.pdf(format="A4")

            return milliseconds(made)

        try:
            yield measure
        finally:
            opened.close()


def _next() -> invoice.Data:
    return invoice.data(next(_numbers))


def _fonts() -> str:
    return Path(font_folders()[0]).as_uri()


def _python() -> str:
    return (TOOLS / "python.txt").read_text() if (TOOLS / "python.txt").exists() else sys.executable

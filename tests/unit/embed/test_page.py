"""The embedded page's assets: one small script that a strict content security policy allows."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from craftkit.embed.page import html

ASSETS = Path(html.__file__).parent / "assets"
LIMIT_BYTES = 60 * 1000


def test_the_script_contains_every_module_once_without_imports_and_exports() -> None:
    modules = {path.stem for path in ASSETS.glob("*.js")} - {"embed"}
    assert set(html._MODULES) == modules
    script = html.script()
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    for name in modules:
        first_comment = (ASSETS / f"{name}.js").read_text(encoding="utf-8").splitlines()[0]
        assert script.count(first_comment) == 1


def test_a_module_follows_the_modules_that_it_imports() -> None:
    for place, name in enumerate(html._MODULES):
        text = (ASSETS / f"{name}.js").read_text(encoding="utf-8")
        for imported in re.findall(r'from "\./(\w+)\.js"', text):
            assert html._MODULES.index(imported) < place, (name, imported)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to read it with")
def test_the_script_is_valid_and_has_no_duplicate_name(tmp_path: Path) -> None:
    file = tmp_path / "page.mjs"
    file.write_text(html.script(), encoding="utf-8")
    checked = subprocess.run(["node", "--check", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_page_and_its_assets_are_below_60_kb() -> None:
    weight = sum(len(html.asset(name).compressed) for name in ("page.js", "page.css"))
    assert weight < LIMIT_BYTES


def test_no_module_writes_html_or_uses_browser_storage() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function"
        r"|localStorage|sessionStorage|document\.cookie|indexedDB"
    )
    for path in ASSETS.glob("*.js"):
        assert not forbidden.search(path.read_text(encoding="utf-8")), path.name


def test_the_page_loads_nothing_from_other_origins() -> None:
    for name in ("page.js", "page.css"):
        text = html.asset(name).content.decode()
        urls = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert urls <= {"https://"}, urls

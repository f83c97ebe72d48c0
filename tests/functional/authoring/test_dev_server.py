"""The server of `craftkit templates dev`: state, pages and events over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_socket

from craftkit_cli import main as cli
from craftkit_cli.authoring import local_preview
from craftkit_cli.authoring.dev_server import DevServer

WAIT_SECONDS = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "invoice"
    assert cli.main(["templates", "new", str(made)]) == 0
    (made / "data").mkdir()
    data = json.loads((made / "data.json").read_text())
    (made / "data" / "short.json").write_text(json.dumps(data | {"items": []}))
    return made


@pytest.fixture
def client(folder: Path) -> Iterator[httpx.Client]:
    pytest_socket.enable_socket()
    server = DevServer(folder, 0, local_preview.draw)
    server.start()
    with httpx.Client(base_url=server.url, timeout=WAIT_SECONDS) as made:
        yield made
    server.stop()
    pytest_socket.disable_socket(allow_unix_socket=True)


def state(client: httpx.Client, data_set: str = "data") -> Any:
    return client.get("/state", params={"set": data_set}).json()


def save(client: httpx.Client, file: Path, right: str, wrong: str) -> Any:
    """The state after the save that the server has seen."""
    text = file.read_text()
    assert right in text
    with client.stream("GET", "/events") as events:
        lines = (line for line in events.iter_lines() if line.startswith("data:"))
        seen = next(lines)
        file.write_text(text.replace(right, wrong))
        assert next(line for line in lines if line != seen)
    return state(client)


def test_dev__the_state_follows_a_save(client: httpx.Client, folder: Path) -> None:
    first = state(client)
    assert (first["pages"], first["page_count"], first["fault"]) == (1, 1, None)
    assert (first["warnings"], first["accessibility"]) == ([], [])
    page = client.get("/page", params={"number": 1}).content
    assert page.startswith(b"\x89PNG")
    second = save(client, folder / "source.typ", "heading[Invoice]", "heading[Bill]")
    assert second["revision"] > first["revision"]
    assert client.get("/page", params={"number": 1}).content != page


def test_dev__an_error_of_the_source_has_its_line_and_column(
    client: httpx.Client, folder: Path
) -> None:
    found = save(client, folder / "source.typ", "money(data.total)", "monney(data.total)")["fault"]
    assert "monney" in found["message"]
    assert found["file"] == "source.typ"
    assert "monney" in found["lines"][found["line"] - found["firstLine"]]
    assert client.get("/page", params={"number": 1}).status_code == 404
    assert save(client, folder / "source.typ", "monney(", "money(")["fault"] is None


def test_dev__an_error_of_manifest_or_data_names_the_file_or_the_field(
    client: httpx.Client, folder: Path
) -> None:
    found = save(client, folder / "data.json", '"total": "10000.00"', '"total": "much"')["fault"]
    assert found["issues"] == ["total: Must be a number"]
    found = save(client, folder / "manifest.json", '"dataType": "text"', '"dataType": "txt"')
    assert "manifest.json" in found["fault"]["message"]


def test_dev__data_sets_can_be_switched(client: httpx.Client) -> None:
    assert state(client)["data_sets"] == ["data", "short"]
    assert state(client, "short")["data_set"] == "short"
    assert state(client, "none")["data_set"] == "data"
    pages = [client.get("/page", params={"set": each}).content for each in ("data", "short")]
    assert pages[0] != pages[1]


def test_dev__warnings_and_accessibility_findings_are_listed_separately(
    client: httpx.Client, folder: Path
) -> None:
    found = save(client, folder / "source.typ", "#set text(", '#set text(font: "No Such Font", ')
    assert "unknown font family" in found["warnings"][0]
    found = save(client, folder / "source.typ", "heading[Invoice]", "[Invoice]")
    assert found["accessibility"] == [
        "The document has no heading, so readers cannot navigate to its parts."
    ]
    found = save(client, folder / "source.typ", 'alt: "Logo"', "alt: none")
    assert any("alt" in each for each in found["accessibility"])


def test_dev__writing_expected_pages_does_not_count_as_a_change(
    client: httpx.Client, folder: Path
) -> None:
    revision = state(client)["revision"]
    (folder / "pages" / "data").mkdir(parents=True)
    (folder / "pages" / "data" / "1.png").write_bytes(b"x")
    found = save(client, folder / "source.typ", "heading[Invoice]", "heading[Bill]")
    assert found["revision"] == revision + 1


def test_dev__serves_its_page_on_loopback_only(client: httpx.Client) -> None:
    assert "Template preview" in client.get("/").text
    assert "EventSource" in client.get("/dev.js").text
    answer = client.get("/", headers={"Host": "evil.example:4300"})
    assert answer.status_code == 421
    assert "default-src 'none'" in client.get("/").headers["content-security-policy"]
    assert client.get("/../../secret").status_code == 404

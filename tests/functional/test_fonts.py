"""A project's own fonts, on a table and a bucket."""

from pathlib import Path
from typing import Any

import pytest

from craftkit import storage
from craftkit.errors import ConflictError, InvalidRequestError, NotFoundError
from craftkit.templates import fonts, publishing, service
from craftkit.typesetter import FontError, FontFace
from testkit.template import ROOT
from testkit.typesetter import FakeTypesetter
from typesetting.files import with_files

PROJECT = "0193c2c3-7a10-7c44-8f21-1d2e3f405162"
OTHER = "0193c2c3-7a10-7c44-8f21-1d2e3f405163"

pytestmark = pytest.mark.usefixtures("cloud")


def _face(content: bytes) -> FontFace:
    family, weight, style = content.decode().split("/")
    return FontFace(family, int(weight), style)


def _add(content: bytes = b"Brand Sans/400/normal", project: str = PROJECT, **how: Any) -> Any:
    return fonts.add_font(project, content, **{"by": "ada", "check": _face} | how)


def test_add_font__stores_file_and_face() -> None:
    added = _add()
    assert (added.name, added.family, added.weight) == ("brand-sans-400-normal", "Brand Sans", 400)
    assert fonts.list_fonts(PROJECT) == [added]
    assert storage.get(added.key) == b"Brand Sans/400/normal"
    assert fonts.list_fonts(OTHER) == []


def test_add_font__of_the_same_face_replaces_it() -> None:
    _add(b"Brand Sans/400/normal")
    _add(b"Brand Sans/700/normal")
    _add(b"Brand-Sans/400/normal")
    assert [font.name for font in fonts.list_fonts(PROJECT)] == [
        "brand-sans-400-normal",
        "brand-sans-700-normal",
    ]


def test_add_font__an_invalid_font_is_refused_with_the_typesetters_message() -> None:
    def check(_: bytes) -> FontFace:
        raise FontError("It is no TrueType or OpenType file.")

    with pytest.raises(InvalidRequestError, match="It is no TrueType"):
        _add(b"GIF89a", check=check)
    assert fonts.list_fonts(PROJECT) == []


def test_add_font__over_four_mebibytes_is_refused_without_parsing() -> None:
    with pytest.raises(InvalidRequestError, match="4 MiB"):
        _add(b"x" * (4 * 1024 * 1024 + 1), check=lambda _: pytest.fail("it was read"))


def test_add_font__past_the_limit_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "FONT_LIMIT", 1)
    _add(b"A/400/normal")
    with pytest.raises(ConflictError):
        _add(b"B/400/normal")
    assert _add(b"A/400/normal").family == "A"


def test_remove_font__that_is_not_there_is_404() -> None:
    _add(project=OTHER)
    with pytest.raises(NotFoundError):
        fonts.remove_font(PROJECT, "brand-sans-400-normal")


def test_publish__stores_the_fonts_that_its_source_names(typesetter: FakeTypesetter) -> None:
    named = _add(b"Brand Sans/400/normal")
    _add(b"Other Serif/400/normal")
    source = '#set text(font: "brand sans")\nHi'
    publishing.publish(PROJECT, "card", "Card", {}, source, by="ada", typeset=typesetter)
    fonts.remove_font(PROJECT, named.name)
    service._cache.clear()
    assert dict(service.get_version(PROJECT, "card", 1).fonts) == {named.name: named.key}
    job = with_files(typesetter.jobs[0])
    assert job.fonts == {named.name: b"Brand Sans/400/normal"}


def test_font__is_used_in_the_document_and_read_from_the_bucket_once() -> None:
    from typesetting import check_font, typeset

    folder = Path(ROOT / "layers/typesetting/typesetting/fonts")
    added = fonts.add_font(
        PROJECT,
        (folder / "NotoSansHebrew-Bold.ttf").read_bytes(),
        by="ada",
        check=check_font,
    )
    assert added.family == "Noto Sans Hebrew"
    source = '#set text(font: "Noto Sans Hebrew", weight: "bold")\nשלום'
    version = publishing.publish(
        PROJECT, "card", "Card", {}, source, by="ada", typeset=lambda job: typeset(with_files(job))
    )
    assert list(version.fonts) == [added.name]

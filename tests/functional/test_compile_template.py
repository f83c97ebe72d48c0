"""The compile function, called through `remote_typesetter`."""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from random import randbytes
from typing import Any

import pytest

from craftkit import remote_typesetter
from craftkit.config import Config
from craftkit.typesetter import (
    FONT_LIMIT_BYTES,
    FileError,
    FontError,
    Job,
    RenderTooLargeError,
    SourceError,
    StandardError,
)
from testkit import foreign_pdf
from testkit.cloud import Cloud
from typesetting import typeset

SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='4' height='4'/>"
LOGO = f"data:image/svg+xml;base64,{b64encode(SVG).decode()}"


class Lambda:
    """A fake of boto3's Lambda client that calls the handler."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.failure: bytes | None = None

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "the-compile-function"
        if self.failure is not None:
            return {"FunctionError": "Unhandled", "Payload": BytesIO(self.failure)}
        answer = self.cloud.invoke("compile_template", json.loads(Payload))
        return {"Payload": BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def client(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Lambda:
    fake = Lambda(cloud)
    monkeypatch.setattr(remote_typesetter, "_client", lambda: fake)
    monkeypatch.setattr(Config, "compile_function", "the-compile-function")
    return fake


@pytest.fixture
def job(client: Lambda) -> Callable[..., Job]:
    def make(source: str, **changes: Any) -> Job:
        return Job(
            **{
                "source": f'#import "/craftkit.typ": *\n{source}',
                "data": {"name": "Ada", "logo": LOGO, "sum": "1.50"},
                "types": {"name": "text", "logo": "image", "sum": "currency:EUR"},
                "locale": "de",
                "title": "Rechnung",
                "created_at": datetime(2026, 11, 24, tzinfo=UTC),
                "images": {LOGO: SVG},
                **changes,
            }
        )

    return make


def test_compile_template__handles_its_sample_event(cloud: Cloud, event: Any) -> None:
    answer = cloud.invoke("compile_template", event("compile_template"))
    assert answer["pageCount"] == 1


def test_compile_template__returns_the_same_document_as_the_typesetter(
    job: Callable[..., Job],
) -> None:
    asked = job("#data.name #money(data.sum) #picture(data.logo) ก", watermark=True)
    assert remote_typesetter.typeset_remotely(asked) == typeset(asked)


def test_compile_template__an_error_has_line_and_column(job: Callable[..., Job]) -> None:
    with pytest.raises(SourceError) as stopped:
        remote_typesetter.typeset_remotely(job("\n#nothing"))
    assert (str(stopped.value), stopped.value.line) == ("unknown variable: nothing", 3)
    with pytest.raises(StandardError):
        remote_typesetter.typeset_remotely(job('#image("/images/0")'))


def test_compile_template__returns_pages_as_images(job: Callable[..., Job]) -> None:
    shown = remote_typesetter.preview_remotely(job("One #pagebreak() Two"), 36)
    assert [page[:4] for page in shown.pages] == [b"\x89PNG"] * shown.page_count == [b"\x89PNG"] * 2


def test_compile_template__a_font_is_checked(client: Lambda) -> None:
    file = Path("layers/typesetting/typesetting/fonts/Inter-Medium.otf")
    assert remote_typesetter.check_font_remotely(file.read_bytes()).weight == 500
    with pytest.raises(FontError):
        remote_typesetter.check_font_remotely(b"no font")


def test_compile_template__a_pdf_is_checked(client: Lambda) -> None:
    checked = remote_typesetter.check_file_remotely(foreign_pdf.letterhead_pdf(2), "letterhead")
    assert (checked.page_count, checked.faults, checked.content[:5]) == (2, (), b"%PDF-")
    with pytest.raises(FileError, match="it is encrypted"):
        remote_typesetter.check_file_remotely(foreign_pdf.encrypted(), "letterhead")


def test_compile_template__the_largest_font_fits_into_a_call(client: Lambda) -> None:
    with pytest.raises(
        FontError
    ):  # from the check of the font, not from the size limit of the call
        remote_typesetter.check_font_remotely(randbytes(FONT_LIMIT_BYTES))


def test_compile_template__a_payload_over_lambdas_limit_is_too_large(
    job: Callable[..., Job], client: Lambda
) -> None:
    text = "x" * 7_000_000
    with pytest.raises(RenderTooLargeError, match="exceed 6 MiB"):
        remote_typesetter.typeset_remotely(job("", data={"text": text}))
    client.failure = b'{"errorType": "Function.ResponseSizeTooLarge"}'
    with pytest.raises(RenderTooLargeError, match="larger than a preview"):
        remote_typesetter.typeset_remotely(job(""))


def test_compile_template__an_error_of_the_function_is_not_a_template_error(
    job: Callable[..., Job], client: Lambda
) -> None:
    client.failure = b'{"errorType": "Runtime.ExitError"}'
    with pytest.raises(RuntimeError, match="compile function failed"):
        remote_typesetter.typeset_remotely(job(""))

"""Documents as images, their file names, and documents with a fixed date."""

import hashlib
import subprocess
import sys
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import pytest
from PIL import Image

from craftkit import storage
from craftkit.renders import repository
from testkit.project import DATA, DemoProject, make_project, publish
from typesetting import typeset
from typesetting.worker import render_document

PAGES = '#import "/craftkit.typ": *\nOne #pagebreak() Two #pagebreak() Three'


def rendered(call: Any, project: DemoProject, **options: Any) -> Any:
    """The render of a document, as the API shows it when it has ended."""
    made = call("create_render", project, body={"data": DATA, "options": options})
    assert made.status == 202, made.body
    render_document(project.id, made.body["id"], typeset=typeset)
    return call("get_render", project, path={"id": made.body["id"]}).body


def content_of(project: DemoProject, render: Any) -> bytes:
    kept = repository.get(project.id, render["id"])
    assert kept is not None
    content = storage.get(kept.document_key)
    assert hashlib.sha256(content).hexdigest() == render["sha256"]
    return content


@pytest.fixture
def three_pages(project: DemoProject) -> DemoProject:
    publish(project.id, "invoice", source=PAGES)
    return project


@pytest.mark.parametrize(
    ("output_format", "ending", "pillow"),
    [("png", ".png", "PNG"), ("jpeg", ".jpg", "JPEG"), ("webp", ".webp", "WEBP")],
)
def test_render__one_page_is_one_image(
    call: Any, three_pages: DemoProject, output_format: str, ending: str, pillow: str
) -> None:
    render = rendered(call, three_pages, format=output_format, pages="2", scale=0.5)
    assert (render["status"], render["format"]) == ("succeeded", output_format)
    assert (render["filename"], render["pageCount"]) == (f"invoice{ending}", 1)
    image = Image.open(BytesIO(content_of(three_pages, render)))
    assert image.format == pillow
    assert image.size == (397, 561)  # A4 at 48 pixels per inch
    query = parse_qs(urlsplit(render["downloadUrl"]).query)
    assert query["response-content-type"] == [f"image/{output_format}"]


def test_render__several_selected_pages_are_a_zip_file(call: Any, three_pages: DemoProject) -> None:
    render = rendered(call, three_pages, format="svg", pages="1,3-9")
    assert (render["filename"], render["pageCount"]) == ("invoice.zip", 2)
    with ZipFile(BytesIO(content_of(three_pages, render))) as archive:
        assert archive.namelist() == ["invoice-1.svg", "invoice-3.svg"]
        assert archive.read("invoice-1.svg").startswith(b"<svg")
    query = parse_qs(urlsplit(render["downloadUrl"]).query)
    assert query["response-content-type"] == ["application/zip"]


def test_render__pages_that_do_not_exist_are_an_error(call: Any, three_pages: DemoProject) -> None:
    render = rendered(call, three_pages, format="png", pages="7")
    assert (render["status"], render["errorCode"]) == ("failed", "template_error")
    assert render["errorMessage"] == "options.pages selects none of the document's 3 pages"


def test_render__images_of_a_test_key_have_the_watermark(call: Any) -> None:
    images = []
    for mode in ("live", "test"):
        project = make_project(mode)
        publish(project.id, "invoice", source=PAGES)
        render = rendered(call, project, format="png", pages="1")
        images.append(Image.open(BytesIO(content_of(project, render))).convert("RGB"))
    assert images[0].tobytes() != images[1].tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pages": "1"}, "apply to the formats png, jpeg, webp and svg"),
        ({"scale": 2}, "apply to the formats png, jpeg, webp and svg"),
        ({"format": "svg", "scale": 2}, "does not apply to the format svg"),
        ({"format": "png", "filename": "a.pdf"}, "must end in .png or .zip"),
        ({"filename": "a.png"}, "must end in .pdf"),
        ({"format": "png", "pages": "0"}, "page numbers and ranges"),
        ({"format": "png", "pages": "1-"}, "page numbers and ranges"),
        ({"format": "png", "scale": 5}, "Must be 4 or less"),
        ({"format": "gif"}, "Must be"),
        ({"documentDate": "2026-11-24"}, "RFC 3339"),
        ({"documentDate": 0}, "RFC 3339"),
        ({"documentDate": "0001-01-01T00:00:00Z"}, "from 1970 to 2999"),
        ({"documentDate": "0001-01-01T00:00:00+14:00"}, "from 1970 to 2999"),
        ({"documentDate": "1970-01-01T00:00:00+14:00"}, "from 1970 to 2999"),
        ({"documentDate": "2999-12-31T23:59:59-12:00"}, "from 1970 to 2999"),
    ],
)
def test_create_render__options_that_do_not_fit_together_are_400(
    call: Any, project: DemoProject, options: dict[str, Any], message: str
) -> None:
    answer = call("create_render", project, body={"data": DATA, "options": options})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert message in str(answer.body["error"]["issues"])


@pytest.mark.parametrize(
    ("filename", "disposition"),
    [
        ("invoice 1.pdf", 'inline; filename="invoice 1.pdf"'),
        (
            "Rechnung-Jürgen.pdf",
            "inline; filename=\"Rechnung-Jurgen.pdf\"; filename*=UTF-8''Rechnung-J%C3%BCrgen.pdf",
        ),
        (
            "請求書.pdf",
            "inline; filename=\"document.pdf\"; filename*=UTF-8''%E8%AB%8B%E6%B1%82%E6%9B%B8.pdf",
        ),
    ],
)
def test_render__a_file_name_in_any_script_is_kept(
    call: Any, project: DemoProject, filename: str, disposition: str
) -> None:
    render = rendered(call, project, filename=filename)
    assert render["filename"] == filename
    query = parse_qs(urlsplit(render["downloadUrl"]).query)
    assert query["response-content-disposition"] == [disposition]


@pytest.mark.parametrize(
    "filename",
    [
        "../a.pdf",
        ".a.pdf",
        " a.pdf",
        "a\n.pdf",
        'a".pdf',
        "a\u202efdp.pdf",
        "a" * 152 + ".pdf",
        "a",
    ],
)
def test_create_render__an_unsafe_file_name_is_400(
    call: Any, project: DemoProject, filename: str
) -> None:
    answer = call("create_render", project, body={"data": DATA, "options": {"filename": filename}})
    assert (answer.status, answer.code) == (400, "invalid_request")


DATE = "2026-03-14T12:00:00+01:00"


@pytest.mark.parametrize("mode", ["live", "test"])
@pytest.mark.parametrize("options", [{}, {"format": "png", "pages": "1-2"}])
def test_render__same_version_data_and_date_give_the_same_bytes(
    call: Any, clock: Any, mode: str, options: dict[str, Any]
) -> None:
    project = make_project(mode)
    publish(project.id, "invoice", source=PAGES)
    digests = set()
    for _ in range(2):
        render = rendered(call, project, documentDate=DATE, **options)
        digests.add(render["sha256"])
        clock.advance(days=3)
    assert len(digests) == 1


PROCESS = """
import hashlib, sys
from datetime import datetime
from craftkit.typesetter import Job
from typesetting import typeset
job = Job(
    source='#import "/craftkit.typ": *\\n= #data.a #qr(data.a) #pages()', data={"a": "Ada"},
    types={"a": "text"}, locale="de", title="T", created_at=datetime.fromisoformat(sys.argv[1]),
    watermark=sys.argv[2] == "test",
)
print(hashlib.sha256(typeset(job).pdf).hexdigest())
"""


@pytest.mark.parametrize("mode", ["live", "test"])
def test_document__the_same_job_gives_the_same_bytes_in_every_process(mode: str) -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROCESS, DATE, mode], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(3)
    }
    assert len(digests) == 1

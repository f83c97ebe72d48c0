"""Documents in the response: `Accept` on the render and the download route."""

import base64
import json
from typing import Any

import pytest

from craftkit.renders import inline
from craftkit.renders.models import Render
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject, publish
from typesetting import typeset
from typesetting.worker import render_document

PDF = {"Accept": "application/pdf"}


@pytest.fixture(autouse=True)
def worker(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is always free."""

    def call(render: Render) -> Render | None:
        return render_document(render.project_id, render.id, typeset=typeset)

    monkeypatch.setattr("craftkit.renders.dispatch.call", call)


@pytest.fixture
def fetch(cloud: Cloud, event: Any, project: DemoProject) -> Any:
    """The whole response of a route."""

    def fetch(route: str, **how: Any) -> Any:
        return cloud.invoke(route, event(route, principal=project.principal, **how))

    return fetch


def rendered(fetch: Any, **body: Any) -> Any:
    return fetch("create_render", body={"data": DATA, **body}, headers=PDF)


def test_create_render__accept_pdf_is_200_with_the_document(fetch: Any) -> None:
    answer = rendered(fetch, options={"filename": "Rechnung 1.pdf"})
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert base64.b64decode(answer["body"]).startswith(b"%PDF")
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers["content-type"] == "application/pdf"
    assert headers["content-disposition"] == 'inline; filename="Rechnung 1.pdf"'
    assert headers["x-craftkit-page-count"] == "1"
    read = fetch("get_render", path={"id": headers["x-craftkit-render-id"]})
    assert json.loads(read["body"])["status"] == "succeeded"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/pdf", 200),
        ("text/html, Application/PDF;q=0.9, */*;q=0.1", 200),
        ("*/*", 302),
        ("application/json", 302),
        ("image/png", 302),
        ("application/pdf;q=0, */*", 302),
        (None, 302),
    ],
)
def test_download_render__the_document_or_a_redirect_by_accept(
    fetch: Any, accept: str | None, status: int
) -> None:
    made = rendered(fetch)
    id_ = made["headers"]["x-craftkit-render-id"]
    answer = fetch("download_render", path={"id": id_}, headers={"Accept": accept})
    assert answer["statusCode"] == status
    if status == 200:
        assert answer["body"] == made["body"]
        assert answer["headers"]["x-craftkit-render-id"] == id_


def test_create_render__accept_of_an_image_is_the_image_or_a_zip_of_its_pages(
    fetch: Any, project: DemoProject
) -> None:
    body: dict[str, Any] = {"data": DATA, "options": {"format": "png"}}
    image = fetch("create_render", body=body, headers={"Accept": "image/png"})
    assert base64.b64decode(image["body"]).startswith(b"\x89PNG")
    publish(project.id, "invoice", source="One #pagebreak() Two")
    archive = fetch("create_render", body=body, headers={"Accept": "image/png"})
    assert archive["headers"]["Content-Type"] == "application/zip"
    assert archive["headers"]["x-craftkit-page-count"] == "2"


def test_create_render__accept_of_another_format_is_400(fetch: Any) -> None:
    answer = fetch("create_render", body={"data": DATA}, headers={"Accept": "image/png"})
    assert answer["statusCode"] == 400
    (message,) = json.loads(answer["body"])["error"]["issues"]["formErrors"]
    assert "image/png" in message
    assert "application/pdf" in message


@pytest.mark.parametrize("accept", ["*/*", "application/json, image/png"])
def test_create_render__accept_of_json_and_pdf_is_json(fetch: Any, accept: str) -> None:
    answer = fetch("create_render", body={"data": DATA}, headers={"Accept": accept})
    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (202, "queued")


def test_inline__a_document_too_large_is_303_to_its_url(
    fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rendered(fetch)
    monkeypatch.setattr(inline, "INLINE_LIMIT_BYTES", 1000)
    again = rendered(fetch)
    assert (again["statusCode"], again["body"]) == (303, "")
    id_ = made["headers"]["x-craftkit-render-id"]
    read = fetch("download_render", path={"id": id_}, headers=PDF)
    assert read["statusCode"] == 303
    assert f"{id_}.pdf" in read["headers"]["Location"]


def test_inline__the_largest_document_fits_into_a_response_of_lambda() -> None:
    """6 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    encoded = base64.b64encode(bytes(inline.INLINE_LIMIT_BYTES))
    assert len(encoded) < 6 * 1024 * 1024 - 16 * 1024


def test_create_render__a_failed_render_stays_json(fetch: Any, project: DemoProject) -> None:
    publish(project.id, "invoice", source="#assert(data.total != 1)")
    answer = fetch("create_render", body={"data": {**DATA, "total": 1}}, headers=PDF)
    assert answer["statusCode"] == 422
    assert json.loads(answer["body"])["error"]["code"] == "render_failed"


def test_create_render__accept_is_not_part_of_the_idempotent_request(
    fetch: Any,
) -> None:
    body = {"data": DATA, "jobId": "order-1"}
    first = fetch("create_render", body=body, headers=PDF)
    second = fetch("create_render", body=body)
    third = fetch("create_render", body=body, headers=PDF)
    assert json.loads(second["body"])["id"] == first["headers"]["x-craftkit-render-id"]
    assert (third["statusCode"], third["body"]) == (200, first["body"])


def test_create_render__not_finished_in_time_is_202_with_the_render(
    fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("craftkit.renders.dispatch.call", lambda _render: None)
    body = {"data": DATA, "jobId": "order-1"}
    for _ in range(2):
        answer = fetch("create_render", body=body, headers=PDF)
        assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (202, "queued")


def test_create_render__a_repeat_of_a_cancelled_render_has_no_document(
    fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("craftkit.renders.dispatch.call", lambda _render: None)
    body = {"data": DATA, "jobId": "order-1"}
    made = json.loads(fetch("create_render", body=body)["body"])
    fetch("cancel_render", path={"id": made["id"]})
    answer = fetch("create_render", body=body, headers=PDF)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (409, "not_ready")

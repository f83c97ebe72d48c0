"""Templates: from the gallery through the editor to a version, and back."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from craftkit import storage
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.limits import concurrency
from craftkit.limits.concurrency import Work
from craftkit.projects.models import Project
from craftkit.templates import drafts, gallery
from craftkit.templates import service as templates
from craftkit.typesetter import Job, SourceError
from testkit.project import publish
from testkit.visitor import Page, Visitor


def path(project: Project, rest: str = "") -> str:
    return f"/dashboard/projects/{project.id}/templates{rest}"


def editor_form(page: Page, **changes: str) -> dict[str, Any]:
    """The fields of the editor as the browser would send them."""
    from html import unescape

    html = page.text.split('<form id="editor"')[1].split("</form>")[0]
    html = re.sub(r"<template>.*?</template>", "", html, flags=re.DOTALL)
    form: dict[str, Any] = {}
    for name, value in re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', html):
        form[name] = unescape(value)
    for name, inner in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', inner)
        first = re.search(r'<option(?: value="([^"]*)")?>([^<]*)', inner)
        found = chosen or first
        assert found
        form[name] = unescape(found[1] or found[2])
    for name, inner in re.findall(
        r'<textarea[^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', html, re.S
    ):
        form[name] = unescape(inner)
    return form | changes


def from_gallery(visitor: Visitor, project: Project, slug: str = "invoice") -> Page:
    """The editor, opened on a template of the gallery."""
    form = {"from": slug, "name": "My invoice", "slug": "my-invoice"}
    return visitor.follow(visitor.post(path(project), form))


def test_list_templates__without_templates_explains_the_first_step(
    ada: Visitor, project: Project
) -> None:
    page = ada.get(path(project))
    assert "No templates yet" in page.words
    assert path(project, "/new") in page.text


def test_gallery__shows_every_template_with_an_image(
    ada: Visitor, project: Project, compiler: Any
) -> None:
    page = ada.get(path(project, "/new"))
    for entry in gallery.entries():
        assert entry.name in page.words
    url = f"/dashboard/projects/{project.id}/gallery/invoice/image"
    assert url in page.text
    images = [ada.get(url) for _ in range(2)]
    assert {image.headers["Content-Type"] for image in images} == {"image/png"}
    assert len(compiler.jobs) == 1  # the second was kept


def test_create_template__the_editor_keeps_every_gallery_template_unchanged(
    ada: Visitor, project: Project
) -> None:
    """A manifest is unchanged after it was shown in the editor and saved."""
    for entry in gallery.entries():
        form = {"from": entry.slug, "name": entry.name, "slug": entry.slug}
        page = ada.follow(ada.post(path(project), form))
        ada.post(path(project, f"/{entry.slug}/publish"), editor_form(page))
        version = templates.current_version(project.id, entry.slug)
        assert version.source == entry.source, entry.slug
        given, kept = entry.manifest.as_json(), version.manifest.as_json()
        assert _without_previews(kept) == _without_previews(given), entry.slug
        assert version.locale == entry.locale


def test_create_template__an_existing_slug_is_refused(ada: Visitor, project: Project) -> None:
    publish(project.id, "invoice")
    page = ada.post(path(project), {"from": "receipt", "name": "Receipt", "slug": "invoice"})
    assert page.status == 422
    assert "Choose another" in page.words
    assert templates.current_version(project.id, "invoice").name == "Invoice"


@pytest.mark.parametrize("name", ["", "n" * 121])
def test_create_template__an_empty_or_too_long_name_is_refused(
    ada: Visitor, project: Project, name: str
) -> None:
    assert ada.post(path(project), {"name": name}).status == 422


def test_preview__shows_the_input(ada: Visitor, project: Project, compiler: Any) -> None:
    form = editor_form(from_gallery(ada, project), source="= Typed")
    page = ada.post(path(project, "/my-invoice/preview"), form, hx_request="true")
    assert page.status == 200
    assert page.text.count("data:image/png;base64,") == 1
    assert compiler.jobs[-1].source == "= Typed"
    assert compiler.jobs[-1].data["customer"]["name"] == "Marguerite Delacroix"


def test_preview__too_many_concurrent_previews_are_refused_with_a_message(
    ada: Visitor, project: Project, compiler: Any
) -> None:
    form = editor_form(from_gallery(ada, project))
    limit = config.previews_per_project
    work = Work("preview", "previews", limit, timedelta(seconds=45))
    held = [concurrency.acquire(work, project.id, utc_now()) for _ in range(limit)]
    page = ada.post(path(project, "/my-invoice/preview"), form, hx_request="true")
    assert "previews" in page.words
    published = ada.post(path(project, "/my-invoice/publish"), form)
    assert published.status == 422
    assert compiler.jobs == []
    for lease in held:
        concurrency.release(lease)
    assert ada.post(path(project, "/my-invoice/publish"), form).status == 303


def test_preview__names_the_line_that_does_not_compile(
    ada: Visitor, project: Project, compiler: Any
) -> None:
    form = editor_form(from_gallery(ada, project))
    compiler.failure = SourceError("unclosed delimiter", 7, 3)
    page = ada.post(path(project, "/my-invoice/preview"), form)
    assert 'data-line="7"' in page.text
    assert "Line 7, column 3 : unclosed delimiter" in page.words


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("data", '{"a": ', "not valid JSON"),
        ("data", "[1]", "JSON object"),
        ("data", "{}", "customer.name"),
        ("row.0.path", "not a key!", "manifest is not valid"),
        ("row.0.type", "unheard-of", "manifest is not valid"),
    ],
)
def test_preview__reports_invalid_values(
    ada: Visitor, project: Project, field: str, value: str, words: str
) -> None:
    form = editor_form(from_gallery(ada, project)) | {field: value}
    page = ada.post(path(project, "/my-invoice/preview"), form)
    assert page.status == 200
    assert words in page.words


def test_save__stores_the_draft_and_detects_another_editor(ada: Visitor, project: Project) -> None:
    form = editor_form(from_gallery(ada, project), source="= Half a thought (")
    assert ada.post(path(project, "/my-invoice/draft"), form).status == 303
    assert drafts.get_draft(project.id, "my-invoice").source == "= Half a thought ("
    late = ada.post(path(project, "/my-invoice/draft"), form | {"source": "= Other"})
    assert late.status == 422
    assert "changed since it was loaded" in late.words
    assert "= Other" in late.text  # nothing that was typed is lost
    assert drafts.get_draft(project.id, "my-invoice").source == "= Half a thought ("


def test_publish__creates_the_next_version_and_deletes_the_draft(
    ada: Visitor, project: Project
) -> None:
    form = editor_form(from_gallery(ada, project))
    page = ada.follow(ada.post(path(project, "/my-invoice/publish"), form))
    assert "Version 1 is published" in page.words
    assert "/v1/templates/my-invoice/render" in page.text
    again = editor_form(ada.get(path(project, "/my-invoice/edit")), source="= Second")
    ada.post(path(project, "/my-invoice/publish"), again)
    assert templates.current_version(project.id, "my-invoice").number == 2
    assert templates.current_version(project.id, "my-invoice").source == "= Second"


def test_publish__a_compile_error_shows_the_line_and_keeps_the_source(
    ada: Visitor, project: Project, compiler: Any
) -> None:
    form = editor_form(from_gallery(ada, project), source="= Broken [")
    compiler.failure = SourceError("unclosed delimiter", 1, 10)
    page = ada.post(path(project, "/my-invoice/publish"), form)
    assert page.status == 422
    assert "Line 1, column 10" in page.words
    assert "= Broken [" in page.text
    assert templates.get_template(project.id, "my-invoice").latest_version is None


def test_versions__are_compared_and_rolled_back(ada: Visitor, project: Project) -> None:
    ada.post(path(project, "/my-invoice/publish"), editor_form(from_gallery(ada, project)))
    second = editor_form(ada.get(path(project, "/my-invoice/edit")), source="= Second")
    ada.post(path(project, "/my-invoice/publish"), second)
    changes = ada.get(path(project, "/my-invoice/diff?before=1&after=2"))
    assert '<span class="add">+= Second</span>' in changes.text
    page = ada.follow(ada.post(path(project, "/my-invoice/versions/1/restore")))
    assert "Version 3 is published" in page.words
    assert templates.current_version(project.id, "my-invoice").source.startswith("#import")
    assert ada.post(path(project, "/my-invoice/versions/9/restore")).status == 404
    assert ada.get(path(project, "/my-invoice/diff?before=1&after=x")).status == 400


def test_thumbnail__is_made_once_and_can_be_cached_by_the_browser(
    ada: Visitor, project: Project, compiler: Any
) -> None:
    publish(project.id, "invoice")
    for _ in range(2):
        page = ada.get(path(project, "/invoice/versions/1/small.png"))
        assert page.headers["Content-Type"] == "image/png"
        assert page.headers["Cache-Control"].startswith("private")
    assert len(compiler.jobs) == 1
    assert storage.find(f"thumbnails/{project.id}/invoice/1-small.png")


def test_delete__removes_the_template(ada: Visitor, project: Project) -> None:
    publish(project.id, "invoice")
    page = ada.follow(ada.post(path(project, "/invoice/delete")))
    assert "invoice is deleted" in page.words
    assert ada.get(path(project, "/invoice")).status == 404


def test_discard__deletes_a_template_that_was_never_published(
    ada: Visitor, project: Project
) -> None:
    from_gallery(ada, project)
    ada.post(path(project, "/my-invoice/discard"))
    assert ada.get(path(project, "/my-invoice")).status == 404


def _without_previews(value: Any) -> Any:
    """A manifest without preview data and without default values."""
    if isinstance(value, dict):
        usual = {"required": False}
        return {
            name: _without_previews(inner)
            for name, inner in value.items()
            if name != "previewData" and usual.get(name) != inner and inner is not None
        }
    if isinstance(value, list):
        return [_without_previews(inner) for inner in value]
    return json.loads(json.dumps(value))


def test_create_template__an_empty_template_compiles(ada: Visitor, project: Project) -> None:
    from typesetting import typeset

    page = ada.follow(ada.post(path(project), {"name": "Überweisung Nr. 1"}))
    assert page.status == 200
    ada.post(path(project, "/uberweisung-nr-1/publish"), editor_form(page))
    version = templates.current_version(project.id, "uberweisung-nr-1")
    job = Job(
        source=version.source,
        data={},
        types={},
        locale=version.locale,
        title=version.name,
        created_at=version.published_at,
    )
    assert typeset(job).page_count == 1

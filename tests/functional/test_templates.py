"""Publishing and storing templates."""

import json
import zlib
from dataclasses import replace
from typing import Any

import boto3
import pytest

from craftkit.errors import (
    ConflictError,
    InvalidRequestError,
    NoPublishedVersionError,
    NotFoundError,
    TemplateNotFoundError,
    VersionNotFoundError,
)
from craftkit.templates import drafts, publishing, service
from craftkit.templates.models import TemplateVersion
from craftkit.typesetter import SourceError, StandardError
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.typesetter import FakeTypesetter
from tests.unit.templates.manifests import INVOICE

PROJECT = "0193c2c3-7a10-7c44-8f21-1d2e3f405162"
OTHER = "0193c2c3-7a10-7c44-8f21-1d2e3f405163"

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture
def publish(typesetter: FakeTypesetter) -> Any:
    def publish(slug: str = "invoice", project: str = PROJECT, **changes: Any) -> TemplateVersion:
        settings: dict[str, Any] = {"name": "Invoice", "manifest": INVOICE, "source": "= Hi"}
        settings |= {"by": "ada", "typeset": typesetter} | changes
        return publishing.publish(project, slug, **settings)

    return publish


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sort keys that were read with GetItem."""
    found: list[str] = []
    table = service.repository.TEMPLATE.table()
    real = table.get_item
    monkeypatch.setattr(
        table, "get_item", lambda **call: (found.append(call["Key"]["sk"]), real(**call))[1]
    )
    return found


def test_publish__compiles_the_preview_and_numbers_from_one(
    publish: Any, typesetter: FakeTypesetter, clock: FrozenClock
) -> None:
    first, second = publish(locale="de"), publish(source="= Ho")
    assert (first.number, second.number) == (1, 2)
    job = typesetter.jobs[0]
    assert (job.source, job.locale, job.title) == ("= Hi", "de", "Invoice")
    assert job.data["items"][0]["qty"] == "1"
    assert job.types["items"] == "loop"
    assert service.get_version(PROJECT, "invoice", 1) == first
    template = service.get_template(PROJECT, "invoice")
    assert (template.latest_version, template.created_at) == (2, clock.now)


def test_publish__a_source_that_does_not_compile_is_refused_with_line_and_column(
    publish: Any, typesetter: FakeTypesetter
) -> None:
    typesetter.failure = SourceError("unclosed delimiter", 3, 7)
    with pytest.raises(publishing.DoesNotCompileError) as refusal:
        publish(source="= Hi\n\n#table(")
    assert (refusal.value.line, refusal.value.column) == (3, 7)
    assert refusal.value.code == "invalid_request"
    assert refusal.value.issues is not None
    assert refusal.value.issues.field_errors == {"source": ["Line 3, column 7: unclosed delimiter"]}
    with pytest.raises(TemplateNotFoundError):
        service.get_template(PROJECT, "invoice")


def test_publish__a_violation_of_the_pdf_standard_has_its_own_code(
    publish: Any, typesetter: FakeTypesetter
) -> None:
    typesetter.failure = StandardError("an image has no alternative text", 2, 1)
    with pytest.raises(publishing.DoesNotCompileError) as refusal:
        publish()
    assert refusal.value.issues is not None
    assert list(refusal.value.issues.field_errors) == ["pdfStandard"]


def test_publish__invalid_preview_data_is_refused(publish: Any) -> None:
    loop = INVOICE["loops"][0] | {"previewData": [{"name": "Pen", "qty": "two", "price": 1}]}
    with pytest.raises(InvalidRequestError) as refusal:
        publish(manifest=INVOICE | {"loops": [loop]})
    assert refusal.value.issues is not None
    assert list(refusal.value.issues.field_errors) == ["manifest.previewData.items.0.qty"]


def test_publish__too_large_a_source_is_refused(publish: Any) -> None:
    with pytest.raises(InvalidRequestError, match="source is larger than 200 KiB"):
        publish(source="x" * (200 * 1024 + 1))
    assert publish(source="é" * (100 * 1024)).number == 1


def test_publish__a_missing_source_is_generated(publish: Any) -> None:
    assert "#import" in publish(source=None).source


def test_publish__two_at_once_get_different_numbers(
    publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = service.repository.put_version
    others = iter(["= second", "= third"])

    def raced(project: str, version: TemplateVersion, previous: Any, **how: Any) -> None:
        for source in others:
            publish(source=source)
            break
        real(project, version, previous, **how)

    monkeypatch.setattr(service.repository, "put_version", raced)
    mine = publish(source="= mine")
    numbers = {service.get_version(PROJECT, "invoice", n).source: n for n in (1, 2, 3)}
    assert numbers == {"= third": 1, "= second": 2, "= mine": 3}
    assert mine.number == 3
    assert service.get_template(PROJECT, "invoice").latest_version == 3


def test_current_version__needs_one_read_when_cached_and_none_when_pinned(
    publish: Any, reads: list[str]
) -> None:
    publish()
    service.current_version(PROJECT, "invoice")
    reads.clear()
    assert service.current_version(PROJECT, "invoice").number == 1
    assert reads == ["template#invoice"]
    assert service.current_version(PROJECT, "invoice", 1).number == 1
    assert reads == ["template#invoice"]


def test_current_version__is_the_new_version_directly_after_a_publish(publish: Any) -> None:
    publish()
    service.current_version(PROJECT, "invoice")
    publish()
    assert service.current_version(PROJECT, "invoice").number == 2
    assert service.current_version(PROJECT, "invoice", 1).number == 1


def test_current_version__another_projects_template_is_not_found(publish: Any) -> None:
    publish(project=OTHER)
    refusals = []
    for slug in ("invoice", "nothing", "Not A Slug", "a" * 500):
        for number in (None, 1):
            with pytest.raises(TemplateNotFoundError) as refusal:
                service.current_version(PROJECT, slug, number)
            refusals.append(refusal.value.as_json("id"))
    assert all(refusal == refusals[0] for refusal in refusals)


@pytest.mark.parametrize("number", [0, -1, 2, 10**7])
def test_current_version__unknown_number_is_version_not_found(publish: Any, number: int) -> None:
    publish()
    with pytest.raises(VersionNotFoundError):
        service.current_version(PROJECT, "invoice", number)


def test_current_version__a_draft_has_no_published_version() -> None:
    drafts.save_draft(PROJECT, "invoice", "Invoice", {}, by="ada")
    with pytest.raises(NoPublishedVersionError):
        service.current_version(PROJECT, "invoice")


def test_delete__frees_the_slug_and_never_reuses_a_number(publish: Any, clock: FrozenClock) -> None:
    publish(source="= old")
    publish(source="= older")
    service.delete_template(PROJECT, "invoice", by="ada")
    with pytest.raises(TemplateNotFoundError):
        service.current_version(PROJECT, "invoice")
    assert publish(source="= new").number == 3
    clock.advance(seconds=61)
    with pytest.raises(VersionNotFoundError):
        service.current_version(PROJECT, "invoice", 1)
    assert [v.number for v in service.list_versions(PROJECT, "invoice")] == [3]


def test_delete__another_projects_template_stays(publish: Any) -> None:
    publish(project=OTHER)
    with pytest.raises(TemplateNotFoundError):
        service.delete_template(PROJECT, "invoice", by="ada")
    assert service.get_template(OTHER, "invoice").latest_version == 1


def test_delete__during_a_publish_is_a_conflict(
    publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    real = service.repository.retire
    monkeypatch.setattr(service.repository, "retire", lambda t, **how: (publish(), real(t, **how)))
    with pytest.raises(ConflictError):
        service.delete_template(PROJECT, "invoice", by="ada")
    assert service.current_version(PROJECT, "invoice").number == 2


def test_roll_back__publishes_the_old_content_again(publish: Any) -> None:
    publish(source="= one", name="One", locale="fr")
    publish(source="= two", name="Two")
    back = publishing.roll_back(PROJECT, "invoice", 1, by="bob", typeset=FakeTypesetter())
    assert (back.number, back.source, back.name, back.locale, back.by) == (
        3,
        "= one",
        "One",
        "fr",
        "bob",
    )


def test_diff__shows_what_changed(publish: Any) -> None:
    publish(source="= Hi\nsame")
    publish(source="= Ho\nsame")
    found = service.diff(PROJECT, "invoice", 1, 2)
    assert found["manifest"] == found["settings"] == ""
    assert "-= Hi\n+= Ho\n same" in found["source"]


def test_diff__shows_changed_settings(publish: Any) -> None:
    publish()
    publish(locale="de-CH", pdf_standard="1.7", name="Rechnung")
    changed = service.diff(PROJECT, "invoice", 1, 2)["settings"]
    for line in ("-locale: en", "+locale: de-CH", "+pdfStandard: 1.7", "+name: Rechnung"):
        assert line in changed


def test_publish__returns_the_documents_warnings(publish: Any, typesetter: FakeTypesetter) -> None:
    typesetter.document = replace(typesetter.document, warnings=("line 1: unknown font family",))
    assert publish().warnings == ("line 1: unknown font family",)


def test_publish__reports_all_errors_of_manifest_and_settings(publish: Any) -> None:
    manifest = {"variables": [{"key": "1", "label": "L", "dataType": "colour"}]}
    with pytest.raises(InvalidRequestError) as refusal:
        publish("No Slug", locale="xx-YY", manifest=manifest)
    assert refusal.value.issues is not None
    assert set(refusal.value.issues.field_errors) == {
        "slug",
        "locale",
        "variables.0.key",
        "variables.0.dataType",
    }


def test_read__fields_of_newer_code_are_ignored(publish: Any, cloud: Cloud) -> None:
    """During a gradual deployment, and after a rollback, rows have fields of the next version."""
    published = publish()
    table = cloud.table("ProjectsTable")
    rows = [row for row in table.scan()["Items"] if row["sk"].startswith(("version#", "template#"))]
    for row in rows:
        row["next_version_field"] = "x"
        if "body" in row:
            body = json.loads(zlib.decompress(bytes(row["body"])))
            body["nextPart"] = 1
            body["manifest"]["nextPart"] = {"a": 1}
            body["manifest"]["variables"][0]["nextPart"] = True
            body["manifest"]["loops"][0]["itemFields"][0]["nextPart"] = True
            row["body"] = zlib.compress(json.dumps(body).encode())
        table.put_item(Item=row)
    service._cache.clear()
    read = service.current_version(PROJECT, "invoice")
    assert (read.manifest, read.source) == (published.manifest, published.source)
    assert service.describe(PROJECT, "invoice")[2][0].number == 1


def test_list__pages_by_slug_and_seals_its_cursor(publish: Any) -> None:
    for slug in ("b", "a", "c", "a-b"):
        publish(slug)
    publish("z", project=OTHER)
    first = service.list_templates(PROJECT, limit=3)
    assert [template.slug for template in first.templates] == ["a", "a-b", "b"]
    second = service.list_templates(PROJECT, limit=3, cursor=first.next_cursor)
    assert [template.slug for template in second.templates] == ["c"]
    assert second.next_cursor is None
    assert service.list_templates(PROJECT, limit=4).next_cursor is None


def test_list__shows_only_the_templates_of_the_allow_list(publish: Any) -> None:
    for slug in ("a", "b", "c"):
        publish(slug)
    only = frozenset({"c", "a", "missing"})
    first = service.list_templates(PROJECT, limit=1, only=only)
    assert [template.slug for template in first.templates] == ["a"]
    second = service.list_templates(PROJECT, limit=1, cursor=first.next_cursor, only=only)
    assert [template.slug for template in second.templates] == ["c"]
    assert second.next_cursor is None


def test_draft__is_stored_separately_and_can_be_incomplete(publish: Any) -> None:
    publish()
    saved = drafts.save_draft(PROJECT, "invoice", "Invoice", {"variables": 3}, "#tab", by="ada")
    assert drafts.get_draft(PROJECT, "invoice") == saved
    assert service.current_version(PROJECT, "invoice").source == "= Hi"
    drafts.discard_draft(PROJECT, "invoice")
    with pytest.raises(NotFoundError):
        drafts.get_draft(PROJECT, "invoice")


def test_draft__a_second_editor_gets_a_conflict() -> None:
    drafts.save_draft(PROJECT, "invoice", "Invoice", {}, by="ada")
    drafts.save_draft(PROJECT, "invoice", "Invoice", {}, revision=1, by="ada")
    for stale in (0, 1):
        with pytest.raises(ConflictError):
            drafts.save_draft(PROJECT, "invoice", "Invoice", {}, revision=stale, by="bob")
    assert drafts.get_draft(PROJECT, "invoice").revision == 2


def test_draft__then_published_makes_the_template_publishable(publish: Any) -> None:
    drafts.save_draft(PROJECT, "invoice", "Invoice", {}, by="ada")
    assert publish().number == 1
    assert service.current_version(PROJECT, "invoice").number == 1


def test_version__largest_template_fits_its_item(publish: Any, cloud: Cloud) -> None:
    noise = "".join(chr(0x4E00 + (n * 7919) % 20000) for n in range(200 * 1024 // 3))
    publish(source=noise)
    item = boto3.client("dynamodb").get_item(
        TableName=cloud.names["ContentTable"],
        Key={"pk": {"S": f"templates#{PROJECT}"}, "sk": {"S": "version#invoice#000001"}},
    )["Item"]
    assert len(item["body"]["B"]) < 390 * 1024
    service._cache.clear()
    assert service.get_version(PROJECT, "invoice", 1).source == noise

"""A batch as one merged PDF, with finishing, its encrypted data, and its erasure."""

import json
import re
from base64 import b64encode
from io import BytesIO
from typing import Any

import boto3
import pikepdf
import pytest
from pikepdf import Pdf

from craftkit.batches import assembly, erasure, merging
from craftkit.templates import letterheads
from craftkit.typesetter import Document, Job, SourceError
from testkit import foreign_pdf
from testkit.cloud import Cloud
from testkit.contents import places_of
from testkit.pdf import text_of
from testkit.project import DATA, DemoProject, publish
from tests.functional.test_batches import Workers
from typesetting import check_file, typeset
from typesetting.chunks import render_chunk

SECRET = "Geheim-4d11"
SOURCE = (
    '#import "/craftkit.typ": *\n#show: defaults\n= Invoice #data.number <top>\n'
    '#link(<top>)[Top] #link("https://example.com")[web]\n'
)


@pytest.fixture(autouse=True)
def template(project: DemoProject) -> None:
    publish(project.id, "invoice", source=SOURCE)


@pytest.fixture
def workers(cloud: Cloud) -> Workers:
    return Workers(cloud, typeset)


@pytest.fixture
def run(call: Any, project: DemoProject, workers: Workers, cloud: Cloud) -> Any:
    """A batch of numbered invoices that has ended."""

    def run(count: int = 3, output: str = "merged", **options: Any) -> Any:
        rows = [{"data": {**DATA, "number": f"N{n}"}} for n in range(1, count + 1)]
        body = {"templateSlug": "invoice", "items": rows, "output": output, "options": options}
        made = call("create_batch", project, body=body)
        if made.status != 202:
            return made
        return finish(call, project, workers, made.body["id"])

    return run


def finish(call: Any, project: DemoProject, workers: Workers, batch_id: str) -> Any:
    workers.run()
    workers.cloud.invoke("assemble_batch", {"projectId": project.id, "batchId": batch_id})
    return call("get_batch", project, path={"id": batch_id})


def objects(cloud: Cloud) -> dict[str, bytes]:
    """The objects of the bucket by key."""
    s3, bucket = boto3.client("s3"), cloud.names["DocumentsBucket"]
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {
        each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found
    }


def merged(cloud: Cloud, batch: Any) -> bytes:
    key = re.search(r"batches/[^?]*\.pdf", batch.body["resultUrl"])
    assert key, batch.body
    return objects(cloud)[key[0]]


def check_merged(content: bytes) -> tuple[list[str], list[str]]:
    """Check a merged PDF: its page tree, tags and links. Returns the bookmarks and the texts."""
    with Pdf.open(BytesIO(content)) as pdf:
        assert pdf.check_pdf_syntax() == []
        pages = {page.obj.objgen for page in pdf.pages}
        tree = dict(pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree).items())
        used: set[int] = set()
        for page in pdf.pages:
            keys = [int(page.StructParents)] if "/StructParents" in page else []
            keys += [int(each.StructParent) for each in page.get("/Annots", [])]
            assert not used & set(keys)
            used |= set(keys)
            for key in keys:
                elements = tree[key] if isinstance(tree[key], pikepdf.Array) else [tree[key]]
                assert all(each.Pg.objgen in pages for each in elements if "/Pg" in each)
            for each in page.get("/Annots", []):
                if "/Dest" in each:
                    assert each.Dest[0].objgen == page.obj.objgen
        assert used == set(tree)
        assert [str(each.S) for each in pdf.Root.StructTreeRoot.K].count("/Document") >= 1
        with pdf.open_outline() as outline:
            titles = [each.title for each in outline.root]
            targets = [each.destination[0].objgen for each in outline.root]
        assert all(target in pages for target in targets)
        assert b"<pdfaid:part>2<" in pdf.Root.Metadata.read_bytes()
    return titles, re.findall(r"Invoice (N\d+)", text_of(content))


def test_merged__is_one_pdf_with_a_bookmark_for_each_row(run: Any, cloud: Cloud) -> None:
    batch = run(120)
    assert batch.body["status"] == "completed"
    titles, texts = check_merged(merged(cloud, batch))
    assert titles == [f"invoice-{n:06d}" for n in range(1, 121)]
    assert texts == [f"N{n}" for n in range(1, 121)]
    assert f"{batch.body['id']}.pdf" in batch.body["resultUrl"]


def test_merged__equal_fonts_and_letterheads_are_written_once(
    run: Any, cloud: Cloud, project: DemoProject
) -> None:
    letterheads.publish_letterhead(
        project.id, "Acme", foreign_pdf.letterhead_pdf(), by="ada", check=check_file
    )
    single, many = (len(merged(cloud, run(n, letterhead="Acme"))) for n in (1, 21))
    assert many - single < 20 * single / 2
    content = merged(cloud, run(3, letterhead="Acme"))
    check_merged(content)
    with Pdf.open(BytesIO(content)) as pdf:
        forms = {page.Resources.XObject.CraftkitLetterhead.objgen for page in pdf.pages}
    assert len(forms) == 1


def test_merged__after_a_retry_the_rows_are_in_order(
    call: Any, project: DemoProject, cloud: Cloud
) -> None:
    failing = {"N2"}

    def fails(job: Job) -> Document:
        if job.data["number"] in failing:
            raise SourceError("cannot divide by zero")
        return typeset(job)

    workers = Workers(cloud, fails)
    rows = [{"data": {**DATA, "number": f"N{n}"}} for n in range(1, 4)]
    body = {"templateSlug": "invoice", "items": rows, "output": "merged"}
    batch_id = call("create_batch", project, body=body).body["id"]
    batch = finish(call, project, workers, batch_id)
    assert check_merged(merged(cloud, batch))[1] == ["N1", "N3"]
    failing.clear()
    assert call("retry_batch", project, path={"id": batch_id}).status == 202
    batch = finish(call, project, workers, batch_id)
    assert check_merged(merged(cloud, batch))[1] == ["N1", "N2", "N3"]


def test_merged__with_too_many_objects_completes_with_an_error(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "OBJECT_LIMIT", 60)
    batch = run(5)
    assert (batch.body["status"], batch.body["resultUrl"]) == ("completed", None)
    assert batch.body["errorCode"] == "render_too_large"
    assert "Create smaller batches" in batch.body["errorMessage"]


@pytest.mark.parametrize(
    "options", [{"format": "png"}, {"password": {"open": "a"}},
                {"attachments": [{"filename": "a", "content": "QUJDRA=="}]}],
)  # fmt: skip
def test_merged__refuses_what_it_cannot_hold(run: Any, options: dict[str, Any]) -> None:
    answer = run(1, **options)
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_finishing__applies_to_each_document_and_is_stored_encrypted(
    run: Any, cloud: Cloud, project: DemoProject
) -> None:
    publish(project.id, "invoice", source=SOURCE, pdf_standard="1.7")
    extra = {"content": b64encode(foreign_pdf.typst_pdf("Terms")).decode()}
    batch = run(2, "files", append=[extra], password={"open": SECRET})
    assert batch.body["counts"]["succeeded"] == 2
    documents = [content for key, content in objects(cloud).items() if key.endswith(".pdf")]
    for content in documents:
        with Pdf.open(BytesIO(content), password=SECRET) as pdf:
            assert len(pdf.pages) == 2
    assert len(documents) == 2
    assert places_of(SECRET, boto3.client) == []


def test_finishing__a_file_that_cannot_be_used_fails_every_row(
    run: Any, call: Any, project: DemoProject
) -> None:
    content = b64encode(foreign_pdf.encrypted()).decode()
    batch = run(2, "files", append=[{"content": content}])
    assert batch.body["counts"]["failed"] == 2
    answer = call("list_batch_items", project, path={"id": batch.body["id"]}, query={})
    assert {each["errorCode"] for each in answer.body["items"]} == {"invalid_file"}
    assert answer.body["items"][0]["errorMessage"].startswith("options.append.0: it is encrypted")


def test_data__of_a_batch_is_encrypted_with_its_own_key(
    call: Any, project: DemoProject, cloud: Cloud
) -> None:
    rows = [{"data": {**DATA, "number": SECRET}}]
    call("create_batch", project, body={"templateSlug": "invoice", "items": rows})
    assert places_of(SECRET, boto3.client) == []
    assert len(cloud.table("RenderKeysTable").scan()["Items"]) == 1


def test_erasure__removes_key_data_and_documents_and_nothing_is_rendered_any_more(
    call: Any, run: Any, project: DemoProject, cloud: Cloud, workers: Workers
) -> None:
    run(2, "files")
    rows = [{"data": {**DATA, "number": SECRET}}]
    body = {"templateSlug": "invoice", "items": rows, "output": "files"}
    waiting = call("create_batch", project, body=body).body["id"]
    [message] = workers.messages()
    assert erasure.erase_batches(project.id) == 2
    assert objects(cloud) == {}
    assert cloud.table("RenderKeysTable").scan()["Items"] == []
    assert call("get_batch", project, path={"id": waiting}).status == 404
    with cloud.as_function("TestWorkerFunction"):
        assert render_chunk(project.id, waiting, message["chunk"], typeset=typeset) is None
    workers.check()
    workers.check_due()
    assert objects(cloud) == {}
    assert erasure.erase_batches(project.id) == 0
    assert json.dumps(cloud.table("BatchesTable").scan()["Items"], default=str).count("N1") == 0


def test_assembly__an_interrupted_merge_is_repeated(
    run: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(assembly.MergedPdf, "close", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(1)
    assert not [key for key in objects(cloud) if key.endswith(".pdf")]

"""POST /v1/verify and the public page: what a document is, whatever was sent."""

import base64
import json
import random
import re
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from time import perf_counter
from typing import Any

import pytest
from pikepdf import Dictionary, Name, Pdf

from craftkit import storage
from craftkit.config import config
from craftkit.limits.previews import one_file
from craftkit.templates import gallery
from testkit.cloud import Cloud
from testkit.project import DemoProject, make_project, publish_gallery
from testkit.seals import SIGNER, configure_seals
from typesetting import typeset
from typesetting.worker import render_document

DATE = "2026-11-24T12:00:00Z"


@pytest.fixture
def verify(cloud: Cloud, event: Any, project: DemoProject) -> Callable[..., Any]:
    """What the route answers to a body: status and JSON."""

    def verify(pdf: bytes, *, of: DemoProject | None = None) -> Any:
        sent = event("verify_document", principal=(of or project).principal)
        answer = cloud.invoke("verify_document", sent | body_of(pdf))
        return answer["statusCode"], json.loads(answer["body"])

    return verify


@pytest.fixture
def public(cloud: Cloud, event: Any) -> Callable[..., Any]:
    """The public route."""

    def public(pdf: bytes | None, method: str = "POST") -> Any:
        sent = event("verify_page")
        return cloud.invoke("verify_page", sent | {"httpMethod": method} | body_of(pdf or b""))

    return public


def body_of(pdf: bytes) -> dict[str, Any]:
    return {"body": base64.b64encode(pdf).decode(), "isBase64Encoded": True}


@pytest.fixture
def make(cloud: Cloud, call: Any, project: DemoProject) -> Callable[..., tuple[Any, bytes]]:
    """A finished render and its document."""

    def make(slug: str = "invoice", of: DemoProject = project, **options: Any) -> tuple[Any, bytes]:
        publish_gallery(of.id, slug)
        file = gallery.FOLDER / slug / "data.json"
        data = json.loads(file.read_text(encoding="utf-8"))
        body = {"data": data, "options": options}
        made = call("create_render", of, path={"slug": slug}, body=body)
        assert made.status == 202, made.body
        worker = "LiveWorkerFunction" if of.principal.mode == "live" else "TestWorkerFunction"
        with cloud.as_function(worker):
            render_document(of.id, made.body["id"], typeset=typeset)
        render = call("get_render", of, path={"id": made.body["id"]}).body
        assert render["status"] == "succeeded", render["errorMessage"]
        return render, storage.get(f"renders/{of.id}/{render['id']}.pdf")

    return make


def test_a_sealed_invoice_is_known_and_says_what_it_holds(
    cloud: Cloud, make: Any, verify: Any
) -> None:
    configure_seals(cloud)
    render, pdf = make(seal=True)
    status, found = verify(pdf)
    assert status == 200
    [seal] = found.pop("seals")
    assert seal.pop("at") >= render["createdAt"][:19]
    assert seal == {"signer": SIGNER, "level": "B-B", "intact": True, "trusted": True}
    assert found == {
        "known": True,
        "renderId": render["id"],
        "changedSince": False,
        "invoice": {
            "number": "INV-2026-0142",
            "currency": "EUR",
            "netTotal": "8000.00",
            "vatTotal": "2000.00",
            "grandTotal": "10000.00",
            "dueTotal": "10000.00",
        },
    }


def test_a_document_without_a_seal_is_known_by_its_bytes(make: Any, verify: Any) -> None:
    render, pdf = make("letter")
    expected = {"known": True, "renderId": render["id"], "seals": []}
    status, found = verify(pdf)
    assert (status, found) == (200, {**expected, "changedSince": None, "invoice": None})


def test_a_document_of_a_fixed_date_is_known(make: Any, verify: Any) -> None:
    render, pdf = make("letter", documentDate=DATE)
    assert verify(pdf)[1]["renderId"] == render["id"]


def test_of_two_renders_with_the_same_bytes_one_stays_known(
    make: Any, verify: Any, call: Any, project: DemoProject
) -> None:
    first, pdf = make("letter", documentDate=DATE)
    second, same = make("letter", documentDate=DATE)
    assert pdf == same
    assert verify(pdf)[1]["renderId"] == second["id"]
    call("delete_render", project, path={"id": second["id"]})
    assert verify(pdf)[1]["renderId"] == first["id"]
    call("delete_render", project, path={"id": first["id"]})
    assert verify(pdf)[1]["known"] is False


def test_an_erased_render_is_no_longer_known(
    make: Any, verify: Any, call: Any, project: DemoProject
) -> None:
    render, pdf = make("letter")
    assert verify(pdf)[1]["known"] is True
    call("delete_render", project, path={"id": render["id"]})
    found = verify(pdf)[1]
    assert (found["known"], found["renderId"]) == (False, None)


def test_a_document_of_another_project_or_mode_is_not_known(
    make: Any, verify: Any, project: DemoProject
) -> None:
    _, pdf = make("letter", documentDate=DATE)
    other = make_project(name="Other", slug=None)
    assert verify(pdf, of=other)[1]["known"] is False
    live = make_project("live", name="Live", slug=None)
    assert verify(pdf, of=live)[1]["known"] is False


def test_notes_of_documents_are_no_renders(make: Any, call: Any, project: DemoProject) -> None:
    make("letter", documentDate=DATE)
    assert len(call("list_renders", project).body["renders"]) == 1


def test_a_seal_of_a_former_certificate_stays_trusted(cloud: Cloud, make: Any, verify: Any) -> None:
    configure_seals(cloud, name="Former")
    _, pdf = make(seal=True)
    configure_seals(cloud, name="Present")
    [seal] = verify(pdf)[1]["seals"]
    assert (seal["signer"], seal["trusted"]) == ("Former", True)


def test_a_seal_of_somebody_else_is_intact_and_not_trusted(
    cloud: Cloud, make: Any, verify: Any
) -> None:
    configure_seals(cloud)
    _, pdf = make(seal=True)
    cloud.table("ContentTable").delete_item(Key={"pk": "stage#seals", "sk": "certificates"})
    from craftkit.process_cache import clear_all

    clear_all()
    [seal] = verify(pdf)[1]["seals"]
    assert (seal["intact"], seal["trusted"]) == (True, False)


def test_what_was_added_after_the_seal_is_found(cloud: Cloud, make: Any, verify: Any) -> None:
    configure_seals(cloud)
    _, pdf = make(seal=True)
    _, found = verify(pdf + b"\n% more\n")
    assert (found["known"], found["changedSince"]) == (False, True)
    assert found["seals"][0]["intact"] is True


def test_one_flipped_bit_is_found_wherever_it_is(cloud: Cloud, make: Any, verify: Any) -> None:
    configure_seals(cloud)
    _, pdf = make(seal=True)
    gap = re.search(rb"<(30[0-9A-Fa-f]{2000,})>", pdf)
    assert gap is not None
    chosen = random.Random(19)
    places = [chosen.randrange(len(pdf)) for _ in range(40)]
    places += [chosen.randrange(gap.start(1), gap.end(1)) for _ in range(60)]
    places += range(gap.start() - 10, gap.start(1) + 60)
    for place in places:
        changed = bytearray(pdf)
        changed[place] ^= 1 << chosen.randrange(8)
        status, found = verify(bytes(changed))
        if status == 200:
            assert found["known"] is False, place
            assert found["changedSince"] is True, (place, pdf[place - 8 : place + 8])
        else:
            assert found["error"]["code"] == "unreadable_document"


def with_stream(content: bytes, **entries: Any) -> bytes:
    """A PDF with one further stream, which its document information names."""
    with Pdf.new() as document:
        document.add_blank_page()
        document.docinfo["/X"] = document.make_stream(content, **entries)
        output = BytesIO()
        document.save(output)
        return output.getvalue()


@pytest.mark.parametrize(
    "date", ["D:99991231235959Z", "D:00010101000000+01'00'", "D:19700101000000Z", "D:20261340"]
)
def test_a_creation_date_that_cannot_be_is_no_fault(verify: Any, date: str) -> None:
    with Pdf.new() as document:
        document.add_blank_page()
        document.docinfo["/CreationDate"] = date
        output = BytesIO()
        document.save(output)
    status, found = verify(output.getvalue())
    assert (status, found["known"]) == (200, False)


def looping_fields() -> bytes:
    with Pdf.new() as document:
        document.add_blank_page()
        form = document.make_indirect(Dictionary(Fields=[]))
        field = document.make_indirect(Dictionary(T="a", FT=Name.Sig))
        field.Kids = [field]
        form.Fields = [field]
        document.Root.AcroForm = form
        output = BytesIO()
        document.save(output)
        return output.getvalue()


def many_pages() -> bytes:
    with Pdf.new() as document:
        for _ in range(10_000):
            document.add_blank_page(page_size=(10, 10))
        output = BytesIO()
        document.save(output)
        return output.getvalue()


def looping_xref() -> bytes:
    return b"%PDF-1.7\nxref\n0 0\ntrailer\n<< /Size 1 /Prev 9 /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def bomb() -> bytes:
    """An object stream that decompresses to 300 MB."""
    packed = zlib.compress(b"0 " * 150_000_000, 9)
    head = b"%PDF-1.7\n1 0 obj\n<< /Type /XRef /Size 9 /W [1 1 1] /Root 1 0 R /Filter /FlateDecode"
    head += b" /Length %d >>\nstream\n" % len(packed)
    return head + packed + b"\nendstream\nendobj\nstartxref\n9\n%%EOF\n"


def nested() -> bytes:
    return b"%PDF-1.7\n1 0 obj\n" + b"[" * 200_000 + b"\nstartxref\n9\n%%EOF\n"


@pytest.mark.parametrize(
    "pdf",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"PK\x03\x04 a zip", id="a zip file"),
        pytest.param(b"%PDF-1.7\n", id="only a header"),
        pytest.param(b"%PDF-1.7\n" + bytes(100_000), id="zeros"),
        pytest.param(looping_xref(), id="a loop of tables"),
        pytest.param(looping_fields(), id="a loop of fields"),
        pytest.param(nested(), id="deep arrays"),
        pytest.param(bomb(), id="a bomb"),
    ],
)
def test_a_hostile_file_is_400_in_a_few_seconds(verify: Any, pdf: bytes) -> None:
    started = perf_counter()
    status, found = verify(pdf)
    assert (status, found["error"]["code"]) == (400, "unreadable_document")
    assert perf_counter() - started < 10


def test_a_file_of_10_000_pages_is_read_in_a_few_seconds(verify: Any) -> None:
    pdf, started = many_pages(), perf_counter()
    status, found = verify(pdf)
    assert (status, found["known"], found["seals"]) == (200, False, [])
    assert perf_counter() - started < 10


def test_reading_ends_after_its_time(verify: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_for_ever(*_: Any) -> None:
        while True:
            pass

    monkeypatch.setattr("pdf_seals.reading.READ_SECONDS", 0.2)
    monkeypatch.setattr("pdf_seals.reading._read", read_for_ever)
    status, found = verify(with_stream(b""))
    assert (status, found["error"]["code"]) == (400, "unreadable_document")
    assert "longer than 0.2 seconds" in found["error"]["message"]


def test_an_encrypted_file_is_400(verify: Any) -> None:
    from pikepdf import Encryption

    with Pdf.new() as document:
        document.add_blank_page()
        output = BytesIO()
        document.save(output, encryption=Encryption(owner="a", user="b"))
    status, found = verify(output.getvalue())
    assert (status, found["error"]["code"]) == (400, "unreadable_document")
    assert "encrypted" in found["error"]["message"]


def test_a_file_that_is_too_large_is_413(verify: Any) -> None:
    status, found = verify(b"%PDF-1.7\n" + bytes(4 * 1024 * 1024))
    assert (status, found["error"]["code"]) == (413, "payload_too_large")


def test_a_key_without_the_scope_is_403(verify: Any) -> None:
    writer = make_project(name="Writer", slug=None, scopes=("renders:write",))
    assert verify(b"%PDF-1.7\n", of=writer)[0] == 403


def test_the_public_route_says_what_the_document_says_and_nothing_of_renders(
    cloud: Cloud, make: Any, public: Any
) -> None:
    configure_seals(cloud)
    _, pdf = make(seal=True)
    answer = public(pdf)
    found = json.loads(answer["body"])
    assert answer["statusCode"] == 200
    assert set(found) == {"seals", "changedSince", "invoice"}
    assert found["seals"][0]["trusted"] is True
    assert found["invoice"]["number"] == "INV-2026-0142"


def test_the_page_may_run_its_own_script_alone(public: Any) -> None:
    answer = public(None, "GET")
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (
        200,
        "text/html; charset=utf-8",
    )
    policy = answer["headers"]["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "Choose a PDF" in answer["body"]


@pytest.mark.parametrize("function", ["verify_document", "validate_invoice"])
def test_too_many_files_of_one_project_at_once_are_429_and_delay_no_other(
    function: str, cloud: Cloud, event: Any, project: DemoProject
) -> None:
    """One key would otherwise occupy the functions that check the invoices of all projects."""

    def status_of(caller: DemoProject) -> int:
        sent = event(function, principal=caller.principal)
        return int(cloud.invoke(function, sent | body_of(b"no document"))["statusCode"])

    other = make_project(name="Other", slug=None)
    with cloud.as_function("VerifyDocumentFunction"), ExitStack() as held:
        for _ in range(config.previews_per_project):
            held.enter_context(one_file(project.id))
        assert status_of(project) == 429
        assert status_of(other) == 400
    assert status_of(project) == 400

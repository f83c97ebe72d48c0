"""Sealed documents: the signature, the unchanged page, and the responses."""

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import CertificateBuilder, ExtendedKeyUsage, Name, NameAttribute
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pikepdf import Pdf
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from craftkit import network, storage
from craftkit.config import Config
from craftkit.seals.timestamps import TimestampUnavailableError
from craftkit.templates import gallery
from testkit.cloud import Cloud
from testkit.project import DATA, DemoProject, publish, publish_gallery
from testkit.seals import SIGNER, configure_seals
from typesetting import typeset
from typesetting.chunks import render_chunk
from typesetting.worker import render_document

DATE = "2026-11-24T12:00:00Z"
FIELD = {"page": 1, "x": 50, "y": 700.5, "width": 180, "height": 60}


def sample(slug: str) -> dict[str, Any]:
    return dict(json.loads((gallery.FOLDER / slug / "data.json").read_text(encoding="utf-8")))


@pytest.fixture
def make(cloud: Cloud, call: Any, project: DemoProject) -> Any:
    """Render with a template of the gallery; the render when it has ended, or the refusal."""

    def make(slug: str = "invoice", **options: Any) -> Any:
        publish_gallery(project.id, slug)
        body = {"data": sample(slug), "options": options}
        answer = call("create_render", project, path={"slug": slug}, body=body)
        if answer.status != 202:
            return answer
        with cloud.as_function("TestWorkerFunction"):
            render_document(project.id, answer.body["id"], typeset=typeset)
        return call("get_render", project, path={"id": answer.body["id"]}).body

    return make


@pytest.fixture
def sealing(cloud: Cloud) -> Iterator[None]:
    configure_seals(cloud)
    yield


def content_of(project: DemoProject, render: Any) -> bytes:
    assert render["status"] == "succeeded", render["errorMessage"]
    return storage.get(f"renders/{project.id}/{render['id']}.pdf")


def report(pdf: bytes, tmp_path: Path) -> str:
    """What poppler says of the signatures."""
    file = tmp_path / "sealed.pdf"
    file.write_bytes(pdf)
    done = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True)
    return done.stdout


def is_intact(pdf: bytes) -> bool:
    [signature] = PdfFileReader(BytesIO(pdf)).embedded_signatures
    signature.compute_integrity_info(skip_diff=True)
    assert signature.coverage is not None
    summary = signature.summarise_integrity_info()
    return bool(summary["coverage"].name == "ENTIRE_FILE")


@pytest.mark.usefixtures("sealing")
def test_poppler_and_pyhanko_accept_a_seal(make: Any, project: DemoProject, tmp_path: Path) -> None:
    pdf = content_of(project, make(seal={"reason": "Issued", "location": "Rüdesheim"}))
    said = report(pdf, tmp_path)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert SIGNER in said
    assert is_intact(pdf)
    [signature] = PdfFileReader(BytesIO(pdf)).embedded_signatures
    assert signature.sig_object["/Reason"] == "Issued"
    assert signature.sig_object["/Location"] == "Rüdesheim"


@pytest.mark.usefixtures("sealing")
def test_the_unsealed_document_is_the_beginning_and_is_reproducible(
    make: Any, project: DemoProject
) -> None:
    plain = make(documentDate=DATE)
    first, second = make(documentDate=DATE, seal=True), make(documentDate=DATE, seal=True)
    assert plain["unsealedSha256"] is None
    assert first["unsealedSha256"] == second["unsealedSha256"] == plain["sha256"]
    sealed, page = content_of(project, first), content_of(project, plain)
    assert sealed.startswith(page)
    assert hashlib.sha256(sealed).hexdigest() == first["sha256"] != plain["sha256"]


@pytest.mark.usefixtures("sealing")
def test_pdf_a_and_its_attachment_stay(make: Any, project: DemoProject, tmp_path: Path) -> None:
    render = make(seal=True)
    pdf = content_of(project, render)
    assert render["pdfStandard"] == "a-3a+ua-1"
    with Pdf.open(BytesIO(pdf)) as document:
        assert not document.check_pdf_syntax()
        assert "factur-x.xml" in document.attachments
        metadata = document.Root.Metadata.read_bytes()
        assert b"<pdfaid:part>3<" in metadata
        [widget] = document.pages[0].Annots[-1:]
        # PDF/A: shown when printed, not hidden. PDF/UA: outside of the page, tab order.
        assert int(widget.F) & 0b111 == 0b100
        assert all(float(side) < 0 for side in widget.Rect)
        assert str(document.pages[0].Tabs) == "/S"
        assert str(widget.TU) != ""


@pytest.mark.usefixtures("sealing")
def test_a_visible_field_is_tagged_and_has_embedded_fonts(make: Any, project: DemoProject) -> None:
    pdf = content_of(project, make(seal={"reason": "Issued", "field": FIELD}))
    with Pdf.open(BytesIO(pdf)) as document:
        page = document.pages[0]
        height = float(page.MediaBox[3])
        widget = page.Annots[-1]
        expected = [50, height - 760.5, 230, height - 700.5]
        assert [float(side) for side in widget.Rect] == pytest.approx(expected, abs=0.02)
        root = document.Root.StructTreeRoot
        key = int(widget.StructParent)
        assert int(root.ParentTreeNextKey) == key + 1
        nums = list(root.ParentTree.Nums)
        element = nums[nums.index(key) + 1]
        assert str(element.S) == "/Form"
        assert element.K.Obj.objgen == widget.objgen
        assert element.objgen == root.K[0].K[-1].objgen
        fonts = widget.AP.N.Resources.Font
        for font in fonts.values():
            assert (
                "/FontFile2" in (d := font.DescendantFonts[0].FontDescriptor) or "/FontFile3" in d
            )
    assert is_intact(pdf)


@pytest.mark.usefixtures("sealing")
def test_the_last_page_is_minus_one(make: Any, project: DemoProject) -> None:
    render = make("report", seal={"field": {**FIELD, "page": -1, "y": 20}})
    with Pdf.open(BytesIO(content_of(project, render))) as document:
        assert len(document.pages) > 1
        assert "/AcroForm" in document.Root
        assert str(document.pages[-1].Annots[-1].FT) == "/Sig"


@pytest.mark.usefixtures("sealing")
@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({**FIELD, "page": 7}, "The seal's field is on page 7, and the document has 1 page."),
        ({**FIELD, "x": 500}, "The seal's field ends at 680 × 760.5 points, and page 1 has 595"),
    ],
)
def test_a_field_outside_of_the_document_fails_the_render(
    make: Any, field: Any, message: str
) -> None:
    render = make(seal={"field": field})
    assert (render["status"], render["errorCode"]) == ("failed", "invalid_seal_field")
    assert render["errorMessage"].startswith(message)


def test_without_a_certificate_a_seal_is_409(make: Any) -> None:
    answer = make(seal=True)
    assert (answer.status, answer.code) == (409, "seal_not_configured")


def test_with_an_expired_certificate_a_seal_is_409(cloud: Cloud, make: Any) -> None:
    configure_seals(cloud, life=timedelta(hours=-1))
    answer = make(seal=True)
    assert (answer.status, answer.code) == (409, "seal_not_configured")
    assert "expired on" in answer.body["error"]["message"]


@pytest.mark.usefixtures("sealing")
@pytest.mark.parametrize(
    ("seal", "path"),
    [
        ({"reason": ""}, "options.seal.reason"),
        ({"reason": "two\nlines"}, "options.seal.reason"),
        ({"field": {**FIELD, "page": 0}}, "options.seal.field"),
        ({"field": {**FIELD, "width": 1}}, "options.seal.field.width"),
        ({"field": {**FIELD, "x": "50"}}, "options.seal.field.x"),
        ({"signer": "me"}, "options.seal.signer"),
    ],
)
def test_what_is_no_seal_is_400(make: Any, seal: Any, path: str) -> None:
    answer = make(seal=seal)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert any(each.startswith(path) for each in answer.field_errors), answer.field_errors


@pytest.mark.usefixtures("sealing")
def test_an_image_cannot_be_sealed(make: Any) -> None:
    answer = make(seal=True, format="png")
    assert (answer.status, answer.code) == (400, "invalid_request")


@pytest.mark.usefixtures("sealing")
def test_a_template_seals_by_default_and_a_request_leaves_it_out(
    cloud: Cloud, call: Any, project: DemoProject
) -> None:
    entry = gallery.load("letter")
    manifest = {**entry.manifest.as_json(), "seal": {"reason": "By default"}}
    publish(project.id, "sealed", manifest, entry.source)

    def rendered(**options: Any) -> Any:
        body = {"data": sample("letter"), "options": options}
        answer = call("create_render", project, path={"slug": "sealed"}, body=body)
        made = answer.body
        assert answer.status == 202, made
        with cloud.as_function("TestWorkerFunction"):
            render_document(project.id, made["id"], typeset=typeset)
        return call("get_render", project, path={"id": made["id"]}).body

    pdf = content_of(project, rendered())
    [signature] = PdfFileReader(BytesIO(pdf)).embedded_signatures
    assert signature.sig_object["/Reason"] == "By default"
    assert rendered(seal=False)["unsealedSha256"] is None


@pytest.mark.usefixtures("sealing")
def test_a_document_that_is_not_stored_is_sealed(
    cloud: Cloud, event: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Workers:
        def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
            function = FunctionName.rsplit(":", 2)[-2]
            answer = cloud.invoke("render_document", json.loads(Payload), function=function)
            return {"Payload": BytesIO(json.dumps(answer).encode())}

    monkeypatch.setattr("craftkit.renders.dispatch._lambda", Workers)
    publish(project.id, "invoice")
    options = {"store": False, "seal": {"field": FIELD}}
    how = {"principal": project.principal, "headers": {"Accept": "application/pdf"}}
    answer = cloud.invoke(
        "create_render",
        event("create_render", body={"data": DATA, "options": options}, **how),
    )
    assert answer["statusCode"] == 200
    assert is_intact(base64.b64decode(answer["body"]))


@pytest.mark.usefixtures("sealing")
def test_every_document_of_a_batch_is_sealed(cloud: Cloud, call: Any, project: DemoProject) -> None:
    publish(project.id, "invoice")
    body = {
        "templateSlug": "invoice",
        "items": [{"data": DATA}, {"data": DATA}],
        "options": {"seal": {"reason": "Batch"}, "documentDate": DATE},
    }
    made = call("create_batch", project, body=body)
    assert made.status == 202, made.body
    [message] = cloud.messages("TestQueue")
    with cloud.as_function("TestWorkerFunction"):
        render_chunk(project.id, made.body["id"], message["chunk"], typeset=typeset)
    answer = call("list_batch_items", project, path={"id": made.body["id"]})
    first, second = answer.body["items"]
    assert (first["status"], second["status"]) == ("succeeded", "succeeded"), answer.body
    assert first["unsealedSha256"] == second["unsealedSha256"]
    for item in (first, second):
        key = urlsplit(item["downloadUrl"]).path.removeprefix("/")
        content = storage.get(key)
        assert hashlib.sha256(content).hexdigest() == item["sha256"]
        assert is_intact(content)


def test_a_batch_without_a_certificate_is_409(call: Any, project: DemoProject) -> None:
    publish(project.id, "invoice")
    body = {"templateSlug": "invoice", "items": [{"data": DATA}], "options": {"seal": True}}
    answer = call("create_batch", project, body=body)
    assert (answer.status, answer.code) == (409, "seal_not_configured")


class TimestampServer:
    """What stands for the network: a server that signs timestamps, or one that is broken."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, network.Policy]] = []
        self.broken = False

    def fetch(
        self, url: str, policy: network.Policy, method: str, body: bytes, headers: Any
    ) -> network.Fetched:
        self.calls.append((url, policy))
        assert (method, headers) == ("POST", {"content-type": "application/timestamp-query"})
        if self.broken:
            return network.Fetched(503, {}, b"", 1)
        answer = timestamper().request_tsa_response(tsp.TimeStampReq.load(body))
        return network.Fetched(200, {}, answer.dump(), 1)


@pytest.fixture
def timestamps(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> TimestampServer:
    server = TimestampServer()
    monkeypatch.setattr("craftkit.seals.timestamps.network.fetch", server.fetch)
    monkeypatch.setattr(Config, "timestamp_url", "https://time.example.com/tsa")
    return server


@pytest.mark.usefixtures("sealing")
def test_with_a_timestamp_server_a_seal_has_a_timestamp(
    make: Any, project: DemoProject, timestamps: TimestampServer, tmp_path: Path
) -> None:
    pdf = content_of(project, make(seal=True))
    [signature] = PdfFileReader(BytesIO(pdf)).embedded_signatures
    kinds = {each["type"].native for each in signature.signer_info["unsigned_attrs"]}
    assert kinds == {"signature_time_stamp_token"}
    assert "Signature is Valid" in report(pdf, tmp_path)
    assert {url for url, _ in timestamps.calls} == {"https://time.example.com/tsa"}


@pytest.mark.usefixtures("sealing")
def test_a_timestamp_server_that_fails_is_asked_again_later(
    make: Any, call: Any, cloud: Cloud, project: DemoProject, timestamps: TimestampServer
) -> None:
    timestamps.broken = True
    with pytest.raises(TimestampUnavailableError, match="answered 503"):
        make(seal=True)
    timestamps.broken = False
    [render] = call("list_renders", project).body["renders"]
    with cloud.as_function("TestWorkerFunction"):
        again = render_document(project.id, render["id"], typeset=typeset)
    assert again is not None
    assert (again.status, again.attempt) == ("succeeded", 2)
    assert hashlib.sha256(storage.get(again.document_key)).hexdigest() == again.sha256


@pytest.mark.usefixtures("sealing")
def test_erasing_a_render_erases_the_documents_of_every_attempt(
    make: Any, call: Any, cloud: Cloud, project: DemoProject, timestamps: TimestampServer
) -> None:
    timestamps.broken = True
    with pytest.raises(TimestampUnavailableError):
        make(seal=True)
    timestamps.broken = False
    [render] = call("list_renders", project).body["renders"]
    with cloud.as_function("TestWorkerFunction"):
        render_document(project.id, render["id"], typeset=typeset)
    bucket = boto3.resource("s3").Bucket(cloud.names["DocumentsBucket"])
    assert [each.key for each in bucket.objects.filter(Prefix="renders/")]
    assert call("delete_render", project, path={"id": render["id"]}).status == 204
    assert [each.key for each in bucket.objects.filter(Prefix="renders/")] == []


@cache
def timestamper() -> DummyTimeStamper:
    key = rsa.generate_private_key(65537, 2048)
    name = Name([NameAttribute(NameOID.COMMON_NAME, "Time")])
    now = datetime.now(UTC)
    certificate = (
        CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(key, SHA256())
    )
    return DummyTimeStamper(
        tsa_cert=asn1.Certificate.load(certificate.public_bytes(Encoding.DER)),
        tsa_key=keys.PrivateKeyInfo.load(
            key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        ),
    )


@pytest.mark.usefixtures("sealing")
def test_a_worker_that_lost_its_lease_does_not_replace_the_sealed_document(
    cloud: Cloud, call: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seal differs each time: the stored file must be the one whose hash the render has."""
    publish(project.id, "invoice")
    body = {"data": DATA, "options": {"seal": True}}
    made = call("create_render", project, path={"slug": "invoice"}, body=body).body
    put, second = storage.put, []

    def put_late(key: str, content: bytes, **how: Any) -> None:
        if not second:  # the first worker stalls here, beyond its lease
            second.append(key)
            monkeypatch.setattr("craftkit.renders.lifecycle.LEASE", timedelta(seconds=75))
            render_document(project.id, made["id"], typeset=typeset)
        put(key, content, **how)

    monkeypatch.setattr("craftkit.renders.lifecycle.LEASE", timedelta(seconds=-1))
    monkeypatch.setattr("craftkit.storage.put", put_late)
    with cloud.as_function("TestWorkerFunction"):
        assert render_document(project.id, made["id"], typeset=typeset) is None
    render = call("get_render", project, path={"id": made["id"]})
    assert render.body["status"] == "succeeded"
    with cloud.as_function("GetRenderFunction"):
        from craftkit.renders import repository

        row = repository.get(project.id, made["id"])
        assert row is not None
        assert hashlib.sha256(storage.get(row.document_key)).hexdigest() == row.sha256

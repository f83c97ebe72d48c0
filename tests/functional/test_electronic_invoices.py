"""A render whose template has an invoice mapping: the PDF, its attachment, its XML, refusals."""

import base64
import hashlib
import json
import re
from io import BytesIO
from typing import Any

import pytest
from pikepdf import Pdf

from craftkit import storage
from craftkit.errors import ValidatorUnavailableError
from craftkit.templates import gallery
from testkit.cloud import Cloud
from testkit.pdf import text_of
from testkit.project import DemoProject, publish_gallery
from typesetting import typeset
from typesetting.worker import render_document

DATE = "2026-11-24T12:00:00Z"


def sample(slug: str) -> dict[str, Any]:
    return dict(json.loads((gallery.FOLDER / slug / "data.json").read_text(encoding="utf-8")))


@pytest.fixture
def make(call: Any, project: DemoProject) -> Any:
    """Render data with a template of the gallery; the render when it has ended."""

    def make(slug: str = "invoice", data: Any = None, **options: Any) -> Any:
        publish_gallery(project.id, slug)
        body = {"data": data or sample(slug), "options": options}
        answer = call("create_render", project, path={"slug": slug}, body=body)
        if answer.status == 202:
            render_document(project.id, answer.body["id"], typeset=typeset)
            return call("get_render", project, path={"id": answer.body["id"]}).body
        return answer

    return make


@pytest.fixture
def xml_of(cloud: Cloud, event: Any, project: DemoProject) -> Any:
    def xml_of(render: Any) -> Any:
        how = {"path": {"id": render["id"]}, "principal": project.principal}
        return cloud.invoke("get_invoice", event("get_invoice", **how))

    return xml_of


def pdf_of(project: DemoProject, render: Any) -> bytes:
    return storage.get(f"renders/{project.id}/{render['id']}.pdf")


def metadata_of(pdf: Pdf) -> dict[str, str]:
    text = pdf.Root.Metadata.read_bytes().decode()
    return dict(re.findall(r"<((?:fx|pdfaid|pdfuaid):\w+)>([^<]+)<", text))


@pytest.mark.parametrize("slug", ["invoice", "credit-note"])
def test_a_gallery_template_makes_a_pdf_a_3_with_its_invoice(
    make: Any, xml_of: Any, project: DemoProject, slug: str
) -> None:
    render = make(slug, documentDate=DATE)
    assert (render["status"], render["pdfStandard"]) == ("succeeded", "a-3a+ua-1")
    answer = xml_of(render)
    assert answer["headers"]["Content-Type"] == "text/xml"
    assert answer["headers"]["Content-Disposition"] == f'inline; filename="{slug}.xml"'
    content = pdf_of(project, render)
    with Pdf.open(BytesIO(content)) as pdf:
        assert metadata_of(pdf) == {
            "fx:DocumentType": "INVOICE",
            "fx:DocumentFileName": "factur-x.xml",
            "fx:Version": "1.0",
            "fx:ConformanceLevel": "EN 16931",
            "pdfaid:part": "3",
            "pdfaid:conformance": "A",
            "pdfuaid:part": "1",
        }
        [file] = pdf.Root.AF
        assert (str(file.UF), str(file.AFRelationship)) == ("factur-x.xml", "/Alternative")
        attached = pdf.attachments["factur-x.xml"].get_file()
        assert attached.mime_type == "text/xml"
        xml = attached.read_bytes()
    assert xml == base64.b64decode(answer["body"])
    total = re.findall(rb"<ram:GrandTotalAmount>([^<]+)<", xml)[0].decode()
    shown = text_of(content).replace(",", "").replace(" ", "")
    assert total in shown


def test_the_same_data_and_date_make_the_same_bytes(make: Any, project: DemoProject) -> None:
    first, second = make(documentDate=DATE), make(documentDate=DATE)
    assert first["sha256"] == second["sha256"]
    content = pdf_of(project, first)
    assert hashlib.sha256(content).hexdigest() == first["sha256"]


def test_the_document_has_the_profile_of_the_request(
    make: Any, xml_of: Any, project: DemoProject
) -> None:
    render = make(invoice={"profile": "minimum"})
    with Pdf.open(BytesIO(pdf_of(project, render))) as pdf:
        assert metadata_of(pdf)["fx:ConformanceLevel"] == "MINIMUM"
        assert str(pdf.Root.AF[0].AFRelationship) == "/Data"


def test_an_image_has_its_invoice_as_a_separate_file(make: Any, xml_of: Any) -> None:
    render = make(format="png")
    assert xml_of(render)["statusCode"] == 200


def test_without_an_invoice_the_document_has_no_attachment(make: Any, xml_of: Any) -> None:
    render = make(invoice=False)
    assert (render["status"], render["pdfStandard"]) == ("succeeded", "a-2a+ua-1")
    assert xml_of(render)["statusCode"] == 404


def test_a_gallery_invoice_of_incomplete_data_is_rendered_with_a_warning(
    make: Any, xml_of: Any
) -> None:
    render = make(data={"customer": {"name": "Ada"}, "total": 42, "items": []})
    assert render["status"] == "succeeded"
    [warning] = [each for each in render["warnings"] if "electronic invoice" in each]
    assert "number: BR-02" in warning
    assert xml_of(render)["statusCode"] == 404


def test_a_required_invoice_is_refused_with_the_path_of_the_error(make: Any) -> None:
    data = sample("invoice")
    data["items"][2]["vatRate"] = 0
    data["total"] = "10000.01"
    answer = make(data=data, invoice={})
    assert (answer.status, answer.code) == (400, "invalid_invoice")
    assert answer.field_errors["items.2.vatCategory"][0].startswith("BR-CO-04: ")


def test_a_total_that_differs_from_the_sum_is_refused(make: Any) -> None:
    answer = make(data=sample("invoice") | {"total": "10000.01"}, invoice={})
    assert answer.code == "invalid_invoice"
    assert list(answer.field_errors) == ["total"]
    assert answer.field_errors["total"][0].startswith("BR-CO-15: ")


def test_a_template_without_a_mapping_refuses_an_invoice(make: Any) -> None:
    answer = make("letter", invoice={})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert list(answer.field_errors) == ["options.invoice"]


@pytest.mark.parametrize(
    "invoice",
    [
        {"syntax": "ubl"},
        {"standard": "peppol-bis-3", "syntax": "cii"},
        {"standard": "xrechnung", "profile": "basic"},
        {"profile": "comfort"},
        {"level": "basic"},
        True,
    ],
)
def test_contradictory_options_are_refused(make: Any, invoice: Any) -> None:
    answer = make(invoice=invoice)
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_a_violation_of_an_official_rule_has_the_data_path(make: Any) -> None:
    data = sample("invoice")
    data["customer"]["country"] = "XX"
    answer = make(data=data, invoice={})
    assert (answer.status, answer.code) == (400, "invalid_invoice")
    assert "'ram:CountryID' is not allowed" in answer.field_errors["customer.country"][0]


def test_a_broken_official_rule_is_a_warning_where_no_invoice_is_required(make: Any) -> None:
    data = sample("invoice")
    data["customer"]["country"] = "XX"
    render = make(data=data)
    assert (render["status"], render["pdfStandard"]) == ("succeeded", "a-2a+ua-1")
    assert "valid one: customer.country: " in render["warnings"][0]


def test_unavailable_rules_leave_no_render_and_no_charge(
    make: Any, call: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(function: str, xml: bytes) -> list[dict[str, Any]]:
        raise ValidatorUnavailableError

    monkeypatch.setattr("craftkit.invoices.official.failures_of", unavailable)
    answer = make(invoice={})
    assert (answer.status, answer.code) == (503, "validator_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert call("list_renders", project).body["renders"] == []
    render = make()
    assert "could not be checked" in render["warnings"][0]


@pytest.fixture
def verdict_of(cloud: Cloud, event: Any, project: DemoProject) -> Any:
    """The answer of the validation route to a file."""

    def verdict_of(content: bytes) -> Any:
        sent = event("validate_invoice", principal=project.principal)
        sent["body"], sent["isBase64Encoded"] = base64.b64encode(content).decode(), True
        answer = cloud.invoke("validate_invoice", sent)
        return answer["statusCode"], json.loads(answer["body"])

    return verdict_of


def test_validate_invoice__its_own_pdf_and_xml_are_valid(
    make: Any, verdict_of: Any, project: DemoProject
) -> None:
    content = pdf_of(project, make())
    expected = {"valid": True, "standard": "factur-x", "profile": "en16931", "issues": []}
    assert verdict_of(content) == (200, expected)
    with Pdf.open(BytesIO(content)) as pdf:
        xml = pdf.attachments["factur-x.xml"].get_file().read_bytes()
    assert verdict_of(xml) == (200, expected)
    status, body = verdict_of(xml.replace(b">10000.00<", b">10000.01<"))
    assert (status, body["valid"]) == (200, False)
    assert "BR-CO-15" in {issue["rule"] for issue in body["issues"]}
    assert all(issue["path"].startswith("/CrossIndustryInvoice[1]") for issue in body["issues"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b"%PDF-1.7",
    ],
)
def test_validate_invoice__a_file_that_is_no_invoice_is_refused(
    verdict_of: Any, content: bytes
) -> None:
    status, body = verdict_of(content)
    assert (status, body["error"]["code"]) == (400, "invalid_invoice")
    assert "passwd" not in json.dumps(body)


def test_validate_invoice__a_pdf_without_an_invoice_is_refused(
    make: Any, verdict_of: Any, project: DemoProject
) -> None:
    status, body = verdict_of(pdf_of(project, make(invoice=False)))
    assert (status, body["error"]["code"]) == (400, "invalid_invoice")
    assert "no electronic invoice attached" in body["error"]["message"]


@pytest.mark.parametrize(
    ("slug", "invoice", "root"),
    [
        ("invoice", {"standard": "xrechnung"}, b"<Invoice "),
        ("invoice", {"standard": "xrechnung", "syntax": "cii"}, b"<rsm:CrossIndustryInvoice "),
        ("invoice", {"standard": "peppol-bis-3"}, b"<Invoice "),
    ],
)
def test_xml_of_other_standards_is_not_attached_to_the_pdf(
    make: Any,
    xml_of: Any,
    verdict_of: Any,
    project: DemoProject,
    slug: str,
    invoice: dict[str, str],
    root: bytes,
) -> None:
    render = make(slug, invoice=invoice)
    assert (render["status"], render["pdfStandard"]) == ("succeeded", "a-2a+ua-1")
    xml = base64.b64decode(xml_of(render)["body"])
    assert root in xml
    expected = {
        "valid": True,
        "standard": invoice["standard"],
        "profile": None,
        "issues": [],
    }
    assert verdict_of(xml) == (200, expected)
    with Pdf.open(BytesIO(pdf_of(project, render))) as pdf:
        assert not pdf.attachments


def test_an_erased_render_has_no_invoice(
    make: Any, xml_of: Any, call: Any, project: DemoProject
) -> None:
    render = make()
    key = f"renders/{project.id}/{render['id']}.xml"
    assert storage.find(key)
    assert call("delete_render", project, path={"id": render["id"]}).status == 204
    assert xml_of(render)["statusCode"] == 404
    assert storage.find(key) is None

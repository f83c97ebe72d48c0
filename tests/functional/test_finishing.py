"""`options.letterhead`, `append`, `attachments` and `password`, from request to document."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import boto3
import pikepdf
import pytest
from pikepdf import Pdf

from craftkit import storage
from craftkit.errors import ConflictError, InvalidRequestError, NotFoundError
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.network import Fetched, FetchError
from craftkit.templates import letterheads
from testkit import foreign_pdf
from testkit.cloud import Cloud
from testkit.contents import places_of
from testkit.pdf import text_of
from testkit.project import DATA, DemoProject, make_project
from testkit.project import publish as publish_template
from testkit.seals import configure_seals
from typesetting import check_file, finishing, typeset
from typesetting.worker import render_document

SECRET = "Geheim-7c12"


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def make(call: Any, project: DemoProject) -> Any:
    """Render with options; the render when it has ended, or the refusal."""

    def make(by: DemoProject = project, **options: Any) -> Any:
        answer = call(
            "create_render", by, path={"slug": "invoice"}, body={"data": DATA, "options": options}
        )
        if answer.status != 202:
            return answer
        render_document(by.id, answer.body["id"], typeset=typeset)
        return call("get_render", by, path={"id": answer.body["id"]}).body

    return make


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the network returns by URL; anything else is not found."""
    answers: dict[str, Any] = {}

    def fetch(url: str, policy: Any, **_: Any) -> Fetched:
        found = answers.get(url, b"")
        if isinstance(found, Exception):
            raise found
        if len(found) > policy.max_bytes:
            raise FetchError(f"the answer is larger than {policy.max_bytes} bytes")
        return Fetched(200 if found else 404, {}, found, 1)

    monkeypatch.setattr(finishing, "fetch", fetch)
    return answers


def publish(project: DemoProject, name: str = "Acme", content: bytes | None = None) -> Any:
    pdf = content or foreign_pdf.letterhead_pdf()
    return letterheads.publish_letterhead(project.id, name, pdf, by="ada", check=check_file)


def pdf_of(project: DemoProject, render: Any) -> bytes:
    assert render["status"] == "succeeded", render
    return storage.get(f"renders/{project.id}/{render['id']}.pdf")


def test_letterhead__is_laid_under_and_the_standard_stays(make: Any, project: DemoProject) -> None:
    publish(project)
    render = make(letterhead="Acme")
    assert render["pdfStandard"] == "a-2a+ua-1"
    assert "ACME 1" in text_of(pdf_of(project, render))


def test_letterhead__queued_renders_keep_the_one_they_were_requested_with(
    call: Any, project: DemoProject
) -> None:
    publish(project)
    body = {"data": DATA, "options": {"letterhead": "Acme"}}
    made = call("create_render", project, path={"slug": "invoice"}, body=body).body
    publish(project, content=foreign_pdf.typst_pdf("Replaced"))
    letterheads.delete_letterhead(project.id, "Acme", by="ada")
    render_document(project.id, made["id"], typeset=typeset)
    render = call("get_render", project, path={"id": made["id"]}).body
    assert "ACME 1" in text_of(pdf_of(project, render))


def test_letterhead__unknown_or_of_another_project_is_400(make: Any, project: DemoProject) -> None:
    publish(make_project(name="Other"))
    answer = make(letterhead="Acme")
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.field_errors == {
        "options.letterhead": ["This project has no letterhead of this name"]
    }


def test_letterhead__that_pdf_a_forbids_is_400_with_the_reasons(
    make: Any, project: DemoProject
) -> None:
    publish(project, content=foreign_pdf.unembedded())
    answer = make(letterhead="Acme")
    [message] = answer.field_errors["options.letterhead"]
    assert answer.status == 400
    assert "its font Helvetica is not embedded" in message and "CMYK" in message


def test_letterheads__are_listed_replaced_and_deleted(project: DemoProject) -> None:
    first = publish(project)
    publish(project, "b")
    assert [each.name for each in letterheads.list_letterheads(project.id)] == ["Acme", "b"]
    second = publish(project, content=foreign_pdf.letterhead_pdf(2))
    assert letterheads.find_letterhead(project.id, "Acme") == second != first
    letterheads.delete_letterhead(project.id, "Acme", by="ada")
    with pytest.raises(NotFoundError):
        letterheads.delete_letterhead(project.id, "Acme", by="ada")


def test_letterheads__that_cannot_be_used_change_nothing(
    project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in [
        ("a/b", foreign_pdf.letterhead_pdf()),
        ("a", b"no PDF"),
        ("a", b"%PDF-" + b"x" * 4 * 1024 * 1024),
    ]:
        with pytest.raises(InvalidRequestError):
            publish(project, name, content)
    monkeypatch.setattr(letterheads, "LETTERHEAD_LIMIT", 0)
    with pytest.raises(ConflictError, match="0 letterheads, which is the maximum"):
        publish(project)
    assert letterheads.list_letterheads(project.id) == []


def test_append__renders_urls_and_content_follow_in_order(
    make: Any, project: DemoProject, web: dict[str, Any]
) -> None:
    first = make()
    web["https://example.com/Terms%20of%20sale.pdf"] = foreign_pdf.typst_pdf("From the web")
    render = make(
        append=[
            {"renderId": first["id"], "title": "Invoice 1"},
            {"url": "https://example.com/Terms%20of%20sale.pdf"},
            {"content": base64_of(foreign_pdf.typst_pdf("From the request"))},
        ]
    )
    content = pdf_of(project, render)
    assert (render["pageCount"], render["pdfStandard"]) == (4, "1.7")
    with Pdf.open(BytesIO(content)) as pdf, pdf.open_outline() as outline:
        titles = [each.title for each in outline.root]
        assert titles[-3:] == ["Invoice 1", "Terms of sale", "Appendix 3"]
        assert all("/CraftkitTest" in page.Resources.XObject for page in pdf.pages)
    text = text_of(content)
    assert text.index("From the web") < text.index("From the request")


def test_append__renders_alone_keep_the_standard(make: Any, project: DemoProject) -> None:
    render = make(append=[{"renderId": make()["id"]}])
    assert (render["pageCount"], render["pdfStandard"]) == (2, "a-2a+ua-1")
    with Pdf.open(BytesIO(pdf_of(project, render))) as pdf:
        metadata = pdf.Root.Metadata.read_bytes()
    assert b"<pdfaid:part>2<" in metadata and b"<pdfuaid:part>1<" in metadata


def test_append__of_another_project_or_mode_is_the_same_404(
    make: Any, project: DemoProject
) -> None:
    others = make_project(name="Other"), make_project("live", name="Live")
    answers = [make(append=[{"renderId": make(other)["id"]}]) for other in others]
    answers.append(make(append=[{"renderId": "0193c2c3-7a10-7c44-8f21-1d2e3f405162"}]))
    for answer in answers:
        assert (answer.status, answer.code) == (404, "not_found")
        assert answer.field_errors == {
            "options.append.0.renderId": ["There is no render of this id in this project"]
        }


def test_append__a_render_needs_the_right_to_read_renders(make: Any, project: DemoProject) -> None:
    """Otherwise a key that can only write would read any document through one of its own."""
    first = make()
    new = NewKey(name="Writer", mode="test", scopes=("renders:write",))
    writer = DemoProject(project.id, keys.create_key(project.id, new, by="tester"))
    answer = make(writer, append=[{"renderId": first["id"]}])
    assert (answer.status, answer.code) == (403, "insufficient_scope")


def test_append__of_an_unfinished_render_is_409(call: Any, make: Any, project: DemoProject) -> None:
    queued = call("create_render", project, path={"slug": "invoice"}, body={"data": DATA}).body
    answer = make(append=[{"renderId": queued["id"]}])
    assert (answer.status, answer.code) == (409, "not_ready")


def test_append__of_a_render_deleted_meanwhile_fails_by_its_path(
    call: Any, make: Any, project: DemoProject
) -> None:
    first = make()
    body = {"data": DATA, "options": {"append": [{"renderId": first["id"]}]}}
    queued = call("create_render", project, path={"slug": "invoice"}, body=body).body
    assert call("delete_render", project, path={"id": first["id"]}).status == 204
    render_document(project.id, queued["id"], typeset=typeset)
    render = call("get_render", project, path={"id": queued["id"]}).body
    assert (render["status"], render["errorCode"]) == ("failed", "invalid_file")
    assert render["errorMessage"].startswith("options.append.0: the render was deleted")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (foreign_pdf.encrypted, "options.append.1: it is encrypted"),
        (foreign_pdf.loop_of_pages, "options.append.1: it is damaged or incomplete"),
        (
            lambda: foreign_pdf.saved(foreign_pdf.blank(501)),
            "options.append.1: it has 501 pages; the maximum is 500.",
        ),
    ],
    ids=["encrypted", "loop", "pages"],
)
def test_append__a_hostile_file_fails_the_render_by_its_path(
    make: Any, content: Callable[[], bytes], message: str
) -> None:
    good = {"content": base64_of(foreign_pdf.typst_pdf("Good"))}
    render = make(append=[good, {"content": base64_of(content())}])
    assert (render["status"], render["errorCode"]) == ("failed", "invalid_file")
    assert render["errorMessage"].startswith(message)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "options.append.0.url: the host returned status 404."),
        (FetchError("the host is not on the public internet"), "options.append.0.url: the host is"),
        (b"%PDF-" + b"x" * 26 * 1024 * 1024, "options.append.0.url: the files of the document"),
        (b"<html>", "options.append.0: it is not a PDF."),
    ],
    ids=["missing", "private", "large", "html"],
)
def test_append__a_url_without_a_pdf_fails_by_its_path(
    make: Any, web: dict[str, Any], answer: Any, message: str
) -> None:
    web["https://example.com/x.pdf"] = answer
    render = make(append=[{"url": "https://example.com/x.pdf"}])
    assert render["errorCode"] == "invalid_file"
    assert render["errorMessage"].startswith(message)


def test_attachments__make_pdf_a_3_with_the_files(
    make: Any, project: DemoProject, web: dict[str, Any]
) -> None:
    web["https://example.com/x"] = b"from the web"
    files = [
        {"filename": "Daten.csv", "content": base64_of(b"a;b"), "relationship": "Data"},
        {"filename": "notes.txt", "url": "https://example.com/x", "description": "Notes"},
    ]
    render = make(attachments=files)
    assert render["pdfStandard"] == "a-3a+ua-1"
    with Pdf.open(BytesIO(pdf_of(project, render))) as pdf:
        found = {name: each.get_file().read_bytes() for name, each in pdf.attachments.items()}
        assert b"<pdfaid:part>3<" in pdf.Root.Metadata.read_bytes()
    assert found == {"Daten.csv": b"a;b", "notes.txt": b"from the web"}


def test_password__with_pdf_a_is_400_and_nothing_is_stored(
    make: Any, cloud: Cloud, project: DemoProject
) -> None:
    answer = make(password={"open": SECRET})
    assert answer.status == 400
    assert answer.field_errors["options.password"][0].startswith("PDF/A forbids encryption")
    assert cloud.table("RendersTable").scan()["Items"] == []


def test_password__encrypts_the_document_and_is_stored_encrypted(
    cloud: Cloud, make: Any, project: DemoProject
) -> None:
    extra = {"content": base64_of(foreign_pdf.typst_pdf("Plain"))}
    render = make(append=[extra], password={"open": SECRET, "permissions": ["print"]})
    content = pdf_of(project, render)
    with pytest.raises(pikepdf.PasswordError):
        Pdf.open(BytesIO(content))
    with Pdf.open(BytesIO(content), password=SECRET) as pdf:
        assert len(pdf.pages) == 2 and not pdf.allow.extract
    assert places_of(SECRET, boto3.client) == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"append": [{}]}, "options.append.0"),
        ({"append": [{"url": "https://a.b/c", "content": "JVBERi0="}]}, "options.append.0"),
        ({"append": [{"url": "ftp://a.b/c"}]}, "options.append.0.url"),
        ({"append": [{"content": "%%%%"}]}, "options.append.0.content"),
        ({"append": [{"content": "QUJDRA=="}]}, "options.append.0"),
        ({"append": [{"content": "JVBERi0="}] * 21}, "options.append"),
        ({"attachments": [{"filename": "a.txt"}]}, "options.attachments.0"),
        (
            {"attachments": [{"filename": "../a", "content": "QUJDRA=="}]},
            "options.attachments.0.filename",
        ),
        ({"attachments": [{"filename": "a", "content": "QUJDRA=="}] * 2}, "options"),
        ({"password": {}}, "options.password"),
        ({"password": {"open": "a", "owner": "a"}}, "options.password"),
        ({"password": {"permissions": ["fly"]}}, "options.password.permissions.0"),
        ({"letterhead": "Acme", "format": "png"}, "options"),
        ({"letterhead": "a b"}, "options.letterhead"),
    ],
)
def test_finishing__what_does_not_fit_is_400_by_its_path(
    make: Any, options: dict[str, Any], field: str
) -> None:
    answer = make(**options)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert list(answer.field_errors) == [field]


def test_finishing__without_storing_leaves_no_trace(
    cloud: Cloud, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = make_project("live")

    class Workers:
        def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 boto3's
            function = FunctionName.rsplit(":", 2)[-2]
            answer = cloud.invoke("render_document", json.loads(Payload), function=function)
            return {"Payload": BytesIO(json.dumps(answer).encode())}

    monkeypatch.setattr("craftkit.renders.dispatch._lambda", Workers)
    options = {
        "store": False,
        "append": [{"content": base64_of(foreign_pdf.typst_pdf("Outside")), "title": SECRET}],
        "attachments": [{"filename": f"{SECRET}.txt", "content": base64_of(SECRET.encode())}],
        "password": {"owner": SECRET, "permissions": []},
    }
    how = {"principal": live.principal, "headers": {"Accept": "application/pdf"}}
    answer = cloud.invoke(
        "create_render", event("create_render", body={"data": DATA, "options": options}, **how)
    )
    assert answer["statusCode"] == 200, answer["body"]
    with Pdf.open(BytesIO(base64.b64decode(answer["body"])), password=SECRET) as pdf:
        assert pdf.attachments[f"{SECRET}.txt"].get_file().read_bytes() == SECRET.encode()
        assert pdf.owner_password_matched and len(pdf.pages) == 2
    assert places_of(SECRET, boto3.client) == []


class TestSealed:
    """Finishing of sealed documents, and sealed documents to append."""

    @pytest.fixture(autouse=True)
    def sealing(self, cloud: Cloud) -> None:
        configure_seals(cloud)

    @pytest.fixture
    def render(self, cloud: Cloud, call: Any, project: DemoProject) -> Any:
        def render(**options: Any) -> Any:
            body = {"data": DATA, "options": options}
            answer = call("create_render", project, path={"slug": "invoice"}, body=body)
            if answer.status != 202:
                return answer
            with cloud.as_function("TestWorkerFunction"):
                render_document(project.id, answer.body["id"], typeset=typeset)
            return call("get_render", project, path={"id": answer.body["id"]}).body

        return render

    def test_a_password_is_refused(self, render: Any, project: DemoProject) -> None:
        publish_template(project.id, "invoice", pdf_standard="1.7")
        answer = render(seal=True, password={"open": SECRET})
        assert answer.status == 400
        assert answer.field_errors["options.password"][0].startswith("A sealed document cannot")

    def test_a_letterhead_and_attachments_are_below_the_seal(
        self, render: Any, project: DemoProject
    ) -> None:
        publish(project)
        file = {"filename": "a.txt", "content": base64_of(b"abc")}
        content = pdf_of(project, render(seal=True, letterhead="Acme", attachments=[file]))
        assert "ACME 1" in text_of(content)
        with Pdf.open(BytesIO(content)) as pdf:
            assert pdf.attachments["a.txt"].get_file().read_bytes() == b"abc"
            assert pdf.Root.AcroForm.SigFlags == 3

    def test_an_appended_one_loses_its_seal_and_the_standard(
        self, render: Any, project: DemoProject
    ) -> None:
        sealed = render(seal={"field": {"page": 1, "x": 50, "y": 700, "width": 90, "height": 40}})
        both = render(append=[{"renderId": sealed["id"]}])
        assert (both["pageCount"], both["pdfStandard"]) == (2, "1.7")
        with Pdf.open(BytesIO(pdf_of(project, both))) as pdf:
            assert "/AcroForm" not in pdf.Root
            assert list(pdf.pages[1].get("/Annots", [])) == []

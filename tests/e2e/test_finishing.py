"""Finishing on the deployed stack: with IAM, the real workers and the command."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from pikepdf import Pdf

from testkit import foreign_pdf
from testkit.pdf import text_of
from testkit.stack import RunningStack

DATA = {"customer": {"name": "Ada Lovelace"}, "items": [], "total": 42}


def render(stack: RunningStack, **options: Any) -> Any:
    body = {"data": DATA, "options": {"invoice": False, "sync": True, **options}}
    path = "/v1/templates/invoice/render"
    answer = stack.call("POST", path, json=body, key=stack.test_key)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def letterhead(stack: RunningStack, tmp_path: Path) -> None:
    """The letterhead `Acme` of the project."""
    file = tmp_path / "letterhead.pdf"
    file.write_bytes(foreign_pdf.letterhead_pdf())
    words = ("letterheads", "publish", "--project", stack.project_id, "--name", "Acme")
    assert stack.craftkit(*words, "--file", str(file))["pdfaIssues"] == []


@pytest.mark.usefixtures("letterhead")
def test_a_letterhead_and_an_appended_render_keep_the_standard(stack: RunningStack) -> None:
    first = render(stack, letterhead="Acme")
    both = render(stack, letterhead="Acme", append=[{"renderId": first["id"]}])
    assert both["pdfStandard"] == "a-2a+ua-1"
    content = requests.get(both["downloadUrl"], timeout=30).content
    assert text_of(content).count("ACME 1") == 2
    with Pdf.open(BytesIO(content)) as pdf:
        assert len(pdf.pages) == both["pageCount"] == 2


@pytest.mark.usefixtures("letterhead")
def test_a_batch_becomes_one_merged_pdf_on_its_letterhead(stack: RunningStack) -> None:
    body = {
        "templateSlug": "invoice",
        "items": [{"data": DATA, "filename": f"Bill {n}.pdf"} for n in range(1, 61)],
        "output": "merged",
        "options": {"invoice": False, "letterhead": "Acme"},
    }
    made = stack.call("POST", "/v1/batches", json=body, key=stack.test_key).json()
    batch = stack.finished_batch(made["id"], key=stack.test_key)
    assert batch["counts"]["succeeded"] == 60
    content = requests.get(batch["resultUrl"], timeout=30).content
    with Pdf.open(BytesIO(content)) as pdf, pdf.open_outline() as outline:
        assert len(pdf.pages) == 60
        assert [each.title for each in outline.root] == [f"Bill {n}" for n in range(1, 61)]


def test_the_dashboard_may_list_the_objects_of_batches_alone(stack: RunningStack) -> None:
    """What the deletion of a project needs."""
    s3, bucket = stack.client_of("DashboardFunction", "s3"), stack.outputs["DocumentsBucket"]
    assert "Name" in s3.list_objects_v2(Bucket=bucket, Prefix=f"batches/{stack.project_id}/")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=bucket, Prefix="renders/")

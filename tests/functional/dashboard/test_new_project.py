"""A new project can render at once: it starts with the invoice of the gallery."""

from craftkit.templates import data
from craftkit.templates import service as templates
from craftkit.typesetter import SourceError
from testkit.compiler import Compiler
from testkit.visitor import Visitor


def created(ada: Visitor) -> str:
    return str(ada.post("/dashboard/projects", {"name": "Mine"}).location.rpartition("/")[2])


def test_create_project__publishes_the_invoice_template(ada: Visitor) -> None:
    version = templates.current_version(created(ada), "invoice", None)
    assert version.number == 1
    assert data.preview_data(version.manifest)["items"]


def test_create_project__succeeds_if_the_starter_template_fails(
    ada: Visitor, compiler: Compiler
) -> None:
    compiler.failure = SourceError("no compiler today")
    project_id = created(ada)
    assert templates.list_templates(project_id).templates == []
    assert ada.get(f"/dashboard/projects/{project_id}").status == 200

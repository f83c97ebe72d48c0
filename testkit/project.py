"""Creates a project with a template and keys through the use cases."""

from dataclasses import dataclass
from typing import Any

from craftkit.auth.principal import Mode, Principal
from craftkit.keys import service as keys
from craftkit.keys.models import MintedKey, NewKey
from craftkit.projects import service as projects
from craftkit.templates import gallery, publishing
from craftkit.typesetter import DEFAULT_PDF_STANDARD, PdfStandard
from testkit.typesetter import FakeTypesetter

MANIFEST: dict[str, Any] = {
    "variables": [
        {"key": "number", "label": "Number", "dataType": "text"},
        {"key": "customer.name", "label": "Customer", "dataType": "text", "required": True},
        {"key": "total", "label": "Total", "dataType": "currency", "required": True},
    ],
    "loops": [
        {
            "key": "items",
            "label": "Items",
            "itemFields": [
                {"key": "name", "label": "Name", "dataType": "text", "required": True},
                {"key": "qty", "label": "Quantity", "dataType": "number", "required": True},
                {"key": "price", "label": "Price", "dataType": "currency", "required": True},
            ],
        }
    ],
}
SOURCE = '#import "/craftkit.typ": *\n= Invoice #data.number\n'
DATA: dict[str, Any] = {
    "customer": {"name": "Ada Lovelace"},
    "items": [{"name": "Engine", "qty": 2, "price": "600.00"}],
    "total": "1200.00",
}


@dataclass(frozen=True)
class DemoProject:
    """A project's id and the key that its callers present."""

    id: str
    key: MintedKey

    @property
    def principal(self) -> Principal:
        return self.key.key.principal


def make_project(
    mode: Mode = "test", *, name: str = "Demo", slug: str | None = "invoice", **fields: Any
) -> DemoProject:
    """A project with one key, and one template under `slug` unless that is None."""
    project = projects.create_project(name, by="tester")
    key = keys.create_key(project.id, NewKey(name="Key", mode=mode, **fields), by="tester")
    if slug:
        publish(project.id, slug)
    return DemoProject(project.id, key)


def publish(
    project_id: str,
    slug: str,
    manifest: dict[str, Any] | None = None,
    source: str = SOURCE,
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD,
) -> None:
    publishing.publish(
        project_id,
        slug,
        "Invoice",
        manifest or MANIFEST,
        source,
        pdf_standard,
        by="tester",
        typeset=FakeTypesetter(),
    )


def publish_gallery(project_id: str, slug: str) -> None:
    """Publish a template of the gallery under its own slug."""
    entry = gallery.load(slug)
    publishing.publish(
        project_id,
        slug,
        entry.name,
        entry.manifest,
        entry.source,
        entry.pdf_standard,
        entry.locale,
        by="test",
        typeset=FakeTypesetter(),
    )

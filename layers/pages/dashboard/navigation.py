"""The pages of a project: the side bar and the search list the same ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A page of a project.

    Args:
        name: what a page's template calls it.
        path: below the project.
        guide: the page of the documentation that explains it.
        is_section: whether the side bar lists it; the search lists every page.
    """

    name: str
    path: str
    label: str
    guide: str = "dashboard"
    is_section: bool = True


PLACES = (
    Place("overview", "", "Overview", "quick-start"),
    Place("keys", "/keys", "API keys", "keys"),
    Place("new-key", "/keys/new", "Create an API key", "keys", is_section=False),
    Place("trust", "/trust", "Trust rules", "federation"),
    Place("new-trust", "/trust/new", "Create a trust rule", "federation", is_section=False),
    Place("templates", "/templates", "Templates", "templates"),
    Place("new-template", "/templates/new", "New template", "templates", is_section=False),
    Place("renders", "/renders", "Renders", "api"),
    Place("batches", "/batches", "Batches", "batches"),
    Place("requests", "/requests", "Requests", "errors"),
    Place("webhooks", "/webhooks", "Webhooks", "webhooks"),
    Place("hooks", "/hooks", "Inbound hooks", "hooks", is_section=False),
    Place("embed", "/embed", "Embed", "embed"),
    Place("usage", "/usage", "Usage", "cost"),
    Place("audit", "/audit", "Audit log", "security"),
    Place("settings", "/settings", "Settings", "dashboard"),
)

SECTIONS = tuple(place for place in PLACES if place.is_section)

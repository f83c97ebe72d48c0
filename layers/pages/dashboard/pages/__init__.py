"""What the dashboard shows, a module an area. Importing one tells the router of its routes."""

from dashboard import once  # noqa: F401
from dashboard.pages import (  # noqa: F401
    audit,
    editor,
    embed,
    hooks,
    keys,
    members,
    projects,
    renders,
    requests,
    search,
    settings,
    sign_in,
    static,
    templates,
    usage,
    versions,
    webhooks,
)

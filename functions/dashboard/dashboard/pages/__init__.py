"""What the dashboard shows, a module an area. Importing one tells the router of its routes."""

from dashboard import once
from dashboard.pages import (
    audit,
    editor,
    embed,
    hooks,
    keys,
    members,
    projects,
    renders,
    settings,
    sign_in,
    static,
    templates,
    usage,
    webhooks,
)

__all__ = [
    "audit",
    "editor",
    "embed",
    "hooks",
    "keys",
    "members",
    "once",
    "projects",
    "renders",
    "settings",
    "sign_in",
    "static",
    "templates",
    "usage",
    "webhooks",
]

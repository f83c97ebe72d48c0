"""What the dashboard shows, a module an area. Importing one tells the router of its routes."""

from dashboard.pages import editor, keys, members, projects, renders, sign_in, static, templates

__all__ = ["editor", "keys", "members", "projects", "renders", "sign_in", "static", "templates"]

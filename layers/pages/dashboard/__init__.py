"""The dashboard: server-rendered pages for the members of projects.

A request passes `functions/dashboard/app.py`, `router` (session, CSRF token, role) and a handler of
`pages`, which calls the same use cases as the CLI and renders a template.
"""

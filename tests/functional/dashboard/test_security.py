"""Attacks on every route of the dashboard."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.projects import members
from craftkit.projects import service as projects
from craftkit.projects.models import Project, User
from testkit.cloud import Cloud
from testkit.project import publish
from testkit.visitor import Page, Visitor
from tests.functional.dashboard.users import ADA, BOB

SOMETHING = "019cec2a-0000-7000-8000-00000000abcd"
XSS = '"><img src=x onerror=alert(1)></script><script>alert(2)</script>{{1234*5678}}'


def routes(method: str, *roles: str) -> Iterator[str]:
    """The paths of every route of a method, below /dashboard."""
    from dashboard.routes import ROUTES

    for route in ROUTES:
        if route.method == method and (not roles or route.role in roles):
            yield f"/dashboard{route.path}"


def filled(path: str, project_id: str) -> str:
    """A route's path with a project and ids of resources that do not exist."""
    path = path.replace("{project}", project_id).replace("{project_id}", project_id)
    path = path.replace("{number}", "1").replace("{size}.png", "small.png")
    return re.sub(r"\{\w+\}", SOMETHING, path)


POSTS = sorted(routes("POST"))
PROJECT_GETS = sorted(routes("GET", "viewer", "admin", "owner"))
PROJECT_POSTS = sorted(routes("POST", "viewer", "admin", "owner"))


def test_the_list_of_routes_is_not_empty() -> None:
    assert len(PROJECT_POSTS) > 30
    assert len(PROJECT_GETS) > 30


class TestCsrf:
    def test_forms_without_the_csrf_token_are_refused(self, ada: Visitor, project: Project) -> None:
        for path in POSTS:
            for csrf in ("", ada.csrf[:-1], ada.csrf + "x"):
                assert ada.post(filled(path, project.id), csrf=csrf).status == 403, path

    def test_the_csrf_token_of_another_session_is_refused(self, ada: Visitor, bob: Visitor) -> None:
        page = ada.post("/dashboard/projects", {"name": "Mine"}, csrf=bob.csrf)
        assert page.status == 403
        assert "This form has expired" in page.words

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"sec_fetch_site": "cross-site"},
            {"sec_fetch_site": "same-site"},
        ],
    )
    def test_a_form_from_another_site_is_always_refused(
        self, headers: dict[str, str], ada: Visitor
    ) -> None:
        assert ada.post("/dashboard/projects", {"name": "Mine"}, **headers).status == 403

    def test_the_csrf_token_is_accepted_in_the_header_of_htmx(
        self, ada: Visitor, project: Project
    ) -> None:
        path = f"/dashboard/projects/{project.id}/keys/diagnose"
        page = ada.post(path, {"key": "x"}, csrf="", x_csrf_token=ada.csrf, hx_request="true")
        assert page.status == 200


class TestProjectsOfOthers:
    def test_cannot_be_seen(self, bob: Visitor, project: Project) -> None:
        for path in PROJECT_GETS:
            theirs, missing, nonsense = (
                bob.get(filled(path, project_id)) for project_id in (project.id, SOMETHING, "x")
            )
            assert {page.status for page in (theirs, missing, nonsense)} == {404}, path
            assert theirs.text == missing.text == nonsense.text, path

    def test_cannot_be_changed(self, bob: Visitor, project: Project) -> None:
        for path in PROJECT_POSTS:
            theirs, missing = (
                bob.post(filled(path, project_id)) for project_id in (project.id, SOMETHING)
            )
            assert (theirs.status, missing.status) == (404, 404), path
            assert theirs.text == missing.text, path

    def test_an_invitation_gives_no_access(self, bob: Visitor, project: Project) -> None:
        members.invite(project.id, BOB.email, "owner", by=ADA.sub, find=lambda _email: BOB)
        assert bob.get(f"/dashboard/projects/{project.id}").status == 404
        assert "You are invited to" in bob.get("/dashboard").words
        bob.post(f"/dashboard/invitations/{project.id}", {"answer": "accept"})
        assert bob.get(f"/dashboard/projects/{project.id}").status == 200

    def test_an_invitation_can_be_declined(self, bob: Visitor, project: Project) -> None:
        members.invite(project.id, BOB.email, "owner", by=ADA.sub, find=lambda _email: BOB)
        bob.post(f"/dashboard/invitations/{project.id}", {"answer": "decline"})
        assert "You are invited" not in bob.get("/dashboard").words
        assert [member.sub for member in members.list_members(project.id)] == [ADA.sub]

    def test_a_user_without_an_invitation_cannot_join(self, bob: Visitor, project: Project) -> None:
        path = f"/dashboard/invitations/{project.id}"
        for answer in ("accept", "decline"):
            assert bob.post(path, {"answer": answer}).status == 404
        assert [member.sub for member in members.list_members(project.id)] == [ADA.sub]

    def test_keys_of_another_project_are_404(self, ada: Visitor, project: Project) -> None:
        other = projects.create_project("Other", by=BOB.sub, owner=BOB)
        theirs = keys.create_key(other.id, NewKey(name="Theirs", mode="live"), by=BOB.sub).key
        for path in [path for path in PROJECT_GETS if "{key}" in path]:
            named = path.replace("{project}", project.id)
            found, missing = (
                ada.get(named.replace("{key}", id_)) for id_ in (theirs.id, SOMETHING)
            )
            assert (found.status, missing.status) == (404, 404), path
            assert found.text == missing.text, path

    def test_keys_of_another_project_cannot_be_revoked(
        self, ada: Visitor, project: Project
    ) -> None:
        other = projects.create_project("Other", by=BOB.sub, owner=BOB)
        theirs = keys.create_key(other.id, NewKey(name="Theirs", mode="live"), by=BOB.sub).key
        for deed in ("revoke", "rotate", "restore", "end-rotation", "limits"):
            path = f"/dashboard/projects/{project.id}/keys/{theirs.id}/{deed}"
            assert ada.post(path, {"grace": "24"}).status == 404
        assert keys.get_key(theirs.id) == theirs


class TestRoles:
    @pytest.fixture
    def viewer(self, bob: Visitor, project: Project) -> Visitor:
        members.add_member(project.id, BOB, "viewer", by=ADA.sub)
        return bob

    def test_a_viewer_cannot_change_anything(self, viewer: Visitor, project: Project) -> None:
        for path in PROJECT_POSTS:
            assert viewer.post(filled(path, project.id)).status == 403, path

    def test_a_viewer_can_read_every_page(self, viewer: Visitor, project: Project) -> None:
        for path in sorted(routes("GET", "viewer")):
            assert viewer.get(filled(path, project.id)).status in (200, 400, 404), path

    def test_a_viewers_pages_have_no_forms(self, viewer: Visitor, project: Project) -> None:
        keys.create_key(project.id, NewKey(name="Key", mode="live"), by=ADA.sub)
        publish(project.id, "invoice")
        for path in ("", "/keys", "/templates", "/templates/invoice", "/renders", "/webhooks"):
            page = viewer.get(f"/dashboard/projects/{project.id}{path}")
            assert page.status == 200
            actions = re.findall(r'\saction="([^"]*)"', page.text)
            assert actions == ["/dashboard/sign-out"], path

    def test_an_admin_cannot_change_members(self, bob: Visitor, project: Project) -> None:
        members.add_member(project.id, BOB, "admin", by=ADA.sub)
        base = f"/dashboard/projects/{project.id}"
        assert bob.post(f"{base}/members", {"email": "x@y.example", "role": "owner"}).status == 403
        assert bob.post(f"{base}/members/{BOB.sub}/role", {"role": "owner"}).status == 403
        assert bob.post(f"{base}/settings/name", {"name": "New name"}).status == 303

    def test_a_removed_member_gets_404_at_the_next_request(
        self, viewer: Visitor, ada: Visitor, project: Project
    ) -> None:
        base = f"/dashboard/projects/{project.id}"
        assert viewer.get(base).status == 200
        ada.post(f"{base}/members/{BOB.sub}/remove")
        assert viewer.get(base).status == 404


class TestEscaping:
    @pytest.fixture
    def hostile(self, cloud: Cloud) -> tuple[Visitor, str]:
        """A project in which all names are chosen by an attacker."""
        person = User.model_construct(sub="mallory", email=XSS)
        project = projects.create_project(XSS[:120], by=person.sub, owner=person)
        request = NewKey(name=XSS, mode="live")
        key = keys.create_key(project.id, request, by=XSS).key
        keys.revoke_key(key.id, by=XSS, reason=XSS)
        publish(project.id, "invoice", _hostile_manifest())
        return Visitor(cloud).signs_in(person), project.id

    def test_user_input_is_escaped(self, hostile: tuple[Visitor, str]) -> None:
        visitor, project_id = hostile
        base = f"/dashboard/projects/{project_id}"
        pages = ["/dashboard", base]
        pages += [filled(path, project_id) for path in PROJECT_GETS]
        pages += [f"{base}/templates/invoice", f"{base}/templates/invoice/edit"]
        seen = 0
        for path in pages:
            page = visitor.get(path)
            if page.headers["Content-Type"].startswith("text/html"):
                seen += "alert(1)" in page.text
                assert "<img src=x" not in page.text, path
                assert "<script>" not in page.text, path
                assert str(1234 * 5678) not in page.text, path
        assert seen > 10

    def test_errors_escape_user_input(self, ada: Visitor, project: Project) -> None:
        base = f"/dashboard/projects/{project.id}"
        answers = [
            ada.get(f"{base}/renders?status={XSS}"),
            ada.get(f"{base}/keys?cursor={XSS}"),
            ada.post(f"{base}/keys", {"name": XSS, "mode": XSS, "scopes": [XSS]}),
            ada.post(f"{base}/templates", {"name": XSS, "slug": XSS}),
            ada.post(f"{base}/webhooks", {"url": XSS}),
            ada.post(f"{base}/templates/invoice/preview", {"source": XSS, "data": XSS}),
            ada.get(f"{base}/nothing/<script>alert(1)</script>"),
        ]
        for page in answers:
            assert page.status in (200, 400, 404, 422), page.words
            assert "<script>alert" not in page.text
            assert "<img src=x" not in page.text


class TestHeaders:
    PATHS = ("/dashboard", "/dashboard/nothing", "/dashboard/signed-out", "/dashboard/sign-in")

    def test_every_response_has_the_security_headers(self, ada: Visitor) -> None:
        for path in self.PATHS:
            headers = ada.get(path).headers
            whole = headers["Content-Security-Policy"]
            policy = dict(part.split(" ", 1) for part in whole.split("; "))
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == "'self'"
            assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
            assert "unsafe" not in whole
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"
            assert headers["Referrer-Policy"] == "same-origin"

    def test_no_page_has_inline_scripts_or_styles(self, ada: Visitor, project: Project) -> None:
        forbidden = r"<style|\sstyle=|\son\w+=|javascript:|hx-on|<script(?! src)"
        for path in PROJECT_GETS:
            html = _html(ada.get(filled(path, project.id)))
            assert not re.search(forbidden, html), path
            # A link to the documentation is followed by the user; nothing is loaded from there.
            loaded = re.sub(r'<a href="https://docs\.craftkit\.dev/', "<a ", html)
            assert not re.search(r'(src|href)="(https?:)?//', loaded), path

    def test_static_files_have_a_content_hash_and_are_cached_permanently(
        self, ada: Visitor
    ) -> None:
        page = ada.get("/dashboard")
        (url,) = re.findall(r'href="([^"]*dashboard\.css)"', page.text)
        answer = Visitor(ada._cloud).get(url)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/css"
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip"
        for wrong in (
            "/dashboard/static/0000000000/dashboard.css",
            "/dashboard/static/x/..%2fview.py",
            "/dashboard/static/x/../../app.py",
        ):
            assert ada.get(wrong).status == 404


class TestSizes:
    def test_a_form_of_more_than_a_mebibyte_is_refused(
        self, ada: Visitor, project: Project
    ) -> None:
        path = f"/dashboard/projects/{project.id}/templates/invoice/draft"
        assert ada.post(path, {"source": "x" * (1024 * 1024 + 1)}).status == 413

    def test_a_form_of_a_thousand_fields_is_refused(self, ada: Visitor, project: Project) -> None:
        path = f"/dashboard/projects/{project.id}/settings/name"
        assert ada.post(path, {f"f{number}": "x" for number in range(1001)}).status == 413

    @pytest.mark.parametrize("name", ["x", "n" * 120])
    def test_a_valid_project_name_is_accepted(self, name: str, ada: Visitor) -> None:
        page = ada.follow(ada.post("/dashboard/projects", {"name": name}))
        assert f"<h1>{name}</h1>" in page.text

    @pytest.mark.parametrize("name", ["", "  ", "n" * 121])
    def test_an_invalid_project_name_is_refused(
        self, name: str, ada: Visitor, project: Project
    ) -> None:
        page = ada.post("/dashboard/projects", {"name": name})
        assert page.status == 422
        assert 'id="name-problem"' in page.text
        renamed = ada.post(f"/dashboard/projects/{project.id}/settings/name", {"name": name})
        assert renamed.status == 422


def _html(page: Page) -> str:
    return page.text if page.headers["Content-Type"].startswith("text/html") else ""


def _hostile_manifest() -> dict[str, Any]:
    variable = {"key": "name", "label": XSS, "dataType": "text", "description": XSS}
    return {"variables": [variable | {"previewData": XSS}], "loops": []}

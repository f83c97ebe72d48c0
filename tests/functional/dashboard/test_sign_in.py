"""Sign-in with the hosted page, sign-out, and attempts to get a session in other ways."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from craftkit.projects.models import User
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.visitor import Visitor
from tests.functional.dashboard.users import ADA


@pytest.fixture
def stranger(cloud: Cloud) -> Visitor:
    return Visitor(cloud)


@pytest.fixture
def hosted_page(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The user pool: the user of its token, and the parameters of its last request."""
    from dashboard import identity

    pool: dict[str, Any] = {"person": ADA}

    def vouch(code: str, attempt: Any, redirect_uri: str) -> User:
        pool.update(code=code, attempt=attempt, redirect_uri=redirect_uri)
        if pool["person"] is None:
            raise identity.SignInError("used before")
        person: User = pool["person"]
        return person

    monkeypatch.setattr(identity, "verified_user", vouch)
    return pool


def begin(visitor: Visitor, to: str = "/dashboard") -> str:
    """Open the hosted page. Returns the state that it must send back."""
    page = visitor.get(f"/dashboard/sign-in?to={to}")
    assert page.status == 303
    return parse_qs(urlsplit(page.location).query)["state"][0]


class TestWithoutSession:
    def test_a_page_redirects_to_the_sign_in_and_back(self, stranger: Visitor) -> None:
        page = stranger.get("/dashboard/projects/019cec2a-0000-7000-8000-000000000001/keys")
        assert page.status == 303
        assert page.location.startswith("/dashboard/sign-in?to=/dashboard/projects/")

    def test_a_partial_request_without_a_session_is_401(self, stranger: Visitor) -> None:
        page = stranger.get("/dashboard", hx_request="true")
        assert page.status == 401
        assert "HX-Redirect" not in page.headers
        assert "session has ended" in page.text

    def test_a_post_without_a_session_redirects_to_the_sign_in(self, stranger: Visitor) -> None:
        assert stranger.post("/dashboard/projects", {"name": "Mine"}).location.startswith(
            "/dashboard/sign-in"
        )

    def test_a_missing_page_is_404_without_a_session(self, stranger: Visitor) -> None:
        assert stranger.get("/dashboard/nothing").status == 404


class TestSigningIn:
    def test_the_sign_in_redirects_to_the_hosted_page_with_pkce(
        self, stranger: Visitor, hosted_page: dict[str, Any]
    ) -> None:
        page = stranger.get("/dashboard/sign-in")
        query = {name: value[0] for name, value in parse_qs(urlsplit(page.location).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"] == f"{stranger.origin}/dashboard/signed-in"
        stranger.get(f"/dashboard/signed-in?code=abc&state={query['state']}")
        attempt = hosted_page["attempt"]
        digest = hashlib.sha256(attempt.verifier.encode()).digest()
        assert query["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
        assert query["nonce"] == attempt.nonce
        assert hosted_page["code"] == "abc"

    def test_the_session_cookie_is_httponly_and_samesite(
        self, stranger: Visitor, hosted_page: dict[str, Any]
    ) -> None:
        state = begin(stranger, "/dashboard/projects/x/keys")
        page = stranger.get(f"/dashboard/signed-in?code=abc&state={state}")
        assert page.location == "/dashboard/projects/x/keys"
        (line,) = [line for line in page.cookies if "-session=" in line]
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert "Path=/" in line
        assert ("Secure" in line) == stranger.origin.startswith("https:")
        assert ADA.email not in line
        assert stranger.get("/dashboard").status == 200

    def test_over_https_the_cookie_is_secure_and_bound_to_the_host(
        self, cloud: Cloud, hosted_page: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dashboard.web import Request

        monkeypatch.setattr(Request, "origin", "https://app.example.com")
        visitor = Visitor(cloud)
        page = visitor.get(f"/dashboard/signed-in?code=abc&state={begin(visitor)}")
        (line,) = [line for line in page.cookies if "-session=" in line]
        assert line.startswith("__Host-craftkit-local-session=")
        assert line.endswith("; Secure")
        assert "Strict-Transport-Security" in page.headers

    def test_the_sign_in_replaces_an_earlier_session(
        self, stranger: Visitor, hosted_page: dict[str, Any], cloud: Cloud
    ) -> None:
        """Session fixation: a cookie set by an attacker is invalid after the sign-in."""
        mallory = Visitor(cloud).signs_in(User(sub="mallory", email="m@example.com"))
        planted = dict(mallory.jar)
        stranger.jar |= planted
        stranger.get(f"/dashboard/signed-in?code=abc&state={begin(stranger)}")
        assert set(stranger.jar.values()).isdisjoint(planted.values())
        assert ADA.email in stranger.get("/dashboard").text
        assert ADA.email not in mallory.get("/dashboard").text

    @pytest.mark.parametrize(
        "how",
        ["another state", "no ASCII", "no state", "no attempt", "the pool refuses", "used twice"],
    )
    def test_a_sign_in_that_was_not_started_here_is_refused(
        self, how: str, stranger: Visitor, hosted_page: dict[str, Any]
    ) -> None:
        state = begin(stranger)
        match how:
            case "another state":
                state = "x" * len(state)
            case "no ASCII":
                state = "%C3%A9"
            case "no state":
                state = ""
            case "no attempt":
                stranger.jar.clear()
            case "the pool refuses":
                hosted_page["person"] = None
            case "used twice":
                stranger.get(f"/dashboard/signed-in?code=abc&state={state}")
                stranger.jar = {k: v for k, v in stranger.jar.items() if "session" not in k}
        page = stranger.get(f"/dashboard/signed-in?code=abc&state={state}")
        assert page.status == 400
        assert not any("session" in name for name in stranger.jar)

    @pytest.mark.parametrize(
        "to",
        [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/dashboard//evil.example",
            "/dashboard@evil.example",
            "/dashboard.evil.example",
            "javascript:alert(1)",
            "/v1/renders",
            "/dashboard%0d%0aSet-Cookie:x=y",
            "",
        ],
    )
    def test_a_return_address_outside_the_dashboard_is_ignored(
        self, to: str, stranger: Visitor, hosted_page: dict[str, Any]
    ) -> None:
        page = stranger.get(f"/dashboard/signed-in?code=abc&state={begin(stranger, to)}")
        assert page.location == "/dashboard"


class TestSessions:
    def test_sessions_are_renewed_by_requests_and_end_after_seven_days(
        self, cloud: Cloud, clock: FrozenClock
    ) -> None:
        visitor = Visitor(cloud).signs_in(ADA)
        for _ in range(23):
            clock.advance(hours=7)
            assert visitor.get("/dashboard").status == 200
        clock.advance(hours=7)
        assert visitor.get("/dashboard").status == 303

    def test_automatic_requests_do_not_extend_the_session(
        self, cloud: Cloud, clock: FrozenClock
    ) -> None:
        visitor = Visitor(cloud).signs_in(ADA)
        for _ in range(2):
            clock.advance(hours=5)
            visitor.get("/dashboard/session", hx_request="true")
        assert visitor.get("/dashboard").status == 303

    def test_the_cookie_is_renewed_after_ten_minutes(
        self, cloud: Cloud, clock: FrozenClock
    ) -> None:
        visitor = Visitor(cloud).signs_in(ADA)
        assert visitor.get("/dashboard").cookies == []
        clock.advance(minutes=11)
        assert len(visitor.get("/dashboard").cookies) == 1

    def test_sessions_end_after_eight_hours_without_a_request(
        self, cloud: Cloud, clock: FrozenClock
    ) -> None:
        visitor = Visitor(cloud).signs_in(ADA)
        clock.advance(hours=8, minutes=1)
        assert visitor.get("/dashboard").status == 303

    def test_signing_out_ends_all_sessions_of_the_user(
        self, cloud: Cloud, clock: FrozenClock
    ) -> None:
        here, there = Visitor(cloud).signs_in(ADA), Visitor(cloud).signs_in(ADA)
        clock.advance(minutes=1)
        page = here.post("/dashboard/sign-out")
        assert "/logout?" in page.location
        # The browser drops unsaved drafts; where a session merely ended, it keeps them.
        assert page.headers["Clear-Site-Data"] == '"storage"'
        assert "Clear-Site-Data" not in there.get("/dashboard").headers
        assert not any("session" in name for name in here.jar)
        assert there.get("/dashboard").status == 303
        clock.advance(minutes=1)
        assert Visitor(cloud).signs_in(ADA).get("/dashboard").status == 200

    def test_sessions_of_another_stage_are_refused(self, cloud: Cloud) -> None:
        """The same cookie and secret are invalid in another stage: the key includes the stage."""
        visitor = Visitor(cloud).signs_in(ADA)
        assert visitor.get("/dashboard").status == 200
        environment = cloud.environment
        cloud.environment = lambda *names: {**environment(*names), "STAGE": "staging"}  # type: ignore[method-assign]
        visitor.jar = {
            name.replace("-local-", "-staging-"): value for name, value in visitor.jar.items()
        }
        assert visitor.get("/dashboard").status == 303

    def test_sessions_under_another_secret_are_refused(self, cloud: Cloud) -> None:
        visitor = Visitor(cloud).signs_in(ADA)
        environment = cloud.environment
        other = cloud.names["CursorSecret"]
        cloud.environment = lambda *names: {**environment(*names), "SESSION_SECRET": other}  # type: ignore[method-assign]
        assert visitor.get("/dashboard").status == 303

    @pytest.mark.parametrize("value", ["", "x", "gAAAAA", "é", "A" * 4000])
    def test_forged_sessions_are_refused(self, cloud: Cloud, value: str) -> None:
        visitor = Visitor(cloud).signs_in(ADA)
        visitor.jar = dict.fromkeys(visitor.jar, value)
        assert visitor.get("/dashboard").status == 303

    def test_a_cookie_of_another_purpose_is_refused(
        self, stranger: Visitor, hosted_page: dict[str, Any]
    ) -> None:
        begin(stranger)
        (sealed,) = stranger.jar.values()
        stranger.jar = {"craftkit-local-session": sealed}
        assert stranger.get("/dashboard").status == 303

"""POST /v1/oauth/token: an OIDC token of a trusted issuer for a key of at most 15 minutes."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from craftkit import network
from craftkit.auth.lookup import find_key
from craftkit.auth.verify import Verification, verify_key
from craftkit.clock import utc_now
from craftkit.errors import ConflictError, InvalidRequestError, KeyNotActiveError, UndoRefusedError
from craftkit.keys import service as keys
from craftkit.trust import issuers, service
from craftkit.trust.models import NewTrustRule, TrustRule
from craftkit.trust.oauth import GRANT_TYPE
from testkit.cloud import Cloud, LambdaContext, variables
from testkit.events import event as load_event
from testkit.issuer import ISSUER, SUBJECT, Issuer
from testkit.project import DemoProject
from testkit.prover import Prover
from tests.functional.conftest import Answer
from tests.functional.test_keys import entries

_JWT = "urn:ietf:params:oauth:token-type:jwt"
_ISSUER = Issuer()


class Web:
    """The issuer's two documents. `asked` lists the calls; an answer can be replaced by path."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Any] = {
            "/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"},
            "/jwks": {"keys": _ISSUER.jwks},
        }

    def fetch(self, url: str, policy: network.Policy, **_: Any) -> network.Fetched:
        assert policy.schemes == {"https"}
        assert (policy.redirects, policy.allow_private, policy.truncate) == (0, False, False)
        path = url.removeprefix(ISSUER)
        self.asked.append(path)
        answer = self.answers.get(path, 404)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return network.Fetched(answer, {}, b"", 1)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        if len(body) > policy.max_bytes:
            raise network.FetchError(f"the answer is larger than {policy.max_bytes} bytes")
        return network.Fetched(200, {}, body, 1)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    made = Web()
    monkeypatch.setattr(issuers, "_POLLS", 3)
    monkeypatch.setattr(issuers.network, "fetch", made.fetch)
    return made


def new_rule(project: DemoProject, **changes: Any) -> TrustRule:
    settings: dict[str, Any] = {
        "name": "Build",
        "issuer": ISSUER,
        "audience": "craftkit",
        "subject": SUBJECT,
        "mode": "test",
        **changes,
    }
    return service.create_rule(project.id, NewTrustRule(**settings), by="tester")


@pytest.fixture
def exchange(cloud: Cloud, project: DemoProject, web: Web) -> Callable[..., Answer]:
    def send(token: str | None = None, dpop: Any = (), **changes: Any) -> Answer:
        form = {
            "grant_type": GRANT_TYPE,
            "subject_token_type": _JWT,
            "subject_token": _ISSUER.sign() if token is None else token,
            "audience": project.id,
            **changes,
        }
        body = urlencode({name: value for name, value in form.items() if value is not None})
        event = load_event("exchange_token", body=body)
        if dpop:
            event["headers"]["DPoP"] = dpop[-1]
            event["multiValueHeaders"]["DPoP"] = list(dpop)
        without_domain = {**cloud.environment("ExchangeTokenFunction"), "PUBLIC_URL": ""}
        with variables(without_domain):
            context = LambdaContext("ExchangeTokenFunction")
            answer = cloud.module("exchange_token").handler(event, context)
        return Answer(answer["statusCode"], answer["headers"], json.loads(answer["body"]))

    return send


def error_of(answer: Answer) -> str:
    assert answer.status in (400, 503)
    assert set(answer.body) == {"error", "error_description"}
    return str(answer.body["error"])


def verification(cleartext: str) -> Verification:
    return verify_key(cleartext, stage="local", lookup=find_key, now=utc_now())


def test_exchange_token__returns_a_key_for_15_minutes(exchange: Any, project: DemoProject) -> None:
    rule = new_rule(project, mode="live", scopes=("renders:write",), templates=("invoice",))
    answer = exchange()
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.body.pop("access_token")
    assert token.startswith("ck_live_")
    assert answer.body == {
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "renders:write",
    }
    found = verification(token)
    assert found.verdict.value == "allowed"
    assert found.record is not None
    principal = found.record.principal
    assert (principal.project_id, principal.mode) == (project.id, "live")
    assert (principal.scopes, principal.templates) == ({"renders:write"}, {"invoice"})
    assert keys.get_key(principal.key_id).created_by == f"trust#{rule.id}"


TOKEN_URL = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/local/v1/oauth/token"


def test_exchange_token__a_proof_binds_the_token_to_its_key(
    exchange: Any, project: DemoProject
) -> None:
    new_rule(project)
    prover = Prover()
    answer = exchange(dpop=[prover.prove("POST", TOKEN_URL)])
    assert (answer.status, answer.body["token_type"]) == (200, "DPoP")
    record = verification(answer.body["access_token"]).record
    assert record is not None
    assert record.bound_to == prover.thumbprint
    assert keys.get_key(record.principal.key_id).bound_to == prover.thumbprint


def test_exchange_token__a_proof_that_is_invalid_or_used_is_refused(
    exchange: Any, project: DemoProject
) -> None:
    new_rule(project)
    prover = Prover("EdDSA")
    used = prover.prove("POST", TOKEN_URL)
    assert exchange(dpop=[used]).status == 200
    two = [prover.prove("POST", TOKEN_URL) for _ in range(2)]
    for proofs in (
        [used],
        two,
        ["x"],
        [prover.prove("GET", TOKEN_URL)],
        [prover.prove("POST", TOKEN_URL + "/")],
        [prover.prove("POST", TOKEN_URL, iat=1)],
        [prover.prove("POST", TOKEN_URL, header={"typ": "JWT"})],
        [Prover().prove("POST", TOKEN_URL, header={"jwk": Prover().public})],
    ):
        assert error_of(exchange(dpop=proofs)) == "invalid_dpop_proof"


def test_exchange_token__expires_after_the_rules_lifetime(
    exchange: Any, project: DemoProject, clock: Any
) -> None:
    new_rule(project, life=timedelta(minutes=5))
    token = exchange(_ISSUER.sign(iat=None, nbf=None, exp=2**34)).body["access_token"]
    clock.advance(minutes=4, seconds=59)
    assert verification(token).verdict.value == "allowed"
    clock.advance(seconds=1)
    assert verification(token).verdict.value == "expired"


def test_exchange_token__narrows_the_scopes_on_request(exchange: Any, project: DemoProject) -> None:
    new_rule(project, scopes=("renders:write", "renders:read", "templates:write"))
    assert exchange(scope="renders:read").body["scope"] == "renders:read"
    assert exchange().body["scope"] == "renders:write renders:read templates:write"
    assert error_of(exchange(scope="renders:read embed:write")) == "invalid_scope"


def test_exchange_token__a_token_can_be_exchanged_once(exchange: Any, project: DemoProject) -> None:
    new_rule(project)
    token = _ISSUER.sign()
    assert exchange(token).status == 200
    assert error_of(exchange(token)) == "invalid_grant"
    without_id = _ISSUER.sign(jti=None)
    assert exchange(without_id).status == 200
    assert error_of(exchange(without_id)) == "invalid_grant"


@pytest.mark.parametrize("claims", [{"exp": 2**39}, {"sub": "\ud800"}], ids=str)
def test_exchange_token__a_signed_token_with_malformed_claims_is_refused(
    exchange: Any, project: DemoProject, claims: dict[str, Any]
) -> None:
    new_rule(project)
    assert error_of(exchange(_ISSUER.sign(**claims))) == "invalid_grant"


def test_exchange_token__a_jti_that_is_no_unicode_text_is_accepted_once(
    exchange: Any, project: DemoProject
) -> None:
    new_rule(project)
    assert exchange(_ISSUER.sign(jti="\ud800")).status == 200
    assert error_of(exchange(_ISSUER.sign(jti="\ud800"))) == "invalid_grant"


def test_exchange_token__of_concurrent_exchanges_of_one_token_one_succeeds(
    exchange: Any, project: DemoProject
) -> None:
    new_rule(project)
    exchange()
    token = _ISSUER.sign()
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status for answer in pool.map(exchange, [token] * 8)]
    assert sorted(statuses) == [200] + [400] * 7


def test_exchange_token__concurrent_first_exchanges_fetch_the_keys_once(
    exchange: Any, project: DemoProject, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuers, "_POLLS", 30)
    new_rule(project)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(exchange, [_ISSUER.sign() for _ in range(8)]))
    assert [answer.status for answer in answers] == [200] * 8
    assert web.asked == ["/.well-known/openid-configuration", "/jwks"]


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "repo:acme/web:ref:refs/heads/main2"},
        {"sub": "repo:acme/web:ref:refs/heads/mai"},
        {"sub": "xrepo:acme/web:ref:refs/heads/main"},
        {"aud": "craftkit2"},
        {"aud": ["other", "CRAFTKIT"]},
        {"aud": None},
        {"repository_owner_id": "43"},
        {"repository_owner_id": None},
        {"repository_owner_id": {"x": "42"}},
        {"ref_protected": False},
        {"ref_protected": "True"},
    ],
    ids=str,
)
def test_exchange_token__claims_without_a_matching_rule_are_refused(
    exchange: Any, project: DemoProject, changes: dict[str, Any]
) -> None:
    new_rule(project, claims={"repository_owner_id": "42", "ref_protected": "true"})
    assert exchange().status == 200
    assert exchange(_ISSUER.sign(aud=["x", "craftkit"])).status == 200
    refused = exchange(_ISSUER.sign(**changes))
    assert error_of(refused) == "invalid_grant"
    assert "42" not in json.dumps(refused.body)


def test_exchange_token__another_project_or_none_is_the_same_refusal(
    exchange: Any, project: DemoProject
) -> None:
    unknown = exchange(audience="0193c2c3-0000-7000-8000-00000000dead")
    no_id = exchange(audience="x")
    without_rules = exchange()
    new_rule(project)
    foreign = exchange(Issuer("https://other.example.com").sign())
    assert error_of(unknown) == "invalid_grant"
    assert unknown.body == no_id.body == without_rules.body == foreign.body


def test_exchange_token__an_issuer_without_a_rule_is_not_contacted(
    exchange: Any, project: DemoProject, web: Web
) -> None:
    new_rule(project)
    assert error_of(exchange(Issuer("https://other.example.com").sign())) == "invalid_grant"
    assert web.asked == []


def test_exchange_token__requests_to_an_issuer_are_limited(
    exchange: Any, project: DemoProject, web: Web, clock: Any
) -> None:
    new_rule(project)
    forever = {"iat": None, "nbf": None, "exp": 2**34}
    for number in range(20):
        forged = _ISSUER.sign("RS256", {"kid": f"made-up-{number}"}, **forever)
        assert error_of(exchange(forged)) == "invalid_grant"
    assert web.asked == ["/.well-known/openid-configuration", "/jwks"]
    assert exchange(_ISSUER.sign(**forever)).status == 200
    clock.advance(minutes=2)
    assert error_of(exchange(_ISSUER.sign("RS256", {"kid": "new"}, **forever))) == "invalid_grant"
    assert len(web.asked) == 4


def test_exchange_token__a_rotated_key_of_the_issuer_is_found(
    exchange: Any, project: DemoProject, web: Web, clock: Any
) -> None:
    new_rule(project)
    forever = {"iat": None, "nbf": None, "exp": 2**34}
    web.answers["/jwks"] = {"keys": [_ISSUER.jwk("ES256")]}
    assert exchange(_ISSUER.sign("ES256", **forever)).status == 200
    web.answers["/jwks"] = {"keys": _ISSUER.jwks}
    clock.advance(minutes=2)
    assert exchange(_ISSUER.sign("RS256", **forever)).status == 200


def test_exchange_token__keys_are_used_for_a_day_while_the_issuer_is_down(
    exchange: Any, project: DemoProject, web: Web, clock: Any
) -> None:
    new_rule(project)
    forever = {"iat": None, "nbf": None, "exp": 2**34}
    assert exchange(_ISSUER.sign(**forever)).status == 200
    web.answers = {"/.well-known/openid-configuration": network.FetchError("no route")}
    clock.advance(hours=23)
    assert exchange(_ISSUER.sign(**forever)).status == 200
    clock.advance(hours=2)
    answer = exchange(_ISSUER.sign(**forever))
    assert (answer.status, error_of(answer)) == (503, "temporarily_unavailable")


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/.well-known/openid-configuration", network.BlockedTargetError("not public")),
        ("/.well-known/openid-configuration", 302),
        ("/.well-known/openid-configuration", 500),
        ("/.well-known/openid-configuration", b"<html>"),
        ("/.well-known/openid-configuration", b"[" * 30_000),
        ("/.well-known/openid-configuration", []),
        ("/.well-known/openid-configuration", {"issuer": f"{ISSUER}/", "jwks_uri": ISSUER}),
        ("/.well-known/openid-configuration", {"issuer": ISSUER}),
        ("/.well-known/openid-configuration", {"issuer": ISSUER, "jwks_uri": 7}),
        ("/jwks", {"keys": "all"}),
        ("/jwks", {"keys": [{}] * 51}),
        ("/jwks", b" " * 1024 * 1024),
        ("/jwks", {}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_exchange_token__an_issuer_with_invalid_documents_is_refused(
    exchange: Any, project: DemoProject, web: Web, path: str, document: Any
) -> None:
    new_rule(project)
    web.answers[path] = document
    answer = exchange()
    assert (answer.status, error_of(answer)) == (503, "temporarily_unavailable")


def test_exchange_token__jwks_entries_that_are_no_signing_keys_are_ignored(
    exchange: Any, project: DemoProject, web: Web
) -> None:
    new_rule(project)
    encryption = {**_ISSUER.jwk("RS256"), "use": "enc"}
    web.answers["/jwks"] = {"keys": ["x", None, {}, encryption]}
    assert error_of(exchange()) == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"token": ""}, "invalid_request"),
        ({"token": "x" * 20_000}, "invalid_request"),
        ({"token": "x"}, "invalid_grant"),
        ({"audience": None}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
    ],
)
def test_exchange_token__an_invalid_request_is_refused(
    exchange: Any, changes: dict[str, Any], error: str
) -> None:
    assert error_of(exchange(**changes)) == error


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        ("{}", "application/json"),
        ("", None),
        ("%ff%fe=x", "application/x-www-form-urlencoded"),
        ("a=1&a=2", "application/x-www-form-urlencoded"),
        ("&".join(f"a{number}=1" for number in range(50)), "application/x-www-form-urlencoded"),
    ],
)
def test_exchange_token__a_body_that_is_not_a_form_is_refused(
    cloud: Cloud, body: str, media_type: str | None
) -> None:
    sent = load_event("exchange_token", body=body, headers={"content-type": media_type})
    answer = cloud.invoke("exchange_token", sent)
    refusal = json.loads(answer["body"])
    assert (answer["statusCode"], refusal["error"]) in (
        (400, "invalid_request"),
        (400, "unsupported_grant_type"),
    )


def test_end_rule__all_its_tokens_are_refused(
    exchange: Any, project: DemoProject, cloud: Cloud
) -> None:
    rule = new_rule(project)
    tokens = [exchange().body["access_token"] for _ in range(5)]
    assert {verification(token).verdict.value for token in tokens} == {"allowed"}
    ended = service.end_rule(rule.id, by="tester")
    assert ended.status == "ended"
    assert {verification(token).verdict.value for token in tokens} == {"revoked"}
    assert error_of(exchange()) == "invalid_grant"
    service.end_rule(rule.id, by="tester")
    assert len(entries(cloud, "trust.created")) == len(entries(cloud, "trust.ended")) == 1
    assert len(entries(cloud, "token.created")) == 5


def test_tokens__are_not_listed_and_cannot_be_extended(exchange: Any, project: DemoProject) -> None:
    new_rule(project)
    record = verification(exchange().body["access_token"]).record
    assert record is not None
    key_id = record.principal.key_id
    assert key_id not in [key.id for key in keys.list_keys(project.id)[0]]
    with pytest.raises(KeyNotActiveError):
        keys.rotate_key(key_id, by="tester")
    keys.revoke_key(key_id, by="tester")
    with pytest.raises(UndoRefusedError):
        keys.undo_revocation(key_id, by="tester")


def test_try_token__returns_the_matching_rule_or_the_reasons(
    project: DemoProject, web: Web
) -> None:
    owner = {"repository_owner_id": "42"}
    other = new_rule(project, name="Other", subject="repo:acme/api:**", claims=owner)
    rule = new_rule(project)
    token = _ISSUER.sign()
    trial = service.try_token(project.id, token)
    assert (trial.rule_id, trial.problem) == (rule.id, None)
    reasons = {each.rule_id: each.reasons for each in trial.rules}
    assert reasons == {
        other.id: ["sub: the value does not match repo:acme/api:**."],
        rule.id: [],
    }
    assert service.exchange_token(project.id, token).key_id  # the trial did not use it up
    forged = Issuer().sign()
    refused = service.try_token(project.id, forged)
    assert (refused.rule_id, refused.problem) == (None, "The token's signature is not valid.")
    assert service.try_token(project.id, "x").problem == "The token is not a JWT."


def test_try_token__asks_no_issuer_that_no_rule_names(project: DemoProject, web: Web) -> None:
    rule = new_rule(project)
    elsewhere = Issuer("https://metadata.example.net").sign()
    trial = service.try_token(project.id, elsewhere)
    assert trial.problem == "No active rule of this project names the token's issuer."
    assert [each.reasons for each in trial.rules] == [[f"iss: the rule requires {rule.issuer}."]]
    assert web.asked == []


def test_create_rule__http_issuers_are_loopback_in_the_local_stage_only(
    project: DemoProject, cloud: Cloud
) -> None:
    assert new_rule(project, issuer="http://localhost:9").issuer == "http://localhost:9"
    with pytest.raises(InvalidRequestError):
        new_rule(project, issuer="http://issuer.example.com")
    elsewhere = {**cloud.environment(), "TRUSTS_LOOPBACK_ISSUERS": "false"}
    with variables(elsewhere), pytest.raises(InvalidRequestError):
        new_rule(project, issuer="http://localhost:9")


def test_create_rule__refuses_unsafe_rules(project: DemoProject) -> None:
    for changes in (
        {"issuer": "issuer.example.com"},
        {"issuer": "https://user:secret@issuer.example.com"},
        {"issuer": f"{ISSUER}?x=1"},
        {"subject": "**"},
        {"subject": ""},
        {"scopes": ("everything",)},
        {"life": timedelta(minutes=16)},
        {"life": timedelta(seconds=59)},
        {"claims": {f"c{number}": "x" for number in range(21)}},
        {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:*/web"},
    ):
        with pytest.raises(ValueError, match="1 validation error"):
            new_rule(project, **changes)


def test_create_rule__more_than_fifty_rules_are_refused(project: DemoProject) -> None:
    for number in range(50):
        new_rule(project, name=f"Rule {number}")
    with pytest.raises(ConflictError):
        new_rule(project)

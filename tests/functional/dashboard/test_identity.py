"""ID tokens of the user pool: a valid one, and every kind of invalid one."""

import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode

from dashboard import identity
from dashboard.identity import Attempt, SignInError
from testkit.cloud import Cloud

ATTEMPT = Attempt(state="state", nonce="nonce", verifier="verifier")
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def pool(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The pool's endpoints. `pool["token"]` is the token that it returns for a code."""
    answers: dict[str, Any] = {"asked": []}
    public = {**json.loads(RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "one", "alg": "RS256"}

    def ask(_method: str, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        answers["asked"].append((url, form))
        if url.endswith("jwks.json"):
            return {"keys": [public]}
        return {"id_token": answers["token"]}

    monkeypatch.setattr(identity, "_json", ask)
    with cloud.as_function("DashboardFunction"):
        yield answers


@pytest.fixture
def claims(pool: Any, cloud: Cloud) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": f"https://cognito-idp.us-east-1.amazonaws.com/{cloud.names['UserPool']}",
        "aud": identity.client_id(),
        "sub": "ada",
        "email": "Ada@Example.com",
        "email_verified": True,
        "nonce": "nonce",
        "token_use": "id",
        "iat": now,
        "exp": now + 3600,
    }


def signed(claims: dict[str, Any], key: Any = KEY, kid: str = "one") -> str:
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})


def test_a_valid_token_identifies_the_user(pool: Any, claims: dict[str, Any]) -> None:
    pool["token"] = signed(claims)
    person = identity.verified_user("code", ATTEMPT, "https://here/dashboard/signed-in")
    assert (person.sub, person.email) == ("ada", "ada@example.com")
    (_, form), *_ = pool["asked"]
    assert form["code_verifier"] == "verifier"
    assert form["redirect_uri"] == "https://here/dashboard/signed-in"
    assert "client_secret" not in form


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c | {"aud": "another client"},
        lambda c: c | {"iss": c["iss"] + "x"},
        lambda c: c | {"exp": c["iat"] - 3600},
        lambda c: c | {"nonce": "another"},
        lambda c: {name: value for name, value in c.items() if name != "nonce"},
        lambda c: c | {"token_use": "access"},
        lambda c: c | {"email_verified": False},
        lambda c: {name: value for name, value in c.items() if name != "email"},
        lambda c: {name: value for name, value in c.items() if name != "exp"},
    ],
)
def test_a_token_with_other_claims_is_refused(
    change: Callable[[dict[str, Any]], dict[str, Any]], pool: Any, claims: dict[str, Any]
) -> None:
    pool["token"] = signed(change(claims))
    with pytest.raises(SignInError):
        identity.verified_user("code", ATTEMPT, "https://here")


def test_a_token_that_the_pool_did_not_sign_is_refused(pool: Any, claims: dict[str, Any]) -> None:
    none = jwt.encode(claims, None, algorithm="none", headers={"kid": "one"})
    confused = _under_the_public_key(claims)
    for token in (signed(claims, OTHER_KEY), signed(claims, kid="two"), none, confused, "x", ""):
        pool["token"] = token
        with pytest.raises(SignInError):
            identity.verified_user("code", ATTEMPT, "https://here")


def _under_the_public_key(claims: dict[str, Any]) -> str:
    """HS256 with the public key as the secret, which a verifier that trusts `alg` would accept.

    Encoded by hand, because PyJWT refuses to.
    """
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "kid": "one", "typ": "JWT"}
    parts = [base64url_encode(json.dumps(part).encode()) for part in (header, claims)]
    signature = hmac.digest(public, b".".join(parts), "sha256")
    return b".".join([*parts, base64url_encode(signature)]).decode()

"""Over 200 kinds of forged tokens are refused, and valid ones accepted."""

import base64
import hashlib
import hmac
import json
import math
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from craftkit.trust.tokens import TokenRefusedError, identity_of, verify
from testkit.issuer import ISSUER, SUBJECT, Issuer, part

issuer = Issuer()
stranger = Issuer()
HOUR = 3600


def refused(token: str, find_key: Any = issuer.find_key) -> str:
    with pytest.raises(TokenRefusedError) as refusal:
        verify(token, find_key=find_key)
    message = str(refusal.value)
    assert token not in message
    return message


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_verify__a_valid_token_is_accepted(algorithm: str) -> None:
    claims = verify(issuer.sign(algorithm), find_key=issuer.find_key)
    assert (claims["iss"], claims["sub"]) == (ISSUER, SUBJECT)


def test_verify__a_clock_difference_of_a_minute_is_accepted() -> None:
    now = int(time.time())
    verify(issuer.sign(iat=now + 30, nbf=now + 30), find_key=issuer.find_key)
    verify(issuer.sign(exp=now - 30), find_key=issuer.find_key)


@pytest.mark.parametrize(
    "algorithm",
    [
        *("none", "None", "NONE", "nOnE", "", " ", "HS256", "HS384", "HS512", "hs256", "rs256"),
        *("RS1", "RS255", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512"),
        *("ES256K", "ES521", "Ed25519", "EdDSA", "ES256", "dir", "RSA-OAEP", "A128KW", "XX", "*"),
        *(256, None, True, [], ["RS256"], {}, {"alg": "RS256"}),
    ],
)
@pytest.mark.parametrize("signature", ["kept", "empty"])
def test_verify__another_algorithm_in_the_header_is_refused(
    algorithm: object, signature: str
) -> None:
    _, body, signed = issuer.sign().split(".")
    header = part({"alg": algorithm, "kid": "key-RS256", "typ": "JWT"})
    refused(f"{header}.{body}.{signed if signature == 'kept' else ''}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("form", ["pem", "der", "n", "jwk"])
def test_verify__an_hmac_with_the_public_key_is_refused(algorithm: str, form: str) -> None:
    public = issuer.keys["RS256"].public_key()
    secret = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "n": issuer.jwk("RS256")["n"].encode(),
        "jwk": json.dumps(issuer.jwk("RS256")).encode(),
    }[form]
    body = f"{part({'alg': algorithm, 'kid': 'key-RS256'})}.{part(issuer.claims())}"
    digest = getattr(hashlib, algorithm.replace("HS", "sha"))
    refused(f"{body}.{part(hmac.new(secret, body.encode(), digest).digest())}")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("other", ["RS256", "ES256", "EdDSA"])
def test_verify__a_signature_by_another_key_is_refused(algorithm: str, other: str) -> None:
    refused(stranger.sign(algorithm, {"kid": f"key-{other}"}))
    if other != algorithm:
        refused(issuer.sign(algorithm, {"kid": f"key-{other}"}))


@pytest.mark.parametrize("key_id", ["", "key-RS255", "KEY-RS256", "../key-RS256", None, 7, [], {}])
def test_verify__an_unknown_key_id_is_refused(key_id: object) -> None:
    _, body, signature = issuer.sign().split(".")
    refused(f"{part({'alg': 'RS256', 'kid': key_id})}.{body}.{signature}")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_verify__a_key_in_the_token_is_ignored(name: str) -> None:
    brought = {
        "jwk": stranger.jwk("RS256"),
        "jku": "https://evil.example.com/jwks",
        "x5u": "https://evil.example.com/cert",
        "x5c": ["MIIB"],
    }[name]
    refused(stranger.sign("RS256", {name: brought}))


@pytest.mark.parametrize("crit", [["exp"], ["b64"], ["x"], "x", {"a": 1}])
def test_verify__a_critical_extension_is_refused(crit: object) -> None:
    header = {"alg": "RS256", "kid": "key-RS256", "crit": crit}
    refused(issuer.sign_raw(issuer.claims(), header))


def moved(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims with `("now", seconds)` as that many seconds from now."""
    now = int(time.time())
    return {
        name: now + value[1] if isinstance(value, tuple) else value
        for name, value in claims.items()
    }


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {"exp": exp}
            for exp in (None, 0, 1, ("now", -HOUR), ("now", -120), "soon", "", [], {}, True)
        ),
        *({"exp": exp} for exp in (-1, 1e400, float("nan"), 2**39, 253402300799, 2**41, 2**80)),
        *({"nbf": nbf} for nbf in (("now", HOUR), ("now", 120), "x", [], {}, 2**50, -5)),
        *({"iat": iat} for iat in (("now", HOUR), ("now", 120), "x", [], {}, 2**50, -5)),
        *({"sub": sub} for sub in (None, 7, [], {}, [SUBJECT], True)),
    ],
    ids=str,
)
def test_verify__invalid_times_and_subjects_are_refused(changes: dict[str, Any]) -> None:
    claims = moved({**issuer.claims(), **changes})
    claims = {name: value for name, value in claims.items() if value is not None}
    refused(issuer.sign_raw(claims))


@pytest.mark.parametrize(
    "url",
    [
        *("", "issuer.example.com", "http://issuer.example.com", f"{ISSUER}/", f"{ISSUER}."),
        *(
            f"{ISSUER}:443",
            f"{ISSUER}@evil.example.com",
            "https://evil.example.com",
            ISSUER.upper(),
        ),
        *(f" {ISSUER}", f"{ISSUER}\n", f"{ISSUER}#", f"{ISSUER}?x", 7, [], [ISSUER], {}, True),
    ],
    ids=str,
)
def test_verify__another_issuer_is_refused(url: object) -> None:
    refused(issuer.sign_raw({**issuer.claims(), "iss": url}))


@pytest.mark.parametrize(
    "mangle",
    [
        lambda token: token[:-1],
        lambda token: token[:-8],
        lambda token: token + "A",
        lambda token: token + ".",
        lambda token: token + ".x",
        lambda token: "." + token,
        lambda token: token.replace(".", "", 1),
        lambda token: token.replace(".", "..", 1),
        lambda token: token.split(".")[1],
        lambda token: ".".join(token.split(".")[:2]),
        lambda token: ".".join(token.split(".")[:2]) + ".",
        lambda token: ".".join(reversed(token.split("."))),
        lambda token: token[: len(token) // 2] + "A" + token[len(token) // 2 + 1 :],
        lambda token: token.swapcase(),
        lambda token: "Bearer " + token,
        lambda token: "",
        lambda token: "..",
        lambda token: "a.b.c",
        lambda token: "{}",
        lambda token: part({"alg": "RS256"}) + "." + part([]) + ".x",
        lambda token: part([]) + "." + token.split(".", 1)[1],
        lambda token: part(b"\xff\xfe") + "." + token.split(".", 1)[1],
        lambda token: token.split(".")[0] + "." + part(b"[" * 20_000) + ".x",
        lambda token: token + " " * 20_000,
        lambda token: "A" * 1_000_000,
        lambda token: token + "\u0430",
    ],
)
def test_verify__a_malformed_token_is_refused(mangle: Any) -> None:
    token = mangle(issuer.sign())
    if not token.strip():
        token = token or "x"
    refused(token)


def test_verify__changed_claims_are_refused() -> None:
    header, _, signature = issuer.sign().split(".")
    for name in ("sub", "aud", "jti", "exp", "iss"):
        changed = {**issuer.claims(), name: "x" if name != "exp" else int(time.time()) + 9999}
        refused(f"{header}.{part(changed)}.{signature}")


@pytest.mark.parametrize("change", [{"alg": "RS512"}, {"kty": "oct"}, {"kty": None}, {"n": "AQAB"}])
def test_verify__a_key_of_another_type_is_refused(change: dict[str, Any]) -> None:
    refused(issuer.sign(), lambda *_: {**issuer.jwk("RS256"), **change})


@pytest.mark.parametrize("missing", ["n", "e", "kty"])
def test_verify__an_incomplete_key_is_refused(missing: str) -> None:
    key = issuer.jwk("RS256")
    del key[missing]
    refused(issuer.sign(), lambda *_: key)


def test_verify__short_rsa_keys_and_other_curves_are_refused() -> None:
    weak = Issuer()
    weak.keys["RS256"] = rsa.generate_private_key(65537, 1024)
    refused(weak.sign_raw(weak.claims()), weak.find_key)
    weak.keys["ES256"] = ec.generate_private_key(ec.SECP256K1())
    key = {**issuer.jwk("ES256"), "crv": "secp256k1"}
    refused(issuer.sign("ES256"), lambda *_: key)


def test_identity_of__a_signature_written_differently_is_the_same_token() -> None:
    token = issuer.sign(jti=None)
    claims = verify(token, find_key=issuer.find_key)
    first, until = identity_of(token, claims)
    head, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    again, _ = identity_of(f"{head}.{base64.urlsafe_b64encode(raw).decode()}", claims)
    assert first == again
    assert until > datetime.now(UTC)


def test_identity_of__a_jti_that_is_no_unicode_text_is_one_token() -> None:
    one, other = issuer.claims(jti="\ud800"), issuer.claims(jti="\udfff")
    assert identity_of("a.b.c", one)[0] == identity_of("d.e.f", one)[0]
    assert identity_of("a.b.c", one)[0] != identity_of("a.b.c", other)[0]


def test_identity_of__the_same_jti_of_two_issuers_is_two_tokens() -> None:
    claims = issuer.claims(jti="one")
    assert identity_of("a.b.c", claims)[0] != identity_of("a.b.c", {**claims, "iss": "x"})[0]
    assert identity_of("a.b.c", claims)[0] == identity_of("d.e.f", claims)[0]
    assert jwt.__version__


def test_forged_tokens__are_of_two_hundred_kinds_and_more() -> None:
    """The cases of this module's refusals. Those of the exchange are in addition."""
    count = 0
    for name, test in globals().items():
        marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
        if marks and name.startswith("test_verify__") and not name.endswith("is_accepted"):
            count += math.prod(len(mark.args[1]) for mark in marks)
    assert count >= 200

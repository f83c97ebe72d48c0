"""Keys that are bound to a public key: each request needs a DPoP proof (RFC 9449)."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwk as joserfc_jwk
from joserfc import jws as joserfc_jws

from craftkit.clock import utc_now
from craftkit.keys import service as keys
from craftkit_cli import main as cli
from testkit import node
from testkit.cloud import Cloud, variables
from testkit.issuer import part
from testkit.project import DemoProject, make_project
from testkit.prover import Prover
from testkit.wire import DynamoDBWire

PATH = "/v1/renders/019cec2a-2000-7000-8000-000000000001"
URL = f"https://api.example.com{PATH}"

Authorize = Callable[..., str]


@pytest.fixture(params=["ES256", "EdDSA"])
def prover(request: Any) -> Prover:
    return Prover(request.param)


@pytest.fixture
def bound(cloud: Cloud, prover: Prover) -> DemoProject:
    return make_project("live", bound_to=prover.thumbprint)


@pytest.fixture
def authorize(cloud: Cloud, event: Any) -> Authorize:
    """Allow or Deny for a key, under a scheme, with DPoP headers; on a stage with a domain."""

    def call(
        key: str, *proofs: str, scheme: str = "DPoP", domain: str = "https://api.example.com"
    ) -> str:
        sent = event("authorize", headers={"authorization": f"{scheme} {key}"})
        if proofs:
            sent["headers"]["DPoP"] = proofs[-1]
            sent["multiValueHeaders"]["DPoP"] = list(proofs)
        environment = {**cloud.environment("AuthorizeFunction"), "PUBLIC_URL": domain}
        with variables(environment):
            policy = cloud.module("authorize").handler(sent, None)
        return str(policy["policyDocument"]["Statement"][0]["Effect"])

    return call


def test_bound_key__a_valid_proof_is_allowed_with_one_read_and_one_write(
    authorize: Authorize, bound: DemoProject, prover: Prover, wire: DynamoDBWire
) -> None:
    key = bound.key.cleartext
    assert authorize(key, prover.prove("GET", URL, key)) == "Allow"
    assert wire.operations == ["GetItem", "PutItem"]


def test_bound_key__without_a_proof_or_as_a_bearer_token_is_denied(
    authorize: Authorize, bound: DemoProject, prover: Prover, wire: DynamoDBWire
) -> None:
    key = bound.key.cleartext
    assert authorize(key) == "Deny"
    assert wire.operations == []
    assert authorize(key, scheme="Bearer") == "Deny"
    assert authorize(key, prover.prove("GET", URL, key), scheme="Bearer") == "Deny"


def test_bound_key__a_proof_of_another_holder_is_denied(
    authorize: Authorize, bound: DemoProject, prover: Prover, wire: DynamoDBWire
) -> None:
    key = bound.key.cleartext
    assert authorize(key, Prover(prover.algorithm).prove("GET", URL, key)) == "Deny"
    assert wire.operations == ["GetItem"]


def test_unbound_key__under_the_dpop_scheme_is_denied(authorize: Authorize, prover: Prover) -> None:
    key = make_project().key.cleartext
    assert authorize(key, prover.prove("GET", URL, key)) == "Deny"
    assert authorize(key, scheme="Bearer") == "Allow"


def test_bound_key__stays_bound_after_a_rotation_and_is_revoked_at_once(
    authorize: Authorize, bound: DemoProject, prover: Prover
) -> None:
    rotated = keys.rotate_key(bound.key.key.id, by="tester").cleartext
    assert authorize(rotated, scheme="Bearer") == "Deny"
    assert authorize(rotated, prover.prove("GET", URL, rotated)) == "Allow"
    keys.revoke_key(bound.key.key.id, by="tester")
    assert authorize(rotated, prover.prove("GET", URL, rotated)) == "Deny"


def test_bound_key__the_url_is_the_gateways_own_in_a_stage_without_a_domain(
    authorize: Authorize, bound: DemoProject, prover: Prover
) -> None:
    key = bound.key.cleartext
    gateway = f"https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/local{PATH}"
    assert authorize(key, prover.prove("GET", gateway, key), domain="") == "Allow"
    assert authorize(key, prover.prove("GET", URL, key), domain="") == "Deny"
    assert authorize(key, prover.prove("GET", gateway, key)) == "Deny"


@pytest.mark.parametrize(
    "url",
    [
        f"HTTPS://API.EXAMPLE.COM:443{PATH}",
        f"{URL}?limit=1",
        f"{URL}#part",
        URL.replace("renders", "%72enders"),
    ],
)
def test_bound_key__equivalent_urls_are_accepted(
    authorize: Authorize, bound: DemoProject, prover: Prover, url: str
) -> None:
    key = bound.key.cleartext
    assert authorize(key, prover.prove("GET", url, key)) == "Allow"


_OTHER_RSA = rsa.generate_private_key(65537, 2048)
_PUBLIC_RSA: Any = json.loads(
    jwt.get_algorithm_by_name("RS256").to_jwk(_OTHER_RSA.public_key())  # type: ignore[arg-type]
)

CLAIMS: dict[str, dict[str, Any]] = {
    "another method": {"htm": "POST"},
    "method in lower case": {"htm": "get"},
    "no method": {"htm": None},
    "method in a list": {"htm": ["GET"]},
    "no url": {"htu": None},
    "url in a list": {"htu": [URL]},
    "another path": {"htu": URL + "/download"},
    "path with a slash more": {"htu": URL + "/"},
    "path in upper case": {"htu": URL.replace("renders", "RENDERS")},
    "encoded slash": {"htu": URL.replace("/v1/renders/", "/v1/renders%2F")},
    "only the path": {"htu": PATH},
    "only the origin": {"htu": "https://api.example.com"},
    "another scheme": {"htu": URL.replace("https", "http")},
    "another port": {"htu": URL.replace(".com", ".com:8443")},
    "impossible port": {"htu": URL.replace(".com", ".com:99999999")},
    "another host": {"htu": URL.replace("api.", "evil.")},
    "longer host": {"htu": URL.replace(".com", ".com.evil.example")},
    "host as user": {"htu": URL.replace("https://", "https://api.example.com@")},
    "the gateway's address": {"htu": "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/x"},
    "no time": {"iat": None},
    "time as text": {"iat": "now"},
    "time as true": {"iat": True},
    "time is 0": {"iat": 0},
    "endless time": {"iat": float("inf")},
    "no number": {"iat": float("nan")},
    "negative time": {"iat": -1},
    "time that no float can hold": {"iat": 10**400},
    "negative time that no float can hold": {"iat": -(10**400)},
    "61 s old": {"iat": int(time.time()) - 3600},
    "a day ahead": {"iat": int(time.time()) + 86_400},
    "milliseconds": {"iat": int(time.time()) * 1000},
    "huge time": {"iat": 10**40},
    "no ath": {"ath": None},
    "empty ath": {"ath": ""},
    "ath of another key": {"ath": part(b"x" * 32)},
    "ath as a number": {"ath": 1},
    "ath beyond ascii": {"ath": "é" * 43},
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "jti as a number": {"jti": 5},
    "jti as a list": {"jti": ["a"]},
    "jti too long": {"jti": "j" * 257},
}
HEADERS: dict[str, dict[str, Any]] = {
    "no typ": {"typ": None},
    "typ JWT": {"typ": "JWT"},
    "typ at+jwt": {"typ": "at+jwt"},
    "typ with prefix": {"typ": "application/dpop+jwt"},
    "no alg": {"alg": None},
    "alg none": {"alg": "none"},
    "alg HS256": {"alg": "HS256"},
    "alg RS256": {"alg": "RS256"},
    "alg ES384": {"alg": "ES384"},
    "alg as a list": {"alg": ["ES256"]},
    "no jwk": {"jwk": None},
    "jwk as text": {"jwk": "x"},
    "empty jwk": {"jwk": {}},
    "jwk of RSA": {"jwk": _PUBLIC_RSA},
    "symmetric jwk": {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
    "jwk without a curve": {"jwk": {"kty": "EC", "x": part(b"x" * 32), "y": part(b"y" * 32)}},
    "P-384": {"jwk": {"kty": "EC", "crv": "P-384", "x": part(b"x" * 48), "y": part(b"y" * 48)}},
    "Ed448": {"jwk": {"kty": "OKP", "crv": "Ed448", "x": part(b"x" * 57)}},
    "X25519": {"jwk": {"kty": "OKP", "crv": "X25519", "x": part(b"x" * 32)}},
    "point off the curve": {
        "jwk": {"kty": "EC", "crv": "P-256", "x": part(b"x" * 32), "y": part(b"y" * 32)}
    },
    "short coordinate": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": part(b"x" * 31)}},
    "coordinate of no text": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": 5}},
    "curve of no text": {"jwk": {"kty": "OKP", "crv": ["Ed25519"], "x": part(b"x" * 32)}},
    "unknown extension": {"crit": ["exp"], "exp": 1},
    "b64 false": {"crit": ["b64"], "b64": False},
    "kid of no text": {"kid": 5},
}


@pytest.mark.parametrize("kind", CLAIMS)
def test_forged_claims__are_denied_without_a_read(
    authorize: Authorize, bound: DemoProject, prover: Prover, wire: DynamoDBWire, kind: str
) -> None:
    key = bound.key.cleartext
    assert authorize(key, prover.prove("GET", URL, key, **CLAIMS[kind])) == "Deny"
    assert wire.operations == []


@pytest.mark.parametrize("kind", HEADERS)
def test_forged_headers__are_denied_without_a_read(
    authorize: Authorize, bound: DemoProject, prover: Prover, wire: DynamoDBWire, kind: str
) -> None:
    key = bound.key.cleartext
    assert authorize(key, prover.prove("GET", URL, key, header=HEADERS[kind])) == "Deny"
    assert wire.operations == []


def test_forged_texts__are_denied_without_a_read(
    authorize: Authorize, bound: DemoProject, prover: Prover, wire: DynamoDBWire
) -> None:
    key = bound.key.cleartext
    good = prover.prove("GET", URL, key)
    head, claims, signature = good.split(".")
    other_claims = prover.prove("GET", URL, key).split(".")[1]
    other = Prover(prover.algorithm)
    stolen_identity = other.prove("GET", URL, key, header={"jwk": prover.public})
    private = {**prover.public, "d": part(b"d" * 32)}
    padded = {**prover.public, "x": prover.public["x"] + "="}
    forged = {
        "empty": "",
        "words": "a proof",
        "two parts": f"{head}.{claims}",
        "no signature": f"{head}.{claims}.",
        "five parts": f"{good}.x.y",
        "another's signature": stolen_identity,
        "zero signature": f"{head}.{claims}.{part(bytes(64))}",
        "short signature": f"{head}.{claims}.{signature[:40]}",
        "claims of another proof": f"{head}.{other_claims}.{signature}",
        "two in one header": f"{good}, {prover.prove('GET', URL, key)}",
        "claims of no object": prover.sign(["x"]),
        "deep claims": prover.sign(json.loads("[" * 500 + "]" * 500)),
        "broken json": f"{head}.{part(b'{')}.{signature}",
        "not utf-8": f"{part(bytes([255]))}.{claims}.{signature}",
        "private key in the header": prover.prove("GET", URL, key, header={"jwk": private}),
        "padded coordinate": prover.prove("GET", URL, key, header={"jwk": padded}),
        "too long": prover.prove("GET", URL, key, header={"x": "x" * 5000}),
        "not ascii": good + "é",
    }
    for kind, text in forged.items():
        assert authorize(key, text) == "Deny", kind
    assert authorize(key, good, prover.prove("GET", URL, key)) == "Deny"
    assert wire.operations == []
    assert authorize(key, good) == "Allow"


def test_forged_kinds__are_more_than_fifty() -> None:
    assert len(CLAIMS) + len(HEADERS) >= 50


def test_proofs__are_valid_for_sixty_seconds(
    authorize: Authorize, bound: DemoProject, prover: Prover, clock: Any
) -> None:
    key, now = bound.key.cleartext, int(utc_now().timestamp())
    for seconds, effect in ((-61, "Deny"), (-60, "Allow"), (60, "Allow"), (61, "Deny")):
        proof = prover.prove("GET", URL, key, iat=now + seconds)
        assert authorize(key, proof) == effect, seconds


def test_replayed_proofs__a_thousand_are_refused_in_every_instance(
    authorize: Authorize, cloud: Cloud, bound: DemoProject, prover: Prover
) -> None:
    key = bound.key.cleartext
    proof = prover.prove("GET", URL, key)
    assert authorize(key, proof) == "Allow"
    effects = []
    for _ in range(4):
        cloud._modules.clear()  # another instance of the function
        effects += [authorize(key, proof) for _ in range(250)]
    assert effects == ["Deny"] * 1000
    again = prover.prove("GET", URL, key, jti=jwt.decode(proof, options=_UNVERIFIED)["jti"])
    assert authorize(key, again) == "Deny"


_UNVERIFIED: Any = {"verify_signature": False}


def test_replayed_proofs__one_of_many_concurrent_uses_is_allowed(
    cloud: Cloud, bound: DemoProject, prover: Prover, wire: DynamoDBWire
) -> None:
    from craftkit.auth import dpop, replay

    key = bound.key.cleartext
    text = prover.prove("GET", URL, key)
    proof = dpop.verify(text, method="GET", url=URL, now=utc_now(), access_token=key)
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(replay.is_first_use, [proof] * 16)) == [False] * 15 + [True]
    (item,) = cloud.table("ProofsTable").scan()["Items"]
    kept = int(item["expires_at"]) - proof.valid_until.timestamp()
    assert timedelta(minutes=4) < timedelta(seconds=kept) < timedelta(minutes=6)


def test_replayed_proofs__a_repeated_write_after_a_lost_answer_is_no_replay(
    authorize: Authorize,
    bound: DemoProject,
    prover: Prover,
    wire: DynamoDBWire,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, lost = bound.key.cleartext, []
    post = wire.post

    def lose_first_answer(url: str, headers: Any, body: bytes, **timeouts: float) -> Any:
        answer = post(url, headers, body, **timeouts)
        if headers["x-amz-target"].endswith("PutItem") and not lost:
            lost.append(1)
            raise ConnectionResetError
        return answer

    monkeypatch.setattr("craftkit.auth.connections.post", lose_first_answer)
    assert authorize(key, prover.prove("GET", URL, key)) == "Allow"


def test_unbound_key__loads_no_cryptography_and_makes_one_read(
    authorize: Authorize, wire: DynamoDBWire
) -> None:
    assert authorize(make_project().key.cleartext, scheme="Bearer") == "Allow"
    assert wire.operations == ["GetItem"]
    script = """
import sys, datetime
from craftkit.auth import replay, policy, telemetry, deferred_writes, request
from craftkit.auth import api_key
from craftkit.auth.lookup import KeyRecord
from craftkit.auth.principal import Principal
from craftkit.auth.verify import ProvenRequest, verify
record = KeyRecord(Principal("p", "k", "live", frozenset()), "ck_live_x", None, None)
now = datetime.datetime.now(datetime.UTC)
asked = ProvenRequest("GET", "https://x/", ())
key = api_key.mint("live", "local")
found = verify(f"Bearer {key}", stage="local", lookup=lambda _: record, now=now, request=asked)
assert found.verdict == "allowed"
print([name for name in ("jwt", "cryptography", "craftkit.auth.dpop") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_get_me__shows_whether_the_key_is_bound(
    cloud: Cloud, event: Any, bound: DemoProject
) -> None:
    answer = cloud.invoke("get_me", event("get_me", principal=bound.principal))
    assert json.loads(answer["body"])["bound"] is True


def test_diagnose__reports_that_a_key_is_bound(bound: DemoProject) -> None:
    assert "DPoP proof" in keys.diagnose(bound.key.cleartext).message


def test_outside_clients__proofs_of_joserfc_and_pyjwt_are_allowed(
    authorize: Authorize, bound: DemoProject, prover: Prover
) -> None:
    key = bound.key.cleartext
    header = {"typ": "dpop+jwt", "alg": prover.algorithm, "jwk": prover.public}
    proof = jwt.encode(
        prover.claims("GET", URL, key), prover.private, prover.algorithm, headers=header
    )
    assert authorize(key, proof) == "Allow"
    kind: Any = jwt.get_algorithm_by_name(prover.algorithm)
    private = joserfc_jwk.import_key(json.loads(kind.to_jwk(prover.private)))
    names = ["ES256", "Ed25519"]
    for algorithm in ("ES256",) if prover.algorithm == "ES256" else ("Ed25519",):
        registry = joserfc_jws.JWSRegistry(algorithms=names, strict_check_header=False)
        sent = {**header, "alg": algorithm}
        claims = json.dumps(prover.claims("GET", URL, key))
        proof = joserfc_jws.serialize_compact(sent, claims, private, registry=registry)
        assert authorize(key, proof) == "Allow"
    assert joserfc_jwk.import_key(prover.public).thumbprint() == prover.thumbprint


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "Ed25519"])
def test_outside_clients__proofs_of_jose_are_allowed(
    authorize: Authorize, cloud: Cloud, algorithm: str
) -> None:
    made = node.run("prove.mjs", {"algorithm": algorithm})
    project = make_project("live", bound_to=made["thumbprint"])
    key = project.key.cleartext
    given = {"algorithm": algorithm, "private": made["private"], "key": key, "url": URL}
    proof = node.run("prove.mjs", given)["proof"]
    assert authorize(key, proof) == "Allow"
    assert authorize(key, proof) == "Deny"


def test_cli__binds_a_key_to_the_public_key_of_a_file(
    cloud: Cloud,
    prover: Prover,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli, "connect", lambda _stage: "arn:aws:iam::123456789012:user/ada")
    project = make_project()
    file = tmp_path / "key.json"
    words = ["keys", "create", "--project", project.id, "--name", "Bound", "--mode", "live"]

    def create(content: str) -> int:
        file.write_text(content, encoding="utf-8")
        try:
            return cli.main([*words, "--bind", str(file)])
        except SystemExit as stopped:
            return int(str(stopped.code))

    assert create(json.dumps(prover.public)) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["boundTo"] == prover.thumbprint
    for refused in ("nope", "[]", json.dumps({**prover.public, "d": "x"}), json.dumps(_PUBLIC_RSA)):
        assert create(refused) != 0


def test_bound_key__the_authorizers_own_time_is_below_its_limit(
    authorize: Authorize, bound: DemoProject, prover: Prover
) -> None:
    from craftkit.auth import dpop

    key, times = bound.key.cleartext, []
    for _ in range(100):
        proof = prover.prove("GET", URL, key)
        start = time.perf_counter()
        dpop.verify(proof, method="GET", url=URL, now=utc_now(), access_token=key)
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.005  # generous: the machine may be busy

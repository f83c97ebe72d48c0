"""Outside libraries that make DPoP proofs (RFC 9449)."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
from joserfc import jwk as joserfc_jwk
from joserfc import jws as joserfc_jws

from testkit import node
from testkit.issuer import part
from testkit.prover import Prover

NODE_CLIENTS = [
    ("oauth4webapi", "ES256"),
    ("oauth4webapi", "Ed25519"),
    ("jose", "ES256"),
    ("jose", "EdDSA"),
]
"""Library and algorithm."""

Sign = Callable[[dict[str, Any]], str]


def exchange_in_node(library: str, algorithm: str, **given: str) -> Any:
    """What a Node.js client got: it exchanges a token, then calls with proofs, good and bad.

    Args:
        given: `api`, `token` and `audience`.
    """
    return node.run("dpop.mjs", {"library": library, "algorithm": algorithm, **given})


def with_pyjwt(prover: Prover) -> Sign:
    header = {"typ": "dpop+jwt", "jwk": prover.public}
    return lambda claims: jwt.encode(claims, prover.private, prover.algorithm, headers=header)


def with_joserfc(prover: Prover) -> Sign:
    kind: Any = jwt.get_algorithm_by_name(prover.algorithm)
    private = joserfc_jwk.import_key(json.loads(kind.to_jwk(prover.private)))
    algorithm = "ES256" if prover.algorithm == "ES256" else "Ed25519"
    registry = joserfc_jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": prover.public}
    return lambda claims: joserfc_jws.serialize_compact(
        header, json.dumps(claims), private, registry=registry
    )


def proof(sign: Sign, method: str, url: str, key: str | None = None) -> str:
    claims = {"htm": method, "htu": url, "iat": int(time.time()), "jti": str(uuid.uuid4())}
    if key:
        claims["ath"] = part(hashlib.sha256(key.encode()).digest())
    return sign(claims)

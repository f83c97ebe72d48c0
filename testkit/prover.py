"""Signs DPoP proofs with a private key; a test can forge them in any way."""

import hashlib
import json
import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from craftkit.auth import dpop
from testkit.issuer import part

Json = dict[str, Any]


class Prover:
    """One key pair. `algorithm` is ES256 or EdDSA."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.algorithm = algorithm
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else ed25519.Ed25519PrivateKey.generate()
        )

    @property
    def public(self) -> Json:
        kind: Any = jwt.get_algorithm_by_name(self.algorithm)
        return dict(json.loads(kind.to_jwk(self.private.public_key())))

    @property
    def thumbprint(self) -> str:
        return dpop.thumbprint({name: self.public.get(name) for name in ("kty", "crv", "x", "y")})

    def claims(self, method: str, url: str, key: str | None, **changes: Any) -> Json:
        """The claims of a proof; None leaves one out."""
        claims: Json = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
            "ath": part(hashlib.sha256(key.encode()).digest()) if key else None,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def prove(
        self,
        method: str,
        url: str,
        key: str | None = None,
        *,
        header: Json | None = None,
        **changes: Any,
    ) -> str:
        return self.sign(self.claims(method, url, key, **changes), header)

    def sign(self, claims: object, header: Json | None = None) -> str:
        """Any claims under any header; None leaves a header parameter out."""
        full = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.public, **(header or {})}
        sent = {name: value for name, value in full.items() if value is not None}
        head = f"{part(sent)}.{part(claims)}"
        kind: Any = jwt.get_algorithm_by_name(self.algorithm)
        return f"{head}.{part(kind.sign(head.encode(), self.private))}"

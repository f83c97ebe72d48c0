"""An OIDC issuer with keys of its own, whose tokens a test can forge in any way."""

import base64
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

ISSUER = "https://issuer.example.com"
PROJECT = "0193c2c3-0000-7000-8000-000000000001"
SUBJECT = "repo:acme/web:ref:refs/heads/main"

Json = dict[str, Any]


class Issuer:
    """Signs with RSA, EC and Ed25519 keys, which it lists in its JWKS."""

    def __init__(self, url: str = ISSUER) -> None:
        self.url = url
        self.keys: dict[str, Any] = {
            "RS256": rsa.generate_private_key(65537, 2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }

    @property
    def jwks(self) -> list[Json]:
        return [self.jwk(algorithm) for algorithm in self.keys]

    def jwk(self, algorithm: str) -> Json:
        kind: Any = jwt.get_algorithm_by_name(algorithm)
        public = json.loads(kind.to_jwk(self.keys[algorithm].public_key()))
        return {**public, "kid": f"key-{algorithm}", "alg": algorithm, "use": "sig"}

    def find_key(self, issuer: str, key_id: str | None) -> Json | None:
        found = [key for key in self.jwks if key["kid"] == key_id and issuer == self.url]
        return found[0] if found else None

    def claims(self, **changes: Any) -> Json:
        """Claims as a build of GitHub Actions has them; None leaves one out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": "craftkit",
            "sub": SUBJECT,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": f"jti-{time.time_ns()}",
            "repository_owner_id": "42",
            "ref_protected": True,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, algorithm: str = "RS256", headers: Json | None = None, **changes: Any) -> str:
        return self.sign_claims(self.claims(**changes), algorithm, headers)

    def sign_claims(
        self, claims: Json, algorithm: str = "RS256", headers: Json | None = None
    ) -> str:
        sent = {"kid": f"key-{algorithm}", **(headers or {})}
        return jwt.encode(claims, self.keys[algorithm], algorithm=algorithm, headers=sent)

    def sign_raw(self, claims: Json, header: Json | None = None) -> str:
        """Any claims under any header, signed with RS256; PyJWT refuses to write some."""
        head = f"{part(header or {'alg': 'RS256', 'kid': 'key-RS256'})}.{part(claims)}"
        signed = self.keys["RS256"].sign(head.encode(), PKCS1v15(), SHA256())
        return f"{head}.{part(signed)}"


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")

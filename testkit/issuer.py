"""An OIDC issuer with its own keys, whose tokens a test can forge in any way."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


@contextmanager
def served_issuer() -> Iterator[Issuer]:
    """An OIDC issuer on this machine, with claims like GitHub's."""
    made = Issuer("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the base class finds it by this name
            documents: dict[str, Any] = {
                "/.well-known/openid-configuration": {
                    "issuer": made.url,
                    "jwks_uri": f"{made.url}/jwks",
                },
                "/jwks": {"keys": made.jwks},
            }
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()

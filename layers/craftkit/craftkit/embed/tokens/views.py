"""The public keys in the response of `GET /.well-known/jwks.json`."""

from pydantic import BaseModel


class JwkView(BaseModel):
    """One Ed25519 key (RFC 8037)."""

    kty: str
    crv: str
    alg: str
    use: str
    kid: str
    x: str


class JwksView(BaseModel):
    """The response of `GET /.well-known/jwks.json` (RFC 7517), newest first."""

    keys: list[JwkView]

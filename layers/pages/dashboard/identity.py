"""Sign-in by OpenID Connect: the user pool's hosted page, authorization code and PKCE."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

import boto3
import jwt
import urllib3
from botocore.config import Config as ClientConfig

from craftkit.config import config
from craftkit.projects.models import User

_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)
_CLOCK_SKEW_SECONDS = 60


class SignInError(Exception):
    """The pool did not vouch for anybody. The message is for the log, not for the page."""


@dataclass(frozen=True)
class Attempt:
    """What binds the hosted page's response to the browser that was sent there."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


def authorize_url(attempt: Attempt, redirect_uri: str) -> str:
    """Where to send the browser to sign in."""
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": client_id(),
        "redirect_uri": redirect_uri,
        "scope": "openid email",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    return f"{config.sign_in_url}/oauth2/authorize?{urlencode(query)}"


def logout_url(logout_uri: str) -> str:
    """Where to send the browser to end its session with the hosted page too."""
    query = urlencode({"client_id": client_id(), "logout_uri": logout_uri})
    return f"{config.sign_in_url}/logout?{query}"


def verified_user(code: str, attempt: Attempt, redirect_uri: str) -> User:
    """Exchange a code for the user that the pool vouches for.

    Raises:
        SignInError: the code is used, foreign or old, or the token is not for this attempt.
    """
    tokens = _json(
        "POST",
        f"{config.aws_endpoint_url or config.sign_in_url}/oauth2/token",
        {
            "grant_type": "authorization_code",
            "client_id": client_id(),
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
        },
    )
    claims = _verified(str(tokens.get("id_token", "")))
    if not secrets.compare_digest(str(claims.get("nonce", "")), attempt.nonce):
        raise SignInError("the token was made for another attempt")
    if claims.get("token_use") != "id" or str(claims.get("email_verified")).lower() != "true":
        raise SignInError("the token does not vouch for an address")
    return User(sub=claims["sub"], email=str(claims["email"]).lower())


def _verified(token: str) -> dict[str, Any]:
    issuer = f"https://cognito-idp.{config.region}.amazonaws.com/{config.user_pool_id}"
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
        key = _signing_key(str(key_id))
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=client_id(),
            issuer=issuer,
            leeway=_CLOCK_SKEW_SECONDS,
            options={"require": ["exp", "iat", "sub", "email"]},
        )
    except jwt.PyJWTError as error:
        raise SignInError(f"the token is not good: {type(error).__name__}") from error
    return claims


@cache
def _signing_key(key_id: str) -> Any:
    """The pool's key of this id. A pool has two, and changes them hardly ever."""
    host = config.aws_endpoint_url or f"https://cognito-idp.{config.region}.amazonaws.com"
    keys = _json("GET", f"{host}/{config.user_pool_id}/.well-known/jwks.json").get("keys", [])
    for key in keys:
        if key.get("kid") == key_id:
            return jwt.PyJWK(key).key
    raise SignInError("the pool has no such key")


@cache
def client_id() -> str:
    """The pool's one client, asked for: the template would need a circle to name it."""
    patience = ClientConfig(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 3})
    cognito: Any = boto3.client("cognito-idp", config=patience)
    response = cognito.list_user_pool_clients(UserPoolId=config.user_pool_id, MaxResults=1)
    return str(response["UserPoolClients"][0]["ClientId"])


def _json(method: str, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    sent = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    try:
        response = _pool().request(
            method,
            url,
            body=urlencode(form) if form else None,
            headers=sent,
            timeout=_TIMEOUT,
            retries=False,
            redirect=False,
        )
        content = json.loads(response.data)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise SignInError(f"the pool did not answer: {type(error).__name__}") from error
    if response.status != 200 or not isinstance(content, dict):
        code = content.get("error") if isinstance(content, dict) else None
        raise SignInError(f"the pool refused: {response.status} {code}")
    return content


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(maxsize=2)

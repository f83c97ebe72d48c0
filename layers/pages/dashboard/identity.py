"""Sign-in by OpenID Connect: the user pool's hosted page, authorization code and PKCE."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import boto3
import jwt
import urllib3
from botocore.config import Config as ClientConfig

from craftkit.config import config
from craftkit.process_cache import process_cache
from craftkit.projects.models import User

_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)
_CLOCK_SKEW_SECONDS = 60


class SignInError(Exception):
    """The user pool did not verify a user. The message is for the log, not for the page."""


@dataclass(frozen=True)
class Attempt:
    """State, nonce and PKCE verifier, which bind the redirect back to this browser."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


def authorize_url(attempt: Attempt, redirect_uri: str) -> str:
    """The URL of the hosted sign-in page."""
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
    """The URL that ends the browser's session at the hosted page."""
    query = urlencode({"client_id": client_id(), "logout_uri": logout_uri})
    return f"{config.sign_in_url}/logout?{query}"


def verified_user(code: str, attempt: Attempt, redirect_uri: str) -> User:
    """Exchange an authorization code for the verified user.

    Raises:
        SignInError: the code is invalid, used or expired, or the token is for another attempt.
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
        raise SignInError("the token has no verified email address")
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
        raise SignInError(f"the token is not valid: {type(error).__name__}") from error
    return claims


@process_cache
def _signing_key(key_id: str) -> Any:
    """The pool's signing key of this id. A pool has two keys and rarely replaces them."""
    host = config.aws_endpoint_url or f"https://cognito-idp.{config.region}.amazonaws.com"
    keys = _json("GET", f"{host}/{config.user_pool_id}/.well-known/jwks.json").get("keys", [])
    for key in keys:
        if key.get("kid") == key_id:
            return jwt.PyJWK(key).key
    raise SignInError("the pool has no such key")


@process_cache
def client_id() -> str:
    """The id of the pool's only client, read at run time.

    The template cannot pass it: client → dashboard URL → function → client would be a circular
    dependency.
    """
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
        raise SignInError(f"the pool did not respond: {type(error).__name__}") from error
    if response.status != 200 or not isinstance(content, dict):
        code = content.get("error") if isinstance(content, dict) else None
        raise SignInError(f"the pool refused: {response.status} {code}")
    return content


@process_cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(maxsize=2)

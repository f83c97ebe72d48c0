"""A short-lived key for a build job, from the token that its platform signs."""

from collections.abc import Mapping
from typing import Any

import httpx

from craftkit.errors import CraftkitError, InvalidRequestError

DEFAULT_BASE_URL = "https://api.craftkit.dev"
AUDIENCE = "craftkit"
_SECONDS = 30.0
_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT = "urn:ietf:params:oauth:token-type:jwt"


class ExchangeError(CraftkitError):
    """The token was not exchanged; the message has the reason of the API."""

    code = "exchange_failed"
    status = 400


def federated_key(environment: Mapping[str, str]) -> str | None:
    """A key for CRAFTKIT_PROJECT; None where the environment has no token to exchange.

    The token is CRAFTKIT_OIDC_TOKEN, or the one that GitHub Actions signs for a job with the
    permission `id-token: write`.

    Raises:
        InvalidRequestError: CRAFTKIT_PROJECT is not set.
        ExchangeError: the platform or the API refused.
    """
    token = environment.get("CRAFTKIT_OIDC_TOKEN")
    requests_token = (
        "ACTIONS_ID_TOKEN_REQUEST_URL" in environment and "CRAFTKIT_PROJECT" in environment
    )
    if not token and not requests_token:
        return None
    project = environment.get("CRAFTKIT_PROJECT")
    if not project:
        raise InvalidRequestError("Set CRAFTKIT_PROJECT to the project that the token is for.")
    answer, _ = exchange(token or _github_token(environment), project, environment)
    key = str(answer["access_token"])
    if "GITHUB_ACTIONS" in environment:
        print(f"::add-mask::{key}", flush=True)
    return key


def exchange(
    token: str, project: str, environment: Mapping[str, str]
) -> tuple[dict[str, Any], str]:
    """The API's answer to the exchange of an OIDC token, and the API's address.

    Raises:
        ExchangeError: the API refused.
    """
    form = {
        "grant_type": _GRANT,
        "subject_token_type": _JWT,
        "subject_token": token,
        "audience": project,
    }
    base_url = environment.get("CRAFTKIT_BASE_URL", DEFAULT_BASE_URL).rstrip("/")
    return _json("POST", f"{base_url}/v1/oauth/token", data=form), base_url


def _github_token(environment: Mapping[str, str]) -> str:
    """https://docs.github.com/en/actions/reference/security/oidc"""
    url = f"{environment['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={AUDIENCE}"
    headers = {"Authorization": f"Bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    return str(_json("GET", url, headers=headers)["value"])


def _json(method: str, url: str, **how: Any) -> dict[str, Any]:
    try:
        answer = httpx.request(method, url, timeout=_SECONDS, **how)
        body = answer.json()
    except (httpx.TransportError, ValueError) as error:
        raise ExchangeError(f"{url.partition('?')[0]} did not answer: {error}") from error
    if answer.status_code != 200:
        reason = body.get("error_description") or body.get("error") or answer.status_code
        raise ExchangeError(f"The token was not exchanged: {reason}")
    return dict(body)

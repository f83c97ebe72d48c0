"""Signing keys of OIDC issuers: discovery, JWKS, and the stage's copy of both.

An issuer is asked through the guarded network module: https, no redirects, public addresses, a
small answer. The keys are kept in the stage's table, shared by all instances, and fetched again
when they are an hour old or when a token names an unknown key. A fetch is claimed by a conditional
write, so that tokens with made-up key ids cannot make the stage flood an issuer: at most one fetch
a minute and issuer.

https://openid.net/specs/openid-connect-discovery-1_0.html
"""

import json
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from craftkit import network
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.observability import logger
from craftkit.trust import repository
from craftkit.trust.models import IssuerKeys, Jwk

FRESH_FOR = timedelta(hours=1)
USABLE_FOR = timedelta(hours=24)
"""How long keys are used when the issuer cannot be reached."""

RETRY_AFTER = timedelta(minutes=1)
KEYS_LIMIT = 50
_MAX_BYTES = 64 * 1024
_DEADLINE_SECONDS = 5.0
_POLLS = 30
_POLL_SECONDS = 0.1
_DISCOVERY = "/.well-known/openid-configuration"
_LOOPBACK = ("localhost", "127.0.0.1")


class IssuerUnavailableError(Exception):
    """The issuer's keys cannot be fetched. The message says why, for the log and the operator."""


def signing_key(issuer: str, key_id: str | None) -> Jwk | None:
    """The issuer's public key that a token names, or None where the issuer has no such key.

    Raises:
        IssuerUnavailableError: no usable keys are kept and the issuer does not answer.
    """
    now = utc_now()
    kept = repository.get_issuer_keys(issuer)
    key = kept.find(key_id) if kept else None
    if kept and key and kept.is_younger_than(FRESH_FOR, now):
        return key
    if kept is None or kept.next_fetch_at <= now:
        kept = _refresh(issuer, kept, now)
    if not kept.is_younger_than(USABLE_FOR, now):
        kept = _await_fetch(kept, now)
    if not kept.is_younger_than(USABLE_FOR, now):
        raise IssuerUnavailableError(f"The keys of {issuer} could not be fetched.")
    return kept.find(key_id)


def _refresh(issuer: str, kept: IssuerKeys | None, now: datetime) -> IssuerKeys:
    """Fetch the keys, if no other instance does; what is kept where that fails."""
    next_fetch_at = now + RETRY_AFTER
    nothing = IssuerKeys(issuer, (), None, next_fetch_at)
    try:
        repository.claim_fetch(issuer, kept, until=next_fetch_at)
    except ConditionFailedError:
        return repository.get_issuer_keys(issuer) or nothing
    try:
        keys = fetch_keys(issuer)
    except IssuerUnavailableError as error:
        logger.warning("issuer_unavailable", issuer=issuer, reason=str(error))
        return kept or nothing
    fetched = IssuerKeys(issuer, keys, now, next_fetch_at)
    repository.put_issuer_keys(fetched)
    return fetched


def _await_fetch(kept: IssuerKeys, now: datetime) -> IssuerKeys:
    """Wait some seconds for the keys that another instance is fetching at this moment."""
    claimed_at = kept.next_fetch_at - RETRY_AFTER
    if now - claimed_at > timedelta(seconds=_DEADLINE_SECONDS):
        return kept
    for _ in range(_POLLS):
        time.sleep(_POLL_SECONDS)
        found = repository.get_issuer_keys(kept.issuer)
        if found and found.is_younger_than(USABLE_FOR, now):
            return found
    return kept


def fetch_keys(issuer: str) -> tuple[Jwk, ...]:
    """Fetch the issuer's public signing keys.

    Raises:
        IssuerUnavailableError: unreachable, off limits, or not an OIDC issuer's answer.
    """
    document = _get_json(issuer.rstrip("/") + _DISCOVERY)
    if document.get("issuer") != issuer:
        raise IssuerUnavailableError(f"The discovery document of {issuer} names another issuer.")
    url = document.get("jwks_uri")
    if not isinstance(url, str):
        raise IssuerUnavailableError(f"The discovery document of {issuer} has no jwks_uri.")
    keys = _get_json(url).get("keys")
    if not isinstance(keys, list) or len(keys) > KEYS_LIMIT:
        raise IssuerUnavailableError(f"The JWKS of {issuer} is not a list of keys.")
    return tuple(key for key in keys if isinstance(key, dict) and key.get("use", "sig") == "sig")


def _get_json(url: str) -> dict[str, Any]:
    try:
        answer = network.fetch(url, _policy_for(url), headers={"accept": "application/json"})
    except network.FetchError as error:
        raise IssuerUnavailableError(f"{_host(url)}: {error}.") from error
    if answer.status != 200:
        raise IssuerUnavailableError(f"{_host(url)} answered {answer.status}.")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise IssuerUnavailableError(f"{_host(url)} did not answer with JSON.") from error
    if not isinstance(document, dict):
        raise IssuerUnavailableError(f"{_host(url)} did not answer with a JSON object.")
    return document


def _policy_for(url: str) -> network.Policy:
    """https and public addresses; in the local stage also http to this machine."""
    is_local = config.trusts_loopback_issuers and is_loopback(url)
    return network.Policy(
        schemes=frozenset({"https", "http"} if is_local else {"https"}),
        max_bytes=_MAX_BYTES,
        deadline_seconds=_DEADLINE_SECONDS,
        allow_private=is_local,
    )


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine."""
    return _host(url) in _LOOPBACK


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

"""The authorizer: verifies the API key of each request. API Gateway does not cache its result."""

import uuid
from datetime import datetime
from typing import Any

from craftkit.auth.activity import Activity
from craftkit.auth.deferred_writes import Buffers, DeferredWrites
from craftkit.auth.dynamodb_client import warm_up
from craftkit.auth.lookup import find_key
from craftkit.auth.policy import policy_of
from craftkit.auth.refused_requests import RefusedRequests
from craftkit.auth.replay import is_first_use
from craftkit.auth.request import public_url_of, values_of
from craftkit.auth.request_log import logged_request
from craftkit.auth.telemetry import report
from craftkit.auth.verify import ProvenRequest, Verdict, Verification, verify
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.probes import needs

RENDER_ROUTE = "POST /v1/templates/{slug}/render"
LOGGED_HERE = {
    Verdict.REVOKED,
    Verdict.EXPIRED,
    Verdict.INVALID_PROOF,
    Verdict.REPLAYED_PROOF,
}
"""Refusals that no route's function sees. The key is known, so its request log shows them."""


def _initialize() -> tuple[Activity, RefusedRequests, DeferredWrites]:
    """Create what outlives a request, in Lambda's init phase.

    An extension can register during init only, and a SnapStart snapshot should contain warmed-up
    modules. Outside of Lambda, the extension does not start.
    """
    activity, refused = Activity(), RefusedRequests()
    extension = DeferredWrites(Buffers(activity, refused), config.runtime_api, name="key-activity")
    if config.is_snapshot:
        warm_up()
    if config.is_lambda:
        extension.start()
    return activity, refused, extension


activity, refused, extension = _initialize()


def _reads_keys() -> object:
    return find_key("probe")


@needs(
    "KEYS_TABLE",
    "PROOFS_TABLE",
    "KEY_ACTIVITY_TABLE",
    "DYNAMODB_ENDPOINT",
    reads=(_reads_keys,),
    after=extension.answered,
)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return the policy for a REQUEST authorizer event.

    Raises:
        Exception: "Unauthorized"; API Gateway responds with 401 `missing_authorization`.
        TableUnavailableError: API Gateway responds with 500 `internal`.
    """
    try:
        return _authorize(event)
    finally:
        extension.answered()


def _authorize(event: dict[str, Any]) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    now = utc_now()
    address = (event["requestContext"].get("identity") or {}).get("sourceIp")
    verification = verify(
        headers.get("authorization"),
        stage=config.stage,
        lookup=find_key,
        now=now,
        address=address,
        request=ProvenRequest(
            method=event.get("httpMethod", ""),
            url=public_url_of(event, config.public_url),
            proofs=values_of(event, "dpop"),
        ),
        is_first_use=is_first_use,
    )
    # The embedded AWS passes no request id to an authorizer.
    request_id = event["requestContext"].get("requestId", "")
    report(verification, request_id=request_id, now=now)
    if verification.verdict is Verdict.MISSING:
        raise Exception("Unauthorized")
    if verification.verdict is Verdict.ALLOWED and verification.record:
        route = f"{event.get('httpMethod')} {event.get('resource')}"
        activity.note(verification.record, now, is_render=route == RENDER_ROUTE, address=address)
    if verification.record and verification.verdict in LOGGED_HERE:
        _log_refusal(event, verification, now)
    return policy_of(verification, event["methodArn"], address)


def _log_refusal(event: dict[str, Any], verification: Verification, now: datetime) -> None:
    if record := verification.record:
        row = logged_request(
            event,
            record.principal,
            status=401,
            code="invalid_credentials",
            now=now,
            request_id=event["requestContext"].get("requestId") or str(uuid.uuid4()),
            reason=verification.verdict.value,
        )
        refused.note(row, now)

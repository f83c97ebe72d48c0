"""The authorizer: who is calling, on every request, with nothing cached."""

from typing import Any

from craftkit.auth.activity import Activity
from craftkit.auth.lookup import find_key
from craftkit.auth.policy import policy_of
from craftkit.auth.telemetry import report
from craftkit.auth.verdict import Verdict
from craftkit.auth.verify import verify
from craftkit.clock import utc_now
from craftkit.config import config

activity = Activity()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a REQUEST authorizer event.

    Raises:
        Exception: "Unauthorized", which the gateway answers as 401 `missing_authorization`.
        TableUnavailableError: which it answers as 500 `internal`.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    now = utc_now()
    verification = verify(
        headers.get("authorization"), stage=config.stage, lookup=find_key, now=now
    )
    # The embedded AWS gives an authorizer no request id.
    request_id = event["requestContext"].get("requestId", "")
    report(verification, request_id=request_id, now=now)
    if verification.verdict is Verdict.MISSING:
        raise Exception("Unauthorized")
    if verification.verdict is Verdict.ALLOWED and verification.record:
        activity.note(verification.record, now)
    return policy_of(verification, event["methodArn"])

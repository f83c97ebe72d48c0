"""Converts a verdict to the IAM policy that a Lambda authorizer returns to API Gateway."""

from typing import Any

from craftkit.auth.verify import Verdict, Verification


def policy_of(
    verification: Verification, method_arn: str, address: str | None = None
) -> dict[str, Any]:
    """Allow or Deny for exactly the called method, with the principal as context.

    The policy is never cached (`ReauthorizeEvery: 0`), so it does not cover other routes.

    API Gateway responds to each Deny with the same status, 401. A refusal with status 403 is
    therefore an Allow with `refusal` in its context, and `http.endpoint` refuses the request. Its
    scopes are empty, so that a handler of an older version refuses it too.
    """
    record = verification.record
    refused = verification.verdict is Verdict.NETWORK_NOT_ALLOWED
    allowed = (verification.verdict is Verdict.ALLOWED or refused) and record is not None
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if allowed else "Deny",
        "Resource": method_arn,
    }
    policy: dict[str, Any] = {
        "principalId": record.principal.key_id if allowed and record else "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
    if allowed and record:
        policy["context"] = record.principal.as_context()
    if refused:
        from craftkit.auth.networks import masked

        policy["context"] |= {
            "scopes": "",
            "refusal": verification.verdict.value,
            "address": masked(address),
        }
    return policy

"""POST /v1/exposed-keys: a secret scanning service reports keys found in public. Public; signed."""

import json

from craftkit.http import Request, Response, endpoint
from craftkit.keys.report_forwarding import forward_report
from craftkit.probes import invocation, needs


@needs("REVOKE_EXPOSED_KEYS_FUNCTION", reads=(invocation("REVOKE_EXPOSED_KEYS_FUNCTION"),))
@endpoint
def handler(request: Request) -> Response:
    """200 with the finding for each token, in the service's format."""
    findings = forward_report(request.body, request.headers)
    return Response(200, json.dumps(findings), {"Content-Type": "application/json"})

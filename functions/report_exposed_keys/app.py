"""POST /v1/exposed-keys: a secret scanning programme found keys in the open. Public, and signed."""

import json

from craftkit.http import Request, Response, endpoint
from craftkit.keys.handover import hand_over
from craftkit.probes import invocation, needs


@needs("RETIRE_FUNCTION", reads=(invocation("RETIRE_FUNCTION"),))
@endpoint
def handler(request: Request) -> Response:
    """200 with what each token was, in the programme's format."""
    findings = hand_over(request.body, request.headers)
    return Response(200, json.dumps(findings), {"Content-Type": "application/json"})

"""The control plane's side of POST /v1/exposed-keys: invoked by the route, not by HTTP."""

from base64 import b64decode
from typing import Any

from craftkit.errors import CraftkitError
from craftkit.keys.programme import KeyRing, receive
from craftkit.observability import logger
from craftkit.probes import item, needs

keys = KeyRing()


@needs("KEYS_TABLE", "PROJECTS_TABLE", "SCANNER_KEYS_URL", reads=(item("KEYS_TABLE"),))
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The request and the answer of `craftkit.keys.handover`."""
    try:
        return {"findings": receive(b64decode(event["body"]), event["headers"], keys=keys)}
    except CraftkitError as error:
        return {"refused": error.code, "message": str(error)}

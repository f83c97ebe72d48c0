"""Acts on reports of POST /v1/exposed-keys. The route's function invokes it."""

from base64 import b64decode
from typing import Any

from craftkit.errors import CraftkitError
from craftkit.keys.scanner_keys import ScannerKeys
from craftkit.keys.secret_scanning import receive
from craftkit.observability import logger
from craftkit.probes import item, needs

keys = ScannerKeys()


@needs(
    "KEYS_TABLE", "PROJECTS_TABLE", "AUDIT_TABLE", "SCANNER_KEYS_URL", reads=(item("KEYS_TABLE"),)
)
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Payload and result are those of `craftkit.keys.report_forwarding`."""
    try:
        return {"findings": receive(b64decode(event["body"]), event["headers"], keys=keys)}
    except CraftkitError as error:
        retry_after = error.headers.get("Retry-After")
        return {"refused": error.code, "message": str(error), "retryAfter": retry_after}

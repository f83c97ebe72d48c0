"""What the authorizer and the routes read of a request in the same way."""

from collections.abc import Mapping
from typing import Any


def public_url_of(event: Mapping[str, Any], public_url: str) -> str:
    """The URL without its query, under the stage's domain, or else the gateway's own address.

    Args:
        public_url: the stage's `PublicUrl`, empty without a domain. No header can change it.
    """
    path = str(event.get("path") or "")
    if public_url:
        return public_url + path
    context = event["requestContext"]
    return f"https://{context.get('domainName')}{context.get('path') or path}"


def values_of(event: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Each value of a header, by its lower-case name. `headers` alone has only the last one."""
    for header, values in (event.get("multiValueHeaders") or {}).items():
        if header.lower() == name:
            return tuple(values)
    return tuple(v for header, v in (event.get("headers") or {}).items() if header.lower() == name)

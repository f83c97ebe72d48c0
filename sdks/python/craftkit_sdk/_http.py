"""Converts calls to httpx requests, and httpx responses to replies."""

from typing import Any

import httpx

from craftkit_sdk._core import Call, Reply


def request_of(call: Call) -> dict[str, Any]:
    """`httpx.request`'s arguments."""
    return {
        "method": call.method,
        "url": call.url,
        "headers": call.headers,
        "json": call.json,
        "content": call.content,
        "params": call.params or None,
    }


def reply_of(response: httpx.Response) -> Reply:
    is_json = "json" in response.headers.get("content-type", "") and response.content
    try:
        json = response.json() if is_json else None
    except ValueError:
        json = None
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, response.content, json)

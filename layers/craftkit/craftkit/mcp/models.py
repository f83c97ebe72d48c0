"""One message of JSON-RPC 2.0 and its response, as the OpenAPI document describes them.

`protocol` reads messages itself: what is wrong in one is an error of JSON-RPC.
"""

from typing import Any, Literal

from craftkit.schema import ApiModel


class McpMessage(ApiModel):
    """A request of the Model Context Protocol; without `id`, a notification."""

    jsonrpc: Literal["2.0"]
    id: str | int | None = None
    method: str
    params: dict[str, Any] | None = None


class McpError(ApiModel):
    """An error of the protocol. What a tool refuses is a result with `isError`."""

    code: int
    message: str


class McpAnswer(ApiModel):
    """The response to a request: `result`, or `error`."""

    jsonrpc: Literal["2.0"]
    id: str | int | None
    result: dict[str, Any] | None = None
    error: McpError | None = None
